package valuation

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"zhijia/internal/valuation/cost"
	"zhijia/internal/valuation/income"
	"zhijia/internal/valuation/option"
	"zhijia/internal/valuation/terms"
)

// The golden vectors of the domain specification, section 11, each with a
// second derivation where it is not plain arithmetic.

func want(t *testing.T, what string, got, exp, rel float64) {
	t.Helper()
	if !near(got, exp, rel) {
		t.Errorf("%s: %.10g, want %.10g", what, got, exp)
	}
}

func scored(codes []string, values []float64) map[string]income.FactorScore {
	m := map[string]income.FactorScore{}
	for i, c := range codes {
		v := values[i]
		m[c] = income.FactorScore{Code: c, Score: &v, By: terms.ByOfficer}
	}
	return m
}

func factorCodes(groups []income.FactorGroup) []string {
	var out []string
	for _, g := range groups {
		for _, f := range g.Factors {
			out = append(out, f.Code)
		}
	}
	return out
}

func TestGoldenRoyaltyScore(t *testing.T) { // G1
	t.Parallel()
	a := DefaultAssumptions()
	s := income.ScoreTable(a.Royalty.Groups, scored(factorCodes(a.Royalty.Groups), []float64{100, 50, 80, 60, 50, 60, 40, 80, 50, 50, 50}))
	want(t, "legal", s.Groups[0].Score, 79, 1e-12)
	want(t, "technical", s.Groups[1].Score, 58, 1e-12)
	want(t, "economic", s.Groups[2].Score, 50, 1e-12)
	want(t, "r", s.R, 0.627, 1e-12)
	want(t, "K", income.RoyaltyRate(0.015, 0.03, s.R), 0.024405, 1e-12)
	want(t, "share", income.RoyaltyRate(0.25, 0.33, s.R), 0.30016, 1e-12)
	if s.Unknown != 0 || s.Low != s.High && math.Abs(s.Low-s.High) > 1e-12 {
		t.Errorf("all scored, yet unknown %v, range %v to %v", s.Unknown, s.Low, s.High)
	}
}

func TestGoldenBuildUp(t *testing.T) { // G2
	t.Parallel()
	a := DefaultAssumptions()
	scores := scored(factorCodes(a.Discount.Risks), []float64{20, 40, 10, 20, 20, 60, 40, 40, 40, 40, 40, 20, 40, 40})
	b := a.Discount.Build(0.025, scores)
	want(t, "k", b.Rate, 0.13412, 1e-12)
	for i, p := range []float64{0.0192, 0.03232, 0.032, 0.0256} {
		want(t, b.Premia[i].Key, b.Premia[i].Value, p, 1e-12)
	}
}

func TestGoldenReliefFromRoyalty(t *testing.T) { // G3
	t.Parallel()
	m := income.Draw{Scale: 1, Step: 1, Forecast: []float64{10e6, 12e6, 13e6, 13e6, 12e6}, Royalty: 0.03, Tax: 0.25, Discount: 0.15, Life: 5, First: 1, Convention: terms.PeriodEnd}
	want(t, "year end", m.Relief(), 893610.00, 1e-8)
	m.Convention = terms.MidPeriod
	want(t, "mid-year", m.Relief(), 958289.97, 1e-8)
	want(t, "mid-year by the end-year value", m.Relief(), 893609.995*math.Sqrt(1.15), 1e-7)
	// The third vector: half of the first year is left, so half its revenue;
	// decay by year, survival and discount at τ.
	sum := 0.0
	tau := terms.Times(5, 0.5, terms.MidPeriod)
	for j, r := range m.Forecast {
		if j == 0 {
			r /= 2
		}
		sum += r * 0.03 * math.Pow(0.9, float64(j)) * 0.75 * math.Exp(-0.03*tau[j]) / math.Pow(1.15, tau[j])
	}
	m.First, m.Life, m.Decay, m.Hazard = 0.5, 4.5, 0.1, 0.03
	want(t, "half first year", m.Relief(), 699569.03, 1e-8)
	want(t, "by the sum", m.Relief(), sum, 1e-12)
}

func TestGoldenTAB(t *testing.T) { // G4
	t.Parallel()
	for _, c := range [][4]float64{{.25, .12, 5, 1.21986746}, {.25, .15, 10, 1.14347032}, {.15, .15, 10, 1.08141021}, {.25, .12, 15, 1.12804992}} {
		f := income.TABFactor(c[0], c[1], c[2], false)
		want(t, "TAB", f, c[3], 1e-8)
		// Second source: the benefit on the value that includes it.
		want(t, "fixed point", 1+income.TABAmount(f, c[0], c[1], c[2]), f, 1e-12)
	}
	// Two published pages print wrong forms; neither may be what we compute.
	af := terms.AnnuityFactor(.15, 10)
	for _, wrong := range []float64{1 / (1 - .25*af), .25 * .15 * (1 - math.Pow(1.15, -10)) / .15} {
		if near(income.TABFactor(.25, .15, 10, false), wrong, 1e-3) {
			t.Errorf("reproduces a published error %v", wrong)
		}
	}
	want(t, "mid-year", income.TABFactor(.25, .12, 5, true), 1/(1-.25/5*terms.AnnuityFactor(.12, 5)*math.Sqrt(1.12)), 1e-12)
}

