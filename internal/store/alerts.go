package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/fault"
	"zhijia/internal/patent"
)

// AlertStatus says whether an alert still holds.
type AlertStatus string

// Statuses.
const (
	AlertOpen     AlertStatus = "open"
	AlertSettled  AlertStatus = "settled"  // the fee was paid, the ceiling holds again, the loan is closed
	AlertRestated AlertStatus = "restated" // what is on file now does not bear it out
)

// Alert is an alert raised for an institution.
type Alert struct {
	ID  string `json:"id"`
	Seq int64  `json:"seq"` // renewed at every change: ask for what is after the last one seen
	patent.Alert
	Detail         json.RawMessage `json:"detail,omitempty"` // of a loan: what changed and why
	Revision       int             `json:"revision"`         // 1 when raised; a restatement has the next
	Status         AlertStatus     `json:"status"`
	RaisedAt       time.Time       `json:"raised_at"`
	ChangedAt      time.Time       `json:"changed_at"`
	AcknowledgedAt *time.Time      `json:"acknowledged_at,omitempty"`
	AcknowledgedBy string          `json:"acknowledged_by,omitempty"`
	Note           string          `json:"note,omitempty"`
}

// AlertChange is what becomes of one alert.
type AlertChange struct {
	Alert  patent.Alert
	Detail json.RawMessage
	Status AlertStatus
}

// AlertID is the same for the same cause for ever, so that nothing is raised
// twice and a receiver can tell a repeat.
func AlertID(institution string, a *patent.Alert) string {
	sum := sha256.Sum256([]byte(institution + "\x00" + a.About + "\x00" + a.Subject() + "\x00" + a.Cause))
	return "wa_" + hex.EncodeToString(sum[:16])
}

// orderAlerts keeps those who change alerts to one: seq is in the order of the
// commits.
func orderAlerts(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, lockAlerts)
	return err
}

const alertColumns = `id, seq, revision, subject_kind, number, loan, cause, code, level, day, zh, en, event, source, old_value, new_value, detail, status,
	raised_at, changed_at, acknowledged_at, coalesce(acknowledged_by, ''), coalesce(note, '')`

// scanAlert reads alertColumns behind what else is asked for.
func scanAlert(row pgx.CollectableRow, first ...any) (a Alert, err error) {
	err = row.Scan(append(first, &a.ID, &a.Seq, &a.Revision, &a.About, &a.Number, &a.Loan, &a.Cause, &a.Code, &a.Level, &a.Date, &a.Zh, &a.En, &a.Event, &a.Source,
		&a.Old, &a.New, (*[]byte)(&a.Detail), &a.Status, &a.RaisedAt, &a.ChangedAt, &a.AcknowledgedAt, &a.AcknowledgedBy, &a.Note)...)
	a.RaisedAt, a.ChangedAt = a.RaisedAt.UTC(), a.ChangedAt.UTC()
	return a, err
}

// Message is what a webhook is sent.
type Message struct {
	Type      string    `json:"type"` // alert.raised, alert.restated, alert.settled, webhook.test
	Timestamp time.Time `json:"timestamp"`
	Data      *Alert    `json:"data"`
}

// Post puts the messages of subscriptions of an institution to work, in the
// transaction that stored them.
type Post func(ctx context.Context, tx pgx.Tx, institution string, webhooks []string) error

// raise stores what becomes of alerts, with a message to every subscription
// that wants it. Restated, an alert is to be acknowledged again; settled, it is
// not.
func raise(ctx context.Context, tx pgx.Tx, institution string, changes []AlertChange, now time.Time, post Post) error {
	if len(changes) == 0 {
		return nil
	}
	if err := orderAlerts(ctx, tx); err != nil {
		return err
	}
	var all []Alert
	for i := range changes {
		c, x := &changes[i], &changes[i].Alert
		rows, err := tx.Query(ctx, `
			INSERT INTO alerts AS w (id, seq, revision, institution, subject_kind, subject, number, loan, cause, code, level, day, zh, en, event, source, old_value, new_value, detail, status, raised_at, changed_at)
			VALUES ($1, nextval('alerts_seq'), 1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $19)
			ON CONFLICT (id) DO UPDATE SET seq = EXCLUDED.seq, revision = w.revision + 1, code = EXCLUDED.code, level = EXCLUDED.level, day = EXCLUDED.day, zh = EXCLUDED.zh, en = EXCLUDED.en,
				event = EXCLUDED.event, source = EXCLUDED.source, number = EXCLUDED.number, loan = EXCLUDED.loan, old_value = EXCLUDED.old_value, new_value = EXCLUDED.new_value,
				detail = EXCLUDED.detail, status = EXCLUDED.status, changed_at = EXCLUDED.changed_at,
				acknowledged_at = CASE WHEN EXCLUDED.status = 'settled' THEN w.acknowledged_at END,
				acknowledged_by = CASE WHEN EXCLUDED.status = 'settled' THEN w.acknowledged_by END,
				note = CASE WHEN EXCLUDED.status = 'settled' THEN w.note END
			RETURNING `+alertColumns,
			AlertID(institution, x), institution, x.About, x.Subject(), x.Number, x.Loan, x.Cause, x.Code, x.Level, x.Date, x.Zh, x.En, x.Event, x.Source,
			(*int64)(x.Old), (*int64)(x.New), []byte(c.Detail), c.Status, now)
		if err != nil {
			return err
		}
		a, err := pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (Alert, error) { return scanAlert(row) })
		if err != nil {
			return err
		}
		all = append(all, a)
	}
	return send(ctx, tx, institution, all, now, post)
}

