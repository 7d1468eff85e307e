package store

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/fault"
	"zhijia/internal/valuation"
)

// PricedDeals returns every deal that may count as a price for the institution: its own and the public ones it has not
// brought itself, without those that are stored as no price or as another's repetition. What a deal is about stays behind
// but for its title.
func (db *DB) PricedDeals(ctx context.Context) (_ []valuation.Comparable, err error) {
	defer fault.Wrap(&err, "store.PricedDeals")
	rows, err := db.pool.Query(ctx, `
		SELECT `+dealColumns+`, NULL::float8 FROM deals d
		WHERE `+dealCounts+` AND d.exclusion IS NULL AND d.duplicate_of IS NULL AND d.date IS NOT NULL ORDER BY d.id`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (valuation.Comparable, error) {
		c, err := scanCandidate(row)
		c.IPC = nil
		return c.Comparable, err
	})
}

// PutLedger keeps a set of deals under the hash of its bytes, or notes that it is still used.
func (db *DB) PutLedger(ctx context.Context, id string, deals []byte) (err error) {
	defer fault.Wrap(&err, "store.PutLedger")
	_, err = db.pool.Exec(ctx, `INSERT INTO ledgers (id, deals) VALUES ($1, $2) ON CONFLICT (institution, id) DO UPDATE SET used_at = now()`, id, deals)
	return err
}

// PruneLedgers drops the sets of deals that no valuation names and that nobody has used since a moment.
func (db *DB) PruneLedgers(ctx context.Context, before time.Time) (_ int64, err error) {
	defer fault.Wrap(&err, "store.PruneLedgers")
	tag, err := db.pool.Exec(across(ctx), `
		DELETE FROM ledgers l WHERE used_at < $1
			AND NOT EXISTS (SELECT FROM valuations v WHERE v.institution = l.institution AND v.ledger = l.id)`, before)
	return tag.RowsAffected(), err
}

// Ledger returns a kept set of deals.
func (db *DB) Ledger(ctx context.Context, id string) (deals []byte, err error) {
	defer fault.Wrap(&err, "store.Ledger(%s)", id)
	err = db.pool.QueryRow(ctx, `SELECT deals FROM ledgers WHERE institution = institution_now() AND id = $1`, id).Scan(&deals)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, fault.New(fault.NotFound, "ledger.unknown", "估值所依据的成交清单已不在库中，无法重算。", "The deals this valuation was inferred from are no longer stored: it cannot be worked out again.")
	}
	return deals, err
}
