package valuation

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"zhijia/internal/calendar"
)

func TestGoldenOriginality(t *testing.T) { // G14
	t.Parallel()
	o, _ := Originality([]float64{5, 3, 2})
	want(t, "originality", o, .62, 1e-12)
	g, _ := Generality([]map[string]float64{{"A": 1}, {"A": .5, "B": .5}, {"B": .5, "C": .5}})
	want(t, "generality", g, .611111, 1e-5)
	if _, ok := Originality(nil); ok {
		t.Error("no citations must be unknown, not 0")
	}
	p, _ := CohortPercentile(3, []float64{1, 2, 3, 3, 9})
	want(t, "mid-rank", p, .6, 1e-12)
	s, _ := CohortScore(100, []float64{0, 1, 2, 3, 4, 100}, .2)
	want(t, "winsorised", s, 1, 1e-12)
	if _, ok := CohortPercentile(1, nil); ok {
		t.Error("no cohort must be unknown")
	}
}

func TestConformalVariants(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(4, 4))
	const n, trials = 30, 3000
	in, inCQR := 0, 0
	for range trials { // the sample mean as the model, leave-one-out
		y := make([]float64, n+1)
		for i := range y {
			y[i] = r.NormFloat64()
		}
		sum := 0.0
		for _, v := range y[:n] {
			sum += v
		}
		pred, resid := make([]float64, n), make([]float64, n)
		lo, hi := make([]float64, n), make([]float64, n)
		for i := range pred {
			pred[i] = (sum - y[i]) / (n - 1)
			resid[i] = y[i] - pred[i]
			lo[i], hi[i] = -.1, .1 // a quantile model that is far too narrow
		}
		l, h := JackknifePlus(pred, resid, .8)
		if l <= y[n] && y[n] <= h {
			in++
		}
		if q := CQRQuantile(y[:n], lo, hi, .8); -.1-q <= y[n] && y[n] <= .1+q {
			inCQR++
		}
	}
	for what, k := range map[string]int{"jackknife+": in, "CQR": inCQR} {
		if c := float64(k) / trials; c < .78 || c > .84 {
			t.Errorf("%s covers %.3f", what, c)
		}
	}
	if l, h := JackknifePlus([]float64{0}, []float64{1}, .8); !math.IsInf(l, -1) || !math.IsInf(h, 1) {
		t.Error("one deal gives a finite jackknife range")
	}
	// Clusters count once; Mondrian takes its own kind; one-sided is not two-sided.
	c := Calibration{}
	for i := range 12 {
		s := CalibrationScore{ID: string(rune('a' + i)), Error: float64(i) - 3, SD: 1, Kind: DealAssignment}
		if i%2 == 0 {
			s.Cluster, s.Kind = "family", DealAuction
		}
		c.Scores = append(c.Scores, s)
	}
	if got := c.calibrate(.8, DealAssignment); got.n != 7 || got.how != "conformal" || got.lower >= got.half {
		t.Errorf("clusters: %+v", got)
	}
	c.Mode = "mondrian"
	if got := c.calibrate(.8, DealAssignment); got.n != 6 {
		t.Errorf("mondrian: %+v", got)
	}
	if got := (&Calibration{Scores: c.Scores[:1]}).calibrate(.8, ""); !math.IsInf(got.half, 1) {
		t.Errorf("one deal: %+v", got)
	}
}

// Too few calibration deals: the prior's range, never a narrow one.
func TestTooFewToCalibrate(t *testing.T) {
	t.Parallel()
	a := DefaultAssumptions()
	a.Calibration.Scores = []CalibrationScore{{ID: "x", Error: .01, SD: 1}, {ID: "y", Error: .02, SD: 1}}
	c := conclude(t, anAssignment(), someEvidence(20), a)
	p, _ := a.population(OwnerFirm, DealAssignment)
	if h := math.Log(c.Value.High / c.Value.Median); h < z10*p.LogSD.Value-1e-9 || c.Value.Calibration != "uncalibrated" || c.Grade < "D" {
		t.Errorf("half width %v, prior's %v, %s, grade %s", h, z10*p.LogSD.Value, c.Value.Calibration, c.Grade)
	}
}

