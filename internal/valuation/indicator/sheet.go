package indicator

import (
	"fmt"
	"math"
	"slices"

	"zhijia/internal/valuation/terms"
)

// Sheet is an indicator system as versioned configuration in the 3/14/27
// frame of GB/T 42748-2023: nodes, and a full weight table per scenario.
type Sheet struct {
	Standard   string     `json:"standard"`
	Edition    string     `json:"edition"`
	Title      string     `json:"title"`
	Provenance string     `json:"provenance"`
	Scale      [2]float64 `json:"scale"`
	Nodes      []Node     `json:"nodes"`
	Scenarios  []Scenario `json:"scenarios"`
}

// SheetNode is one node. Kind is sum, gate (multiplies its parent's node, or
// the total at the top) or ext (extension, in its own capped block).
type Node struct {
	Code      string            `json:"code"`
	Parent    string            `json:"parent"`
	Name      string            `json:"name"`
	Kind      string            `json:"kind"`
	Evaluator []terms.Evaluator `json:"evaluator,omitempty"`
	Anchors   []terms.Anchor    `json:"anchors,omitempty"`
}

// SheetScenario is a full weight table for a class of purposes.
type Scenario struct {
	Code     string             `json:"code"`
	Purposes []terms.Purpose    `json:"purposes"`
	Reason   string             `json:"reason"`
	Weights  map[string]float64 `json:"weights"`
	ExtShare float64            `json:"ext_share,omitempty"` // share of the extension block, 0 is off
}

// SheetResult is a scored sheet. Score is nil when nothing was scored; Low
// and High are the totals with every unknown at its worst and at its best.
type Result struct {
	Standard   string      `json:"standard"`
	Edition    string      `json:"edition"`
	Provenance string      `json:"provenance"`
	Scenario   string      `json:"scenario"`
	Score      *float64    `json:"score"` // 0 to 100 on the scored mass
	Low        float64     `json:"low"`
	High       float64     `json:"high"`
	Unknown    float64     `json:"unknown_weight"`          // mass of unscored leaves
	Doubted    float64     `json:"doubted_weight,omitzero"` // mass of scored leaves times the share of votes against; it widens the value's range like unknown mass
	Grade      string      `json:"grade,omitempty"`
	Withheld   bool        `json:"grade_withheld"`
	Nodes      []NodeScore `json:"nodes"`
}

// SheetNodeScore is one node's score, 0 to 100, nil when unknown.
type NodeScore struct {
	Code      string          `json:"code"`
	Name      string          `json:"name"`
	Weight    float64         `json:"weight"`
	Score     *float64        `json:"score"`
	Low       float64         `json:"low"`
	High      float64         `json:"high"`
	Evaluator terms.Evaluator `json:"evaluator,omitempty"`
}

// Check refuses a sheet whose siblings' weights do not sum to 1, or that
// names unknown parents.
func (s *Sheet) Check() error {
	if len(s.Nodes) == 0 || s.Scale[1] <= s.Scale[0] {
		return fmt.Errorf("sheet %s: no nodes or empty scale", s.Standard)
	}
	known := map[string]bool{"": true}
	for _, n := range s.Nodes {
		if known[n.Code] {
			return fmt.Errorf("sheet %s: node %q twice", s.Standard, n.Code)
		}
		if !known[n.Parent] {
			return fmt.Errorf("sheet %s: node %q has no parent %q before it", s.Standard, n.Code, n.Parent)
		}
		if !slices.Contains([]string{"sum", "gate", "ext"}, n.Kind) {
			return fmt.Errorf("sheet %s: node %q has kind %q", s.Standard, n.Code, n.Kind)
		}
		known[n.Code] = true
	}
	for _, sc := range s.Scenarios {
		sums := map[string]float64{}
		for _, n := range s.Nodes {
			w, ok := sc.Weights[n.Code]
			if !ok || w < 0 || math.IsNaN(w) {
				return fmt.Errorf("sheet %s, scenario %s: node %s has no weight", s.Standard, sc.Code, n.Code)
			}
			if n.Kind == "sum" {
				sums[n.Parent] += w
			}
		}
		for parent, sum := range sums {
			if math.Abs(sum-1) > 1e-9 {
				return fmt.Errorf("sheet %s, scenario %s: weights below %q sum to %v, want 1", s.Standard, sc.Code, parent, sum)
			}
		}
	}
	return nil
}

