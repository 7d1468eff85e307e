package income

import (
	"math"
)

// RenewalBound is the least present value at the start of year paid+1 of a
// patent whose fee of year paid was worth paying: its return was at least the
// fee then, so it is worth at least what that return earns from here on.
func RenewalBound(paid int, delta, i float64, fees []float64) float64 {
	if paid < 1 || paid > len(fees) {
		return 0
	}
	r := fees[paid-1]
	sum := 0.0
	for a := paid + 1; a <= len(fees); a++ {
		r *= math.Exp(-delta)
		if r < fees[a-1] {
			break
		}
		sum += (r - fees[a-1]) / math.Pow(1+i, float64(a-paid-1))
	}
	return sum
}
