package valuation

import (
	"cmp"
	"math"
	"slices"
)

// Conformal calibration (standards 3.4): the width of the range is a quantile
// of the errors made on past deals, with the finite-sample correction that
// gives coverage of at least the level when the next deal is exchangeable
// with them. Too few deals give an infinite width, never a narrow one.

// SplitQuantile is the ceil((n+1)·level)-th smallest score, +Inf when n is
// smaller than that (Vovk; Lei et al. 2018).
func SplitQuantile(scores []float64, level float64) float64 {
	n := len(scores)
	k := int(math.Ceil((float64(n)+1)*level - 1e-9))
	if k > n {
		return math.Inf(1)
	}
	s := slices.Clone(scores)
	slices.Sort(s)
	return s[max(k, 1)-1]
}

// WeightedQuantile is the level quantile of Σ p_i δ(e_i) + p_∞ δ(∞), p in
// proportion to the weights with the test point's own; +Inf when the finite
// mass does not reach the level (Tibshirani et al. 2019).
func WeightedQuantile(scores, weights []float64, test, level float64) float64 {
	order := make([]int, len(scores))
	total := test
	for i := range order {
		order[i] = i
		total += weights[i]
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(scores[i], scores[j]) })
	sum := 0.0
	for _, i := range order {
		sum += weights[i]
		if sum/total >= level-1e-12 {
			return scores[i]
		}
	}
	return math.Inf(1)
}

// MinCalibration is the least n that gives a finite quantile at the level:
// 4 at 80%, 9 at 90%, 19 at 95%.
func MinCalibration(level float64) int {
	return int(math.Ceil(level/(1-level) - 1e-9))
}