func TestBundle(t *testing.T) {
	t.Parallel()
	a := DefaultAssumptions()
	asg, ev := anAssignment(), someEvidence(15)
	for i := range 3 {
		p := aPatent()
		p.Number, p.FamilyID, p.Quality = string(rune('X'+i)), []string{"", "f", "f"}[i], ptr(40.0+10*float64(i))
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
		f.Revenue, f.Current, f.Growth, f.EconomicLife = nil, Exactly(1e7), Exactly(0), Exactly(30)
		f.Decay = Exactly(0) // decay steps by calendar period
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
		q := Range(v[0], v[1], v[2])
		q.Distribution = rapid.SampledFrom([]string{"", "triangular", "pert", "uniform", "normal", "lognormal"}).Draw(t, "kind")
		d := q.distribution()
		prev := math.Inf(-1)
		for u := .01; u < 1; u += .01 {
			x := d.quantile(u)
			if math.IsNaN(x) || x < prev-1e-6*math.Abs(prev) {
				t.Fatalf("%s %v: quantile falls to %v after %v", q.Distribution, v, x, prev)
			}
			prev = x
		}
	})
}

// The mean of the draws is the distribution's mean, and correlation shows.
func TestSimulation(t *testing.T) {
	t.Parallel()
	in := []randomInput{{"a", Range(0, 1, 5).distribution()}, {"b", Range(2, 3, 4).distribution()}}
	s, ok := newSimulation(in, []Correlation{{"a", "b", .8}}, 7)
	if !ok {
		t.Fatal("refused")
	}
	var xs, ys []float64
	s.run(20000, func(x []float64) float64 { xs, ys = append(xs, x[0]), append(ys, x[1]); return 0 })
	mx, my, sxy, sx, sy := 0.0, 0.0, 0.0, 0.0, 0.0
	for i := range xs {
		mx += xs[i] / 20000
		my += ys[i] / 20000
	}
	for i := range xs {
		sxy += (xs[i] - mx) * (ys[i] - my)
		sx += sq(xs[i] - mx)
		sy += sq(ys[i] - my)
	}
	want(t, "mean of a triangle", mx, 2, 2e-3)
	want(t, "mean of b", my, 3, 2e-3)
	if r := sxy / math.Sqrt(sx*sy); math.Abs(r-.78) > .03 { // of the scores .8; of the values a little less
		t.Errorf("correlation %v", r)
	}
	if _, ok := newSimulation(append(in, randomInput{"c", in[0].dist}), []Correlation{{"a", "b", .99}, {"b", "c", .99}, {"a", "c", -.99}}, 1); ok {
		t.Error("an impossible correlation matrix was accepted")
	}
}

func TestUnitsOfJSON(t *testing.T) {
	t.Parallel()
	var f IncomeFacts
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
	f.Fuzz(func(t *testing.T, revenue, royalty, k, tax, life, price, sim, cost float64) {
		asg := anAssignment()
		d := aDeal("a", price, sim, 2024)
		ev := Evidence{
			Income: &IncomeFacts{Current: Exactly(revenue), Royalty: Exactly(royalty), Discount: Exactly(k), Tax: Exactly(tax), EconomicLife: Exactly(life)},
			Cost:   &CostFacts{Replacement: Exactly(cost)}, Comparables: []Comparable{d, aDeal("b", 1e5, .5, 2023), aDeal("c", 2e5, .5, 2023)},
		}
		c, err := Conclude(asg, ev, lawAssumptions)
		if err == nil {
			checkOpinion(t, &c)
		}
	})
}

func TestDoubleCountingIsFlagged(t *testing.T) {
	t.Parallel()
	ev := Evidence{Income: someIncome(), Indicators: append(everyScore(40, ByOfficer), IndicatorScore{Code: "risk.technical.conversion", Score: ptr(80.0), Evaluator: ByOfficer})}
	c := conclude(t, anAssignment(), ev, DefaultAssumptions())
	if !slices.ContainsFunc(c.Flags, func(f Flag) bool { return f.Code == "DBL-01" }) {
		t.Errorf("maturity counted twice without a flag: %+v", c.Flags)
	}
	ev.Indicators = ev.Indicators[:len(ev.Indicators)-1]
	c = conclude(t, anAssignment(), ev, DefaultAssumptions())
	if slices.ContainsFunc(c.Flags, func(f Flag) bool { return f.Code == "DBL-01" }) {
		t.Error("flagged though only the royalty takes it")
	}
}
