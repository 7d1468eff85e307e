package lending

import (
	"cmp"
	"slices"

	"zhijia/internal/money"
)

// Pledge is one registered pledge of a ledger.
type Pledge struct {
	Period   string    `json:"period"` // e.g. 2021
	Amount   money.Fen `json:"amount"`
	Count    int       `json:"count"` // registrations the amount is the sum of; 0 means 1
	Kind     string    `json:"kind,omitempty"`
	Industry string    `json:"industry,omitempty"`
}

// Total is a line of the period report.
type Total struct {
	Period  string    `json:"period"`
	Group   string    `json:"group,omitempty"` // kind or industry; empty: all
	Count   int       `json:"count"`
	Amount  money.Fen `json:"amount"`
	Average money.Fen `json:"average"` // amount / count, to the fen
}

// Statistics reports a ledger by period, and within it by the group that by
// names; nil by gives the periods alone.
func Statistics(ledger []Pledge, by func(*Pledge) string) []Total {
	type key struct{ period, group string }
	sums := map[key]*Total{}
	add := func(k key, p *Pledge) {
		t := sums[k]
		if t == nil {
			t = &Total{Period: k.period, Group: k.group}
			sums[k] = t
		}
		t.Count += max(p.Count, 1)
		t.Amount += p.Amount
	}
	for i := range ledger {
		p := &ledger[i]
		add(key{p.Period, ""}, p)
		if by != nil {
			if g := by(p); g != "" {
				add(key{p.Period, g}, p)
			}
		}
	}
	out := make([]Total, 0, len(sums))
	for _, t := range sums {
		t.Average = t.Amount.MulRatio(1, int64(t.Count))
		out = append(out, *t)
	}
	slices.SortFunc(out, func(a, b Total) int { return cmp.Or(cmp.Compare(a.Period, b.Period), cmp.Compare(a.Group, b.Group)) })
	return out
}
