package accuracy

import (
	"cmp"
	"math"
	"slices"
)

// ErrorTable is the published table of errors: how far estimates lie from
// prices, on the log scale (e = ln estimate − ln price) and in per cent of
// the price (the AVM trade's MdAPE and PE).
type ErrorTable struct {
	N        int `json:"n"`
	Clusters int `json:"clusters"`

	MedianLogError    Figure `json:"median_log_error"`     // bias: median e
	MedianAbsLogError Figure `json:"median_abs_log_error"` // median |e|
	MeanAbsLogError   Figure `json:"mean_abs_log_error"`
	RMSLogError       Figure `json:"rms_log_error"`
	Within25          Figure `json:"within_25"`  // share with |e| <= ln 1.25
	Within50          Figure `json:"within_50"`  // share with |e| <= ln 1.5
	Within100         Figure `json:"within_100"` // share with |e| <= ln 2
	FSD               Figure `json:"fsd"`        // standard deviation of e (n − 1), log scale
	FSD68             Figure `json:"fsd_68"`     // 68.27% of samples lie within ± this, log scale
	MdAPE             Figure `json:"mdape"`      // median |estimate − price| / price
	PE10              Figure `json:"pe10"`       // share with |estimate − price| / price <= 0.10
	PE20              Figure `json:"pe20"`
	PE30              Figure `json:"pe30"`

	Level      float64 `json:"level"`
	Iterations int     `json:"iterations"`
	Seed       uint64  `json:"seed"`
	Method     string  `json:"method"`
}

// LogErrors returns the error table of positive estimates beside positive
// prices. clusters is nil or one label per sample. Intervals are percentile
// bootstrap intervals, except that shares of independent samples carry their
// exact (Clopper-Pearson) interval.
func LogErrors(estimate, price []float64, clusters []string, opt Options) (*ErrorTable, error) {
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
	s := newErrorSample(estimate, price, clusters)
	n := len(price)
	t := &ErrorTable{
		N: n, Clusters: n, Level: opt.Level, Iterations: opt.Iterations, Seed: opt.Seed,
		Method: "exact bootstrap of pairs, percentile interval; shares exact (Clopper-Pearson)",
	}
	if clusters != nil {
		t.Clusters = len(s.members)
		t.Method = "exact bootstrap of whole clusters, percentile interval"
	}
	ones := make([]uint16, n)
	for i := range ones {
		ones[i] = 1
	}
	values := s.measure(ones, true)
	draws := make([][]float64, len(values))
	for k := range draws {
		draws[k] = make([]float64, opt.Iterations)
	}
	if t.Clusters > 1 {
		inParallel(min(opt.Workers, opt.Iterations), func(w, workers int) {
			r := newResample(n, s.members)
			for b := w; b < opt.Iterations; b += workers {
				rng := stream(opt.Seed, b)
				r.draw(&rng)
				for k, v := range s.measure(r.count, clusters != nil) {
					draws[k][b] = v
				}
			}
		})
	}
	figures := [errorKinds]*Figure{
		&t.MedianLogError, &t.MedianAbsLogError, &t.MeanAbsLogError, &t.RMSLogError, &t.FSD, &t.FSD68, &t.MdAPE,
		&t.Within25, &t.Within50, &t.Within100, &t.PE10, &t.PE20, &t.PE30,
	}
	for k, f := range figures {
		*f = point(values[k])
		if !f.Defined() {
			*f = undefined("needs at least two samples")
			continue
		}
		if k >= firstShare && clusters == nil {
			*f, _ = ClopperPearson(int(math.Round(values[k]*float64(n))), n, opt.Level)
			continue
		}
		if t.Clusters < 2 {
			f.Reason = "no interval from one independent unit"
			continue
		}
		d := slices.DeleteFunc(draws[k], math.IsNaN)
		slices.Sort(d)
		f.Low, f.High = Quantile(d, (1-opt.Level)/2), Quantile(d, (1+opt.Level)/2)
	}
	return t, nil
}

const (
	firstShare = 7
	errorKinds = 13
)

// errorSample keeps the samples in the order of the signed log error, with
// the orders of the two absolute errors beside it, so that a resample given
// as counts is measured in three passes.
type errorSample struct {
	e       []float64 // ascending
	byAbs   []int32   // positions by |e|
	byAPE   []int32   // positions by |estimate/price − 1|
	abs     []float64 // |e|, ascending
	ape     []float64 // ascending
	members [][]int32
}

