package income

import (
	"math"

	"zhijia/internal/valuation/terms"
)

// TABFactor is the step-up 1/(1 - (T/n)·AF(k, n)) by which a value before tax
// amortisation rises to the value of a buyer who may amortise it: the benefit
// is computed on the value that includes it (IVS 210; standards 4.3). n is
// the tax amortisation life, not the economic life. Mid-year multiplies the
// annuity factor by (1+k)^½. It returns +Inf when the benefit alone would pay
// for the asset.
func TABFactor(tax, k, n float64, mid bool) float64 {
	af := terms.AnnuityFactor(k, n)
	if mid {
		af *= math.Sqrt(1 + k)
	}
	d := 1 - tax*af/n
	if d <= 0 {
		return math.Inf(1)
	}
	return 1 / d
}

// TABAmount is the present value of the tax saved by amortising a given value
// over n years: value·T·AF(k, n)/n. It is not the step-up of [TABFactor].
func TABAmount(value, tax, k, n float64) float64 { return value * tax * terms.AnnuityFactor(k, n) / n }
