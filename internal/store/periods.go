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
	Review     string // of another person: open, approved, refused…; empty: nobody was asked
	ReviewedBy string
}

func periodSubject(pool string, period, version int) string {
	return fmt.Sprintf("%s/%d@%d", pool, period, version)
}

// ClosePoolPeriod keeps a period that work closes from the pool's deal and the
// state after the last period that counts, nil before the first. Two that
// close at once do so one after the other. What is closed counts at once and is
// proposed to another person; where the institution has one, the next period
// waits for his word.
func (db *DB) ClosePoolPeriod(ctx context.Context, a Actor, id string, at time.Time, work func(*pool.Deal, *pool.State) (pool.Collection, pool.Closed, error)) (p PoolPeriod, err error) {
	defer fault.Wrap(&err, "store.ClosePoolPeriod(%s)", id)
	institution, by := a.Institution, a.Name
	ctx = As(ctx, institution)
	p.ClosedAt, p.ClosedBy, p.Review = at, by, Undecided
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
			if err := mustBeReviewed(ctx, tx, a, id, c.Period, c.Version, at); err != nil {
				return err
			}
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
		if err := propose(ctx, tx, a, ProposePeriod, periodSubject(id, p.Period, p.Version), map[string]any{
			"pool": id, "period": p.Period, "version": p.Version, "received": p.Closed.Received, "risk_class": p.Closed.Class, "closed_sha256": sha256Hex(closed),
		}, at); err != nil {
			return err
		}
		return record(ctx, tx, Act{institution, by, "pool.period.close", fmt.Sprintf("%s %d", id, p.Period), map[string]any{
			"version": p.Version, "input_sha256": sha256Hex(input), "closed_sha256": sha256Hex(closed),
		}})
	})
	return p, err
}

// mustBeReviewed refuses to go on from a period that waits for another person.
func mustBeReviewed(ctx context.Context, tx pgx.Tx, a Actor, id string, period, version int, at time.Time) error {
	var waits bool
	if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM proposals WHERE institution = $1 AND kind = $2 AND subject = $3 AND status = 'open' AND expires_at > $4)`,
		a.Institution, ProposePeriod, periodSubject(id, period, version), at).Scan(&waits); err != nil || !waits {
		return err
	}
	var anybody bool
	if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM people p JOIN proposals o ON o.institution = p.institution AND o.kind = $2 AND o.subject = $3 AND o.status = 'open'
		WHERE p.institution = $1 AND p.id IS DISTINCT FROM o.proposer AND p.disabled_at IS NULL AND 'approver' = ANY (p.roles))`,
		a.Institution, ProposePeriod, periodSubject(id, period, version)).Scan(&anybody); err != nil || !anybody {
		return err
	}
	return fault.New(fault.Conflict, "pool.period.review", fmt.Sprintf("第%d期结账尚待另一人复核，复核后才能结下一期。", period), fmt.Sprintf("The closing of period %d waits for another person; the next period follows his approval.", period))
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

// reopening is what a proposal to reopen a period says.
type reopening struct {
	Pool   string    `json:"pool"`
	Period int       `json:"period"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"` // of the proposal
}

