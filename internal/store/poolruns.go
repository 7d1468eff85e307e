package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/fault"
)

// PoolRun is a stress grid, a sizing or a building of a pool as an order.
type PoolRun struct {
	ID          string
	PoolID      string
	Institution string
	Kind        string // stress, size, build
	Request     json.RawMessage
	CreatedAt   time.Time
	CreatedBy   string
	Seconds     float64 // estimated, of one core
	Status      string  // running, done, failed, cancelled
	Done, Total int     // parts
	Error       string
	FinishedAt  *time.Time
	Report      []byte
}

// poolBudget refuses work that would take an institution beyond the seconds it
// may have ordered and not had yet. Two that order at once do so one after the
// other.
func poolBudget(ctx context.Context, tx pgx.Tx, institution string, seconds, most float64) error {
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtext('pool budget ' || $1))`, institution); err != nil {
		return err
	}
	var open float64
	if err := tx.QueryRow(ctx, `SELECT coalesce((SELECT sum(seconds) FROM pool_runs WHERE institution = $1 AND status = 'running'), 0)
		+ coalesce((SELECT sum(seconds) FROM pool_simulations WHERE institution = $1 AND status = 'running'), 0)`, institution).Scan(&open); err != nil {
		return err
	}
	if open+seconds <= most {
		return nil
	}
	return fault.New(fault.RateLimited, "pool.quota", fmt.Sprintf("本机构未完成的测算预计还需单核%.0f秒，加上本次%.0f秒超过额度%.0f秒：请等待其完成，或取消其中的任务。", open, seconds, most),
		fmt.Sprintf("Work of %.0f seconds is open in this institution; another %.0f would be beyond its quota of %.0f: wait, or cancel some.", open, seconds, most))
}

// PutPoolRun stores an order within the institution's quota of open seconds and
// puts it to work by queue, in one transaction.
func (db *DB) PutPoolRun(ctx context.Context, r PoolRun, most float64, queue func(pgx.Tx) error) (err error) {
	defer fault.Wrap(&err, "store.PutPoolRun(%s)", r.ID)
	ctx = As(ctx, r.Institution)
	return db.transact(ctx, func(tx pgx.Tx) error {
		if err := poolBudget(ctx, tx, r.Institution, r.Seconds, most); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO pool_runs (id, pool_id, institution, kind, request, created_at, created_by, seconds, status, total) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'running', $9)`,
			r.ID, r.PoolID, r.Institution, r.Kind, []byte(r.Request), r.CreatedAt, r.CreatedBy, r.Seconds, r.Total); err != nil {
			return err
		}
		return queue(tx)
	})
}

const poolRunColumns = `id, pool_id, institution, kind, request, created_at, created_by, seconds, status, done, total, coalesce(error, ''), finished_at`

func scanPoolRun(row pgx.Row, r *PoolRun, more ...any) error {
	err := row.Scan(append([]any{&r.ID, &r.PoolID, &r.Institution, &r.Kind, (*[]byte)(&r.Request), &r.CreatedAt, &r.CreatedBy, &r.Seconds, &r.Status, &r.Done, &r.Total, &r.Error, &r.FinishedAt}, more...)...)
	r.CreatedAt = r.CreatedAt.UTC()
	return err
}

// PoolRun returns an order with its progress and report.
func (db *DB) PoolRun(ctx context.Context, institution, id string) (r PoolRun, err error) {
	defer fault.Wrap(&err, "store.PoolRun(%s)", id)
	err = scanPoolRun(db.pool.QueryRow(As(ctx, institution), `SELECT `+poolRunColumns+`, report FROM pool_runs WHERE institution = $1 AND id = $2`, institution, id), &r, &r.Report)
	if errors.Is(err, pgx.ErrNoRows) {
		return r, fault.New(fault.NotFound, "pool.run.unknown", "没有这个测算任务。", "There is no such run.")
	}
	return r, err
}

// PoolRuns returns the last hundred orders of a pool, newest first, without
// their reports.
func (db *DB) PoolRuns(ctx context.Context, institution, pool string) (_ []PoolRun, err error) {
	defer fault.Wrap(&err, "store.PoolRuns(%s)", pool)
	rows, err := db.pool.Query(As(ctx, institution), `SELECT `+poolRunColumns+` FROM pool_runs WHERE institution = $1 AND pool_id = $2 ORDER BY created_at DESC, id DESC LIMIT 100`, institution, pool)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (r PoolRun, err error) { return r, scanPoolRun(row, &r) })
}

// PutPoolRunPart stores a finished part and counts it; the same again is ignored.
func (db *DB) PutPoolRunPart(ctx context.Context, id string, part int, body []byte) (err error) {
	defer fault.Wrap(&err, "store.PutPoolRunPart(%s, %d)", id, part)
	_, err = db.pool.Exec(ctx, `
		WITH put AS (INSERT INTO pool_run_parts (institution, run_id, part, body) SELECT institution, id, $2, $3 FROM pool_runs WHERE id = $1 ON CONFLICT DO NOTHING RETURNING 1)
		UPDATE pool_runs SET done = done + (SELECT count(*) FROM put)::int WHERE id = $1`, id, part, body)
	return err
}

// PoolRunParts returns the finished parts.
func (db *DB) PoolRunParts(ctx context.Context, id string) (_ map[int]json.RawMessage, err error) {
	defer fault.Wrap(&err, "store.PoolRunParts(%s)", id)
	rows, err := db.pool.Query(ctx, `SELECT part, body FROM pool_run_parts WHERE run_id = $1`, id)
	if err != nil {
		return nil, err
	}
	out := map[int]json.RawMessage{}
	var part int
	var body []byte
	_, err = pgx.ForEachRow(rows, []any{&part, &body}, func() error {
		out[part] = append(json.RawMessage(nil), body...)
		return nil
	})
	return out, err
}

// FinishPoolRun stores the report, or the reason there is none.
func (db *DB) FinishPoolRun(ctx context.Context, id string, report []byte, failure string, at time.Time) (err error) {
	defer fault.Wrap(&err, "store.FinishPoolRun(%s)", id)
	status := "done"
	if failure != "" {
		status = "failed"
	}
	_, err = db.pool.Exec(ctx, `UPDATE pool_runs SET status = $2, error = nullif($3, ''), report = $4, finished_at = $5, done = CASE WHEN $2 = 'done' THEN total ELSE done END WHERE id = $1 AND status = 'running'`,
		id, status, failure, report, at)
	return err
}

// CancelPoolWork ends an order or a simulation that has not ended, and its job
// by drop, in one transaction. One that has ended stays as it is.
func (db *DB) CancelPoolWork(ctx context.Context, institution, by, table, id string, at time.Time, drop func(pgx.Tx) error) (err error) {
	defer fault.Wrap(&err, "store.CancelPoolWork(%s)", id)
	ctx = As(ctx, institution)
	update := map[string]string{
		"run":        `UPDATE pool_runs SET status = 'cancelled', finished_at = $3 WHERE institution = $1 AND id = $2 AND status = 'running'`,
		"simulation": `UPDATE pool_simulations SET status = 'cancelled', finished_at = $3 WHERE institution = $1 AND id = $2 AND status = 'running'`,
	}[table]
	return db.transact(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, update, institution, id, at)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		if err := drop(tx); err != nil {
			return err
		}
		return record(ctx, tx, Act{institution, by, "pool." + table + ".cancel", id, nil})
	})
}
