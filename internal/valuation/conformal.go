package valuation

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"zhijia/internal/valuation/terms"
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

// calibrated is the outcome of calibration in units of the model's sd.
type calibrated struct {
	half     float64 // two-sided: half width / sd
	lower    float64 // one-sided: (median - lower bound) / sd
	largest  float64 // largest score seen
	n        int
	coverage *float64
	how      string
}

// calibrate turns the calibration set into multipliers of the model's sd for
// the level. One error counts per cluster (the largest), so that a family of
// deals is one observation. kind restricts a Mondrian calibration.
func (c *Calibration) calibrate(level float64, kind terms.DealKind) calibrated {
	z := distuv.UnitNormal.Quantile((1 + level) / 2)
	out := calibrated{half: z, lower: distuv.UnitNormal.Quantile(level), how: "uncalibrated"}
	type score struct{ abs, down, weight float64 }
	byCluster := map[string]score{}
	var keys []string
	for _, s := range c.Scores {
		if !(s.SD > 0) || math.IsNaN(s.Error) || math.IsInf(s.Error, 0) || c.Mode == "mondrian" && s.Kind != kind {
			continue
		}
		key := s.Cluster
		if key == "" {
			key = "deal:" + s.ID
		}
		w := s.Weight
		if w == 0 {
			w = 1
		}
		e := s.Error / s.SD
		old, seen := byCluster[key]
		if !seen {
			keys = append(keys, key)
		}
		if !seen || math.Abs(e) > old.abs {
			byCluster[key] = score{math.Abs(e), -e, w}
		}
	}
	if len(keys) == 0 {
		return out
	}
	slices.Sort(keys)
	abs, down, weight := make([]float64, len(keys)), make([]float64, len(keys)), make([]float64, len(keys))
	for i, k := range keys {
		s := byCluster[k]
		abs[i], down[i], weight[i] = s.abs, s.down, s.weight
	}
	out.n, out.how = len(keys), "conformal"
	if c.Mode == "weighted" {
		out.half, out.lower = WeightedQuantile(abs, weight, 1, level), WeightedQuantile(down, weight, 1, level)
	} else {
		out.half, out.lower = SplitQuantile(abs, level), SplitQuantile(down, level)
	}
	out.largest = slices.Max(abs)
	if n := len(abs); n > 1 { // each deal against the quantile of the others
		sorted := slices.Clone(abs)
		slices.Sort(sorted)
		k := int(math.Ceil(float64(n)*level - 1e-9))
		in := 0.0
		for i, v := range sorted {
			switch {
			case k > n-1:
				in++
			case i < k && v <= sorted[k], i >= k && v <= sorted[k-1]:
				in++
			}
		}
		cov := in / float64(n)
		out.coverage = &cov
	}
	return out
}
