package gate

// EventOf is the event of a route and status, for the test of the list.
var EventOf = eventOf

// What the tests of this package look at from outside.
var (
	Fingerprint = fingerprint
	SplitVerb   = splitVerb
	PublicPath  = publicPath
	GinPath     = ginPath
	Titles      = titles
)
