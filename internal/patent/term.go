package patent

import "zhijia/internal/civil"

// designReform is the day from which designs filed are protected for fifteen
// years instead of ten (专利法 2020, art. 42, in force 2021-06-01).
var designReform = civil.MustParse("2021-06-01")

// TermYears returns the statutory term from the filing date, not the priority
// date (专利法 art. 42): 20 for inventions, 10 for utility models, 15 for
// designs filed from 2021-06-01 and 10 before. 0 for an unknown kind.
func TermYears(kind Kind, filing civil.Date) int {
	switch kind {
	case Invention:
		return 20
	case UtilityModel:
		return 10
	case Design:
		if filing.Before(designReform) {
			return 10
		}
		return 15
	}
	return 0
}

// Expiry returns the day on which the right has ended: the anniversary of the
// filing date plus the days of patent-term adjustment or extension granted.
// The last protected day is the day before. Unknown without kind or filing
// date.
func Expiry(kind Kind, filing civil.Date, adjustmentDays int) civil.Date {
	years := TermYears(kind, filing)
	if years == 0 || filing.IsZero() {
		return civil.Date{}
	}
	return filing.AddYears(years).AddDays(adjustmentDays)
}
