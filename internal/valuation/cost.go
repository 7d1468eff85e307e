package valuation

import "math"

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
func costApproach(f *CostFacts) (value, sd float64, w []Working, reason string) {
	if f == nil {
		return 0, 0, nil, "cost.missing"
	}
	var low, mid, high float64
	n := 0
	add := func(key string, q *Quantity) {
		if q == nil {
			return
		}
		d := q.distribution()
		m := d.quantile(0.5)
		low, mid, high = low+d.quantile(0.1), mid+m, high+d.quantile(0.9)
		n++
		w = append(w, Working{Key: key, Value: m, Unit: "yuan", Source: q.Source})
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
	o := Obsolescence{Functional: deref(f.Functional, 0), Technological: deref(f.Technological, 0), Economic: deref(f.Economic, 0)}
	if f.Age != nil && f.RemainingLife != nil {
		o.Age = StraightLineAge(*f.Age, *f.RemainingLife)
	}
	keep, formula := o.Multiplicative(), "(1-functional)(1-technological)(1-economic)(1-age)"
	if f.Form == "additive" {
		keep, formula = o.Additive(), "max(1 - functional - technological - economic - age, 0)"
	}
	index := deref(f.Index, 1)
	w = append(w,
		Working{Key: "gross_cost", Value: mid, Unit: "yuan", Formula: "Σ " + kind},
		Working{Key: "index", Value: index, Unit: "ratio"},
		Working{Key: "obsolescence.functional", Value: o.Functional, Unit: "rate"},
		Working{Key: "obsolescence.technological", Value: o.Technological, Unit: "rate"},
		Working{Key: "obsolescence.economic", Value: o.Economic, Unit: "rate"},
		Working{Key: "obsolescence.age", Value: o.Age, Unit: "rate", Formula: "age/(age + remaining)"},
		Working{Key: "retention", Value: keep, Unit: "ratio", Formula: formula})
	if keep <= 0 {
		return 0, 0, w, "cost.obsolete"
	}
	sd = 1.0 // cost says little of value: standards 11 G9 uses 1.0
	if low > 0 && high > low {
		s := math.Log(high/low) / (2 * z10)
		sd = math.Sqrt(sd*sd + s*s)
	}
	return mid * index * keep, sd, w, ""
}
