package valuation

import (
	"math"
	"testing"

	"zhijia/internal/calendar"
	"zhijia/internal/patent"
	"zhijia/internal/valuation/cost"
	"zhijia/internal/valuation/income"
	"zhijia/internal/valuation/option"
	"zhijia/internal/valuation/terms"
)

// everyMethodsFacts make every method of valuation applicable.
func everyMethodsFacts() Evidence {
	f := &income.Facts{Current: terms.Exactly(1e7), Growth: terms.Exactly(0), Royalty: terms.Exactly(.05), Discount: terms.Exactly(.15), ExcessEarnings: &income.ExcessEarnings{}}
	for y := 2026; y < 2040; y++ {
		row := terms.YearQuantity{Year: y, Quantity: *terms.Exactly(1e6)}
		f.ExcessEarnings.Earnings, f.With = append(f.ExcessEarnings.Earnings, row), append(f.With, row)
	}
	return Evidence{
		Income: f, Cost: &cost.Facts{Replacement: terms.Exactly(1.2e6)},
		Option:      &option.Facts{Project: terms.Exactly(8e6), Cost: terms.Exactly(5e6), Volatility: terms.Exactly(.3), Years: terms.Exactly(5)},
		Fees:        &income.FeeFacts{PaidThrough: 8},
		Comparables: someDeals(8, 1, math.Log(3e5), .5),
	}
}

// Every method of valuation, as the right ends: what has ended or ends today is
// worth 0 by each of them, what ends tomorrow next to nothing by each that has
// a term, and what was filed on T is worth more than either.
func TestRightsAtTheirEnds(t *testing.T) {
	t.Parallel()
	day := calendar.New(2026, 6, 1)
	values := func(expiry calendar.Date, legal []LegalState) (Conclusion, map[string]float64) {
		asg := anAssignment()
		asg.Date, asg.Subject[0].Expiry, asg.Subject[0].Filing, asg.Subject[0].Grant = day, expiry, expiry.AddYears(-20), expiry.AddYears(-18)
		ev := everyMethodsFacts()
		ev.Legal = legal
		c := conclude(t, asg, ev, DefaultAssumptions())
		out := map[string]float64{}
		for _, a := range c.Approaches {
			out[a.ID] = a.Value
		}
		return c, out
	}
	_, whole := values(day.AddYears(12), nil)
	methods := []string{"income", "income.mpeem", "income.incremental", "cost", "option"}
	for _, m := range append(methods, "market") {
		if !(whole[m] > 0) {
			t.Fatalf("%s: %v with twelve years left", m, whole[m])
		}
	}
	for what, c := range map[string]struct {
		expiry calendar.Date
		legal  []LegalState
		zero   bool
	}{
		"ended yesterday":               {expiry: day.AddDays(-1), zero: true},
		"ends today":                    {expiry: day, zero: true},
		"died before T":                 {expiry: day.AddYears(5), legal: []LegalState{{Number: aPatent().Number, State: Dead, Since: day.AddDays(-1), Reason: "fee_unpaid"}}, zero: true},
		"ends tomorrow":                 {expiry: day.AddDays(1)},
		"died on T, which T cannot see": {expiry: day.AddYears(12), legal: []LegalState{{Number: aPatent().Number, State: Dead, Since: day}}},
	} {
		got, values := values(c.expiry, c.legal)
		switch {
		case c.zero:
			if got.Status != Zero || got.Value.Median != 0 || got.Value.High != 0 || len(got.Approaches) != 0 || got.Lending != (LendingView{}) {
				t.Errorf("%s: %s, %+v, %d approaches", what, got.Status, got.Value, len(got.Approaches))
			}
		case what == "ends tomorrow":
			for _, m := range methods {
				if values[m] > whole[m]/100 {
					t.Errorf("%s by %s: %v, with twelve years left %v", what, m, values[m], whole[m])
				}
			}
		default:
			if got.Status == Zero {
				t.Errorf("%s: %s", what, got.ReasonCode)
			}
		}
	}
	// Longer is never worth less.
	last := map[string]float64{}
	for _, days := range []int{1, 2, 30, 400, 2000, 4383} {
		_, v := values(day.AddDays(days), nil)
		for _, m := range methods {
			if v[m] < last[m]*(1-1e-3) {
				t.Errorf("%s: %v with %d days left, %v with fewer", m, v[m], days, last[m])
			}
		}
		last = v
	}
}

// A score dated on T or later does not count, as the message says; a model's
// and an officer's are made for the valuation and carry its date.
func TestScoresOfTheDateDoNotCount(t *testing.T) {
	t.Parallel()
	day := anAssignment().Date
	for _, x := range []struct {
		by    terms.Evaluator
		on    calendar.Date
		count bool
	}{
		{terms.ByData, day.AddDays(-1), true},
		{terms.ByData, day, false},
		{terms.ByData, day.AddDays(1), false},
		{terms.ByData, calendar.Date{}, true},
		{terms.ByModel, day, true},
		{terms.ByOfficer, day, true},
	} {
		s := 90.0
		c := conclude(t, anAssignment(), Evidence{Income: someIncome(), Indicators: []terms.IndicatorScore{{Code: "L2.2", Score: &s, Evaluator: x.by, AsOf: x.on}}}, DefaultAssumptions())
		counted, said := c.Indicators.Unknown < 1, false
		for _, f := range c.Flags {
			said = said || f.Code == "PIT-02"
		}
		if counted != x.count || said == x.count {
			t.Errorf("a score by %s of %s for %s: counted %v, flagged %v", x.by, x.on, day, counted, said)
		}
	}
}

// The fee schedule of the assumptions is the schedule in force.
func TestFeesAreTheScheduleInForce(t *testing.T) {
	t.Parallel()
	for kind, fees := range DefaultAssumptions().Income.Fees {
		for i, fee := range fees {
			if want := patent.AnnualFee(kind, i+1).Yuan(); fee != want {
				t.Errorf("%s, year %d: %v yuan, in force %v", kind, i+1, fee, want)
			}
		}
		if want := patent.AnnualFee(kind, len(fees)+1); want != 0 {
			t.Errorf("%s: year %d is missing", kind, len(fees)+1)
		}
	}
}
