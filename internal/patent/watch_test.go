package patent

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"zhijia/internal/calendar"

	"pgregory.net/rapid"
)

func TestAlerts(t *testing.T) {
	t.Parallel()
	paid := 10
	fees := FeeAccount{Kind: Invention, Filing: on("2016-01-31"), Granted: on("2019-01-01"), PaidThrough: &paid}
	events := []Event{
		{Code: "GR01", Effective: on("2019-01-01")},
		{Code: "TR01", Effective: on("2025-11-20"), Gazette: on("2025-12-10"), After: []string{"乙公司"}},
		{Code: "PE01", Effective: on("2025-12-15"), Party: "某银行"},
		{Code: "IF01", Effective: on("2026-02-01")},
	}
	var got []string
	for _, a := range (Watched{Number: "CN1", Events: events, Fees: fees, Loans: []Loan{{Reference: "C1", Maturity: on("2037-01-01")}}, Days: calendar.Shipped()}).Alerts(on("2025-10-01"), on("2026-08-01")) {
		got = append(got, a.Date.String()+" "+a.Code)
	}
	want := []string{
		"2025-11-02 fee_due_90", "2025-12-02 fee_due_60", "2025-12-10 transfer", "2025-12-15 pledge", "2026-01-01 fee_due_30",
		"2026-02-01 invalidity_filed", "2026-02-03 fee_late", // due on a Saturday
		"2026-08-01 expiry_within_loan", "2026-08-01 fee_lapse",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v\nwant %v", got, want)
	}
	codes := func(w Watched) (out string) {
		for _, a := range w.Alerts(on("2025-10-01"), on("2026-08-01")) {
			if strings.HasPrefix(a.Code, "fee_") {
				out += " " + strings.TrimPrefix(a.Code, "fee_")
			}
		}
		return out
	}
	for name, c := range map[string]struct {
		end  Event
		want string
	}{
		"invalidated before the due date": {Event{Code: "IW01", Effective: on("2025-12-01")}, " due_90"}, // a dead right owes no fee
		"lapsed for this fee":             {Event{Code: "CF01", Effective: on("2026-01-31"), Gazette: on("2026-07-31")}, " due_90 due_60 due_30 late lapse"},
	} {
		if got := codes(Watched{Events: append(slices.Clone(events), c.end), Fees: fees, Days: calendar.Shipped()}); got != c.want {
			t.Errorf("%s:%s, want%s", name, got, c.want)
		}
	}
	// Days added to the term move its end past the loan's.
	fees.Added = 365
	w := Watched{Fees: fees, Loans: []Loan{{Reference: "C1", Maturity: on("2036-06-01"), Since: on("2026-01-01")}}, Days: calendar.Shipped()}
	if a := w.Alerts(on("2025-12-31"), on("2026-01-01")); len(a) != 1 || a[0].Code != "fee_due_30" {
		t.Errorf("with 365 days added: %+v", a)
	}
}

// Polling a period in two parts tells the same events as in one.
func TestAlertsJoin(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := Watched{Number: "CN1", Events: drawEvents(t), Days: calendar.Shipped()}
		from := on("2010-01-01")
		mid := from.AddDays(rapid.IntRange(0, 4100).Draw(t, "mid"))
		to := from.AddDays(4200)
		one := w.Alerts(from, to)
		two := append(w.Alerts(from, mid), w.Alerts(mid, to)...)
		if len(one) != len(two) || len(one) > 0 && !reflect.DeepEqual(one, two) {
			t.Fatalf("%v\n%v", one, two)
		}
	})
}
