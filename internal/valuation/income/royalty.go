package income

import (
	"math"
	"slices"

	"zhijia/internal/patent"
	"zhijia/internal/valuation/terms"
)

// FactorScore is a scored factor of a table. Unknown factors have a nil Score.
type FactorScore struct {
	Code  string
	Score *float64 // 0 to 100
	By    terms.Evaluator
	Doubt float64 // share of the judges against it; 1 of an officer's, whose agreement with others no study has measured
}

// GroupScore is a group's weighted score over what was scored.
type GroupScore struct {
	Code    string
	Score   float64 // 0 to 100; 50 when nothing was scored
	Unknown float64 // weight within the group of unscored factors
}

// TableScore is a table's score with the range its unknowns leave.
type TableScore struct {
	Groups  []GroupScore
	R       float64 // 0 to 1
	Low     float64 // every unknown at 0
	High    float64 // every unknown at 100
	Unknown float64 // total weight unscored
	Doubted float64 // total weight scored times the doubt of each score
}

// ScoreTable aggregates r = Σ_g W_g Σ_i w_gi·s_gi/100 (standards 2.4). An
// unknown factor takes the mean of its group's scored factors as its point
// and widens the range.
func ScoreTable(groups []FactorGroup, scores map[string]FactorScore) TableScore {
	var t TableScore
	for _, g := range groups {
		sum, mass := 0.0, 0.0
		for _, f := range g.Factors {
			if s := scores[f.Code]; s.Score != nil {
				sum += f.Weight * *s.Score
				mass += f.Weight
				t.Doubted += g.Weight * f.Weight * s.Doubt
			}
		}
		gs := GroupScore{Code: g.Code, Score: 50, Unknown: max(1-mass, 0)}
		if mass > 0 {
			gs.Score = sum / mass
		}
		if gs.Unknown < 1e-12 {
			gs.Unknown = 0
		}
		t.Groups = append(t.Groups, gs)
		t.R += g.Weight * gs.Score / 100
		t.Low += g.Weight * sum / 100
		t.High += g.Weight * (sum/100 + gs.Unknown)
		t.Unknown += g.Weight * gs.Unknown
	}
	return t
}

// RoyaltyRate is the 分成率 K = m + (n-m)·r of a range [m, n] and a score r
// in [0, 1] (standards 2.4).
func RoyaltyRate(m, n, r float64) float64 { return m + (n-m)*r }

// Band returns the royalty band of an industry; when it has none, the default
// band and false.
func (t *RoyaltyTable) Band(industry string) (band RoyaltyBand, own bool) {
	for _, b := range t.Bands {
		if b.Industry == industry {
			return b, true
		}
		if b.Industry == t.Default {
			band = b
		}
	}
	return band, false
}

// FactorScores resolves every factor of the groups: its own code, else the
// mean of the sheet indicators it is drawn from, else the rule computed from
// the patent's records. Model scores are dropped when withModel is false, and
// never reach a table that may not take them.
func FactorScores(groups []FactorGroup, ind []terms.IndicatorScore, sub []terms.Patent, withModel bool) map[string]FactorScore {
	byCode := make(map[string]terms.IndicatorScore, len(ind))
	for _, s := range ind {
		if s.Score != nil && (withModel || !s.Evaluator.ModelScored()) {
			byCode[s.Code] = s
		}
	}
	out := map[string]FactorScore{}
	for _, g := range groups {
		for _, f := range g.Factors {
			if s, ok := byCode[f.Code]; ok {
				v := min(max(*s.Score, 0), 100)
				out[f.Code] = FactorScore{f.Code, &v, s.Evaluator, doubtOf(&s)}
				continue
			}
			if len(f.ByRight) > 0 {
				if v, ok := scoreByRight(f.ByRight, sub); ok {
					out[f.Code] = FactorScore{f.Code, &v, terms.ByData, 0}
					continue
				}
			}
			sum, n, doubt, by := 0.0, 0.0, 0.0, terms.ByData
			for _, c := range f.From {
				if s, ok := byCode[c]; ok {
					sum += min(max(*s.Score, 0), 100)
					n++
					doubt += doubtOf(&s)
					if s.Evaluator.ModelScored() || s.Evaluator == terms.ByOfficer && by == terms.ByData {
						by = s.Evaluator
					}
				}
			}
			if n > 0 && int(n) == len(f.From) {
				v := sum / n
				out[f.Code] = FactorScore{f.Code, &v, by, doubt / n}
			}
		}
	}
	return out
}

func doubtOf(s *terms.IndicatorScore) float64 {
	if s.Evaluator == terms.ByOfficer {
		return 1
	}
	return s.Doubt()
}

// scoreByRight is the mean score of the patents' rights by the anchors of a
// factor's legal-status row; false when the state of one is not among them.
func scoreByRight(anchors map[string]float64, sub []terms.Patent) (float64, bool) {
	sum := 0.0
	for _, p := range sub {
		state := string(p.Kind)
		if p.Kind == patent.Invention {
			state = "granted_invention"
			if p.Grant.IsZero() {
				state = "pending_invention"
			}
		}
		s, ok := anchors[state]
		if !ok {
			return 0, false
		}
		sum += s
	}
	return sum / float64(len(sub)), len(sub) > 0
}

// DoubleCounted lists the concepts scored both in the royalty and in the
// discount rate (DBL-01): one risk then lowers the value twice.
func DoubleCounted(royalty, risks []FactorGroup, inRoyalty, inRate map[string]FactorScore) []string {
	seen := map[string]bool{}
	for _, g := range royalty {
		for _, f := range g.Factors {
			if f.Concept != "" && inRoyalty[f.Code].Score != nil {
				seen[f.Concept] = true
			}
		}
	}
	var twice []string
	for _, g := range risks {
		for _, f := range g.Factors {
			if seen[f.Concept] && inRate[f.Code].Score != nil {
				twice = append(twice, f.Concept)
			}
		}
	}
	slices.Sort(twice)
	return slices.Compact(twice)
}

// UnknownRoyaltyLog is the log width that an unknown mass M of r may leave in
// K = m + (n-m)r: ln(1 + (n/m - 1)·M), the widest over all scores of the rest,
// so that answering an indicator can only narrow it.
func UnknownRoyaltyLog(m, n, unknown float64) float64 {
	return math.Log1p((n/m - 1) * unknown)
}
