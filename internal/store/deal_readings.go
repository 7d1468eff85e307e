package store

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/fault"
)

// DealReading is a text that was read for deals, whose rows wait for a person.
type DealReading struct {
	ID      string
	Source  string
	Text    string
	Rows    json.RawMessage // as they were read
	Total   int             // number of them
	By      string
	At      time.Time
	Settled map[int]string // by place: the deal, or empty where the row was rejected
}

// maxReadings bounds the texts of an institution that wait.
const maxReadings = 1000

// PutDealReading keeps a text with its rows. Kept before, it stays as it was.
func (db *DB) PutDealReading(ctx context.Context, institution string, r *DealReading) (err error) {
	defer fault.Wrap(&err, "store.PutDealReading")
	ctx = As(ctx, institution)
	return db.transact(ctx, func(tx pgx.Tx) error {
		waiting := 0
		if err := tx.QueryRow(ctx, `
			SELECT count(*) FROM deal_readings r WHERE institution = institution_now() AND id <> $1
				AND total > (SELECT count(*) FROM deal_reading_rows d WHERE d.institution = r.institution AND d.reading = r.id)`, r.ID).Scan(&waiting); err != nil {
			return err
		}
		if waiting >= maxReadings {
			return fault.New(fault.Conflict, "reading.too_many", "待核对的文本已有一千份，请先核对或不入账。", "A thousand texts wait already: settle some of them first.")
		}
		tag, err := tx.Exec(ctx, `
			INSERT INTO deal_readings (id, source, body, rows, total, read_by, read_at) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (institution, id) DO NOTHING`,
			r.ID, r.Source, r.Text, r.Rows, r.Total, r.By, r.At)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		return record(ctx, tx, Act{institution, r.By, "deal.reading", r.ID, map[string]any{"source": r.Source, "rows": r.Total}})
	})
}

// DealReading returns a kept text with what became of its rows.
func (db *DB) DealReading(ctx context.Context, institution, id string) (r DealReading, err error) {
	defer fault.Wrap(&err, "store.DealReading(%s)", id)
	ctx = As(ctx, institution)
	var places []int
	var deals []string
	err = db.pool.QueryRow(ctx, `
		SELECT id, source, body, rows, total, read_by, read_at,
			ARRAY (SELECT place FROM deal_reading_rows d WHERE d.institution = r.institution AND d.reading = r.id ORDER BY place),
			ARRAY (SELECT coalesce(deal, '') FROM deal_reading_rows d WHERE d.institution = r.institution AND d.reading = r.id ORDER BY place)
		FROM deal_readings r WHERE institution = institution_now() AND id = $1`, id).
		Scan(&r.ID, &r.Source, &r.Text, &r.Rows, &r.Total, &r.By, &r.At, &places, &deals)
	if errors.Is(err, pgx.ErrNoRows) {
		return r, fault.New(fault.NotFound, "reading.unknown", "没有这份读取。", "There is no such reading.")
	}
	r.Settled = map[int]string{}
	for i, p := range places {
		r.Settled[p] = deals[i]
	}
	return r, err
}

// WaitingReading is a kept text of which rows wait.
type WaitingReading struct {
	ID      string    `json:"id"`
	Source  string    `json:"source"`
	Rows    int       `json:"rows"`
	Waiting int       `json:"waiting"`
	By      string    `json:"read_by"`
	At      time.Time `json:"read_at"`
}

// WaitingReadings returns the texts of which rows wait, the latest first.
func (db *DB) WaitingReadings(ctx context.Context, institution string) (_ []WaitingReading, err error) {
	defer fault.Wrap(&err, "store.WaitingReadings")
	ctx = As(ctx, institution)
	rows, err := db.pool.Query(ctx, `
		SELECT id, source, total, total - settled, read_by, read_at FROM (
			SELECT r.*, (SELECT count(*)::int FROM deal_reading_rows d WHERE d.institution = r.institution AND d.reading = r.id) AS settled
			FROM deal_readings r WHERE r.institution = institution_now()) AS x
		WHERE settled < total ORDER BY read_at DESC, id LIMIT $1`, maxReadings)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (w WaitingReading, err error) {
		err = row.Scan(&w.ID, &w.Source, &w.Rows, &w.Waiting, &w.By, &w.At)
		w.At = w.At.UTC()
		return w, err
	})
}

// SettleDealRow notes what became of a row: the deal it became, or none where it
// was rejected. What was accepted stays accepted.
func (db *DB) SettleDealRow(ctx context.Context, institution, reading string, place int, deal, by string, at time.Time) (err error) {
	defer fault.Wrap(&err, "store.SettleDealRow")
	ctx = As(ctx, institution)
	return db.transact(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			INSERT INTO deal_reading_rows AS d (reading, place, deal, by_whom, at) VALUES ($1, $2, nullif($3, ''), $4, $5)
			ON CONFLICT (institution, reading, place) DO UPDATE SET deal = EXCLUDED.deal, by_whom = EXCLUDED.by_whom, at = EXCLUDED.at WHERE d.deal IS NULL AND EXCLUDED.deal IS NOT NULL`,
			reading, place, deal, by, at)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		return record(ctx, tx, Act{institution, by, "deal.reading_row", reading, map[string]any{"row": place + 1, "deal": deal}})
	})
}
