package store

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/patent"
)

// WatchedPatent is a patent an institution watches by its own choice.
type WatchedPatent struct {
	Number  string    `json:"number"`
	Note    string    `json:"note,omitempty"`
	AddedAt time.Time `json:"added_at"`
	AddedBy string    `json:"added_by"`
}

// WatchPatents adds patents to a institution's portfolio. One that is there stays
// as it is; one that was removed is watched again from now on.
func (db *DB) WatchPatents(ctx context.Context, institution string, numbers []string, note, by string, now time.Time) (n int, err error) {
	defer fault.Wrap(&err, "store.WatchPatents")
	ctx = As(ctx, institution)
	err = db.transact(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			INSERT INTO watched_patents AS w (institution, number, note, added_at, added_by)
			SELECT DISTINCT $1, n, $3, $4::timestamptz, $5 FROM unnest($2::text[]) AS n
			ON CONFLICT (institution, number) DO UPDATE SET note = EXCLUDED.note, added_at = EXCLUDED.added_at, added_by = EXCLUDED.added_by, removed_at = NULL
			WHERE w.removed_at IS NOT NULL`, institution, numbers, note, now, by)
		if err != nil {
			return err
		}
		n = int(tag.RowsAffected())
		return record(ctx, tx, Act{institution, by, "watch.add", numbers[0], map[string]any{"numbers": numbers, "added": n}})
	})
	return n, err
}

// UnwatchPatent takes a patent out of a institution's portfolio. Its alerts stay.
func (db *DB) UnwatchPatent(ctx context.Context, institution, number, by string, now time.Time) (err error) {
	defer fault.Wrap(&err, "store.UnwatchPatent(%s)", number)
	ctx = As(ctx, institution)
	return db.transact(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE watched_patents SET removed_at = $3 WHERE institution = $1 AND number = $2 AND removed_at IS NULL`, institution, number, now)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return fault.New(fault.NotFound, "watch.unknown", "关注列表中没有专利 "+number+"；为在册贷款提供担保的专利随贷款关注，不能单独移除。", "Patent "+number+" is not in the portfolio; one that secures a booked loan is watched with the loan.")
		}
		return record(ctx, tx, Act{institution, by, "watch.remove", number, nil})
	})
}

// WatchedPatents returns a institution's own portfolio in order of number.
func (db *DB) WatchedPatents(ctx context.Context, institution, after string, limit int) (_ []WatchedPatent, err error) {
	defer fault.Wrap(&err, "store.WatchedPatents")
	ctx = As(ctx, institution)
	rows, err := db.pool.Query(ctx, `
		SELECT number, note, added_at, added_by FROM watched_patents
		WHERE institution = $1 AND number > $2 AND removed_at IS NULL ORDER BY number LIMIT $3`, institution, after, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (w WatchedPatent, err error) {
		err = row.Scan(&w.Number, &w.Note, &w.AddedAt, &w.AddedBy)
		w.AddedAt = w.AddedAt.UTC()
		return w, err
	})
}

// Watch is one patent watched by one institution, with all that its alerts are
// worked out from.
type Watch struct {
	Institution string
	Number      string
	Since       time.Time // when it came under watch
	Patent      *Patent   // nil: no record
	Events      []ArrivedEvent
	Loans       []patent.Loan
	Alerts      []Alert // raised before
}

// ArrivedEvent is an event and when it came into the store.
type ArrivedEvent struct {
	patent.Event
	ArrivedAt time.Time
}

// DueWatches puts everything watched to be worked out again, once per day.
func (db *DB) DueWatches(ctx context.Context, today calendar.Date) (err error) {
	defer fault.Wrap(&err, "store.DueWatches")
	_, err = db.pool.Exec(ctx, `
		WITH fresh AS (INSERT INTO watch_days (day) VALUES ($1) ON CONFLICT DO NOTHING RETURNING day)
		INSERT INTO watch_dirty (number) SELECT DISTINCT w.number FROM watching w, fresh`, today)
	return err
}

