package store

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/fault"
)

// driftCause begins the cause of an alert that prices of a market have drifted.
const driftCause = "drift|"

// PutDrift raises the alerts on drifting markets of an institution's ledger, and
// settles those of the markets that drift no longer. An alert that says what it
// said before stays as it is. It returns how many were raised, restated or
// settled.
func (db *DB) PutDrift(ctx context.Context, institution, by string, drifting []AlertChange, now time.Time) (changed int, err error) {
	defer fault.Wrap(&err, "store.PutDrift")
	ctx = As(ctx, institution)
	err = db.transact(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, lockAlerts); err != nil { // seq is in the order of the commits
			return err
		}
		rows, err := tx.Query(ctx, `SELECT `+alertColumns+` FROM alerts WHERE institution = $1 AND number = '' AND status = 'open'`, institution)
		if err != nil {
			return err
		}
		open, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Alert, error) { return scanAlert(row) })
		if err != nil {
			return err
		}
		standing := map[string]*Alert{}
		for i := range open {
			if strings.HasPrefix(open[i].Cause, driftCause) {
				standing[open[i].Cause] = &open[i]
			}
		}
		var changes []AlertChange
		for _, c := range drifting {
			c.Alert.Cause = driftCause + c.Alert.Cause
			if old := standing[c.Alert.Cause]; old == nil || old.Zh != c.Alert.Zh {
				changes = append(changes, c)
			}
			delete(standing, c.Alert.Cause)
		}
		for _, old := range standing {
			changes = append(changes, AlertChange{ID: old.ID, Alert: old.Alert, Status: AlertSettled})
		}
		for _, c := range changes {
			a, err := putAlert(ctx, tx, institution, c, now)
			if err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `UPDATE alerts SET told = false WHERE id = $1`, a.ID); err != nil { // the next sweep queues its messages
				return err
			}
			if err := record(ctx, tx, Act{institution, by, "ledger.drift", a.ID, map[string]any{"cause": a.Cause, "status": a.Status}}); err != nil {
				return err
			}
		}
		changed = len(changes)
		return nil
	})
	return changed, err
}

// FitSince is when the fit in use of the institution's own was stored; ok is false where it uses the shipped model.
func (db *DB) FitSince(ctx context.Context) (at time.Time, ok bool, err error) {
	defer fault.Wrap(&err, "store.FitSince")
	err = db.pool.QueryRow(ctx, `SELECT created_at FROM assumptions WHERE active AND institution = institution_now()`).Scan(&at)
	if errors.Is(err, pgx.ErrNoRows) {
		return at, false, nil
	}
	return at, err == nil, err
}
