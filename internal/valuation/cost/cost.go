package cost

import (
	"math"

	"zhijia/internal/valuation/terms"
)

// Obsolescence of a cost, each kind a fraction in [0, 1], kept apart.
type Obsolescence struct {
	Functional, Technological, Economic, Age float64
}

// Multiplicative is the share of a cost that is left when each kind works on
// what the others leave: (1-f)(1-t)(1-e)(1-a).
func (o Obsolescence) Multiplicative() float64 {
	return (1 - o.Functional) * (1 - o.Technological) * (1 - o.Economic) * (1 - o.Age)
}

// Additive is the share left when each works on the whole: 1 - f - t - e - a,
// not below 0. It is never above Multiplicative.
func (o Obsolescence) Additive() float64 {
	return max(1-o.Functional-o.Technological-o.Economic-o.Age, 0)
}

// StraightLineAge is the age obsolescence elapsed/(elapsed + remaining)
// (standards 2.6).
func StraightLineAge(age, remaining float64) float64 {
	if age+remaining <= 0 {
		return 0
	}
	return age / (age + remaining)
}

// costApproach is RC·index·(retention): replacement cost when given, else
// reproduction cost, else the sum of the parts (standards 2.6). It is a floor
// for young, unpractised patents and never a ceiling.
// age is the years since filing, NaN unknown; life is the legal life that is
// left in years, +Inf unknown. What is stated of either counts as far as the
// right lasts: a right that ends tomorrow has almost all its age behind it.
func Value(f *Facts, rules *Rules, age, life float64) (value, sd float64, w []terms.Working, reason string) {
	if f == nil {
		return 0, 0, nil, "cost.missing"
	}
	var low, mid, high float64
	n := 0
	add := func(key string, q *terms.Quantity) {
		if q == nil {
			return
		}
		d := q.Dist()
		m := d.Quantile(0.5)
		low, mid, high = low+d.Quantile(0.1), mid+m, high+d.Quantile(0.9)
		n++
		w = append(w, terms.Working{Key: key, Value: m, Unit: "yuan", Source: q.Source})
	}
	kind := "replacement"
	switch {
	case f.Replacement != nil:
		add("replacement", f.Replacement)
	case f.Reproduction != nil:
		kind = "reproduction"
		add("reproduction", f.Reproduction)
	default:
		kind = "parts"
		add("labour", f.Labour)
		add("expenses", f.Expenses)
		add("overhead", f.Overhead)
		add("fees", f.Fees)
		add("opportunity", f.Opportunity)
		add("profit", f.Profit)
	}
	if n == 0 {
		return 0, 0, nil, "cost.missing"
	}
	if mid <= 0 {
		return 0, 0, w, "cost.zero"
	}
	o := Obsolescence{Functional: terms.ValueOr(f.Functional, 0), Technological: terms.ValueOr(f.Technological, 0), Economic: terms.ValueOr(f.Economic, 0)}
	age, life = terms.ValueOr(f.Age, age), min(terms.ValueOr(f.RemainingLife, life), life)
	if !math.IsNaN(age) && !math.IsInf(life, 1) {
		o.Age = StraightLineAge(age, life)
	}
	keep, formula := o.Multiplicative(), "(1-functional)(1-technological)(1-economic)(1-age)"
	if f.Form == "additive" {
		keep, formula = o.Additive(), "max(1 - functional - technological - economic - age, 0)"
	}
	index := terms.ValueOr(f.Index, 1)
	w = append(w,
		terms.Working{Key: "gross_cost", Value: mid, Unit: "yuan", Formula: "Σ " + kind},
		terms.Working{Key: "index", Value: index, Unit: "ratio"},
		terms.Working{Key: "obsolescence.functional", Value: o.Functional, Unit: "rate"},
		terms.Working{Key: "obsolescence.technological", Value: o.Technological, Unit: "rate"},
		terms.Working{Key: "obsolescence.economic", Value: o.Economic, Unit: "rate"},
		terms.Working{Key: "obsolescence.age", Value: o.Age, Unit: "rate", Formula: "age/(age + remaining)"},
		terms.Working{Key: "retention", Value: keep, Unit: "ratio", Formula: formula})
	if keep <= 0 {
		return 0, 0, w, "cost.obsolete"
	}
	sd = rules.LogSD.Value
	if low > 0 && high > low {
		sd = math.Hypot(sd, terms.LogSD(low, high))
	}
	return mid * index * keep, sd, w, ""
}

// Rules are the assumptions of the cost approach.
type Rules struct {
	LogSD terms.Figure `json:"log_sd"` // of a cost against a price
}

// Facts are the facts of the cost approach, yuan at T unless indexed.
type Facts struct {
	Reproduction *terms.Quantity `json:"reproduction,omitempty"` // the same thing again
	Replacement  *terms.Quantity `json:"replacement,omitempty"`  // the same use by present means
	Labour       *terms.Quantity `json:"labour,omitempty"`
	Expenses     *terms.Quantity `json:"expenses,omitempty"`
	Overhead     *terms.Quantity `json:"overhead,omitempty"`
	Fees         *terms.Quantity `json:"fees,omitempty"` // filing, attorney, official
	Opportunity  *terms.Quantity `json:"opportunity,omitempty"`
	Profit       *terms.Quantity `json:"profit,omitempty"`
	Index        *float64        `json:"index,omitempty"` // price index from the cost date to T; 1 is none

	Functional    *terms.Rate `json:"functional,omitempty"` // obsolescence, [0, 1]
	Technological *terms.Rate `json:"technological,omitempty"`
	Economic      *terms.Rate `json:"economic,omitempty"`
	Form          string      `json:"form,omitempty"` // multiplicative (default) or additive
	Age           *terms.Rate `json:"age_years,omitempty"`
	RemainingLife *terms.Rate `json:"remaining_life_years,omitempty"` // with Age: straight-line age obsolescence
}
