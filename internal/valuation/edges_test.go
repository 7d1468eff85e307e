package valuation

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"zhijia/internal/calendar"
	"zhijia/internal/valuation/cost"
	"zhijia/internal/valuation/income"
	"zhijia/internal/valuation/market"
	"zhijia/internal/valuation/terms"
)

// Too few calibration events: the model's own range or the largest error seen, never a narrow one.
func TestTooFewToCalibrate(t *testing.T) {
	t.Parallel()
	a := DefaultAssumptions()
	plain := conclude(t, anAssignment(), someEvidence(20), a)
	a.Prices.Calibration = market.Calibration{Scores: []market.Score{{ID: "x", Event: "x", Market: market.Private, Error: .01, SD: 1}, {ID: "y", Event: "y", Market: market.Private, Error: .02, SD: 1}}}
	c := conclude(t, anAssignment(), someEvidence(20), a)
	if c.Value.Calibration != "uncalibrated" || c.Grade < "D" || c.Value.Low > plain.Value.Median {
		t.Errorf("%+v, grade %s", c.Value, c.Grade)
	}
}

func TestBundle(t *testing.T) {
	t.Parallel()
	a := DefaultAssumptions()
	asg, ev := anAssignment(), someEvidence(15)
	for i := range 3 {
		p := aPatent()
		p.Number, p.FamilyID = string(rune('X'+i)), []string{"", "f", "f"}[i]
		asg.Subject = append(asg.Subject, p)
	}
	ev.Legal = append(ev.Legal, LegalState{Number: "Z", State: Dead, Since: calendar.New(2020, 1, 1), Reason: "fee_unpaid"})
	c := conclude(t, asg, ev, a)
	if len(c.Members) != 4 || c.Members[3].Value != 0 || c.Members[3].ReasonCode != "legal.fee_unpaid" {
		t.Errorf("members %+v", c.Members)
	}
	// A second member of a family adds less than a stranger.
	ev.Legal[1].State = Alive
	family := conclude(t, asg, ev, a)
	asg.Subject[3].FamilyID = "g"
	if stranger := conclude(t, asg, ev, a); stranger.Value.Median <= family.Value.Median {
		t.Error("a family member adds as much as a stranger")
	}
}

func TestLeapDaysAndPartYears(t *testing.T) {
	t.Parallel()
	a := DefaultAssumptions()
	last := math.Inf(1)
	for _, d := range []calendar.Date{calendar.New(2024, 2, 28), calendar.New(2024, 2, 29), calendar.New(2024, 3, 1), calendar.New(2024, 12, 31), calendar.New(2025, 1, 1)} {
		asg := anAssignment()
		asg.Date, asg.Subject[0].Filing = d, calendar.New(2008, 2, 29)
		f := someIncome()
		f.Revenue, f.Current, f.Growth, f.EconomicLife = nil, terms.Exactly(1e7), terms.Exactly(0), terms.Exactly(30)
		f.Decay = terms.Exactly(0) // decay steps by calendar period
		c := conclude(t, asg, Evidence{Income: f}, a)
		var v float64
		for _, x := range c.Approaches {
			if x.ID == "income" {
				v = x.Value
			}
		}
		if !(v > 0 && v < last*1.001) {
			t.Errorf("%s: %v after %v", d, v, last)
		}
		last = v
	}
}

func TestQuantityQuantiles(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := []float64{rapid.Float64Range(.1, 1e6).Draw(t, "a"), rapid.Float64Range(.1, 1e6).Draw(t, "b"), rapid.Float64Range(.1, 1e6).Draw(t, "c")}
		slices.Sort(v)
		q := terms.Range(v[0], v[1], v[2])
		q.Distribution = rapid.SampledFrom([]string{"", "triangular", "pert", "uniform", "normal", "lognormal"}).Draw(t, "kind")
		d := q.Dist()
		prev := math.Inf(-1)
		for u := .01; u < 1; u += .01 {
			x := d.Quantile(u)
			if math.IsNaN(x) || x < prev-1e-6*math.Abs(prev) {
				t.Fatalf("%s %v: quantile falls to %v after %v", q.Distribution, v, x, prev)
			}
			prev = x
		}
	})
}

func TestUnitsOfJSON(t *testing.T) {
	t.Parallel()
	var f income.Facts
	if err := jsonUnmarshal(`{"revenue":[{"year":2027,"value":1e6},{"year":2028,"low":1,"mode":2,"high":3}],"tax_rate":0.25}`, &f); err != nil {
		t.Fatal(err)
	}
	if *f.Tax.Value != .25 || f.Revenue[0].Year != 2027 || *f.Revenue[0].Value != 1e6 || *f.Revenue[1].High != 3 {
		t.Errorf("%+v", f)
	}
	for _, bad := range []string{`{"tax_rate":{"valu":1}}`, `{"revenue":[{"value":1}]}`, `{"tax_rate":"x"}`} {
		if err := jsonUnmarshal(bad, &f); err == nil {
			t.Errorf("%s accepted", bad)
		}
	}
}

// FuzzConclude: no numbers may panic or yield an opinion that breaks a law.
func FuzzConclude(f *testing.F) {
	f.Add(1e12, .03, .15, .25, 6.0, 3e5, .5, 2.0)
	f.Add(0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0)
	f.Add(-1.0, math.NaN(), math.Inf(1), -.1, -3.0, -5.0, 2.0, 1e300)
	f.Add(5e-324, 1.0, -.5, 0.0, 100.0, 1e15, 1.0, 1e-300)
	f.Fuzz(func(t *testing.T, revenue, royalty, k, tax, life, price, sim, spent float64) {
		asg := anAssignment()
		d := aDeal("a", price, sim, 2024)
		ev := Evidence{
			Income: &income.Facts{Current: terms.Exactly(revenue), Royalty: terms.Exactly(royalty), Discount: terms.Exactly(k), Tax: terms.Exactly(tax), EconomicLife: terms.Exactly(life)},
			Cost:   &cost.Facts{Replacement: terms.Exactly(spent)}, Comparables: []Comparable{d, aDeal("b", 1e5, .5, 2023), aDeal("c", 2e5, .5, 2023)},
		}
		c, err := Conclude(asg, ev, lawAssumptions)
		if err == nil {
			checkOpinion(t, &c)
		}
	})
}

func TestDoubleCountingIsFlagged(t *testing.T) {
	t.Parallel()
	ev := Evidence{Income: someIncome(), Indicators: append(everyScore(40, terms.ByOfficer), terms.IndicatorScore{Code: "risk.technical.conversion", Score: ptr(80.0), Evaluator: terms.ByOfficer})}
	c := conclude(t, anAssignment(), ev, DefaultAssumptions())
	if !slices.ContainsFunc(c.Flags, func(f terms.Flag) bool { return f.Code == "DBL-01" }) {
		t.Errorf("maturity counted twice without a flag: %+v", c.Flags)
	}
	ev.Indicators = ev.Indicators[:len(ev.Indicators)-1]
	c = conclude(t, anAssignment(), ev, DefaultAssumptions())
	if slices.ContainsFunc(c.Flags, func(f terms.Flag) bool { return f.Code == "DBL-01" }) {
		t.Error("flagged though only the royalty takes it")
	}
}
