package appraisal_test

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"zhijia/internal/valuation/terms"
)

// untruths are what a borrower or an officer can say of a pledged patent to make it worth more, input by input, from the
// modest to the absurd. Paths are of the request; null takes back what was truly said.
var untruths = map[string][]any{
	"/patent/kind":                  {"invention"},
	"/number":                       {"202510123456.5", "202610123456.X", nil},
	"/patent/filing_date":           {"2021-03-01", "2024-03-01", "2026-06-01"},
	"/patent/grant_date":            {"2020-03-01", "2026-06-01", nil},
	"/patent/owners":                {[]any{"某某大学"}, []any{"某某研究院"}, []any{"张三"}, nil},
	"/patent/owner_type":            {"university", "institute", "firm", nil},
	"/patent/claims":                {12, 40, 400, 100000},
	"/patent/family":                {3, 12, 1000},
	"/patent/cited_by":              {5, 50, 5000},
	"/patent/inventors":             {5, 100},
	"/patent/ipc":                   {[]any{"H01M4/52"}, []any{"A61K31/00"}, []any{"G06F17/00"}},
	"/patent/declared_invalid":      {nil},
	"/text/title":                   {"一种锂离子电池正极材料及其制备方法"},
	"/bundle":                       {[]any{"202010123457.7"}, []any{"202010123457.7", "202010123458.1", "202010123459.6", "202010123460.9"}},
	"/right_fraction":               {nil, 1},
	"/public_ask":                   {60000, 1e9, nil},
	"/market":                       {"showcase", "corporate", "private"},
	"/basis":                        {"value_in_use", "investment_value", "fair_value"},
	"/purpose":                      {"assignment", "contribution", "licence"},
	"/premise":                      {"continued_use"},
	"/income/inputs":                {"market", "contract", "buyer"},
	"/income/revenue_current/value": {2e6, 1e7, 1e8, 1e12},
	"/income/revenue_growth/value":  {.1, .5, 2},
	"/income/royalty_rate/value":    {.05, .3, 1},
	"/income/discount_rate/value":   {.08, .01, 0},
	"/income/economic_life_years":   {map[string]any{"value": 8}, map[string]any{"value": 20}},
	"/income/industry":              {"pharmaceutical", "high_technology"},
	"/income/tax_rate":              {map[string]any{"value": 0}},
	"/income/share_decay":           {map[string]any{"value": 0}},
	"/income/annual_cost":           {map[string]any{"value": 0}},
	"/income/lump_sum":              {map[string]any{"value": 1e7}},
	"/cost":                         {map[string]any{"replacement": map[string]any{"value": 1e7}}},
	"/option":                       {map[string]any{"project_value": map[string]any{"value": 1e8}, "cost": map[string]any{"value": 1e6}, "volatility": map[string]any{"value": .5}, "years": map[string]any{"value": 5}}},
	"/scores":                       {scored("T5.1", 100), scored("T1.1", 100), scored("E3.1", 100), scored("L1.2", 100)},
	"/sale_chance":                  {map[string]any{"value": 1}},
	"/level":                        {.5},
	"/blind":                        {true},
	"/valuation_date":               {"2024-01-15", "2022-01-15"},
}

func scored(code string, score float64) []any {
	return []any{map[string]any{"code": code, "score": score, "reason": "x"}}
}

// guards say what stops or shows an untruth that no flag of the answer names.
var guards = map[string]string{
	"/purpose":        "the purpose and its basis are the opinion's first line, and a pledge's desk asks for no other",
	"/basis":          "the basis is the opinion's first line, and a pledge's desk asks for no other",
	"/premise":        "the premise is the opinion's first line",
	"/level":          "the level stands beside the range, and a pledge's desk asks for none",
	"/bundle":         "each number is checked by itself against the register and the owner's name (E01, E02), and listed with its part",
	"/right_fraction": "a co-owner on the register is ground E08 of a pledge; without it the row is on the borrower's word (按所填内容)",
	"/valuation_date": "the date is the opinion's first line; a desk's file has one for all its rows",
	"/public_ask":     "only asks on file or stated bind; the officer who read one and kept it is on record with the request",
	"/scores":         "an officer's score carries name and reason, and what scores moved is told in yuan",
	"/blind":          "stands in the request that the opinion prints",
	"/sale_chance":    "stands beside the value and moves none",
}

