package opinion

// For the tests of what carries an opinion.
var (
	Sample = sample
)

const AIMark = aiMark
