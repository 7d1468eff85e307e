// Package accuracy holds the statistics that say how wrong valuations are:
// ratio studies, log-error tables, interval scores, rank and retrieval
// measures, agreement between raters, bootstrap intervals and the paired
// comparison of two runs.
//
// Start from [StudyRatios] for estimates beside prices, [LogErrors] for the
// error table, [Compare] for "did this change help". Everything is pure and
// seeded: the same input and seed give the same bits whatever the number of
// workers. Input that has no answer (unequal lengths, nothing at all, values
// that are not positive, NaN, infinite) is an error that names the fault; a
// figure that is not defined for otherwise valid input is a [Figure] with a
// reason, never a zero.
//
// The package does not know where the numbers came from and judges nothing:
// thresholds live with the tasks that set them.
package accuracy

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"zhijia/internal/fault"
)

// Figure is one statistic with its interval. Value is NaN when the statistic
// is not defined for this sample, and Low and High are NaN when it has no
// interval; Reason then says why. In JSON the undefined parts are null.
type Figure struct {
	Value     float64
	Low, High float64
	Reason    string
}

// Defined reports whether the figure has a value.
func (f Figure) Defined() bool { return !math.IsNaN(f.Value) }

// HasInterval reports whether the figure has both ends of an interval.
func (f Figure) HasInterval() bool { return !math.IsNaN(f.Low) && !math.IsNaN(f.High) }

type figureJSON struct {
	Value  *float64    `json:"value"`
	CI     *[2]float64 `json:"ci"`
	Reason string      `json:"reason,omitempty"`
}

// MarshalJSON writes {"value": v, "ci": [low, high], "reason": "..."} with
// null for the undefined parts.
func (f Figure) MarshalJSON() ([]byte, error) {
	var j figureJSON
	if f.Defined() {
		j.Value = &f.Value
	}
	if f.HasInterval() {
		j.CI = &[2]float64{f.Low, f.High}
	}
	j.Reason = f.Reason
	return json.Marshal(j)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (f *Figure) UnmarshalJSON(b []byte) error {
	var j figureJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	*f = undefined(j.Reason)
	if j.Value != nil {
		f.Value = *j.Value
	}
	if j.CI != nil {
		f.Low, f.High = j.CI[0], j.CI[1]
	}
	return nil
}

func undefined(reason string) Figure {
	return Figure{Value: math.NaN(), Low: math.NaN(), High: math.NaN(), Reason: reason}
}

func point(v float64) Figure { return Figure{Value: v, Low: math.NaN(), High: math.NaN()} }

// Options govern the resampling behind an interval. The zero value means a
// 95% interval from 10,000 draws with seed 0 on one worker.
type Options struct {
	Level      float64 // of the interval, in (0, 1); 0 means 0.95
	Iterations int     // bootstrap draws; 0 means 10,000
	Seed       uint64
	Workers    int // draws made at the same time; the result does not depend on it
}

func (o Options) filled() (Options, error) {
	if o.Level == 0 {
		o.Level = 0.95
	}
	if o.Iterations == 0 {
		o.Iterations = 10_000
	}
	o.Workers = max(o.Workers, 1)
	if !(o.Level > 0 && o.Level < 1) {
		return o, invalid("level", "置信水平须在0与1之间", "the level must lie between 0 and 1, got %v", o.Level)
	}
	if o.Iterations < 1 || o.Iterations > 10_000_000 {
		return o, invalid("iterations", "抽样次数须在1至一千万之间", "iterations must be 1 to 10,000,000, got %d", o.Iterations)
	}
	return o, nil
}

func invalid(code, zh, format string, args ...any) error {
	return fault.New(fault.Invalid, "accuracy."+code, zh+"。", fmt.Sprintf(format, args...)+".")
}

func sameLength(what string, a, b int) error {
	if a != b {
		return invalid("unequal_lengths", "两列长度不同", "%s: %d and %d values; the columns must have the same length", what, a, b)
	}
	return nil
}

// finite refuses an empty column and NaN or infinite values.
func finite(name string, v []float64) error {
	if len(v) == 0 {
		return invalid("empty", "没有样本", "%s is empty; at least one sample is needed", name)
	}
	for i, x := range v {
		if math.IsNaN(x) {
			return invalid("nan", fmt.Sprintf("第%d个样本的 %s 不是数值", i+1, name), "%s of sample %d is NaN", name, i+1)
		}
		if math.IsInf(x, 0) {
			return invalid("infinite", fmt.Sprintf("第%d个样本的 %s 为无穷大", i+1, name), "%s of sample %d is infinite", name, i+1)
		}
	}
	return nil
}

func positive(name string, v []float64) error {
	if err := finite(name, v); err != nil {
		return err
	}
	for i, x := range v {
		if x <= 0 {
			return invalid("not_positive", fmt.Sprintf("第%d个样本的 %s 不是正数", i+1, name), "%s of sample %d is %v; it must be positive", name, i+1, x)
		}
	}
	return nil
}

func checkClusters(clusters []string, n int) error {
	if clusters == nil {
		return nil
	}
	return sameLength("clusters and samples", len(clusters), n)
}

// Quantile returns the p-quantile of sorted values by linear interpolation
// between order statistics (Hyndman and Fan 1996, type 7). p is in [0, 1];
// sorted must be ascending and not empty.
func Quantile(sorted []float64, p float64) float64 {
	h := p * float64(len(sorted)-1)
	i := int(math.Floor(h))
	if i >= len(sorted)-1 {
		return sorted[len(sorted)-1]
	}
	// (1-f)a + fb never overflows and is exact when a == b.
	f := h - float64(i)
	if f == 0 {
		return sorted[i]
	}
	return sorted[i]*(1-f) + sorted[i+1]*f
}

// Median returns the median of values in any order; values is not changed and
// must not be empty.
func Median(values []float64) float64 {
	s := slices.Clone(values)
	slices.Sort(s)
	return medianSorted(s)
}

func medianSorted(s []float64) float64 {
	n := len(s)
	if n%2 == 1 {
		return s[n/2]
	}
	return s[n/2-1]/2 + s[n/2]/2
}

func mean(v []float64) float64 {
	s := 0.0
	for _, x := range v {
		s += x
	}
	return s / float64(len(v))
}

// clusterMembers groups sample positions by label, in order of first
// appearance; without labels every sample is its own cluster.
func clusterMembers(clusters []string, n int) [][]int32 {
	if clusters == nil {
		out := make([][]int32, n)
		flat := make([]int32, n)
		for i := range out {
			flat[i] = int32(i)
			out[i] = flat[i : i+1 : i+1]
		}
		return out
	}
	at := make(map[string]int, n)
	var out [][]int32
	for i, c := range clusters {
		k, ok := at[c]
		if !ok {
			k = len(out)
			at[c] = k
			out = append(out, nil)
		}
		out[k] = append(out[k], int32(i))
	}
	return out
}
