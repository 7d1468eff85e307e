package accuracy

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// Ranks returns the mid-ranks (1-based, ties share their mean rank).
func Ranks(v []float64) []float64 {
	order := make([]int, len(v))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(v[a], v[b]) })
	r := make([]float64, len(v))
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && v[order[j]] == v[order[i]] {
			j++
		}
		for k := i; k < j; k++ {
			r[order[k]] = float64(i+j+1) / 2
		}
		i = j
	}
	return r
}

func pairedColumns(x, y []float64) error {
	if err := sameLength("x and y", len(x), len(y)); err != nil {
		return err
	}
	if err := finite("x", x); err != nil {
		return err
	}
	return finite("y", y)
}

// pearson is NaN when a column is constant.
func pearson(x, y []float64) float64 {
	mx, my := mean(x), mean(y)
	var sxx, syy, sxy float64
	for i := range x {
		dx, dy := x[i]-mx, y[i]-my
		sxx += dx * dx
		syy += dy * dy
		sxy += dx * dy
	}
	if sxx == 0 || syy == 0 {
		return math.NaN()
	}
	return max(-1, min(1, sxy/math.Sqrt(sxx*syy)))
}

// Spearman is the rank correlation with mid-ranks for ties; NaN when a column
// is constant.
func Spearman(x, y []float64) (float64, error) {
	if err := pairedColumns(x, y); err != nil {
		return 0, err
	}
	return pearson(Ranks(x), Ranks(y)), nil
}

// KendallTauB is (C − D)/√((n₀ − n₁)(n₀ − n₂)) with the tie correction of
// Kendall (1945), in O(n log n) time (Knight 1966); NaN when a column is
// constant.
func KendallTauB(x, y []float64) (float64, error) {
	if err := pairedColumns(x, y); err != nil {
		return 0, err
	}
	n := len(x)
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		if c := cmp.Compare(x[a], x[b]); c != 0 {
			return c
		}
		return cmp.Compare(y[a], y[b])
	})
	ys := make([]float64, n)
	for k, i := range order {
		ys[k] = y[i]
	}
	pairs := func(run int) float64 { return float64(run) * float64(run-1) / 2 }
	var tiesX, tiesXY float64
	for i := 0; i < n; {
		j := i
		for j < n && x[order[j]] == x[order[i]] {
			j++
		}
		tiesX += pairs(j - i)
		for k := i; k < j; {
			l := k
			for l < j && ys[l] == ys[k] {
				l++
			}
			tiesXY += pairs(l - k)
			k = l
		}
		i = j
	}
	swaps := mergeCount(ys, make([]float64, n))
	var tiesY float64
	for i := 0; i < n; { // ys is sorted now
		j := i
		for j < n && ys[j] == ys[i] {
			j++
		}
		tiesY += pairs(j - i)
		i = j
	}
	n0 := pairs(n)
	if n0 == tiesX || n0 == tiesY {
		return math.NaN(), nil
	}
	return (n0 - tiesX - tiesY + tiesXY - 2*swaps) / math.Sqrt(n0-tiesX) / math.Sqrt(n0-tiesY), nil
}

// mergeCount sorts v and returns the number of inversions.
func mergeCount(v, tmp []float64) float64 {
	if len(v) < 2 {
		return 0
	}
	m := len(v) / 2
	c := mergeCount(v[:m], tmp[:m]) + mergeCount(v[m:], tmp[m:])
	copy(tmp, v)
	i, j := 0, m
	for k := range v {
		if j >= len(v) || i < m && tmp[i] <= tmp[j] {
			v[k] = tmp[i]
			i++
		} else {
			v[k] = tmp[j]
			j++
			c += float64(m - i)
		}
	}
	return c
}

// Correlation is a rank correlation measured overall and inside cohorts.
type Correlation struct {
	N        int    `json:"n"`
	Spearman Figure `json:"spearman"`
	Kendall  Figure `json:"kendall_tau_b"`
	// WithinCohort are means over the cohorts of at least 3 samples in which
	// both columns vary, weighted by n − 1: a correlation that comes only from
	// differences between cohorts (age, class) vanishes here.
	WithinCohortSpearman Figure `json:"within_cohort_spearman"`
	WithinCohortKendall  Figure `json:"within_cohort_kendall_tau_b"`
	Cohorts              int    `json:"cohorts"` // that were used
	Method               string `json:"method"`  // of the intervals
}

// rankWork is the number of samples times draws up to which rank correlations
// are resampled: every draw sorts, some 100 ns a sample.
const rankWork = 20_000_000

// largeSample gives the intervals of a large independent sample in closed
// form, on Fisher's z: variance (1 + rho²/2)/(n − 3) for Spearman (Bonett and
// Wright 2000), 0.437/(n − 4) for Kendall (Fieller, Hartley and Pearson 1957).
func largeSample(x, y []float64, opt Options) (*Correlation, error) {
	rho, err := Spearman(x, y)
	if err != nil {
		return nil, err
	}
	tau, err := KendallTauB(x, y)
	if err != nil {
		return nil, err
	}
	opt, err = opt.filled()
	if err != nil {
		return nil, err
	}
	z := distuv.UnitNormal.Quantile(0.5 + opt.Level/2)
	n := float64(len(x))
	fisher := func(r, variance float64) Figure {
		if math.IsNaN(r) {
			return undefined("not defined for this sample")
		}
		half := z * math.Sqrt(variance)
		return Figure{Value: r, Low: math.Tanh(math.Atanh(r) - half), High: math.Tanh(math.Atanh(r) + half)}
	}
	return &Correlation{
		N: len(x), Spearman: fisher(rho, (1+rho*rho/2)/(n-3)), Kendall: fisher(tau, 0.437/(n-4)),
		WithinCohortSpearman: undefined("no cohorts given"), WithinCohortKendall: undefined("no cohorts given"),
		Method: "closed form on Fisher's z (Bonett and Wright 2000; Fieller, Hartley and Pearson 1957), because the sample is large",
	}, nil
}

