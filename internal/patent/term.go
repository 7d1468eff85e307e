package patent

import "zhijia/internal/calendar"

// designReform is the day from which designs filed are protected for fifteen
// years instead of ten (专利法 2020, art. 42, in force 2021-06-01).
var designReform = calendar.MustParse("2021-06-01")

// adjustmentLaw is the day from which grants can bring an adjustment (the same
// revision).
var adjustmentLaw = designReform

// TermYears returns the statutory term from the filing date, not the priority
// date (专利法 art. 42): 20 for inventions, 10 for utility models, 15 for
// designs filed from 2021-06-01 and 10 before. 0 for an unknown kind.
func TermYears(kind Kind, filing calendar.Date) int {
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
// filing date plus the days of patent-term adjustment and extension granted.
// The last protected day is the day before. Unknown without kind or filing
// date.
func Expiry(kind Kind, filing calendar.Date, addedDays int) calendar.Date {
	years := TermYears(kind, filing)
	if years == 0 || filing.IsZero() {
		return calendar.Date{}
	}
	return filing.AddYears(years).AddDays(addedDays)
}

// Adjustment returns the days by which the term of an invention is compensated
// for unreasonable delay of its grant (专利法 art. 42(2), 细则 77 to 79): from
// four years after filing or three after the request for examination, whichever
// is later, to the grant, less the delays that were reasonable and those the
// applicant caused. Not for another kind, nor when a utility model on the same
// invention was filed the same day. Zero when a date is missing: without facts
// nothing is added.
func Adjustment(kind Kind, filing, examination, grant calendar.Date, reasonable, applicant int, twin bool) int {
	if kind != Invention || twin || filing.IsZero() || examination.IsZero() || grant.IsZero() {
		return 0
	}
	from := filing.AddYears(4)
	if later := examination.AddYears(3); later.After(from) {
		from = later
	}
	return max(0, from.DaysUntil(grant)-max(0, reasonable)-max(0, applicant))
}

// AdjustmentBy is the last day to ask for an adjustment: three months after the
// grant.
func AdjustmentBy(grant calendar.Date) calendar.Date { return NextWorkday(grant.AddMonths(3)) }

// Extension returns the days by which the term of a patent on a new drug is
// extended (专利法 art. 42(3), 细则 80 to 83): from filing to the approval less
// five years, at most five years, and no further than fourteen years after the
// approval. adjustment is what [Adjustment] already added. The extension covers
// only the drug and its approved indication.
func Extension(filing, approval calendar.Date, adjustment int) int {
	expiry := Expiry(Invention, filing, adjustment)
	if expiry.IsZero() || approval.IsZero() || approval.Before(filing) || !approval.Before(expiry) {
		return 0
	}
	days := filing.AddYears(5).DaysUntil(approval)
	days = min(days, expiry.DaysUntil(expiry.AddYears(5)), expiry.DaysUntil(approval.AddYears(14)))
	return max(0, days)
}
