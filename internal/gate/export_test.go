package gate

// What the tests of this package look at from outside.
var (
	Fingerprint = fingerprint
	SplitVerb   = splitVerb
	PublicPath  = publicPath
	GinPath     = ginPath
	Titles      = titles
)
