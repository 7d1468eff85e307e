package pool

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if math.Abs(got-want) > tol || math.IsNaN(got) {
		t.Errorf("%s = %.7g, want %.7g within %g", what, got, want, tol)
	}
}

func TestConditionalPD(t *testing.T) {
	for _, c := range []struct{ pd, q, p float64 }{
		{0.05, 0.95, 0.13717},
		{0.05, 0.99, 0.20988},
		{0.05, 0.999, 0.31351},
		{0.01, 0.95, 0.03345},
		{0.01, 0.99, 0.06105},
		{0.01, 0.999, 0.11026},
	} {
		near(t, "p", ConditionalPD(c.pd, 0.15, c.q), c.p, 5e-6)
	}
	near(t, "rho 0", ConditionalPD(0.05, 0, 0.999), 0.05, 1e-12)
}

func seventeen() []Exposure {
	e := make([]Exposure, 17)
	for i := range e {
		e[i] = Exposure{EAD: 100, PD: 0.05, LGD: 1}
	}
	return e
}

func TestMixtureOfSeventeen(t *testing.T) {
	m, err := ExactMixture(seventeen(), 0.15)
	if err != nil {
		t.Fatal(err)
	}
	// P(1) circulates as 0.2783; three quadratures agree on 0.27820.
	for k, want := range []float64{0.50958407, 0.27820426, 0.12400351} {
		near(t, "P(k)", m.Count[k], want, 5e-9)
	}
	for _, c := range []struct {
		level float64
		k     int
		share float64
	}{{0.95, 3, 0.176}, {0.99, 5, 0.294}, {0.999, 7, 0.412}} {
		if k := m.CountQuantile(c.level); k != c.k {
			t.Errorf("%g quantile = %d defaults, want %d", c.level, k, c.k)
		}
		near(t, "loss quantile", m.LossQuantile(c.level), c.share, 5e-4)
	}
	near(t, "mean", m.ExpectedLoss(), 0.05, 1e-10)
	ind, _ := ExactMixture(seventeen(), 0)
	// The binomial P(≤2) is 0.94975, which rounds to 95% and is below it: two
	// defaults at the 94.9% level, three at 95%.
	near(t, "binomial P(≤2)", ind.Count[0]+ind.Count[1]+ind.Count[2], 0.9497470218, 1e-10)
	if a, b := ind.CountQuantile(0.949), ind.CountQuantile(0.95); a != 2 || b != 3 {
		t.Errorf("independent quantiles = %d and %d, want 2 and 3", a, b)
	}
	near(t, "binomial P(0)", ind.Count[0], math.Pow(0.95, 17), 1e-14)
}

// A second source for the mixture: a plain simulation that shares no code
// with it but the inverse normal.
func TestMixtureAgainstPlainSimulation(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 17))
	const paths = 200_000
	thr := PhiInv(0.05)
	var counts [18]float64
	for range paths {
		z, n := r.NormFloat64(), 0
		for range 17 {
			if math.Sqrt(0.15)*z+math.Sqrt(0.85)*r.NormFloat64() < thr {
				n++
			}
		}
		counts[n]++
	}
	m, _ := ExactMixture(seventeen(), 0.15)
	for k := range 8 {
		p := m.Count[k]
		near(t, "P(k) simulated", counts[k]/paths, p, 4.5*math.Sqrt(p*(1-p)/paths))
	}
}

func TestBivariatePhi(t *testing.T) {
	near(t, "orthant", BivariatePhi(0, 0, 0.5), 0.25+math.Asin(0.5)/(2*math.Pi), 1e-10) // Sheppard
	near(t, "orthant", BivariatePhi(0, 0, -0.9), 0.25+math.Asin(-0.9)/(2*math.Pi), 1e-10)
	near(t, "independent", BivariatePhi(-1, -2, 0), Phi(-1)*Phi(-2), 1e-14)
	near(t, "perfect", BivariatePhi(-1, -2, 1), Phi(-2), 1e-14)
	// By conditioning on one variable, trapezoid rule.
	a, b, rho := -1.2, -2.1, 0.4
	sum, h := 0.0, 1e-3
	for x := -9.0; x < a; x += h {
		m := x + h/2
		sum += h * math.Exp(-m*m/2) / math.Sqrt(2*math.Pi) * Phi((b-rho*m)/math.Sqrt(1-rho*rho))
	}
	near(t, "conditioned", BivariatePhi(a, b, rho), sum, 1e-6)
}

