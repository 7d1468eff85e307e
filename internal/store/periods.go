package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/fault"
	"zhijia/internal/pool"
)

// PoolPeriod is a collection period of a pool as it was closed.
type PoolPeriod struct {
	Period     int
	Version    int
	Input      pool.Collection
	Closed     pool.Closed
	ClosedAt   time.Time
	ClosedBy   string
	ReopenedAt *time.Time // the version counts no more
	ReopenedBy string
	Reason     string
}

// ClosePoolPeriod keeps a period that work closes from the pool's deal and the
// state after the last period that counts, nil before the first. Two that
// close at once do so one after the other.
func (db *DB) ClosePoolPeriod(ctx context.Context, institution, by, id string, at time.Time, work func(*pool.Deal, *pool.State) (pool.Collection, pool.Closed, error)) (p PoolPeriod, err error) {
	defer fault.Wrap(&err, "store.ClosePoolPeriod(%s)", id)
	ctx = As(ctx, institution)
	p.ClosedAt, p.ClosedBy = at, by
	err = db.transact(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, thoughtful); err != nil {
			return err
		}
		deal, err := lockPool(ctx, tx, institution, id)
		if err != nil {
			return err
		}
		var last *pool.State
		var body []byte
		err = tx.QueryRow(ctx, `SELECT closed FROM pool_periods WHERE institution = $1 AND pool_id = $2 AND reopened_at IS NULL ORDER BY period DESC LIMIT 1`, institution, id).Scan(&body)
		switch {
		case err == nil:
			var c pool.Closed
			if err := json.Unmarshal(body, &c); err != nil {
				return err
			}
			last = &c.State
		case !errors.Is(err, pgx.ErrNoRows):
			return err
		}
		if p.Input, p.Closed, err = work(&deal, last); err != nil {
			return err
		}
		p.Period = p.Closed.Period
		if err := tx.QueryRow(ctx, `SELECT count(*) + 1 FROM pool_periods WHERE institution = $1 AND pool_id = $2 AND period = $3`, institution, id, p.Period).Scan(&p.Version); err != nil {
			return err
		}
		p.Closed.Version = p.Version
		input, err := json.Marshal(p.Input)
		if err != nil {
			return err
		}
		closed, err := json.Marshal(p.Closed)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO pool_periods (institution, pool_id, period, version, input, closed, closed_at, closed_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			institution, id, p.Period, p.Version, input, closed, at, by); err != nil {
			return err
		}
		return record(ctx, tx, Act{institution, by, "pool.period.close", fmt.Sprintf("%s %d", id, p.Period), map[string]any{
			"version": p.Version, "input_sha256": sha256Hex(input), "closed_sha256": sha256Hex(closed),
		}})
	})
	return p, err
}

func lockPool(ctx context.Context, tx pgx.Tx, institution, id string) (deal pool.Deal, err error) {
	var body []byte
	err = tx.QueryRow(ctx, `SELECT deal FROM pools WHERE id = $1 AND institution = $2 FOR UPDATE`, id, institution).Scan(&body)
	if errors.Is(err, pgx.ErrNoRows) {
		return deal, fault.New(fault.NotFound, "pool.unknown", "没有这个资产池。", "There is no such pool.")
	}
	if err != nil {
		return deal, err
	}
	return deal, json.Unmarshal(body, &deal)
}

// ReopenPoolPeriod takes a period and those after it out of force. It returns
// how many.
func (db *DB) ReopenPoolPeriod(ctx context.Context, institution, by, id string, period int, reason string, at time.Time) (n int64, err error) {
	defer fault.Wrap(&err, "store.ReopenPoolPeriod(%s, %d)", id, period)
	ctx = As(ctx, institution)
	err = db.transact(ctx, func(tx pgx.Tx) error {
		if _, err := lockPool(ctx, tx, institution, id); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `UPDATE pool_periods SET reopened_at = $4, reopened_by = $5, reason = $6 WHERE institution = $1 AND pool_id = $2 AND period >= $3 AND reopened_at IS NULL
			AND EXISTS (SELECT FROM pool_periods o WHERE o.institution = $1 AND o.pool_id = $2 AND o.period = $3 AND o.reopened_at IS NULL)`, institution, id, period, at, by, reason)
		if err != nil {
			return err
		}
		if n = tag.RowsAffected(); n == 0 {
			return fault.New(fault.NotFound, "pool.period.unknown", "该期尚未结账，或已重新打开。", "The period is not closed, or was reopened.")
		}
		return record(ctx, tx, Act{institution, by, "pool.period.reopen", fmt.Sprintf("%s %d", id, period), map[string]any{"reason": reason, "periods": n}})
	})
	return n, err
}

// PoolPeriods returns every version of every period of a pool, in order.
func (db *DB) PoolPeriods(ctx context.Context, institution, id string) (_ []PoolPeriod, err error) {
	defer fault.Wrap(&err, "store.PoolPeriods(%s)", id)
	ctx = As(ctx, institution)
	rows, err := db.pool.Query(ctx, `
		SELECT period, version, input, closed, closed_at, closed_by, reopened_at, coalesce(reopened_by, ''), coalesce(reason, '')
		FROM pool_periods WHERE institution = $1 AND pool_id = $2 ORDER BY period, version`, institution, id)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (p PoolPeriod, err error) {
		var input, closed []byte
		if err := row.Scan(&p.Period, &p.Version, &input, &closed, &p.ClosedAt, &p.ClosedBy, &p.ReopenedAt, &p.ReopenedBy, &p.Reason); err != nil {
			return p, err
		}
		p.ClosedAt = p.ClosedAt.UTC()
		return p, errors.Join(json.Unmarshal(input, &p.Input), json.Unmarshal(closed, &p.Closed))
	})
}
