package valuation

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"zhijia/internal/calendar"
	"zhijia/internal/patent"
	"zhijia/internal/valuation/terms"
)

func ordinaryDeal(id string, yuan float64, n int) Screened {
	return Screened{Comparable: Comparable{
		DealID: id, Amount: &yuan, Currency: "CNY", Patents: &n, Date: calendar.Date{Year: 2022, Month: 5, Day: 3}, Kind: terms.DealAssignment, Patent: patent.Invention,
		Owner: terms.OwnerUniversity, Source: terms.SourceOwnLedger, Price: terms.PriceTotal, Title: "一种离心泵", Parties: Parties{Seller: "青山大学" + id},
	}}
}

func TestScreenByRule(t *testing.T) {
	as := DefaultAssumptions()
	yes := true
	for code, change := range map[string]func(*Screened){
		"":                func(*Screened) {},
		"RELATED-PARTY":   func(d *Screened) { d.Related = &yes },
		"COUNT-UNKNOWN":   func(d *Screened) { d.Patents = nil },
		"DEAD-AT-SALE":    func(d *Screened) { x := -.5; d.RemainingLife = &x },
		"BUNDLE-ASSETS":   func(d *Screened) { d.Title = "离心泵专利及配套设备" },
		"PART-INTEREST":   func(d *Screened) { d.Notes = "转让方所持50%份额" },
		"DISTRESSED":      func(d *Screened) { d.Notes = "某公司破产管理人处置" },
		"TOKEN":           func(d *Screened) { x := 1.; d.Amount = &x },
		"OUT-OF-SCALE":    func(d *Screened) { x := 1e13; d.Amount = &x },
		"UNIT-SCALE":      func(d *Screened) { x := 5e4 * 1e4; d.Amount = &x },
		"AMOUNT-UNKNOWN":  func(d *Screened) { d.Amount = nil },
		"DATE-UNKNOWN":    func(d *Screened) { d.Date = calendar.Date{} },
		"STARTING-PRICE":  func(d *Screened) { d.Price = terms.PriceStarting },
		"RUNNING-ROYALTY": func(d *Screened) { d.Price = terms.PriceRoyalty },
	} {
		d := ordinaryDeal("x", 5e4, 1)
		change(&d)
		deals := []Screened{d}
		for i := range 20 {
			deals = append(deals, ordinaryDeal(fmt.Sprint(i), 3e4+2e3*float64(i), 1))
		}
		got := as.Screen(deals)["x"]
		if got.Code != code || (code != "" && (got.Zh == "" || got.En == "")) {
			t.Errorf("%s: got %+v", code, got)
		}
	}
}

// Screening does not depend on the order of the rows, finds a unit of 万 put in
// or left out of an ordinary price, and refuses no ordinary one.
func TestScreenIsOfTheSet(t *testing.T) {
	as := DefaultAssumptions()
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		var deals []Screened
		for i := range 40 {
			deals = append(deals, ordinaryDeal(fmt.Sprint(i), math.Round(5e4*math.Exp(.8*math.Max(-2, math.Min(2, rng.NormFloat64())))), 1+i%3))
		}
		up, down := *deals[0].Amount*1e4, *deals[1].Amount/1e4
		deals[0].Amount, deals[1].Amount = &up, &down
		first := as.Screen(deals)
		rng.Shuffle(len(deals), func(i, j int) { deals[i], deals[j] = deals[j], deals[i] })
		second := as.Screen(deals)
		for id, v := range first {
			if second[id] != v {
				t.Fatalf("%s: %v, in another order %v", id, v, second[id])
			}
			switch wrong := id == "0" || id == "1"; {
			case wrong && v.Code != "UNIT-SCALE" && v.Code != "TOKEN":
				t.Fatalf("%s: a unit error passed: %v", id, v)
			case !wrong && v.Code != "":
				t.Fatalf("%s: an ordinary price was refused: %v", id, v)
			}
		}
	})
}

// TestScreeningFiguresAreRead changes each figure of the screening and looks whether another deal counts for it.
func TestScreeningFiguresAreRead(t *testing.T) {
	var deals []Screened
	for i := range 20 {
		deals = append(deals, ordinaryDeal(fmt.Sprint(i), 3e4+2e3*float64(i), 1))
	}
	alone := ordinaryDeal("alone in its kind", 3e7, 1)
	alone.Patent = patent.UtilityModel
	deals = append(deals,
		ordinaryDeal("a token", 60, 1), ordinaryDeal("dear", 6e9, 1), ordinaryDeal("three hundred times its kind", 300*4.9e4, 1), alone,
	)
	base := DefaultAssumptions()
	was := base.Screen(deals)
	figures := func(a *Assumptions) map[string]*terms.Figure {
		r := &a.Screening
		return map[string]*terms.Figure{"token": &r.Token, "largest": &r.Largest, "far": &r.Far, "blind": &r.Blind, "near": &r.Near, "few": &r.Few}
	}
	for name := range figures(&base) {
		moved := false
		for _, by := range []float64{8, 1. / 8} {
			as := DefaultAssumptions()
			figures(&as)[name].Value *= by
			moved = moved || !maps.Equal(was, as.Screen(deals))
		}
		if !moved {
			t.Errorf("screening.%s = %v decides nothing", name, figures(&base)[name].Value)
		}
	}
	// Assumptions of before the screening had figures of its own screen by those that ship.
	var tree map[string]any
	if err := json.Unmarshal(assumptionsJSON, &tree); err != nil {
		t.Fatal(err)
	}
	delete(tree, "screening")
	raw, _ := json.Marshal(tree)
	old, err := LoadAssumptions(raw)
	if err != nil || old.Screening != base.Screening {
		t.Errorf("%+v, %v", old.Screening, err)
	}
}
