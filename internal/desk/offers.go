package desk

import (
	"context"
	"encoding/json"

	"zhijia/internal/appraisal"
	"zhijia/internal/encumbrance"
	"zhijia/internal/fault"
	"zhijia/internal/lending"
	"zhijia/internal/patent"
	"zhijia/internal/store"
)

// offer is what a row puts up: its patent as a pledge, under its contract. A
// row without one is known by its borrower alone, so that a file sent again
// with corrections offers nothing new.
func offer(row *lending.Row) (patent.Offer, bool) {
	if row.Kind == lending.Trademark && row.Borrower != "" {
		return patent.Offer{Number: encumbrance.Right{Kind: encumbrance.Trademark, Number: row.Number}.Key(), Product: patent.ByPledge, Reference: row.Contract, Party: row.Borrower, PartyCode: row.CreditCode}, true
	}
	n, err := patent.ParseNumber(row.Number)
	if err != nil || row.Borrower == "" {
		return patent.Offer{}, false
	}
	return patent.Offer{Number: string(n.Key()), Product: patent.ByPledge, Reference: row.Contract, Party: row.Borrower, PartyCode: row.CreditCode}, true
}

func offersOf(rows []lending.Row) []patent.Offer {
	var out []patent.Offer
	for i := range rows {
		if o, ok := offer(&rows[i]); ok {
			out = append(out, o)
		}
	}
	return out
}

// Conflicts returns what stands between the patents of a batch and others' use
// of them, of any institution, as it is now.
func (d *Desk) Conflicts(ctx context.Context, actor appraisal.Actor, id string) (_ []store.OfferConflict, err error) {
	defer fault.Wrap(&err, "desk.Conflicts(%s)", id)
	ctx = store.As(ctx, actor.Institution)
	if _, err := d.db.Batch(ctx, actor.Institution, id); err != nil {
		return nil, err
	}
	var offers []patent.Offer
	err = d.db.EachBatchRow(ctx, id, func(row *store.BatchRow) error {
		var r lending.Row
		if err := json.Unmarshal(row.Input, &r); err != nil {
			return err
		}
		if o, ok := offer(&r); ok && row.Status != store.RowRefused {
			offers = append(offers, o)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return d.db.OfferConflicts(ctx, actor.Institution, offers)
}
