package valuation

import (
	"math"
	"slices"
)

// Patent indicators computed from records, normalised inside a cohort of the
// same IPC class and filing year (Squicciarini, Dernis, Criscuolo 2013;
// standards 5.1). They feed indicator scores and rank percentiles; forward
// citations carry no weight in the price model.

// CohortPercentile is the mid-rank of x among the cohort's known values, in
// (0, 1): ties share their ranks. An empty cohort gives false.
func CohortPercentile(x float64, cohort []float64) (float64, bool) {
	if len(cohort) == 0 || math.IsNaN(x) {
		return 0, false
	}
	below, equal := 0.0, 0.0
	for _, c := range cohort {
		switch {
		case c < x:
			below++
		case c == x:
			equal++
		}
	}
	n := float64(len(cohort))
	if equal == 0 { // x itself is not in the cohort
		return (below + 0.5) / (n + 1), true
	}
	return (below + equal/2) / n, true
}

// CohortScore is x over the cohort's maximum after winsorising the top share
// (such as 0.02), in [0, 1]; false when the cohort says nothing.
func CohortScore(x float64, cohort []float64, top float64) (float64, bool) {
	if len(cohort) == 0 || math.IsNaN(x) {
		return 0, false
	}
	s := slices.Clone(cohort)
	slices.Sort(s)
	limit := quantileOf(s, 1-top)
	if limit <= 0 {
		return 0, false
	}
	return min(max(x, 0), limit) / limit, true
}

// Originality is 1 - Σ s_j², s_j the shares of IPC subclasses among the cited
// patents; false without citations.
func Originality(counts []float64) (float64, bool) {
	total, sq := 0.0, 0.0
	for _, c := range counts {
		total += c
	}
	if total <= 0 {
		return 0, false
	}
	for _, c := range counts {
		sq += c / total * (c / total)
	}
	return 1 - sq, true
}

// Generality is 1 - Σ_j [(1/N) Σ_i β_ji]², β_ji the share of citing patent i's
// IPC symbols in subclass j; false without citing patents.
func Generality(citing []map[string]float64) (float64, bool) {
	if len(citing) == 0 {
		return 0, false
	}
	mean := map[string]float64{}
	for _, shares := range citing {
		for class, b := range shares {
			mean[class] += b / float64(len(citing))
		}
	}
	classes := make([]string, 0, len(mean))
	for c := range mean {
		classes = append(classes, c)
	}
	slices.Sort(classes) // sums of floats keep their order
	sq := 0.0
	for _, c := range classes {
		sq += mean[c] * mean[c]
	}
	return 1 - sq, true
}
