package accuracy

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// RatioStudy is the outcome of comparing estimates with prices paid, in the
// terms of the IAAO Standard on Ratio Studies. ratio_i = estimate_i / price_i
// and M is the median ratio.
type RatioStudy struct {
	N        int `json:"n"`
	Clusters int `json:"clusters"` // independent units: equals N when samples were not grouped

	MedianRatio       Figure `json:"median_ratio"`
	MeanRatio         Figure `json:"mean_ratio"`
	WeightedMeanRatio Figure `json:"weighted_mean_ratio"` // Σ estimate / Σ price
	COD               Figure `json:"cod"`                 // 100 · mean|ratio − M| / M
	PRD               Figure `json:"prd"`                 // mean ratio / weighted mean ratio
	PRB               Figure `json:"prb"`                 // slope of (ratio − M)/M on log2(½(estimate/M + price))
	MKI               Figure `json:"mki"`                 // Gini(estimate in price order) / Gini(price)
	KI                Figure `json:"ki"`                  // the difference of the two Ginis
	VEI               Figure `json:"vei"`                 // 100 · (median ratio of the top group − of the bottom group)/M

	VEIGroups []RatioGroup `json:"vei_groups,omitempty"`
	// VEISignificant is true when the 90% intervals of the bottom and the top
	// group do not overlap.
	VEISignificant bool `json:"vei_significant"`

	MedianLogRatio float64 `json:"median_log_ratio"`
	MADLogRatio    float64 `json:"mad_log_ratio"` // median |ln ratio − its median|

	Level      float64 `json:"level"`
	Iterations int     `json:"iterations"`
	Seed       uint64  `json:"seed"`
	// Method says how the intervals were made.
	Method string `json:"method"`
}

// RatioGroup is one group of the vertical equity indicator.
type RatioGroup struct {
	N           int     `json:"n"`
	ProxyLow    float64 `json:"proxy_low"` // lowest and highest ½·price + ½·estimate/M in the group
	ProxyHigh   float64 `json:"proxy_high"`
	MedianRatio Figure  `json:"median_ratio"` // with its 90% interval for the bottom and the top group
}

// StudyRatios compares estimates with prices (both positive, one currency).
// clusters is nil or one label per sample; resampling then draws whole
// clusters, because samples of one deal or one patent family are not
// independent. The intervals are percentile intervals of the exact
// nonparametric bootstrap (n draws with replacement, every draw of every
// replicate made), except PRB, whose interval is the closed form
// slope ± t(1−α/2, n−2)·se.
//
// A single sample is refused: a dispersion of one value says nothing.
func StudyRatios(estimate, price []float64, clusters []string, opt Options) (*RatioStudy, error) {
	opt, err := opt.filled()
	if err != nil {
		return nil, err
	}
	if err := sameLength("estimate and price", len(estimate), len(price)); err != nil {
		return nil, err
	}
	if err := positive("estimate", estimate); err != nil {
		return nil, err
	}
	if err := positive("price", price); err != nil {
		return nil, err
	}
	if err := checkClusters(clusters, len(price)); err != nil {
		return nil, err
	}
	if len(price) < 2 {
		return nil, invalid("too_few", "至少需要两个样本", "one sample; a ratio study needs at least two")
	}
	s, err := newSorted(estimate, price, clusters)
	if err != nil {
		return nil, err
	}
	out := s.points(opt.Level)
	out.Level, out.Iterations, out.Seed = opt.Level, opt.Iterations, opt.Seed
	out.Method = "exact bootstrap of pairs, percentile interval; prb closed form (Student t)"
	if clusters != nil {
		out.Clusters = len(s.members)
		out.Method = "exact bootstrap of whole clusters, percentile interval; prb closed form (Student t, clusters ignored)"
	}
	s.intervals(out, opt)
	return out, nil
}

// Trim returns the positions of the samples whose ratio lies within
// [Q1 − 3·IQR, Q3 + 3·IQR] (IAAO's rule for extreme outliers, type 7
// quantiles), in order.
func Trim(estimate, price []float64) []int {
	r := make([]float64, len(price))
	for i := range r {
		r[i] = estimate[i] / price[i]
	}
	s := slices.Clone(r)
	slices.Sort(s)
	q1, q3 := Quantile(s, 0.25), Quantile(s, 0.75)
	lo, hi := q1-3*(q3-q1), q3+3*(q3-q1)
	var keep []int
	for i, x := range r {
		if x >= lo && x <= hi {
			keep = append(keep, i)
		}
	}
	return keep
}

