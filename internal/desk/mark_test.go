package desk

import (
	"strings"
	"testing"

	"zhijia/internal/calendar"
	"zhijia/internal/lending"
	"zhijia/internal/patent"
)

// The row of a mark is answered by the law of marks, never by that of patents.
func TestAMarksRow(t *testing.T) {
	on := calendar.New(2026, 11, 28)
	row := lending.Row{Line: 1, Number: "1234567", Kind: lending.Trademark, Borrower: "甲公司", Owners: []string{"乙公司"}, Pledged: patent.Yes, Grant: on.AddYears(-12)}
	v := valueMark(row, on)
	p, err := lending.PolicyByID("BOCOM-HIST")
	if err != nil {
		t.Fatal(err)
	}
	d := lending.Decide([]lending.Valued{v}, lending.Options{Policy: p}, on).Rows[0]
	if d.Verdict != lending.Refuse {
		t.Errorf("%+v", d)
	}
	codes := map[string]lending.Reason{}
	for _, r := range d.Reasons {
		codes[r.Code] = r
		if strings.Contains(r.Zh+r.Evidence+r.Supply, "专利") {
			t.Errorf("a patent's advice: %+v", r)
		}
	}
	for _, code := range []string{"M01", "M02", "M04", "M06", "M07"} {
		if _, there := codes[code]; !there {
			t.Errorf("no %s in %+v", code, d.Reasons)
		}
	}
	if codes["M02"].Severity == lending.Refuses {
		t.Error("a mark that may have been renewed was taken for ended")
	}
}
