package valuation

import "math"

// RenewalValue is the Schankerman-Pakes value of a patent with initial yearly
// return r0 decaying at delta, renewed while the return covers the fee:
// T* the last age with r0·e^(-δ(a-1)) ≥ c_a, V = Σ_{a ≤ T*} (r_a - c_a)/(1+i)^(a-1).
// fees[a-1] is the fee of patent year a (Schankerman, Pakes 1986; standards 6.1).
func RenewalValue(r0, delta, i float64, fees []float64) (last int, value float64) {
	for a := 1; a <= len(fees); a++ {
		r := r0 * math.Exp(-delta*float64(a-1))
		if r < fees[a-1] {
			break
		}
		last = a
		value += (r - fees[a-1]) / math.Pow(1+i, float64(a-1))
	}
	return last, value
}

// RenewalSurvival is the share of a cohort with ln r0 ~ N(mu, sigma²) still
// alive at age a: 1 - Φ((ln c_a + δ(a-1) - μ)/σ), the fees rising with age.
func RenewalSurvival(mu, sigma, delta, fee float64, age int) float64 {
	return 1 - NormalCDF((math.Log(fee)+delta*float64(age-1)-mu)/sigma)
}

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