// RankCorrelations measures how well x orders y, overall and within cohort
// (nil: no cohorts), with cluster bootstrap intervals (clusters nil: every
// sample is independent).
func RankCorrelations(x, y []float64, cohort, clusters []string, opt Options) (*Correlation, error) {
	if err := pairedColumns(x, y); err != nil {
		return nil, err
	}
	if len(x) < 3 {
		return nil, invalid("too_few", "至少需要三个样本", "%d samples; a rank correlation needs at least three", len(x))
	}
	if opt.Iterations == 0 {
		opt.Iterations = 10_000
	}
	if cohort != nil {
		if err := sameLength("cohort and x", len(cohort), len(x)); err != nil {
			return nil, err
		}
	}
	take := func(v []float64, at []int) []float64 {
		out := make([]float64, len(at))
		for k, i := range at {
			out[k] = v[i]
		}
		return out
	}
	spearman := func(at []int) float64 { return pearson(Ranks(take(x, at)), Ranks(take(y, at))) }
	kendall := func(at []int) float64 {
		v, err := KendallTauB(take(x, at), take(y, at))
		if err != nil {
			return math.NaN()
		}
		return v
	}
	if work := len(x) * opt.Iterations; clusters == nil && cohort == nil && (work > rankWork || work < 0) {
		return largeSample(x, y, opt)
	}
	method := "percentile bootstrap"
	if work := len(x) * opt.Iterations; work > rankWork {
		opt.Iterations = max(100, rankWork/len(x))
		method = fmt.Sprintf("percentile bootstrap of %d draws, because the sample is large", opt.Iterations)
	}
	c := &Correlation{N: len(x), Method: method, WithinCohortSpearman: undefined("no cohorts given"), WithinCohortKendall: undefined("no cohorts given")}
	var err error
	if c.Spearman, err = Bootstrap(len(x), clusters, spearman, Percentile, opt); err != nil {
		return nil, err
	}
	if c.Kendall, err = Bootstrap(len(x), clusters, kendall, Percentile, opt); err != nil {
		return nil, err
	}
	if cohort == nil {
		return c, nil
	}
	within := func(f func([]int) float64, used *int) func([]int) float64 {
		return func(at []int) float64 {
			by := map[string][]int{}
			for _, i := range at {
				by[cohort[i]] = append(by[cohort[i]], i)
			}
			names := make([]string, 0, len(by))
			for name := range by {
				names = append(names, name)
			}
			slices.Sort(names) // the sum must not depend on map order
			var sum, weight float64
			k := 0
			for _, name := range names {
				if len(by[name]) < 3 {
					continue
				}
				if v := f(by[name]); !math.IsNaN(v) {
					w := float64(len(by[name]) - 1)
					sum += w * v
					weight += w
					k++
				}
			}
			if used != nil {
				*used = k
			}
			return sum / weight // NaN when no cohort qualifies
		}
	}
	all := make([]int, len(x))
	for i := range all {
		all[i] = i
	}
	within(spearman, &c.Cohorts)(all)
	if c.Cohorts == 0 {
		reason := fmt.Sprintf("no cohort of at least 3 samples in which both columns vary (n = %d)", len(x))
		c.WithinCohortSpearman, c.WithinCohortKendall = undefined(reason), undefined(reason)
		return c, nil
	}
	if c.WithinCohortSpearman, err = Bootstrap(len(x), clusters, within(spearman, nil), Percentile, opt); err != nil {
		return nil, err
	}
	c.WithinCohortKendall, err = Bootstrap(len(x), clusters, within(kendall, nil), Percentile, opt)
	return c, err
}

// Retrieval scores one ranked answer: relevant[i] says whether the i-th
// result is relevant, total is the number of relevant documents there are.
// NDCG uses binary gains and the discount 1/log2(rank + 1).
type Retrieval struct {
	Recall    float64 `json:"recall"`
	Precision float64 `json:"precision"`
	NDCG      float64 `json:"ndcg"`
	MRR       float64 `json:"mrr"` // 1 / rank of the first relevant result, 0 when there is none
}

// ScoreRetrieval scores the first k results. A shorter answer counts its
// missing places as irrelevant. total < 1 is an error: a query without a
// relevant document measures nothing.
func ScoreRetrieval(relevant []bool, total, k int) (Retrieval, error) {
	if k < 1 {
		return Retrieval{}, invalid("cutoff", "截断位置须至少为1", "k is %d; it must be at least 1", k)
	}
	if total < 1 {
		return Retrieval{}, invalid("no_relevant", "查询没有相关文档", "the query has no relevant document")
	}
	var r Retrieval
	var dcg, ideal float64
	found := 0
	for i := range min(k, len(relevant)) {
		if !relevant[i] {
			continue
		}
		found++
		dcg += 1 / math.Log2(float64(i)+2)
		if r.MRR == 0 {
			r.MRR = 1 / float64(i+1)
		}
	}
	if found > total {
		return Retrieval{}, invalid("no_relevant", "相关结果多于相关文档", "%d relevant results but only %d relevant documents", found, total)
	}
	for i := range min(k, total) {
		ideal += 1 / math.Log2(float64(i)+2)
	}
	r.Recall = float64(found) / float64(total)
	r.Precision = float64(found) / float64(k)
	r.NDCG = dcg / ideal
	return r, nil
}
