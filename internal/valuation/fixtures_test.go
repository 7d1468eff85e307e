package valuation

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"

	"zhijia/internal/calendar"
	"zhijia/internal/patent"
	"zhijia/internal/valuation/income"
	"zhijia/internal/valuation/terms"
)

func ptr[T any](v T) *T { return &v }

// aPatent is an ordinary invention at the test date.
func aPatent() terms.Patent {
	return terms.Patent{
		Number: "CN201310543019.6", Kind: patent.Invention, Title: "一种电池正极材料", IPC: []string{"H01M 4/36"},
		Filing: calendar.New(2018, 5, 1), Grant: calendar.New(2020, 6, 1), Claims: ptr(10), Family: ptr(1), Assignees: ptr(1),
	}
}

var testDate = calendar.New(2026, 11, 23)

func anAssignment() Assignment {
	return Assignment{ID: "a", Subject: []terms.Patent{aPatent()}, Purpose: terms.PurposeAssignment, Date: testDate, Owner: terms.OwnerFirm, ExploitationScenario: "own_use"}
}

// aDeal is a clean comparable.
func aDeal(id string, amount, sim float64, year int) Comparable {
	return Comparable{
		DealID: id, Amount: &amount, Currency: "CNY", Patents: ptr(1), Date: calendar.New(year, 3, 1), Kind: terms.DealAssignment, Patent: patent.Invention,
		Owner: terms.OwnerFirm, Source: terms.SourceRegistry, Similar: &Similarity{Total: sim}, IPCLevel: terms.LevelSubclass,
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
		Retrieval:   Retrieval{Path: "exact", Level: terms.LevelSubclass, Space: "test"},
		DataCutoff:  calendar.New(2026, 11, 1),
		Versions:    map[string]string{"deals": "test"},
	}
}

func someIncome() *income.Facts {
	return &income.Facts{
		Inputs:  terms.InputsMarket,
		Revenue: []terms.YearQuantity{{Year: 2026, Quantity: *terms.Exactly(8e6)}, {Year: 2027, Quantity: *terms.Exactly(9e6)}, {Year: 2028, Quantity: *terms.Exactly(1e7)}, {Year: 2029, Quantity: *terms.Exactly(1e7)}, {Year: 2030, Quantity: *terms.Exactly(9e6)}},
		Growth:  terms.Exactly(-0.05), Industry: "machinery", Tax: terms.Exactly(0.25), Decay: terms.Exactly(0.1), EconomicLife: terms.Exactly(6),
	}
}

// everyScore gives all 27 indicators one score.
func everyScore(score float64, by terms.Evaluator) []terms.IndicatorScore {
	a := DefaultAssumptions()
	var out []terms.IndicatorScore
	for _, n := range a.Sheet.Nodes {
		if len(n.Code) == 4 {
			out = append(out, terms.IndicatorScore{Code: n.Code, Score: ptr(score), Evaluator: by})
		}
	}
	return out
}

func jsonUnmarshal(s string, v any) error { return json.Unmarshal([]byte(s), v) }

// near reports whether got is within rel of want.
func near(got, want, rel float64) bool {
	return got == want || math.Abs(got-want) <= rel*math.Max(math.Abs(want), 1e-300)
}
