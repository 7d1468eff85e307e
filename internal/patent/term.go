package patent

import "zhijia/internal/calendar"

// designReform is the day from which designs filed are protected for fifteen
// years instead of ten (专利法 2020, art. 42, in force 2021-06-01).
var designReform = calendar.MustParse("2021-06-01")

// adjustmentLaw is the day from which grants can bring an adjustment (the same
// revision).
var adjustmentLaw = designReform

// Days from which the term of protection changed. An application keeps the law
// of its filing date (the transitional article of each revision).
var (
	firstLaw  = calendar.MustParse("1985-04-01") // 专利法 1984
	law1993   = calendar.MustParse("1993-01-01") // 1992 revision
	law2001   = calendar.MustParse("2001-07-01") // 2000 revision
	accession = calendar.MustParse("2001-12-11") // 国家知识产权局公告第80号
	law2009   = calendar.MustParse("2009-10-01") // 2008 revision
)

// TermYears returns the statutory term in years from the filing date, not the
// priority date. 0 means unknown: another kind, no filing date, or one before
// the first Patent Law.
//
// Inventions have 20 years; those filed before 1993 had 15 (专利法 1984, art.
// 45) and got 20 when they were still in force on 2001-12-11 (公告第80号).
// Utility models have 10; those filed before 1993 had 5, renewable once for 3,
// counted here as 8, the longest they can have run. Designs filed from
// 2021-06-01 have 15 (专利法 2020, art. 42), before that 10, before 1993 as
// utility models.
func TermYears(kind Kind, filing calendar.Date) int {
	switch early := filing.Before(law1993); {
	case filing.IsZero() || filing.Before(firstLaw):
		return 0
	case kind == Invention && early && !filing.AddYears(15).After(accession):
		return 15
	case kind == Invention:
		return 20
	case kind != UtilityModel && kind != Design:
		return 0
	case early:
		return 8
	case kind == Design && !filing.Before(designReform):
		return 15
	}
	return 10
}

// TermArticle names the article that the term of [TermYears] rests on, as
// shown to officers.
func TermArticle(kind Kind, filing calendar.Date) string {
	switch {
	case TermYears(kind, filing) == 0:
		return ""
	case filing.Before(law1993) && TermYears(kind, filing) == 20:
		return "专利法（1984）第四十五条，国家知识产权局公告第80号（2001-12-11起延长至二十年）"
	case filing.Before(law1993) && kind != Invention:
		return "专利法（1984）第四十五条（五年，可续展三年，按八年计）"
	case filing.Before(law1993):
		return "专利法（1984）第四十五条"
	case filing.Before(law2001):
		return "专利法（1992）第四十五条"
	case filing.Before(law2009):
		return "专利法（2000）第四十二条"
	case filing.Before(designReform):
		return "专利法（2008）第四十二条"
	}
	return "专利法（2020）第四十二条"
}

// OutlivesDebt reports whether a right still protects on the last day of a
// debt. 专利权质押登记办法 refuses a pledge whose debt may be performed after the
// right has ended: a right that ends on the day the debt falls due ends too
// early, because that day is the debtor's and no longer the right's. Both days
// must be known.
func OutlivesDebt(expiry, maturity calendar.Date) bool { return maturity.Before(expiry) }

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
func AdjustmentBy(grant calendar.Date, days *calendar.Working) calendar.Date {
	return days.NextWorkday(grant.AddMonths(3))
}

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