// scenario returns the weight table for a purpose, or the first.
func (s *Sheet) scenario(p terms.Purpose) *Scenario {
	for i := range s.Scenarios {
		if slices.Contains(s.Scenarios[i].Purposes, p) {
			return &s.Scenarios[i]
		}
	}
	return &s.Scenarios[0]
}

// Score aggregates leaf scores (standards 1.4): a node is Σ w s / Σ w over its
// scored children, the total is Σ W node, a gate multiplies. An unknown leaf
// is never zero: it widens [Low, High] and adds to Unknown.
// maxUnknown is the unknown mass above which no grade is given.
func (s *Sheet) Score(p terms.Purpose, scores []terms.IndicatorScore, maxUnknown float64) Result {
	sc := s.scenario(p)
	r := Result{Standard: s.Standard, Edition: s.Edition, Provenance: s.Provenance, Scenario: sc.Code}
	given := make(map[string]terms.IndicatorScore, len(scores))
	for _, x := range scores {
		if x.Score != nil {
			given[x.Code] = x
		}
	}
	children := map[string][]Node{}
	for _, n := range s.Nodes {
		children[n.Parent] = append(children[n.Parent], n)
	}
	// eval returns the score over the scored mass (nil when none), the range,
	// and the unknown and the doubted share of the node's mass, all in [0, 1].
	var eval func(code string) (score *float64, low, high, unknown, doubted float64)
	eval = func(code string) (*float64, float64, float64, float64, float64) {
		var sum, mass, low, high, unknown, doubted, total float64
		var extSum, extMass float64
		gate := 1.0
		for _, n := range children[code] {
			w := sc.Weights[n.Code]
			var cs *float64
			var cl, ch, cu, cd float64
			var by terms.Evaluator
			if len(children[n.Code]) > 0 {
				cs, cl, ch, cu, cd = eval(n.Code)
			} else if g, ok := given[n.Code]; ok {
				v := min(max((*g.Score-s.Scale[0])/(s.Scale[1]-s.Scale[0]), 0), 1)
				cs, cl, ch, cd, by = &v, v, v, g.Doubt(), g.Evaluator
			} else {
				ch, cu = 1, 1
				if n.Kind == "gate" { // a gate nobody closed stays open
					v := 1.0
					cs, cl, cu = &v, 1, 0
				}
			}
			node := NodeScore{Code: n.Code, Name: n.Name, Weight: w, Low: 100 * cl, High: 100 * ch, Evaluator: by}
			if cs != nil {
				v := 100 * *cs
				node.Score = &v
			}
			r.Nodes = append(r.Nodes, node)
			switch n.Kind {
			case "gate":
				gate *= *cs
			case "ext":
				if cs != nil {
					extSum += w * *cs
					extMass += w
				}
			default:
				total += w
				low += w * cl
				high += w * ch
				unknown += w * cu
				doubted += w * cd
				if cs != nil {
					sum += w * *cs
					mass += w
				}
			}
		}
		if total > 0 {
			low, high, unknown, doubted = low/total, high/total, unknown/total, doubted/total
		}
		var score *float64
		if mass > 0 {
			v := sum / mass
			if extMass > 0 && sc.ExtShare > 0 {
				e := extSum / extMass
				v = (1-sc.ExtShare)*v + sc.ExtShare*e
				low = (1-sc.ExtShare)*low + sc.ExtShare*e
				high = (1-sc.ExtShare)*high + sc.ExtShare*e
			}
			v *= gate
			score = &v
		}
		return score, low * gate, high * gate, unknown, doubted
	}
	score, low, high, unknown, doubted := eval("")
	r.Low, r.High, r.Unknown, r.Doubted = 100*low, 100*high, unknown, doubted
	if score != nil {
		v := 100 * *score
		r.Score = &v
	}
	r.Withheld = score == nil || unknown > maxUnknown
	if !r.Withheld {
		r.Grade = sheetGrade(*r.Score)
	}
	slices.SortFunc(r.Nodes, func(a, b NodeScore) int {
		switch {
		case a.Code < b.Code:
			return -1
		case a.Code > b.Code:
			return 1
		}
		return 0
	})
	return r
}

// sheetGrade bands a total in fifths: ours, the standard's bands are not public.
func sheetGrade(score float64) string {
	switch {
	case score >= 80:
		return "A"
	case score >= 60:
		return "B"
	case score >= 40:
		return "C"
	case score >= 20:
		return "D"
	}
	return "E"
}
