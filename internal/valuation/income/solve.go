package income

import (
	"math"
)

// Bisect finds x in [lo, hi] with f(x) = 0 for a monotone f, false when the
// ends do not bracket it.
func Bisect(f func(float64) float64, lo, hi float64) (float64, bool) {
	a, b := f(lo), f(hi)
	if math.IsNaN(a) || math.IsNaN(b) || a*b > 0 {
		return 0, false
	}
	for range 200 {
		m := (lo + hi) / 2
		if v := f(m); v == 0 {
			return m, true
		} else if v*a > 0 {
			lo = m
		} else {
			hi = m
		}
	}
	return (lo + hi) / 2, true
}

// ImpliedRoyalty is the royalty rate in [0, 1] at which the method gives the
// value; false when none does.
func (m ReliefFromRoyalty) ImpliedRoyalty(value float64) (float64, bool) {
	return Bisect(func(x float64) float64 { m.Royalty = x; return m.Value() - value }, 0, 1)
}

// ImpliedDiscount is the discount rate in (-0.99, 10] at which the method
// gives the value; false when none does.
func (m ReliefFromRoyalty) ImpliedDiscount(value float64) (float64, bool) {
	return Bisect(func(x float64) float64 { m.Discount = x; return m.Value() - value }, -0.99, 10)
}

// BreakEvenScale is the multiple of the revenue forecast at which the method
// gives the value; false when none up to a million does.
func (m ReliefFromRoyalty) BreakEvenScale(value float64) (float64, bool) {
	return Bisect(func(x float64) float64 { m.Scale = max(x, 1e-300); return m.Value() - value }, 0, 1e6)
}