// The exact mixture against brute force over all outcomes of a few obligors.
func TestMixtureAgainstEnumeration(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "n")
		rho := rapid.Float64Range(0, 0.6).Draw(t, "rho")
		e := make([]Exposure, n)
		for i := range e {
			e[i] = Exposure{
				EAD: rapid.Int64Range(1, 50).Draw(t, "ead"), PD: rapid.Float64Range(0.001, 0.5).Draw(t, "pd"),
				LGD: 1,
			}
		}
		m, err := ExactMixture(e, rho)
		if err != nil {
			t.Fatal(err)
		}
		loss := map[int64]float64{}
		const h = 0.05
		for z := -8.5; z <= 8.5; z += h {
			w := h * math.Exp(-z*z/2) / math.Sqrt(2*math.Pi)
			for mask := range 1 << n {
				p, l := w, int64(0)
				for i := range n {
					c := conditional(PhiInv(e[i].PD), math.Sqrt(rho), math.Sqrt(1-rho), z)
					if mask>>i&1 == 1 {
						p *= c
						l += e[i].EAD
					} else {
						p *= 1 - c
					}
				}
				loss[l] += p
			}
		}
		sum := 0.0
		for u, p := range m.Loss {
			sum += p
			if want := loss[int64(math.Round(float64(u)*m.Unit))]; math.Abs(p-want) > 1e-8 {
				t.Fatalf("P(loss %g) = %g, want %g", float64(u)*m.Unit, p, want)
			}
		}
		if math.Abs(sum-1) > 1e-12 || m.MaxOff != 0 {
			t.Fatalf("sum %g, off %g", sum, m.MaxOff)
		}
	})
}

func TestMixtureIsPermutationInvariant(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	e := make([]Exposure, 60)
	for i := range e {
		e[i] = Exposure{EAD: 1 + r.Int64N(1e9), PD: 0.2 * r.Float64(), LGD: r.Float64()}
	}
	a, _ := ExactMixture(e, 0.2)
	r.Shuffle(len(e), func(i, j int) { e[i], e[j] = e[j], e[i] })
	b, _ := ExactMixture(e, 0.2)
	for u := range a.Loss {
		if a.Loss[u] != b.Loss[u] {
			t.Fatal("the order of exposures changed the distribution")
		}
	}
}

// The stated accuracy over the stated domain: against a grid twice as
// fine, for the cases the review found wrong and drawn ones; beyond the domain
// nothing is answered.
func TestMixtureKeepsItsAccuracy(t *testing.T) {
	check := func(n int, rho, pd float64) {
		e := make([]Exposure, n)
		for i := range e {
			e[i] = Exposure{EAD: 1, PD: pd, LGD: 1}
		}
		m, err := ExactMixture(e, rho)
		if err != nil {
			t.Fatal(err)
		}
		// P(k) of equal obligors by the binomial on a fine grid.
		h := mixtureStep(n, rho) / 2
		for _, k := range []int{0, 1, n / 50, n / 20, n / 10, n / 4, n} {
			lg, _ := math.Lgamma(float64(n + 1))
			a, _ := math.Lgamma(float64(k + 1))
			b, _ := math.Lgamma(float64(n - k + 1))
			want := 0.0
			for z := -8.5; z <= 8.5; z += h {
				p := conditional(PhiInv(pd), math.Sqrt(rho), math.Sqrt(1-rho), z)
				x := lg - a - b - z*z/2
				if k > 0 {
					x += float64(k) * math.Log(p)
				}
				if k < n {
					x += float64(n-k) * math.Log1p(-p)
				}
				if v := math.Exp(x); !math.IsNaN(v) {
					want += v * h / math.Sqrt(2*math.Pi)
				}
			}
			if math.Abs(m.Count[k]-want) > 1e-10 {
				t.Errorf("n %d, rho %g: P(%d) = %.12g, want %.12g", n, rho, k, m.Count[k], want)
			}
		}
		near(t, "mean", m.ExpectedLoss(), pd, 1e-10)
	}
	check(500, 0.5, 0.05) // 3.8% off with the old grid
	check(100, 0.9, 0.04)
	check(600, 0.95, 0.03)
	e := []Exposure{{EAD: 1, PD: 0.1, LGD: 1}}
	if _, err := ExactMixture(e, 0.96); err == nil {
		t.Error("a correlation beyond the domain is answered")
	}
	many := make([]Exposure, 2001)
	for i := range many {
		many[i] = e[0]
	}
	if _, err := ExactMixture(many, 0.1); err == nil {
		t.Error("more obligors than the domain has are answered")
	}
	// The review's stylised index (case 6): 100 names of 4%, loss given default
	// 0.6, correlation 0.9. Expected loss of the first 20%, per cent: 1.442132.
	hy := make([]Exposure, 100)
	for i := range hy {
		hy[i] = Exposure{EAD: 10, PD: 0.04, LGD: 0.6}
	}
	m, err := ExactMixture(hy, 0.9)
	if err != nil {
		t.Fatal(err)
	}
	el := 0.0
	for u, p := range m.Loss {
		el += p * min(float64(u)*m.Unit, 200)
	}
	near(t, "first 20%", el/1000*100, 1.442132, 5e-5) // 1.441717 with the old grid
}

func BenchmarkExactMixture500(b *testing.B) {
	r := rand.New(rand.NewPCG(3, 4))
	e := make([]Exposure, 500)
	for i := range e {
		e[i] = Exposure{EAD: 1e8 + r.Int64N(1e9), PD: 0.01 + 0.1*r.Float64(), LGD: 0.3 + 0.6*r.Float64()}
	}
	for b.Loop() {
		if _, err := ExactMixture(e, 0.15); err != nil {
			b.Fatal(err)
		}
	}
}
