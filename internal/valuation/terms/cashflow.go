package terms

import (
	"math"
)

// The mathematics of time and money, on whole or broken years. Rates are per
// year. Source: any textbook of corporate finance (Brealey, Myers, Allen,
// chapter 2); each is derived a second way in the tests.

// DiscountFactor is (1+r)^-t for t years; r > -1.
func DiscountFactor(r, t float64) float64 { return math.Exp(-t * math.Log1p(r)) }

// AnnuityFactor is the present value of 1 a year for n years at year end,
// (1-(1+r)^-n)/r, and n at r = 0. n may be broken.
func AnnuityFactor(r, n float64) float64 {
	if math.Abs(r) < 1e-12 {
		return n
	}
	return -math.Expm1(-n*math.Log1p(r)) / r
}

// GrowingAnnuity is the present value of a first payment of 1 at the end of
// year 1 growing at g for n years; n/(1+r) where r equals g.
func GrowingAnnuity(r, g, n float64) float64 {
	if math.Abs(r-g) < 1e-12 {
		return n / (1 + r)
	}
	return -math.Expm1(n*(math.Log1p(g)-math.Log1p(r))) / (r - g)
}

// PresentValue discounts flows at times years.
func PresentValue(flows, times []float64, r float64) float64 {
	pv := 0.0
	for i, f := range flows {
		pv += f * DiscountFactor(r, times[i])
	}
	return pv
}

// Times returns when the flows of n consecutive years fall, in years from the
// valuation date: the first period lasts fraction f of a year, the others one
// year (standards 2.3: τ_1 = f/2, τ_j = f + (j-1) - 1/2 at mid-period).
func Times(n int, f float64, c Convention) []float64 {
	t := make([]float64, n)
	for j := range t {
		switch {
		case c == PeriodEnd:
			t[j] = f + float64(j)
		case j == 0:
			t[j] = f / 2
		default:
			t[j] = f + float64(j) - 0.5
		}
	}
	return t
}
