package valuation

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// rankShift is what a percentile says of the subject when structured data
// explain only a share r2 of the variance of ln value: the mean moves by
// √r2·sd·Φ⁻¹(p) and the variance falls by the factor 1-r2. Averaged over a
// population ranked uniformly, the mixture is the population again.
func rankShift(r *Rank, r2, sd float64) (shift, left float64) {
	if r == nil {
		return 0, 1
	}
	p := min(max(r.Percentile, 0.001), 0.999)
	return math.Sqrt(r2) * sd * distuv.UnitNormal.Quantile(p), 1 - r2
}
