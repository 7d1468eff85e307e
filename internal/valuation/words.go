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
	RangeOnly Status = "range_only" // the approaches disagree by more than a factor of 5: no point value
	Abstained Status = "abstained"
	Zero      Status = "zero" // the right is dead
)
