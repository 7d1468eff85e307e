package desk

import (
	"context"
	"encoding/json"
	"fmt"

	"golang.org/x/sync/errgroup"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/lending"
	"zhijia/internal/store"
)

// Check is an answer to a collateral check.
type Check struct {
	ID        string            `json:"id"` // subject of its entry in the audit record
	Decisions lending.Decisions `json:"decisions"`
	Valued    []lending.Valued  `json:"valued"` // in the order asked
	Facts     store.Facts       `json:"facts"`  // that stood in store: drawn under the programmes, patents in the book

	// Conflicts are what stands between these patents and others' use of them,
	// of any institution.
	Conflicts []store.OfferConflict `json:"conflicts"`
}

// MaxCheck bounds the patents of one collateral check; more go into a file.
const MaxCheck = 50

// Check values the patents of one case at once and decides it. Every
// valuation is stored, and the valuations and the decision go on record. A
// check holds nothing of a programme.
func (d *Desk) Check(ctx context.Context, actor appraisal.Actor, rows []lending.Row, o Options) (_ Check, err error) {
	defer fault.Wrap(&err, "desk.Check")
	ctx = store.As(ctx, actor.Institution)
	on := o.Date
	if on.IsZero() {
		on = calendar.InChina(d.now())
	}
	c := Check{ID: store.NewID("chk", d.now())}
	valued := make([]lending.Valued, len(rows))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for i := range rows {
		rows[i].Line = i + 1
		group.Go(func() error {
			v, draft, err := Value(groupCtx, d.db, d.appraisal, actor, rows[i], on, false)
			if kind := fault.KindOf(err); err != nil && (kind == fault.Invalid || kind == fault.NotFound) {
				pub := fault.Public(err)
				valued[i] = lending.Refused(rows[i], fault.Field{Field: fmt.Sprintf("rows[%d]", i), Code: pub.Code, Zh: pub.Zh, En: pub.En})
				return nil
			}
			if err != nil {
				return err
			}
			valued[i] = v
			if draft == nil {
				return nil // a trademark: its facts are of the decision's record
			}
			input, err := json.Marshal(rows[i])
			if err != nil {
				return err
			}
			return d.db.PutValuation(groupCtx, &draft.Valuation, store.Act{Institution: actor.Institution, Actor: actor.Name, Action: "collateral.check", Subject: draft.Valuation.ID, Detail: rowDetail{
				Input: hash(input), Status: store.RowDone, Valuation: draft.Valuation.ID, Hash: draft.Valuation.Hash, Policy: o.Policy.ID + " " + o.Policy.Version, Versions: v.Versions,
			}})
		})
	}
	if err := group.Wait(); err != nil {
		return Check{}, err
	}
	if c.Facts, err = d.db.LendingFacts(ctx, d.query(actor.Institution, &o, valued, c.ID)); err != nil {
		return Check{}, err
	}
	conflicts, err := d.db.PutOffers(ctx, actor.Institution, actor.Name, offersOf(rows), store.Offered, d.now().UTC())
	if err != nil {
		return Check{}, err
	}
	c.Conflicts = append([]store.OfferConflict{}, conflicts...)
	c.Valued, c.Decisions = valued, lending.Decide(valued, o.lending(c.Facts), on)
	return c, d.db.Record(ctx, store.Act{Institution: actor.Institution, Actor: actor.Name, Action: "collateral.decide", Subject: c.ID, Detail: map[string]any{
		"options": o, "facts": c.Facts, "decisions": c.Decisions,
	}})
}