func TestGoldenCost(t *testing.T) { // G5
	t.Parallel()
	age, rem, index := 6.0, 9.0, 1.15
	v, _, _, reason := cost.Value(&cost.Facts{Replacement: terms.Exactly(1.2e6), Index: &index, Age: &age, RemainingLife: &rem}, &cost.Rules{}, math.NaN(), math.Inf(1))
	want(t, "straight line "+reason, v, 828000, 1e-12)
	want(t, "exponential", 1.2e6*1.15*math.Exp(-.1*6), 757360.06, 1e-8)
	o := cost.Obsolescence{Functional: .1, Technological: .2, Economic: .05}
	if o.Additive() >= o.Multiplicative() {
		t.Error("additive obsolescence must leave less")
	}
}

func TestGoldenReconcile(t *testing.T) { // G9
	t.Parallel()
	views := []view{{math.Log(220e3), .7, 1}, {math.Log(310e3), .6, 1}, {math.Log(150e3), 1, 1}}
	r := reconcile(views, 0)
	for i, w := range []float64{.350740, .477397, .171863} {
		if math.Abs(r.weight[i]-w) > 5e-7 {
			t.Errorf("weight %d: %.6f, want %.6f", i, r.weight[i], w)
		}
	}
	want(t, "value", math.Exp(r.theta), 242627.20, 1e-7)
	want(t, "independent", math.Sqrt(r.within), .414563, 1e-5)
	want(t, "inverse variance", math.Sqrt(r.within), 1/math.Sqrt(1/.49+1/.36+1), 1e-12)
	r.spread(views, .5)
	want(t, "correlated", math.Sqrt(r.within), .577592, 1e-5)
	want(t, "D", math.Sqrt(r.between), .267904, 1e-5)
}

func TestGoldenPVD(t *testing.T) { // G13: the 2012 manual as a sheet with a gate
	t.Parallel()
	mean := func(w, s []float64) float64 {
		sum := 0.0
		for i := range w {
			sum += w[i] * s[i]
		}
		return sum
	}
	lvd := 8 * mean([]float64{.3, .2, .2, .1, .1, .1}, []float64{8, 6, 8, 8, 4, 6})
	tvd := 10 * mean([]float64{.15, .10, .20, .15, .20, .20}, []float64{8, 8, 6, 8, 6, 8})
	evd := 10 * mean([]float64{.25, .20, .20, .20, .15}, []float64{8, 6, 4, 6, 8})
	want(t, "LVD", lvd, 56, 1e-9)
	want(t, "TVD", tvd, 72, 1e-9)
	want(t, "EVD", evd, 64, 1e-9)
	want(t, "PVD", .3*lvd+.4*tvd+.3*evd, 64.8, 1e-9)
}

func TestBlackScholesSecondSource(t *testing.T) {
	t.Parallel()
	// Integral of the discounted payoff over the log-normal terminal value.
	s, x, sigma, tm, r, q := 8e6, 5e6, .3, 5.0, .03, .1
	n := 400000
	sum := 0.0
	for i := range n {
		z := distuv.UnitNormal.Quantile((float64(i) + .5) / float64(n))
		sum += max(s*math.Exp((r-q-sigma*sigma/2)*tm+sigma*math.Sqrt(tm)*z)-x, 0)
	}
	c, d1, _ := option.BlackScholes(s, x, sigma, tm, r, q)
	want(t, "integral", sum/float64(n)*math.Exp(-r*tm), c, 1e-4)
	// The correct CDF: N(1) is 0.8413, not the 0.8703 of a published error.
	want(t, "Φ(1)", distuv.UnitNormal.CDF(1), 0.8413447460685429, 1e-15)
	if d1 == 0 {
		t.Error("no d1")
	}
	// The lattice converges to the closed form at rate 1/n.
	prev := math.Inf(1)
	for _, n := range []int{50, 200, 800} {
		e := math.Abs(binomial(s, x, .3, 5, r, 0, n, false) - first(option.BlackScholes(s, x, .3, 5, r, 0)))
		if e > prev/2 {
			t.Errorf("lattice error %v at %d steps, %v before", e, n, prev)
		}
		prev = e
	}
	if prev/first(option.BlackScholes(s, x, .3, 5, r, 0)) > 1e-4 {
		t.Errorf("lattice is off by %v", prev)
	}
	// Early exercise has value only when delay costs.
	if binomial(s, x, .3, 5, r, .2, 200, true) <= binomial(s, x, .3, 5, r, .2, 200, false) {
		t.Error("early exercise must be worth something when delay costs")
	}
}

func first(a, _, _ float64) float64 { return a }

// binomial is the same right on a lattice of n steps (Cox, Ross, Rubinstein
// 1979). With american set it may be exercised early, which has value when
// delay costs.
func binomial(s, x, sigma, t, r, q float64, n int, american bool) float64 {
	dt := t / float64(n)
	u := math.Exp(sigma * math.Sqrt(dt))
	p := (math.Exp((r-q)*dt) - 1/u) / (u - 1/u)
	if !(p >= 0 && p <= 1) { // the lattice is too coarse for this drift
		return math.NaN()
	}
	df := math.Exp(-r * dt)
	v := make([]float64, n+1)
	for i := range v {
		v[i] = max(s*math.Pow(u, float64(2*i-n))-x, 0)
	}
	for step := n - 1; step >= 0; step-- {
		for i := 0; i <= step; i++ {
			v[i] = df * (p*v[i+1] + (1-p)*v[i])
			if american {
				v[i] = max(v[i], s*math.Pow(u, float64(2*i-step))-x)
			}
		}
	}
	return v[0]
}