// sortedSample holds a sample twice: in ratio order, for everything that
// needs the median, and in price order, for the Ginis. A resample is then a
// count per sample, and every statistic one pass over the counts.
type sortedSample struct {
	ratio, estimate, price []float64 // in ratio order
	byPrice                []int32   // ratio-order positions, in price order
	estByPrice, priceSort  []float64
	members                [][]int32 // clusters, as ratio-order positions; nil when every sample is one
	groups                 [][]int32 // VEI groups, bottom first; ratio-order positions, ascending
	groupReason            string
}

func newSorted(estimate, price []float64, clusters []string) (*sortedSample, error) {
	n := len(price)
	ratio := make([]float64, n)
	for i := range ratio {
		ratio[i] = estimate[i] / price[i]
		if math.IsInf(ratio[i], 0) || ratio[i] == 0 {
			return nil, invalid("out_of_range", fmt.Sprintf("第%d个样本的比率超出可表示范围", i+1), "the ratio of sample %d cannot be represented", i+1)
		}
	}
	order := make([]int32, n)
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(ratio[a], ratio[b]) })
	position := make([]int32, n) // of the original sample in ratio order
	s := &sortedSample{
		ratio: make([]float64, n), estimate: make([]float64, n), price: make([]float64, n),
		byPrice: make([]int32, n), estByPrice: make([]float64, n), priceSort: make([]float64, n),
	}
	for k, i := range order {
		position[i] = int32(k)
		s.ratio[k], s.estimate[k], s.price[k] = ratio[i], estimate[i], price[i]
	}
	// Ties in price keep the order of the input, as the published vectors do.
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(price[a], price[b]) })
	for k, i := range order {
		s.byPrice[k], s.estByPrice[k], s.priceSort[k] = position[i], estimate[i], price[i]
	}
	if clusters != nil {
		s.members = clusterMembers(clusters, n)
		for _, m := range s.members {
			for j := range m {
				m[j] = position[m[j]]
			}
		}
	}
	s.groups, s.groupReason = s.veiGroups()
	total := 0.0
	for i := range s.price {
		total += s.price[i] + s.estimate[i]
	}
	if math.IsInf(total*float64(n), 0) {
		return nil, invalid("out_of_range", "数值之和超出可表示范围", "the sum of the values cannot be represented")
	}
	return s, nil
}

// veiGroupCount is the number of groups for n sales: 20 to 50 make 2, 51 to
// 500 make 4, more make 10; below 20 the indicator is not defined.
func veiGroupCount(n int) int {
	switch {
	case n < 20:
		return 0
	case n <= 50:
		return 2
	case n <= 500:
		return 4
	}
	return 10
}

// veiGroups splits the sample at the type-7 quantiles of the proxy
// ½·price + ½·estimate/M; a value on an edge belongs to the lower group.
func (s *sortedSample) veiGroups() ([][]int32, string) {
	n := len(s.ratio)
	k := veiGroupCount(n)
	if k == 0 {
		return nil, fmt.Sprintf("fewer than 20 samples (n = %d)", n)
	}
	proxy := s.proxy()
	sorted := slices.Clone(proxy)
	slices.Sort(sorted)
	edges := make([]float64, k-1)
	for g := range edges {
		edges[g] = Quantile(sorted, float64(g+1)/float64(k))
	}
	groups := make([][]int32, k)
	for i, x := range proxy {
		g := 0
		for g < k-1 && x > edges[g] {
			g++
		}
		groups[g] = append(groups[g], int32(i))
	}
	if len(groups[0]) == 0 || len(groups[k-1]) == 0 {
		return nil, "too many equal values to form the groups"
	}
	return groups, ""
}

func (s *sortedSample) proxy() []float64 {
	m := medianSorted(s.ratio)
	p := make([]float64, len(s.ratio))
	for i := range p {
		p[i] = 0.5*s.price[i] + 0.5*s.estimate[i]/m
	}
	return p
}

