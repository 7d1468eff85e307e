package desk

import (
	"context"
	"encoding/json"
	"fmt"

	"golang.org/x/sync/errgroup"

	"zhijia/internal/appraisal"
	"zhijia/internal/civil"
	"zhijia/internal/fault"
	"zhijia/internal/lending"
	"zhijia/internal/store"
)

// Check is an answer to a collateral check.
type Check struct {
	Decisions lending.Decisions `json:"decisions"`
	Valued    []lending.Valued  `json:"valued"` // in the order asked

	// Conflicts are what stands between these patents and others' use of them,
	// of any institution.
	Conflicts []store.OfferConflict `json:"conflicts"`
}

// MaxCheck bounds the patents of one collateral check; more go into a file.
const MaxCheck = 50

// Check values the patents of one case at once and decides it. Every
// valuation is stored and goes on record.
func (d *Desk) Check(ctx context.Context, actor appraisal.Actor, rows []lending.Row, o lending.Options, on civil.Date) (_ Check, err error) {
	defer fault.Wrap(&err, "desk.Check")
	if on.IsZero() {
		on = civil.Of(d.now())
	}
	valued := make([]lending.Valued, len(rows))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for i := range rows {
		rows[i].Line = i + 1
		group.Go(func() error {
			v, draft, err := Value(groupCtx, d.appraisal, actor, rows[i], on)
			if kind := fault.KindOf(err); err != nil && (kind == fault.Invalid || kind == fault.NotFound) {
				pub := fault.Public(err)
				valued[i] = lending.Refused(rows[i], fault.Field{Field: fmt.Sprintf("rows[%d]", i), Code: pub.Code, Zh: pub.Zh, En: pub.En})
				return nil
			}
			if err != nil {
				return err
			}
			valued[i] = v
			input, err := json.Marshal(rows[i])
			if err != nil {
				return err
			}
			return d.db.PutValuation(groupCtx, &draft.Valuation, store.Act{Tenant: actor.Tenant, Actor: actor.Name, Action: "collateral.check", Subject: draft.Valuation.ID, Detail: rowDetail{
				Input: hash(input), Status: store.RowDone, Valuation: draft.Valuation.ID, Hash: draft.Valuation.Hash, Policy: o.Policy.ID + " " + o.Policy.Version, Versions: v.Versions,
			}})
		})
	}
	if err := group.Wait(); err != nil {
		return Check{}, err
	}
	conflicts, err := d.db.PutOffers(ctx, actor.Tenant, offersOf(rows), store.Offered, d.now().UTC())
	if err != nil {
		return Check{}, err
	}
	return Check{Decisions: lending.Decide(valued, o, on), Valued: valued, Conflicts: append([]store.OfferConflict{}, conflicts...)}, nil
}
