package appraisal

import (
	"context"
	"encoding/json"

	"zhijia/internal/fault"
	"zhijia/internal/store"
	"zhijia/internal/valuation"
	"zhijia/internal/valuation/cost"
	"zhijia/internal/valuation/income"
	"zhijia/internal/valuation/option"
	"zhijia/internal/valuation/terms"
)

// Change is what a what-if asks to be different. A nil part stays as it was.
type Change struct {
	Purpose    *terms.Purpose  `json:"purpose,omitempty"`
	Level      *float64        `json:"level,omitempty" exclusiveMinimum:"0" exclusiveMaximum:"1"`
	Income     *income.Facts   `json:"income,omitempty"`
	Cost       *cost.Facts     `json:"cost,omitempty"`
	Option     *option.Facts   `json:"option,omitempty"`
	SaleChance *terms.Quantity `json:"sale_chance,omitempty"`
}

// WhatIf is a stored valuation beside the same evidence with something
// changed. It is not stored.
type WhatIf struct {
	ID      string               `json:"id"`
	Before  valuation.Estimate   `json:"before"`
	After   valuation.Estimate   `json:"after"`
	Status  valuation.Status     `json:"status"`
	Changed valuation.Conclusion `json:"conclusion"`

	Difference valuation.Difference `json:"difference"` // by cause, summing to the change
}

// WhatIf concludes again from a stored valuation's snapshot and assumptions
// with the change applied. Nothing is retrieved again, so the difference is
// the change and nothing else.
func (s *Service) WhatIf(ctx context.Context, actor Actor, id string, change Change) (WhatIf, error) {
	all, err := s.WhatIfs(ctx, actor, id, []Change{change})
	if err != nil {
		return WhatIf{}, err
	}
	return all[0], nil
}

// WhatIfs is [Service.WhatIf] with each of several changes, in their order: how a
// figure goes along one of its inputs.
func (s *Service) WhatIfs(ctx context.Context, actor Actor, id string, changes []Change) (_ []WhatIf, err error) {
	defer fault.Wrap(&err, "appraisal.WhatIfs(%s)", id)
	ctx = store.As(ctx, actor.Institution)
	v, err := s.db.Valuation(ctx, actor.Institution, id)
	if err != nil {
		return nil, err
	}
	var snap snapshot
	if err := json.Unmarshal(v.Snapshot, &snap); err != nil {
		return nil, err
	}
	var before valuation.Conclusion
	if err := json.Unmarshal(v.Conclusion, &before); err != nil {
		return nil, err
	}
	assumptions, err := s.assumptions(ctx, snap.Assumptions)
	if err != nil {
		return nil, err
	}
	if err := s.attach(ctx, &snap.Evidence, snap.Assignment.Date, assumptions); err != nil {
		return nil, err
	}
	out := make([]WhatIf, 0, len(changes))
	for _, change := range changes {
		a, ev := snap.Assignment, snap.Evidence
		change.apply(&a, &ev)
		after, err := valuation.Conclude(a, ev, assumptions.Assumptions)
		if err != nil {
			return nil, err
		}
		out = append(out, WhatIf{
			ID: id, Before: before.Value, After: after.Value, Status: after.Status, Changed: after,
			Difference: valuation.Explain(before, after),
		})
	}
	return out, nil
}

func (change *Change) apply(a *valuation.Assignment, ev *valuation.Evidence) {
	if change.Purpose != nil {
		a.Purpose, a.Basis, a.Premise = *change.Purpose, "", "" // basis and premise follow the purpose
	}
	if change.Level != nil {
		a.Level = *change.Level
	}
	if change.Income != nil {
		ev.Income = change.Income
	}
	if change.Cost != nil {
		ev.Cost = change.Cost
	}
	if change.Option != nil {
		ev.Option = change.Option
	}
	if change.SaleChance != nil {
		ev.SaleChance = change.SaleChance
	}
}