// points fills in every statistic of the sample itself.
func (s *sortedSample) points(level float64) *RatioStudy {
	n := len(s.ratio)
	fn := float64(n)
	m := medianSorted(s.ratio)
	var sumA, sumP, dev float64
	for i, r := range s.ratio {
		sumA += s.estimate[i]
		sumP += s.price[i]
		dev += math.Abs(r - m)
	}
	avg := mean(s.ratio)
	var gA, gP float64
	for k := range s.priceSort {
		gA += s.estByPrice[k] * float64(k+1)
		gP += s.priceSort[k] * float64(k+1)
	}
	giniA := (2*gA/sumA - (fn + 1)) / fn
	giniP := (2*gP/sumP - (fn + 1)) / fn
	out := &RatioStudy{
		N: n, Clusters: n,
		MedianRatio: point(m), MeanRatio: point(avg), WeightedMeanRatio: point(sumA / sumP),
		COD: point(100 * dev / fn / m), PRD: point(avg / (sumA / sumP)), KI: point(giniA - giniP),
		PRB: s.prb(m, level),
	}
	if s.priceSort[0] == s.priceSort[n-1] {
		out.MKI = undefined("all prices are equal, so their Gini is zero")
	} else {
		out.MKI = point(giniA / giniP)
	}
	logs := make([]float64, n)
	for i, r := range s.ratio {
		logs[i] = math.Log(r)
	}
	out.MedianLogRatio = Median(logs)
	for i := range logs {
		logs[i] = math.Abs(logs[i] - out.MedianLogRatio)
	}
	out.MADLogRatio = Median(logs)

	if s.groups == nil {
		out.VEI = undefined(s.groupReason)
		return out
	}
	proxy := s.proxy()
	for _, g := range s.groups {
		rg := RatioGroup{N: len(g), MedianRatio: undefined("empty group")}
		if len(g) > 0 {
			r := make([]float64, len(g))
			rg.ProxyLow, rg.ProxyHigh = math.Inf(1), math.Inf(-1)
			for j, i := range g {
				r[j] = s.ratio[i]
				rg.ProxyLow, rg.ProxyHigh = min(rg.ProxyLow, proxy[i]), max(rg.ProxyHigh, proxy[i])
			}
			rg.MedianRatio = point(medianSorted(r))
		}
		out.VEIGroups = append(out.VEIGroups, rg)
	}
	last := len(s.groups) - 1
	out.VEI = point(100 * (out.VEIGroups[last].MedianRatio.Value - out.VEIGroups[0].MedianRatio.Value) / m)
	return out
}

// prb is the slope (never the intercept) of the least-squares line of
// (ratio − M)/M on log2(½(estimate/M + price)), with the closed-form interval.
func (s *sortedSample) prb(m, level float64) Figure {
	n := len(s.ratio)
	x, y := make([]float64, n), make([]float64, n)
	for i := range x {
		x[i] = math.Log2((s.estimate[i]/m + s.price[i]) / 2)
		y[i] = (s.ratio[i] - m) / m
	}
	mx, my := mean(x), mean(y)
	var sxx, sxy float64
	for i := range x {
		sxx += (x[i] - mx) * (x[i] - mx)
		sxy += (x[i] - mx) * (y[i] - my)
	}
	// Logs that are equal in fact may differ in the last bit.
	if sxx <= float64(n)*math.Pow(1e-14*max(1, math.Abs(mx)), 2) {
		return undefined("all samples are of the same value, so there is no slope")
	}
	f := point(sxy / sxx)
	if n < 3 {
		f.Reason = "no interval from fewer than 3 samples"
		return f
	}
	var sse float64
	for i := range x {
		e := y[i] - my - f.Value*(x[i]-mx)
		sse += e * e
	}
	df := float64(n - 2)
	half := tQuantile(0.5+level/2, df) * math.Sqrt(sse/df/sxx)
	f.Low, f.High = f.Value-half, f.Value+half
	return f
}

// tQuantile is the p-quantile of Student's t with df degrees of freedom,
// polished by Newton steps on the distribution function so that it is exact
// to the last digits.
func tQuantile(p, df float64) float64 {
	d := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}
	q := d.Quantile(p)
	for range 3 {
		q -= (d.CDF(q) - p) / d.Prob(q)
	}
	return q
}