// settle ends the open alerts about a loan whose cause is gone: those named, or
// all of them.
func settle(ctx context.Context, tx pgx.Tx, institution, loan string, causes []string, all bool, now time.Time, post Post) error {
	if len(causes) == 0 && !all {
		return nil
	}
	if err := orderAlerts(ctx, tx); err != nil {
		return err
	}
	rows, err := tx.Query(ctx, `
		UPDATE alerts SET status = 'settled', seq = nextval('alerts_seq'), revision = revision + 1, changed_at = $5
		WHERE institution = $1 AND subject_kind = 'loan' AND subject = $2 AND status = 'open' AND ($4 OR cause = ANY ($3)) RETURNING `+alertColumns, institution, loan, causes, all, now)
	if err != nil {
		return err
	}
	settled, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Alert, error) { return scanAlert(row) })
	if err != nil {
		return err
	}
	return send(ctx, tx, institution, settled, now, post)
}

// send puts the messages about alerts into the queue.
func send(ctx context.Context, tx pgx.Tx, institution string, alerts []Alert, now time.Time, post Post) error {
	var webhooks []string
	for i := range alerts {
		a := &alerts[i]
		m := Message{"alert.raised", a.ChangedAt, a}
		switch {
		case a.Status == AlertSettled:
			m.Type = "alert.settled"
		case a.Revision > 1:
			m.Type = "alert.restated"
		}
		body, err := json.Marshal(m)
		if err != nil {
			return err
		}
		to, err := queueMessages(ctx, tx, institution, a, m.Type, body, now)
		if err != nil {
			return err
		}
		for _, w := range to {
			if !slices.Contains(webhooks, w) {
				webhooks = append(webhooks, w)
			}
		}
	}
	if len(webhooks) == 0 {
		return nil
	}
	return post(ctx, tx, institution, webhooks)
}

// AlertFilter chooses alerts.
type AlertFilter struct {
	After  int64  // seq of the last one seen
	About  string // patent or loan; empty: both
	Number string // of one patent; empty: any
	Loan   string // of one contract; empty: any
	Open   bool   // only those that hold and nobody acknowledged
	Newest bool   // the last ones, newest first, instead of the first ones after After
	Limit  int
}

// Alerts returns an institution's alerts in the order in which they last
// changed.
func (db *DB) Alerts(ctx context.Context, institution string, f AlertFilter) (_ []Alert, err error) {
	defer fault.Wrap(&err, "store.Alerts")
	ctx = As(ctx, institution)
	order := `seq`
	if f.Newest {
		order = `seq DESC`
	}
	rows, err := db.pool.Query(ctx, `
		SELECT `+alertColumns+` FROM alerts
		WHERE institution = $1 AND seq > $2 AND ($3 = '' OR subject_kind = $3) AND ($4 = '' OR number = $4) AND ($5 = '' OR loan = $5)
		AND (NOT $6 OR acknowledged_at IS NULL AND status = 'open') ORDER BY `+order+` LIMIT $7`, institution, f.After, f.About, f.Number, f.Loan, f.Open, f.Limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (Alert, error) { return scanAlert(row) })
}

// AcknowledgeAlert records that somebody has seen an alert and what follows
// from it. The first acknowledgement stays until the alert is restated.
func (db *DB) AcknowledgeAlert(ctx context.Context, institution, id, by, note string, now time.Time) (_ Alert, err error) {
	defer fault.Wrap(&err, "store.AcknowledgeAlert(%s)", id)
	ctx = As(ctx, institution)
	var a Alert
	err = db.transact(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			UPDATE alerts SET acknowledged_at = coalesce(acknowledged_at, $3), acknowledged_by = coalesce(acknowledged_by, $4), note = coalesce(note, $5)
			WHERE institution = $1 AND id = $2 RETURNING `+alertColumns, institution, id, now, by, note)
		if err != nil {
			return err
		}
		a, err = pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (Alert, error) { return scanAlert(row) })
		if errors.Is(err, pgx.ErrNoRows) {
			return fault.New(fault.NotFound, "alert.unknown", "没有这条预警。", "There is no such alert.")
		}
		if err != nil {
			return err
		}
		return record(ctx, tx, Act{institution, by, "alert.acknowledge", id, map[string]any{"revision": a.Revision, "note": note}})
	})
	return a, err
}
