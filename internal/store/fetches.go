package store

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/fault"
)

// Fetch is a fetch of many numbers, worked as a job.
type Fetch struct {
	ID         string
	Actor      string
	Reason     string
	Most       int
	Only       []string // sources; empty: all
	Again      bool     // ask what a source said it does not have, too
	Requests   int
	Status     string
	Error      string
	StartedAt  time.Time
	FinishedAt *time.Time
	Waiting    int
	Found      int
	Missing    int
	Failed     int
}

// FetchNumber is one number of a fetch and what came of it.
type FetchNumber struct {
	Number string `json:"number"`
	State  string `json:"state" enum:"waiting,found,missing,failed"`
	Detail string `json:"code,omitempty"` // why it is not found
}

// AddFetch orders a fetch within the caller's transaction.
func (db *DB) AddFetch(ctx context.Context, tx pgx.Tx, f Fetch, numbers []string) (err error) {
	defer fault.Wrap(&err, "store.AddFetch")
	if _, err := tx.Exec(ctx, `INSERT INTO fetches (id, actor, reason, most, status, started_at, sources, again) VALUES ($1, $2, $3, $4, 'running', $5, $6, $7)`, f.ID, f.Actor, f.Reason, f.Most, f.StartedAt, list(f.Only), f.Again); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO fetch_numbers (fetch_id, number, state) SELECT DISTINCT $1, n, 'waiting' FROM unnest($2::text[]) AS n`, f.ID, numbers)
	return err
}

// Fetch returns a fetch of the institution of the context.
func (db *DB) Fetch(ctx context.Context, id string) (f Fetch, err error) {
	defer fault.Wrap(&err, "store.Fetch(%s)", id)
	err = db.pool.QueryRow(ctx, `
		SELECT id, actor, reason, most, sources, again, requests, status, error, started_at, finished_at,
			count(n.number) FILTER (WHERE n.state = 'waiting'), count(n.number) FILTER (WHERE n.state = 'found'), count(n.number) FILTER (WHERE n.state = 'missing'), count(n.number) FILTER (WHERE n.state = 'failed')
		FROM fetches f LEFT JOIN fetch_numbers n ON n.institution = f.institution AND n.fetch_id = f.id
		WHERE f.institution = institution_now() AND f.id = $1 GROUP BY f.id`, id).
		Scan(&f.ID, &f.Actor, &f.Reason, &f.Most, &f.Only, &f.Again, &f.Requests, &f.Status, &f.Error, &f.StartedAt, &f.FinishedAt, &f.Waiting, &f.Found, &f.Missing, &f.Failed)
	if errors.Is(err, pgx.ErrNoRows) {
		return f, fault.New(fault.NotFound, "fetch.unknown", "没有取数任务 "+id+"。", "There is no fetch "+id+".")
	}
	return f, err
}

// FetchNumbers returns up to limit numbers of a fetch in a state, after one; any
// state when none is named.
func (db *DB) FetchNumbers(ctx context.Context, id, state, after string, limit int) (_ []FetchNumber, err error) {
	defer fault.Wrap(&err, "store.FetchNumbers(%s)", id)
	rows, err := db.pool.Query(ctx, `SELECT number, state, detail FROM fetch_numbers WHERE institution = institution_now() AND fetch_id = $1 AND ($2 = '' OR state = $2) AND number > $3 ORDER BY number LIMIT $4`, id, state, after, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[FetchNumber])
}

// SettleFetch writes what came of some numbers, and of the fetch when it has
// ended or was stopped.
func (db *DB) SettleFetch(ctx context.Context, tx pgx.Tx, id string, done []FetchNumber, requests int, status, problem string, now time.Time) (err error) {
	defer fault.Wrap(&err, "store.SettleFetch(%s)", id)
	for _, n := range done {
		if _, err := tx.Exec(ctx, `UPDATE fetch_numbers SET state = $3, detail = $4 WHERE institution = institution_now() AND fetch_id = $1 AND number = $2`, id, n.Number, n.State, n.Detail); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, `UPDATE fetches SET requests = requests + $2, status = $3, error = $4, finished_at = CASE WHEN $3 = 'running' THEN NULL ELSE $5::timestamptz END
		WHERE institution = institution_now() AND id = $1`, id, requests, status, problem, now)
	return err
}

// ResumeFetch has a fetch that was stopped go on with further requests.
func (db *DB) ResumeFetch(ctx context.Context, tx pgx.Tx, id string, more int) error {
	_, err := tx.Exec(ctx, `UPDATE fetches SET most = requests + $2, status = 'running', error = '', finished_at = NULL WHERE institution = institution_now() AND id = $1`, id, more)
	return err
}

// StaleBooked returns, by institution, the patents that secure open loans and of
// which no source was asked after a day.
func (db *DB) StaleBooked(ctx context.Context, after time.Time, limit int) (_ map[string][]string, err error) {
	defer fault.Wrap(&err, "store.StaleBooked")
	rows, err := db.pool.Query(across(ctx), `
		SELECT DISTINCT p.institution, p.number FROM book_patents p JOIN book_loans l ON l.institution = p.institution AND l.id = p.loan
		WHERE l.closed_at IS NULL
			AND NOT EXISTS (SELECT FROM source_records s WHERE s.institution = p.institution AND s.number = p.number AND s.checked > $1::timestamptz::date)
			AND NOT EXISTS (SELECT FROM fetch_numbers n JOIN fetches f ON f.institution = n.institution AND f.id = n.fetch_id
				WHERE n.institution = p.institution AND n.number = p.number AND (f.status = 'running' OR f.started_at > $1))
		ORDER BY 1, 2 LIMIT $2`, after, limit)
	if err != nil {
		return nil, err
	}
	out := map[string][]string{}
	var institution, number string
	_, err = pgx.ForEachRow(rows, []any{&institution, &number}, func() error {
		out[institution] = append(out[institution], number)
		return nil
	})
	return out, err
}
