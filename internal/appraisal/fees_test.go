package appraisal

import (
	"testing"

	"zhijia/internal/calendar"
	"zhijia/internal/store"
)

func TestFeeFactsSeeNoLaterPayment(t *testing.T) {
	t.Parallel()
	paid := 9
	p := &store.Patent{Kind: "invention", Filing: calendar.MustParse("2015-03-01"), Grant: calendar.MustParse("2018-01-01"), PaidThroughYear: &paid}
	for day, want := range map[string]int{"2020-01-01": 5, "2020-03-01": 5, "2020-03-02": 6, "2026-01-01": 9} {
		f := feeFacts(p, calendar.MustParse(day))
		if f.PaidThrough != want || len(f.Schedule) != 20 || f.Schedule[0] != 0 || f.Schedule[2] != 900 || f.Schedule[19] != 8000 {
			t.Errorf("%s: %+v", day, f)
		}
	}
	p.PaidThroughYear = nil
	if feeFacts(p, calendar.MustParse("2020-01-01")) != nil {
		t.Error("fees not known are not facts")
	}
}
