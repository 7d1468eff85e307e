package pool

import (
	"cmp"
	"slices"
	"strings"

	"zhijia/internal/money"
)

// Collateral is the IP behind the pool after exclusions, with what it covers.
type Collateral struct {
	Counted  []Counted  `json:"counted"`
	Excluded []Excluded `json:"excluded"`
	Unvalued []string   `json:"unvalued"` // alive and free, but without a value: not zero, unknown

	Low   float64 `json:"low"`   // Σ of the counted lower bounds, yuan
	Point float64 `json:"point"` // Σ of the counted points
	High  float64 `json:"high"`

	Receivables   money.Fen `json:"receivables"`
	CoverPoint    *float64  `json:"cover_point"` // Point / receivables; null when no value is known
	CoverLow      *float64  `json:"cover_low"`
	Complete      bool      `json:"complete"` // every included patent has a value
	FamilyOverlap float64   `json:"family_overlap"`
}

// Counted is one patent that counts, and by how much.
type Counted struct {
	Number string  `json:"number"`
	Weight float64 `json:"weight"` // 1, or 0 for a family member already counted
	Low    float64 `json:"low"`    // after the weight
	Point  float64 `json:"point"`
	High   float64 `json:"high"`
	Reason *Reason `json:"reason,omitempty"` // why the weight is below 1
}

// Excluded is one patent that does not count.
type Excluded struct {
	Number string `json:"number"`
	Reason Reason `json:"reason"`
}

// exclusion says why a patent cannot stand behind this pool, if it cannot.
func (x *IP) exclusion() (Reason, bool) {
	switch {
	case x.standing() == No:
		zh := "权利已终止或无效，价值为0"
		why := x.StateReason
		if r, known := x.register(); why == "" && known && r.Alive == No {
			why = r.Zh
		}
		if why != "" {
			zh += "（" + why + "）"
		}
		return Reason{"ip.dead", zh}, true
	case x.OtherPool != "":
		return Reason{"ip.double", "已用于其他资产池或质押（" + x.OtherPool + "），重复入池"}, true
	case slices.Contains(x.Encumbrance, "preservation"):
		return Reason{"ip.preserved", "权利被保全或中止，不能办理登记"}, true
	case len(x.Encumbrance) > 0 && x.Consent == No:
		return Reason{"ip.encumbered", "权利负担（" + strings.Join(x.Encumbrance, "、") + "）未经权利人同意"}, true
	}
	return Reason{}, false
}

// Collateral values the IP: dead, preserved and doubly offered patents are
// excluded with the reason; a patent listed twice counts once; within a
// family only the member of highest value counts, because members protect one
// invention. Values are what the valuation store holds; a patent without one
// is named, never taken as zero.
func (d *Deal) Collateral() Collateral {
	c := Collateral{Receivables: d.Total(), Complete: true}
	ips := slices.Clone(d.Patents)
	slices.SortStableFunc(ips, func(a, b IP) int {
		return cmp.Or(cmp.Compare(b.point(), a.point()), cmp.Compare(a.Number, b.Number))
	})
	numbers, families := map[string]bool{}, map[string]string{}
	for i := range ips {
		x := &ips[i]
		if numbers[x.Number] {
			c.Excluded = append(c.Excluded, Excluded{x.Number, Reason{"ip.repeated", "同一权利在池内重复列示"}})
			continue
		}
		numbers[x.Number] = true
		if why, out := x.exclusion(); out {
			c.Excluded = append(c.Excluded, Excluded{x.Number, why})
			continue
		}
		if x.Value == nil {
			c.Unvalued = append(c.Unvalued, x.Number)
			c.Complete = false
			continue
		}
		n := Counted{Number: x.Number, Weight: 1}
		if first, seen := families[x.Family]; x.Family != "" && seen {
			n.Weight = 0
			n.Reason = &Reason{"ip.family", "与" + first + "同族，不重复计价"}
			c.FamilyOverlap += x.Value.Point
		} else if x.Family != "" {
			families[x.Family] = x.Number
		}
		n.Low, n.Point, n.High = n.Weight*x.Value.Low, n.Weight*x.Value.Point, n.Weight*x.Value.High
		c.Low, c.Point, c.High = c.Low+n.Low, c.Point+n.Point, c.High+n.High
		c.Counted = append(c.Counted, n)
	}
	if len(c.Counted) > 0 && c.Receivables > 0 {
		p, l := c.Point/c.Receivables.Yuan(), c.Low/c.Receivables.Yuan()
		c.CoverPoint, c.CoverLow = &p, &l
	}
	return c
}

func (x *IP) point() float64 {
	if x.Value == nil {
		return -1
	}
	return x.Value.Point
}
