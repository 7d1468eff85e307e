package valuation

import "math"

// RankValue is the quantile of a population's log-normal value curve at a
// percentile: median·e^(σ·Φ⁻¹(p)). The values of a population ranked 1 to n
// sum to the population's total (standards 4.4, Ocean Tomo's map).
func RankValue(median, sigma, percentile float64) float64 {
	return median * math.Exp(sigma*NormalQuantile(percentile))
}

// rankShift is what a percentile says of the subject when structured data
// explain only a share r2 of the variance of ln value: the mean moves by
// √r2·sd·Φ⁻¹(p) and the variance falls by the factor 1-r2. Averaged over a
// population ranked uniformly, the mixture is the population again.
func rankShift(r *Rank, r2, sd float64) (shift, left float64) {
	if r == nil {
		return 0, 1
	}
	p := min(max(r.Percentile, 0.001), 0.999)
	return math.Sqrt(r2) * sd * NormalQuantile(p), 1 - r2
}

// SigmaOfTopShare is the σ of a log-normal whose top share q of items holds
// share s of the value: s = Φ(σ - Φ⁻¹(1-q)).
func SigmaOfTopShare(q, s float64) float64 { return NormalQuantile(s) + NormalQuantile(1-q) }

// SigmaOfMeanRatio is the σ of a log-normal with that mean/median.
func SigmaOfMeanRatio(ratio float64) float64 { return math.Sqrt(2 * math.Log(ratio)) }
