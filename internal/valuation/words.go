package valuation

// Standing of a patent.
type Standing string

// Standings.
const (
	Alive        Standing = "alive"
	Dead         Standing = "dead"
	StateUnknown Standing = "unknown"
)

// Status of a conclusion.
type Status string

// Statuses.
const (
	Valued    Status = "valued"
	RangeOnly Status = "range_only" // a range without a point, for the reason given
	Abstained Status = "abstained"
	Zero      Status = "zero"   // nothing is left: the right is dead, or its sale costs more than it brings
	Graded    Status = "graded" // a grade by indicators and no amount
)
