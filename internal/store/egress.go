package store

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/fault"
)

// Egress is one text that left this system.
type Egress struct {
	ID     int64     `json:"id"`
	At     time.Time `json:"at"`
	Tenant string    `json:"tenant"`
	Actor  string    `json:"actor"`
	What   string    `json:"what"`
	Host   string    `json:"host"`
	Bytes  int64     `json:"bytes"`
	Hash   string    `json:"hash"` // SHA-256 of what was sent
}

// PutEgress records a text before it leaves.
func (db *DB) PutEgress(ctx context.Context, e Egress) (err error) {
	defer fault.Wrap(&err, "store.PutEgress")
	_, err = db.pool.Exec(ctx, `INSERT INTO egress (tenant, actor, what, host, bytes, hash) VALUES ($1, $2, $3, $4, $5, $6)`,
		e.Tenant, e.Actor, e.What, e.Host, e.Bytes, e.Hash)
	return err
}

// EgressLog returns what left for a tenant, newest first, before the given id
// (0: from the newest). An empty tenant asks for every tenant.
func (db *DB) EgressLog(ctx context.Context, tenant string, before int64, limit int) (_ []Egress, err error) {
	defer fault.Wrap(&err, "store.EgressLog")
	rows, err := db.pool.Query(ctx, `SELECT id, at, tenant, actor, what, host, bytes, hash FROM egress
		WHERE ($1 = '' OR tenant = $1) AND ($2::bigint = 0 OR id < $2) ORDER BY id DESC LIMIT $3`, tenant, before, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Egress])
}

// ModelConsent returns whether a tenant's texts may be sent to the endpoint;
// nil when nobody decided.
func (db *DB) ModelConsent(ctx context.Context, tenant string) (_ *bool, err error) {
	defer fault.Wrap(&err, "store.ModelConsent")
	var allowed, ok bool
	if err := found(&ok, db.pool.QueryRow(ctx, `SELECT allowed FROM model_consent WHERE tenant = $1`, tenant).Scan(&allowed)); err != nil || !ok {
		return nil, err
	}
	return &allowed, nil
}

// Consent is a tenant's decision on sending texts to the endpoint.
type Consent struct {
	Tenant  string    `json:"tenant"`
	Allowed bool      `json:"allowed"`
	SetBy   string    `json:"set_by"`
	SetAt   time.Time `json:"set_at"`
}

// ModelConsents returns every decision, by tenant.
func (db *DB) ModelConsents(ctx context.Context) (_ []Consent, err error) {
	defer fault.Wrap(&err, "store.ModelConsents")
	rows, err := db.pool.Query(ctx, `SELECT tenant, allowed, set_by, set_at FROM model_consent ORDER BY tenant`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Consent])
}

// SetModelConsent decides it, on record with what it was before.
func (db *DB) SetModelConsent(ctx context.Context, tenant string, allowed bool, by string) (err error) {
	defer fault.Wrap(&err, "store.SetModelConsent")
	return db.transact(ctx, func(tx pgx.Tx) error {
		var before *bool
		if err := tx.QueryRow(ctx, `SELECT allowed FROM model_consent WHERE tenant = $1 FOR UPDATE`, tenant).Scan(&before); err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO model_consent (tenant, allowed, set_by) VALUES ($1, $2, $3)
			ON CONFLICT (tenant) DO UPDATE SET allowed = EXCLUDED.allowed, set_by = EXCLUDED.set_by, set_at = now()`, tenant, allowed, by); err != nil {
			return err
		}
		return record(ctx, tx, Act{tenant, by, "model.consent", tenant, map[string]any{"before": before, "after": allowed}})
	})
}
