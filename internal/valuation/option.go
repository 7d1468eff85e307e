package valuation

import (
	"math"
)

// NormalCDF is Φ(x) by the complementary error function, exact to the last
// bits in both tails (a polynomial in x without the √2 is a published error).
func NormalCDF(x float64) float64 { return 0.5 * math.Erfc(-x/math.Sqrt2) }

// NormalQuantile is Φ⁻¹(p) for p in (0, 1).
func NormalQuantile(p float64) float64 { return math.Sqrt2 * math.Erfinv(2*p-1) }

// BlackScholes is the value of the right to develop: a European call on the
// developed product worth s, at cost x, with volatility sigma, over t years at
// continuous rate r and cost of delay q:
// C = s·e^(-qt)·Φ(d1) - x·e^(-rt)·Φ(d2), d1 = [ln(s/x) + (r-q+σ²/2)t]/(σ√t)
// (Black, Scholes 1973; Merton 1973 for q). s and x must be positive.
func BlackScholes(s, x, sigma, t, r, q float64) (c, d1, d2 float64) {
	sd := sigma * math.Sqrt(t)
	fs, fx := s*math.Exp(-q*t), x*math.Exp(-r*t)
	if sd < 1e-12 { // certain: develop when it pays
		return max(fs-fx, 0), math.Inf(sign(fs - fx)), math.Inf(sign(fs - fx))
	}
	d1 = (math.Log(s/x)+(r-q)*t)/sd + sd/2
	d2 = d1 - sd
	return fs*NormalCDF(d1) - fx*NormalCDF(d2), d1, d2
}

func sign(x float64) int {
	if x < 0 {
		return -1
	}
	return 1
}

// Binomial is the same right on a lattice of n steps (Cox, Ross, Rubinstein
// 1979). With american set it may be exercised early, which has value when
// delay costs.
func Binomial(s, x, sigma, t, r, q float64, n int, american bool) float64 {
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