func newErrorSample(estimate, price []float64, clusters []string) *errorSample {
	n := len(price)
	order := make([]int32, n)
	raw := make([]float64, n)
	for i := range order {
		order[i] = int32(i)
		raw[i] = math.Log(estimate[i]) - math.Log(price[i])
	}
	slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(raw[a], raw[b]) })
	s := &errorSample{e: make([]float64, n), byAbs: make([]int32, n), byAPE: make([]int32, n)}
	ape := make([]float64, n) // in the order of e
	position := make([]int32, n)
	for k, i := range order {
		s.e[k] = raw[i]
		ape[k] = math.Abs(estimate[i]-price[i]) / price[i]
		s.byAbs[k], s.byAPE[k] = int32(k), int32(k)
		position[i] = int32(k)
	}
	slices.SortStableFunc(s.byAbs, func(a, b int32) int { return cmp.Compare(math.Abs(s.e[a]), math.Abs(s.e[b])) })
	slices.SortStableFunc(s.byAPE, func(a, b int32) int { return cmp.Compare(ape[a], ape[b]) })
	for k := range n {
		s.abs = append(s.abs, math.Abs(s.e[s.byAbs[k]]))
		s.ape = append(s.ape, ape[s.byAPE[k]])
	}
	if clusters != nil {
		s.members = clusterMembers(clusters, n)
		for _, m := range s.members {
			for j := range m {
				m[j] = position[m[j]]
			}
		}
	}
	return s
}

// slack lets an error that is exactly at a limit count as within it although
// its logarithm was rounded.
const slack = 1e-12

// measure computes the statistics of a resample given as counts; the shares,
// which need two passes more, only when asked for.
func (s *errorSample) measure(count []uint16, shares bool) [errorKinds]float64 {
	var n int64
	var sum, sumAbs, sum2 float64
	values := s.e[:len(count)]
	for i, c := range count {
		f := float64(c)
		e := values[i]
		n += int64(c)
		sum += f * e
		sumAbs += f * math.Abs(e)
		sum2 += f * e * e
	}
	fn := float64(n)
	var out [errorKinds]float64
	var q [1]float64
	countQuantiles(s.e, nil, count, n, []float64{0.5}, q[:])
	out[0] = q[0]
	var q2 [2]float64
	countQuantiles(s.abs, s.byAbs, count, n, []float64{0.5, 0.6827}, q2[:])
	out[1], out[5] = q2[0], q2[1]
	countQuantiles(s.ape, s.byAPE, count, n, []float64{0.5}, q[:])
	out[6] = q[0]
	out[2] = sumAbs / fn
	out[3] = math.Sqrt(sum2 / fn)
	out[4] = math.NaN()
	if n > 1 {
		m := sum / fn
		out[4] = math.Sqrt(max(0, sum2-fn*m*m) / (fn - 1))
	}
	if shares {
		for k, limit := range [3]float64{math.Log(1.25), math.Log(1.5), math.Log(2)} {
			out[firstShare+k] = countWithin(s.abs, s.byAbs, count, limit+slack) / fn
		}
		for k, limit := range [3]float64{0.10, 0.20, 0.30} {
			out[firstShare+3+k] = countWithin(s.ape, s.byAPE, count, limit+slack) / fn
		}
	}
	return out
}

// countWithin is the number of drawn values not above the limit; values are
// ascending and at holds their positions in count.
func countWithin(values []float64, at []int32, count []uint16, limit float64) float64 {
	var n int64
	for k, v := range values {
		if v > limit {
			break
		}
		n += int64(count[at[k]])
	}
	return float64(n)
}

// countQuantiles writes the type-7 quantiles (p ascending) of n values given
// in ascending order, each as often as count says at its position (at nil:
// its own index).
func countQuantiles(values []float64, at []int32, count []uint16, n int64, p, out []float64) {
	var seen int64
	k, last := 0, -1
	next := func() { // move to the next drawn value
		for {
			c := count[k]
			if at != nil {
				c = count[at[k]]
			}
			k++
			if c > 0 {
				seen += int64(c)
				last = k - 1
				return
			}
		}
	}
	for j, level := range p {
		h := level * float64(n-1)
		rank := int64(math.Floor(h))
		// Run to the block that holds the rank, without a call a value.
		if at == nil {
			for k < len(values) && seen <= rank {
				if c := count[k]; c > 0 {
					seen += int64(c)
					last = k
				}
				k++
			}
		} else {
			for k < len(values) && seen <= rank {
				if c := count[at[k]]; c > 0 {
					seen += int64(c)
					last = k
				}
				k++
			}
		}
		low := values[last]
		out[j] = low
		if f := h - float64(rank); f > 0 {
			if seen <= rank+1 {
				next()
			}
			out[j] = low*(1-f) + values[last]*f
		}
	}
}
