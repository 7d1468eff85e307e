package income

import "math"

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
