package accuracy

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// Method names how an interval was made from bootstrap draws.
type Method string

// The interval methods.
const (
	Percentile Method = "percentile" // quantiles of the draws
	BCa        Method = "bca"        // bias-corrected and accelerated (Efron 1987)
)

// Bootstrap returns the statistic of n samples with an interval. stat
// receives the positions drawn (with repetition; all positions in order for
// the point) and may return NaN where the statistic is not defined; it must
// not keep or change the slice and must be safe to call from opt.Workers
// goroutines. clusters is nil or one label per sample: then whole clusters
// are drawn, and BCa's acceleration comes from leaving out one cluster at a
// time.
func Bootstrap(n int, clusters []string, stat func(at []int) float64, method Method, opt Options) (Figure, error) {
	opt, err := opt.filled()
	if err != nil {
		return Figure{}, err
	}
	if n < 1 {
		return Figure{}, invalid("empty", "没有样本", "no samples")
	}
	if err := checkClusters(clusters, n); err != nil {
		return Figure{}, err
	}
	if method != Percentile && method != BCa {
		return Figure{}, invalid("method", "区间方法未知", "interval method %q; use %s or %s", method, Percentile, BCa)
	}
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	f := point(stat(all))
	if !f.Defined() {
		return undefined("not defined for this sample"), nil
	}
	members := clusterMembers(clusters, n)
	draws := drawStatistic(members, stat, opt)
	draws = slices.DeleteFunc(draws, math.IsNaN)
	if len(members) < 2 || len(draws) == 0 || len(draws) < opt.Iterations*19/20 {
		f.Reason = "no interval: one independent unit, or the statistic is not defined in more than 5% of the resamples"
		return f, nil
	}
	slices.Sort(draws)
	lo, hi := (1-opt.Level)/2, (1+opt.Level)/2
	if method == BCa {
		lo, hi = bcaLevels(f.Value, draws, members, stat, lo, hi)
	}
	f.Low, f.High = Quantile(draws, lo), Quantile(draws, hi)
	return f, nil
}

func drawStatistic(members [][]int32, stat func([]int) float64, opt Options) []float64 {
	draws := make([]float64, opt.Iterations)
	inParallel(min(opt.Workers, opt.Iterations), func(w, workers int) {
		var at []int
		for b := w; b < opt.Iterations; b += workers {
			rng := stream(opt.Seed, b)
			at = at[:0]
			for range members {
				for _, i := range members[rng.below(uint64(len(members)))] {
					at = append(at, int(i))
				}
			}
			draws[b] = stat(at)
		}
	})
	return draws
}

// MeanFigure is the mean of values with its percentile (cluster) bootstrap
// interval.
func MeanFigure(values []float64, clusters []string, opt Options) (Figure, error) {
	if err := finite("values", values); err != nil {
		return Figure{}, err
	}
	if err := checkClusters(clusters, len(values)); err != nil {
		return Figure{}, err
	}
	opt, err := opt.filled()
	if err != nil {
		return Figure{}, err
	}
	f := point(mean(values))
	members := clusterMembers(clusters, len(values))
	if len(members) < 2 {
		f.Reason = "no interval from one independent unit"
		return f, nil
	}
	draws := meanDraws(values, members, opt)
	f.Low, f.High = Quantile(draws, (1-opt.Level)/2), Quantile(draws, (1+opt.Level)/2)
	return f, nil
}

// meanDraws returns the sorted means of opt.Iterations resamples of whole
// clusters, from the sum and the size of each.
func meanDraws(values []float64, members [][]int32, opt Options) []float64 {
	sum := make([]float64, len(members))
	size := make([]int32, len(members))
	for k, m := range members {
		size[k] = int32(len(m))
		for _, i := range m {
			sum[k] += values[i]
		}
	}
	alone := len(members) == len(values)
	draws := make([]float64, opt.Iterations)
	inParallel(min(opt.Workers, opt.Iterations), func(w, workers int) {
		for b := w; b < opt.Iterations; b += workers {
			rng := stream(opt.Seed, b)
			if alone {
				draws[b] = rng.meanOf(sum)
				continue
			}
			s, n := 0.0, 0
			for range sum {
				k := rng.below(uint64(len(sum)))
				s += sum[k]
				n += int(size[k])
			}
			draws[b] = s / float64(n)
		}
	})
	slices.Sort(draws)
	return draws
}

// bcaLevels moves the percentile levels for bias (share of draws below the
// point, ties counted half) and skewness (jackknife over clusters).
func bcaLevels(value float64, draws []float64, members [][]int32, stat func([]int) float64, lo, hi float64) (float64, float64) {
	below := 0.0
	for _, d := range draws {
		switch {
		case d < value:
			below++
		case d == value:
			below += 0.5
		}
	}
	n := float64(len(draws))
	norm := distuv.UnitNormal
	z0 := norm.Quantile(min(max(below/n, 0.5/n), 1-0.5/n))
	jack := make([]float64, 0, len(members))
	var at []int
	for k := range members {
		at = at[:0]
		for j, m := range members {
			if j == k {
				continue
			}
			for _, i := range m {
				at = append(at, int(i))
			}
		}
		if v := stat(at); !math.IsNaN(v) {
			jack = append(jack, v)
		}
	}
	a := 0.0
	if len(jack) > 1 {
		m := mean(jack)
		var d2, d3 float64
		for _, v := range jack {
			d := m - v
			d2 += d * d
			d3 += d * d * d
		}
		if d2 > 0 {
			a = d3 / (6 * math.Pow(d2, 1.5))
		}
	}
	level := func(p float64) float64 {
		z := z0 + norm.Quantile(p)
		return norm.CDF(z0 + z/(1-a*z))
	}
	return level(lo), level(hi)
}

// ClopperPearson returns the exact interval of a proportion: k successes in n
// trials (Clopper and Pearson 1934).
func ClopperPearson(k, n int, level float64) (Figure, error) {
	if n < 1 || k < 0 || k > n {
		return Figure{}, invalid("proportion", "成功数须在0与试验数之间", "%d of %d is not a proportion", k, n)
	}
	if !(level > 0 && level < 1) {
		return Figure{}, invalid("level", "置信水平须在0与1之间", "the level must lie between 0 and 1, got %v", level)
	}
	a := (1 - level) / 2
	f := Figure{Value: float64(k) / float64(n), Low: 0, High: 1}
	if k > 0 {
		f.Low = distuv.Beta{Alpha: float64(k), Beta: float64(n-k) + 1}.Quantile(a)
	}
	if k < n {
		f.High = distuv.Beta{Alpha: float64(k) + 1, Beta: float64(n - k)}.Quantile(1 - a)
	}
	return f, nil
}
