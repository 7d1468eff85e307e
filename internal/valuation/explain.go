package valuation

import (
	"math"
)

// splitByLog divides e^(base + Σ parts) into e^base and one amount per part,
// by the logarithmic mean: part_i·L, L = (V - V0)/(ln V - ln V0). The amounts
// and e^base sum to the value exactly (Ang's LMDI decomposition, 2004).
func splitByLog(base float64, parts []float64) []float64 {
	total := 0.0
	for _, p := range parts {
		total += p
	}
	v0 := math.Exp(base)
	l := v0 // limit as the parts cancel
	if math.Abs(total) > 1e-12 {
		l = v0 * math.Expm1(total) / total
	}
	out := make([]float64, len(parts))
	for i, p := range parts {
		out[i] = p * l
	}
	return out
}

// part is one cause on the log scale.
type part struct {
	key, kind string
	log       float64
}

// contributions turns causes on the log scale into yuan that sum to the
// value. Parts below half a fen are folded into the base.
func contributions(base part, parts []part) []Contribution {
	logs := make([]float64, len(parts))
	for i, p := range parts {
		logs[i] = p.log
	}
	yuan := splitByLog(base.log, logs)
	out := []Contribution{{Key: base.key, Kind: base.kind, Yuan: math.Exp(base.log), Log: base.log}}
	for i, p := range parts {
		if math.Abs(yuan[i]) < halfFen { // folded into the base
			out[0].Yuan += yuan[i]
			continue
		}
		out = append(out, Contribution{Key: p.key, Kind: p.kind, Yuan: yuan[i], Log: p.log})
	}
	return out
}
