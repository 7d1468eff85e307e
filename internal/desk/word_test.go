package desk

import (
	"slices"
	"testing"

	"zhijia/internal/calendar"
	"zhijia/internal/lending"
	"zhijia/internal/patent"
	"zhijia/internal/store"
)

// A fact that the store has not and the row states is the row's word, whether or
// not the store knows the patent.
func TestWhoseWordAFactIs(t *testing.T) {
	t.Parallel()
	day := calendar.New(2020, 5, 6)
	row := lending.Row{Kind: patent.Invention, Owners: []string{"甲科技有限公司"}, Borrower: "甲科技有限公司", Filing: day, FeesPaidTo: new(7), Maturity: on.AddYears(1)}
	for has := range 8 {
		for id := range int64(2) {
			stored := store.Patent{ID: id}
			if has&1 != 0 {
				stored.Owners = row.Owners
			}
			if has&2 != 0 {
				stored.PaidThroughYear = new(7)
			}
			if has&4 != 0 {
				stored.Filing = day
			}
			subject := stored
			subject.Owners, subject.Filing = row.Owners, day
			v := lending.Valued{Row: row, FromRow: id == 0, Expiry: patent.Expiry(row.Kind, day, 0)}
			pledgeFacts(&v, &subject, &stored, on, calendar.Shipped())
			for i, code := range []string{"E01", "E04", "E06"} {
				if slices.Contains(v.OnWord, code) != (has>>i&1 == 0) {
					t.Errorf("the store has %03b: on the row's word %v, asked of %s", has, v.OnWord, code)
				}
			}
		}
	}

	// What the store says of the owner without a name is not overruled by a name.
	stored := store.Patent{ID: 1, OwnerType: "university"}
	v := lending.Valued{Row: row, Expiry: patent.Expiry(row.Kind, day, 0)}
	answer := patent.CheckPledge(pledgeFacts(&v, &stored, &stored, on, calendar.Shipped()))
	i := slices.IndexFunc(answer.Findings, func(f patent.Finding) bool { return f.Code == "E01" })
	if i < 0 || answer.Findings[i].Outcome == patent.Clear || answer.Verdict == patent.Eligible {
		t.Errorf("%+v", answer)
	}
}