// SweepWatches takes up to limit marks, has derive say what becomes of the
// alerts of each watch concerned, and stores it with a message to every
// subscription that wants it, all in one transaction. It returns how many
// marks were taken and alerts changed.
func (db *DB) SweepWatches(ctx context.Context, limit int, now time.Time, derive func(Watch) []AlertChange, post Post) (taken, changed int, err error) {
	defer fault.Wrap(&err, "store.SweepWatches")
	err = db.transact(ctx, func(tx pgx.Tx) error {
		taken, changed = 0, 0
		if err := orderAlerts(ctx, tx); err != nil { // what is worked out is never older than what is stored
			return err
		}
		rows, err := tx.Query(ctx, `SELECT id, number FROM watch_dirty ORDER BY id LIMIT $1`, limit)
		if err != nil {
			return err
		}
		var ids []int64
		var numbers []string
		var id int64
		var number string
		if _, err := pgx.ForEachRow(rows, []any{&id, &number}, func() error {
			ids, numbers = append(ids, id), append(numbers, number)
			return nil
		}); err != nil {
			return err
		}
		if taken = len(ids); taken == 0 {
			return nil
		}
		slices.Sort(numbers)
		watches, err := watches(ctx, tx, slices.Compact(numbers))
		if err != nil {
			return err
		}
		for i := range watches {
			changes := derive(watches[i])
			if err := raise(ctx, tx, watches[i].Institution, changes, now, post); err != nil {
				return err
			}
			changed += len(changes)
		}
		_, err = tx.Exec(ctx, `DELETE FROM watch_dirty WHERE id = ANY ($1)`, ids)
		return err
	})
	return taken, changed, err
}

// watches gathers what is on file about patents and who watches them.
func watches(ctx context.Context, tx pgx.Tx, numbers []string) ([]Watch, error) {
	rows, err := tx.Query(ctx, `SELECT institution, number, since, coalesce(contract, ''), maturity FROM watching WHERE number = ANY ($1) ORDER BY institution, number, contract`, numbers)
	if err != nil {
		return nil, err
	}
	var out []Watch
	var institution, number, contract string
	var since time.Time
	var maturity calendar.Date
	if _, err := pgx.ForEachRow(rows, []any{&institution, &number, &since, &contract, &maturity}, func() error {
		if n := len(out); n == 0 || out[n-1].Institution != institution || out[n-1].Number != number {
			out = append(out, Watch{Institution: institution, Number: number, Since: since.UTC()})
		}
		w := &out[len(out)-1]
		if since.Before(w.Since) {
			w.Since = since.UTC()
		}
		if contract != "" {
			w.Loans = append(w.Loans, patent.Loan{Reference: contract, Maturity: maturity, Since: calendar.InChina(since)})
		}
		return nil
	}); err != nil || len(out) == 0 {
		return nil, err
	}
	if rows, err = tx.Query(ctx, `SELECT `+patentColumns+` FROM patents p WHERE number = ANY ($1)`, numbers); err != nil {
		return nil, err
	}
	records, err := pgx.CollectRows(rows, scanPatent)
	if err != nil {
		return nil, err
	}
	patents := map[string]*Patent{}
	for i := range records {
		patents[records[i].Number] = &records[i]
	}
	rows, err = tx.Query(ctx, `
		SELECT number, code, effective, gazette, registration, before, after, party, licence_kind, source, arrived_at
		FROM events WHERE number = ANY ($1) ORDER BY number, effective, code, registration, party`, numbers)
	if err != nil {
		return nil, err
	}
	events := map[string][]ArrivedEvent{}
	var e ArrivedEvent
	if _, err := pgx.ForEachRow(rows, []any{&number, &e.Code, &e.Effective, &e.Gazette, &e.Registration, &e.Before, &e.After, &e.Party, &e.LicenceKind, &e.Source, &e.ArrivedAt}, func() error {
		events[number] = append(events[number], e)
		e.Before, e.After = nil, nil // the next row must not share their memory
		return nil
	}); err != nil {
		return nil, err
	}
	if rows, err = tx.Query(ctx, `SELECT institution, `+alertColumns+` FROM alerts WHERE subject_kind = 'patent' AND number = ANY ($1)`, numbers); err != nil {
		return nil, err
	}
	type owned struct {
		institution string
		Alert
	}
	raised, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (o owned, err error) {
		o.Alert, err = scanAlert(row, &o.institution)
		return o, err
	})
	if err != nil {
		return nil, err
	}
	for i := range out {
		w := &out[i]
		w.Patent, w.Events = patents[w.Number], events[w.Number]
		for _, o := range raised {
			if o.institution == w.Institution && o.Number == w.Number {
				w.Alerts = append(w.Alerts, o.Alert)
			}
		}
	}
	return out, nil
}