// largestUntruths prints the ten largest factors by which one untruth raises what a lender counts on, and holds that each is
// refused, flagged in the answer, or has a guard.
func largestUntruths(t *testing.T, run func([]byte) answer) {
	income := map[string]any{
		"revenue_current": map[string]any{"value": 1e6}, "revenue_growth": map[string]any{"value": 0}, "royalty_rate": map[string]any{"value": .02}, "discount_rate": map[string]any{"value": .18},
		"industry": "machinery", "economic_life_years": map[string]any{"value": 4},
	}
	truths := map[string]map[string]any{}
	for kind, number := range map[string]string{"utility_model": "202020123456.8", "invention": "202010123456.2"} {
		x := map[string]any{
			"number": number, "purpose": "pledge", "valuation_date": "2026-11-01", "income": income, "right_fraction": .5, "public_ask": 30000.0,
			"text":   map[string]any{"title": "一种便于清理的畜牧用饮水槽"},
			"patent": map[string]any{"kind": kind, "filing_date": "2020-03-01", "grant_date": "2022-03-01", "owners": []any{"甲有限公司"}, "claims": 4, "family": 1, "cited_by": 0, "inventors": 1, "ipc": []any{"A01K7/00"}},
		}
		truths[kind] = x
		rest := map[string]any{}
		for k, v := range x {
			if k != "public_ask" && k != "right_fraction" {
				rest[k] = v
			}
		}
		truths[kind+", whole, no ask"] = rest
	}
	type lie struct {
		truth, path, to, of string
		factor              float64
		guard               string
	}
	var told []lie
	n, refused := 0, 0
	for name, truth := range truths {
		was := run(applied(t, truth, nil))
		if was.refused != "" {
			t.Fatalf("%s is refused: %s", name, was.refused)
		}
		flags := map[string]bool{}
		for _, f := range was.c.Flags {
			flags[f.Code] = true
		}
		counts := func(a *answer) map[string]float64 {
			out := map[string]float64{"market, bare": a.c.Lending.IfSold, "lower bound": a.c.Lending.LowerBound, "forced sale": a.c.Lending.Forced}
			for _, b := range a.c.Bases {
				if b.Approach == "income" && (b.Basis == terms.BasisInUse || b.Basis == terms.BasisMarket) {
					out["income, as appraisers state it"] = b.Value
				}
			}
			return out
		}
		before := counts(&was)
		for path, values := range untruths {
			for _, v := range values {
				n++
				is := run(applied(t, truth, map[string]any{path: v}))
				if is.refused != "" {
					refused++
					continue
				}
				guard := guards[path]
				for _, f := range is.c.Flags {
					if !flags[f.Code] && f.Severity != "note" || f.Code == "SUBJECT-NOT-STORED" && guard == "" && (strings.HasPrefix(path, "/patent/") || path == "/number") {
						guard = "flag " + f.Code
					}
				}
				for of, x := range counts(&is) {
					if y := before[of]; y > 0 && x > y*1.001 {
						if of == "income, as appraisers state it" && strings.HasPrefix(path, "/income/") && guard == "" {
							guard = "moves the value in use alone; a desk whose policy lends on it asks for review beyond the policy's gate of the kind (V04) and far above the market figure (P08)"
						}
						told = append(told, lie{name, path, fmt.Sprint(v), of, x / y, guard})
					}
				}
			}
		}
	}
	slices.SortFunc(told, func(a, b lie) int {
		return cmp.Or(cmp.Compare(b.factor, a.factor), strings.Compare(a.truth+a.path+a.to+a.of, b.truth+b.path+b.to+b.of))
	})
	t.Logf("%d untruths, %d refused, %d raise a figure", n, refused, len(told))
	seen := map[string]bool{}
	for _, x := range told {
		if x.guard == "" {
			t.Errorf("%s: %s to %s raises the %s by %.3g, and nothing stops or shows it", x.truth, x.path, x.to, x.of, x.factor)
		}
		if key := x.path + x.of; len(seen) < 10 && !seen[key] {
			seen[key] = true
			t.Logf("x%.3g  %s = %s (%s): %s | %s", math.Round(x.factor*100)/100, x.path, x.to, x.truth, x.of, x.guard)
		}
	}
}
