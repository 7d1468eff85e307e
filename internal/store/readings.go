package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/fault"
)

// BatchReading is what became of a row of a batch when a model read its patent
// after the batch had been decided.
type BatchReading struct {
	Line       int             `json:"line"`
	Valuation  string          `json:"valuation"`          // that the decision rests on
	Revision   string          `json:"revision,omitempty"` // the same with the reading in it
	Note       string          `json:"note,omitempty"`     // why there is no revision, Chinese
	Conclusion json.RawMessage `json:"-"`                  // of the revision
}

// RowsToRead returns rows of a batch whose valuations lack the model's reading
// and which nobody has tried to have read since, in order, without more than the
// line and the valuation.
func (db *DB) RowsToRead(ctx context.Context, institution, batch string, limit int) (_ []BatchReading, err error) {
	defer fault.Wrap(&err, "store.RowsToRead(%s)", batch)
	ctx = As(ctx, institution)
	rows, err := db.pool.Query(ctx, `
		SELECT r.line, r.valuation FROM batch_rows r JOIN valuations v ON v.institution = r.institution AND v.id = r.valuation
		WHERE r.batch = $1 AND r.institution = $2 AND r.status = 'done' AND v.conclusion::text ~ '"MODEL-(PENDING|UNAVAILABLE|UNFINISHED|OFF)"'
			AND NOT EXISTS (SELECT 1 FROM batch_readings x WHERE x.batch = r.batch AND x.line = r.line AND x.valuation = r.valuation)
		ORDER BY r.line LIMIT $3`, batch, institution, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (x BatchReading, err error) {
		return x, row.Scan(&x.Line, &x.Valuation)
	})
}

const insertReading = `INSERT INTO batch_readings (institution, batch, line, valuation, revision, note, read_at) VALUES ($1, $2, $3, $4, nullif($5, ''), $6, $7)
	ON CONFLICT (batch, line, valuation) DO UPDATE SET revision = EXCLUDED.revision, note = EXCLUDED.note, read_at = EXCLUDED.read_at`

// PutRevision stores a valuation that revises another, and, for a row of a batch,
// that it does, in one transaction.
func (db *DB) PutRevision(ctx context.Context, v *Valuation, a Act, batch string, of BatchReading) (err error) {
	defer fault.Wrap(&err, "store.PutRevision(%s)", v.ID)
	if batch == "" {
		return db.PutValuation(ctx, v, a)
	}
	detail, err := a.detail(ctx)
	if err != nil {
		return err
	}
	v.Batch = batch
	var b pgx.Batch // without a control statement, a batch is one transaction
	b.Queue(insertValuation, v.values()...)
	b.Queue(insertReading, a.Institution, batch, of.Line, of.Valuation, v.ID, "", v.CreatedAt)
	b.Queue(`SELECT audit_append($1, $2, $3, $4, $5)`, a.Institution, a.Actor, a.Action, a.Subject, detail)
	return db.pool.SendBatch(As(ctx, a.Institution), &b).Close()
}

// PutUnread notes why a row was not read, so that it is not tried again by
// itself.
func (db *DB) PutUnread(ctx context.Context, institution, batch string, x BatchReading, now time.Time) (err error) {
	defer fault.Wrap(&err, "store.PutUnread(%s)", batch)
	_, err = db.pool.Exec(As(ctx, institution), insertReading, institution, batch, x.Line, x.Valuation, "", x.Note, now)
	return err
}

// ForgetUnread has the rows that were not read tried again.
func (db *DB) ForgetUnread(ctx context.Context, institution, batch string) (err error) {
	defer fault.Wrap(&err, "store.ForgetUnread(%s)", batch)
	_, err = db.pool.Exec(As(ctx, institution), `DELETE FROM batch_readings WHERE batch = $1 AND institution = $2 AND revision IS NULL`, batch, institution)
	return err
}

// BatchReadings returns the later readings of a batch's rows as they stand now,
// in order.
func (db *DB) BatchReadings(ctx context.Context, institution, batch string) (_ []BatchReading, err error) {
	defer fault.Wrap(&err, "store.BatchReadings(%s)", batch)
	rows, err := db.pool.Query(As(ctx, institution), `
		SELECT x.line, x.valuation, coalesce(x.revision, ''), x.note, v.conclusion FROM batch_readings x
		JOIN batch_rows r ON r.batch = x.batch AND r.line = x.line AND r.valuation = x.valuation
		LEFT JOIN valuations v ON v.institution = x.institution AND v.id = x.revision
		WHERE x.batch = $1 AND x.institution = $2 ORDER BY x.line`, batch, institution)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (x BatchReading, err error) {
		return x, row.Scan(&x.Line, &x.Valuation, &x.Revision, &x.Note, (*[]byte)(&x.Conclusion))
	})
}

// PutReadingAlerts raises what the later readings of a batch mean for its
// contracts. An alert that says what it said before stays as it is.
func (db *DB) PutReadingAlerts(ctx context.Context, institution, by, batch string, changes []AlertChange, now time.Time) (err error) {
	defer fault.Wrap(&err, "store.PutReadingAlerts(%s)", batch)
	ctx = As(ctx, institution)
	return db.transact(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, lockAlerts); err != nil { // seq is in the order of the commits
			return err
		}
		for _, c := range changes {
			var same bool
			if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM alerts WHERE id = $1 AND zh = $2)`, c.ID, c.Alert.Zh).Scan(&same); err != nil {
				return err
			}
			if same {
				continue
			}
			a, err := putAlert(ctx, tx, institution, c, now)
			if err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `UPDATE alerts SET told = false WHERE id = $1`, a.ID); err != nil { // the next sweep queues its messages
				return err
			}
			if err := record(ctx, tx, Act{institution, by, "batch.reading", batch, map[string]any{"alert": a.ID, "cause": a.Cause}}); err != nil {
				return err
			}
		}
		return nil
	})
}
