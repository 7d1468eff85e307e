package valuation

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"

	"zhijia/internal/calendar"
)

func ptr[T any](v T) *T { return &v }

// aPatent is an ordinary invention at the test date.
func aPatent() Patent {
	return Patent{
		Number: "CN201310543019.6", Kind: Invention, Title: "一种电池正极材料", IPC: []string{"H01M 4/36"},
		Filing: calendar.New(2018, 5, 1), Grant: calendar.New(2020, 6, 1), Claims: ptr(10), Family: ptr(1), Assignees: ptr(1),
	}
}

var testDate = calendar.New(2026, 11, 23)

func anAssignment() Assignment {
	return Assignment{ID: "a", Subject: []Patent{aPatent()}, Purpose: PurposeAssignment, Date: testDate, Owner: OwnerFirm, ExploitationScenario: "own_use"}
}

// aDeal is a clean comparable.
func aDeal(id string, amount, sim float64, year int) Comparable {
	return Comparable{
		DealID: id, Amount: &amount, Currency: "CNY", Patents: ptr(1), Date: calendar.New(year, 3, 1), Kind: DealAssignment, Patent: Invention,
		Owner: OwnerFirm, Source: SourceRegistry, Similar: &Similarity{Total: sim}, IPCLevel: LevelSubclass,
		RemainingLife: ptr(11.0), Claims: ptr(9.0), Family: ptr(1.0), Assignees: ptr(1.0),
	}
}

// deals draws n comparables around a price level.
func someDeals(n int, seed uint64, level, sd float64) []Comparable {
	r := rand.New(rand.NewPCG(seed, 1))
	var out []Comparable
	for i := range n {
		out = append(out, aDeal(fmt.Sprintf("D%03d", i), math.Exp(math.Log(level)+sd*r.NormFloat64()), 0.4+0.5*r.Float64(), 2019+r.IntN(7)))
	}
	return out
}

func someEvidence(n int) Evidence {
	return Evidence{
		Legal:       []LegalState{{Number: "CN201310543019.6", State: Alive, AsOf: calendar.New(2026, 11, 1)}},
		Comparables: someDeals(n, 7, 400000, 1),
		Retrieval:   Retrieval{Path: "exact", Level: LevelSubclass, Space: "test"},
		DataCutoff:  calendar.New(2026, 11, 1),
		Versions:    map[string]string{"deals": "test"},
	}
}

func someIncome() *IncomeFacts {
	return &IncomeFacts{
		Revenue: []YearQuantity{{2026, *Exactly(8e6)}, {2027, *Exactly(9e6)}, {2028, *Exactly(1e7)}, {2029, *Exactly(1e7)}, {2030, *Exactly(9e6)}},
		Growth:  Exactly(-0.05), Industry: "machinery", Tax: Exactly(0.25), Decay: Exactly(0.1), EconomicLife: Exactly(6),
	}
}

// everyScore gives all 27 indicators one score.
func everyScore(score float64, by Evaluator) []IndicatorScore {
	a := DefaultAssumptions()
	var out []IndicatorScore
	for _, n := range a.Sheet.Nodes {
		if len(n.Code) == 4 {
			out = append(out, IndicatorScore{Code: n.Code, Score: ptr(score), Evaluator: by})
		}
	}
	return out
}

func jsonUnmarshal(s string, v any) error { return json.Unmarshal([]byte(s), v) }
