package patent

import (
	"reflect"
	"slices"
	"testing"

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
	for _, a := range Alerts("CN1", events, fees, on("2037-01-01"), on("2025-10-01"), on("2026-08-01")) {
		got = append(got, a.Date.String()+" "+a.Code)
	}
	want := []string{
		"2025-11-02 fee_due_90", "2025-12-02 fee_due_60", "2025-12-10 transfer", "2025-12-15 pledge", "2026-01-01 fee_due_30",
		"2026-02-01 fee_late", "2026-02-01 invalidity_filed", "2026-08-01 expiry_within_loan", "2026-08-01 fee_lapse",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v\nwant %v", got, want)
	}
	if a := Alerts("CN1", append(events, Event{Code: "IW01", Effective: on("2025-12-01")}), fees, on("2030-01-01"), on("2025-10-01"), on("2026-08-01")); slices.ContainsFunc(a, func(a Alert) bool { return a.Code == "fee_due_30" }) {
		t.Errorf("a dead right owes no fee: %v", a)
	}
}

// Polling a period in two parts tells the same events as in one.
func TestAlertsJoin(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		events := drawEvents(t)
		from, none := on("2010-01-01"), on("2010-01-01")
		mid := from.AddDays(rapid.IntRange(0, 4100).Draw(t, "mid"))
		to := from.AddDays(4200)
		one := Alerts("CN1", events, FeeAccount{}, none, from, to)
		two := append(Alerts("CN1", events, FeeAccount{}, none, from, mid), Alerts("CN1", events, FeeAccount{}, none, mid, to)...)
		if len(one) != len(two) || len(one) > 0 && !reflect.DeepEqual(one, two) {
			t.Fatalf("%v\n%v", one, two)
		}
	})
}