// ReopenPoolPeriod takes a period and those after it out of force, once another
// person agrees where the institution has one (waiting), else at once. It returns
// how many count no more.
func (db *DB) ReopenPoolPeriod(ctx context.Context, a Actor, id string, period int, reason string, at time.Time) (n int64, waiting bool, err error) {
	defer fault.Wrap(&err, "store.ReopenPoolPeriod(%s, %d)", id, period)
	ctx = As(ctx, a.Institution)
	err = db.transact(ctx, func(tx pgx.Tx) error {
		if _, err := lockPool(ctx, tx, a.Institution, id); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM pool_periods WHERE institution = $1 AND pool_id = $2 AND period >= $3 AND reopened_at IS NULL
			AND EXISTS (SELECT FROM pool_periods o WHERE o.institution = $1 AND o.pool_id = $2 AND o.period = $3 AND o.reopened_at IS NULL)`, a.Institution, id, period).Scan(&n); err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.NotFound, "pool.period.unknown", "该期尚未结账，或已重新打开。", "The period is not closed, or was reopened.")
		}
		what := reopening{id, period, reason, at}
		subject := fmt.Sprintf("%s/%d", id, period)
		if err := propose(ctx, tx, a, ProposeReopening, subject, what, at); err != nil {
			return err
		}
		if waiting, err = otherApprover(ctx, tx, a); err != nil {
			return err
		}
		if waiting {
			n = 0
			return record(ctx, tx, Act{a.Institution, a.Name, "proposal.make", subject, map[string]any{"kind": ProposeReopening, "payload": what}})
		}
		return reopenPeriods(ctx, tx, a.Institution, a.Name, what, at)
	})
	return n, waiting, err
}

// reopenPeriods takes the periods out of force, on record.
func reopenPeriods(ctx context.Context, tx pgx.Tx, institution, by string, what reopening, at time.Time) error {
	tag, err := tx.Exec(ctx, `UPDATE pool_periods SET reopened_at = $4, reopened_by = $5, reason = $6 WHERE institution = $1 AND pool_id = $2 AND period >= $3 AND reopened_at IS NULL`,
		institution, what.Pool, what.Period, at, by, what.Reason)
	if err != nil {
		return err
	}
	// What waits to be approved of them is moot.
	if _, err := tx.Exec(ctx, `UPDATE proposals SET status = 'withdrawn', decided_by = $4, decided_at = $5, note = 'reopened' WHERE institution = $1 AND kind = $2 AND status = 'open'
		AND subject IN (SELECT pool_id || '/' || period || '@' || version FROM pool_periods WHERE institution = $1 AND pool_id = $3 AND reopened_at = $5)`,
		institution, ProposePeriod, what.Pool, by, at); err != nil {
		return err
	}
	return record(ctx, tx, Act{institution, by, "pool.period.reopen", fmt.Sprintf("%s %d", what.Pool, what.Period), map[string]any{"reason": what.Reason, "periods": tag.RowsAffected()}})
}

// decideReopening reopens what another person approved; what was reopened at once
// stays as it is.
func decideReopening(ctx context.Context, tx pgx.Tx, p *Proposal, at time.Time) error {
	var what reopening
	if err := json.Unmarshal(p.Payload, &what); err != nil {
		return err
	}
	if _, err := lockPool(ctx, tx, p.Institution, what.Pool); err != nil {
		return err
	}
	return reopenPeriods(ctx, tx, p.Institution, p.ProposedBy, what, at)
}

// refusePeriod takes a period that another person refused, or its closer took
// back, out of force.
func refusePeriod(ctx context.Context, tx pgx.Tx, p *Proposal, at time.Time) error {
	var what struct {
		Pool            string
		Period, Version int
	}
	if err := json.Unmarshal(p.Payload, &what); err != nil {
		return err
	}
	var counts bool
	if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pool_periods WHERE institution = $1 AND pool_id = $2 AND period = $3 AND version = $4 AND reopened_at IS NULL)`,
		p.Institution, what.Pool, what.Period, what.Version).Scan(&counts); err != nil || !counts {
		return err
	}
	return reopenPeriods(ctx, tx, p.Institution, p.DecidedBy, reopening{Pool: what.Pool, Period: what.Period, Reason: "复核未通过：" + p.Note}, at)
}

// PoolPeriods returns every version of every period of a pool, in order.
func (db *DB) PoolPeriods(ctx context.Context, institution, id string) (_ []PoolPeriod, err error) {
	defer fault.Wrap(&err, "store.PoolPeriods(%s)", id)
	ctx = As(ctx, institution)
	rows, err := db.pool.Query(ctx, `
		SELECT p.period, p.version, p.input, p.closed, p.closed_at, p.closed_by, p.reopened_at, coalesce(p.reopened_by, ''), coalesce(p.reason, ''), coalesce(r.status, ''), coalesce(r.decided_by, '')
		FROM pool_periods p LEFT JOIN LATERAL (SELECT status, decided_by FROM proposals o WHERE o.institution = $1 AND o.kind = $3 AND o.subject = $2 || '/' || p.period || '@' || p.version ORDER BY o.id DESC LIMIT 1) r ON true
		WHERE p.institution = $1 AND p.pool_id = $2 ORDER BY p.period, p.version`, institution, id, ProposePeriod)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (p PoolPeriod, err error) {
		var input, closed []byte
		if err := row.Scan(&p.Period, &p.Version, &input, &closed, &p.ClosedAt, &p.ClosedBy, &p.ReopenedAt, &p.ReopenedBy, &p.Reason, &p.Review, &p.ReviewedBy); err != nil {
			return p, err
		}
		p.ClosedAt = p.ClosedAt.UTC()
		return p, errors.Join(json.Unmarshal(input, &p.Input), json.Unmarshal(closed, &p.Closed))
	})
}
