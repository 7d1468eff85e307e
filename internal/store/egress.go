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
	ID          int64     `json:"id"`
	At          time.Time `json:"at"`
	Institution string    `json:"institution"`
	Actor       string    `json:"actor"`
	What        string    `json:"what"`
	Host        string    `json:"host"`
	Bytes       int64     `json:"bytes"`
	Hash        string    `json:"hash"` // SHA-256 of what was sent
}

const insertEgress = `INSERT INTO egress (institution, actor, what, host, bytes, hash) VALUES ($1, $2, $3, $4, $5, $6)`

// PutEgress records a text before it leaves.
func (db *DB) PutEgress(ctx context.Context, e Egress) (err error) {
	defer fault.Wrap(&err, "store.PutEgress")
	_, err = db.pool.Exec(As(ctx, e.Institution), insertEgress,
		e.Institution, e.Actor, e.What, e.Host, e.Bytes, e.Hash)
	return err
}

// EgressLog returns what left for an institution, newest first, before the given id
// (0: from the newest). An institution Everyone asks for every institution.
func (db *DB) EgressLog(ctx context.Context, institution string, before int64, limit int) (_ []Egress, err error) {
	defer fault.Wrap(&err, "store.EgressLog")
	ctx = whose(ctx, institution)
	rows, err := db.pool.Query(ctx, `SELECT id, at, institution, actor, what, host, bytes, hash FROM egress
		WHERE ($1 = '*' OR institution = $1) AND ($2::bigint = 0 OR id < $2) ORDER BY id DESC LIMIT $3`, institution, before, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Egress])
}

// ModelConsent returns whether an institution's texts may be sent to the endpoint;
// nil when nobody decided.
func (db *DB) ModelConsent(ctx context.Context, institution string) (_ *bool, err error) {
	defer fault.Wrap(&err, "store.ModelConsent")
	ctx = As(ctx, institution)
	var allowed, ok bool
	if err := found(&ok, db.pool.QueryRow(ctx, `SELECT allowed FROM model_consent WHERE institution = $1`, institution).Scan(&allowed)); err != nil || !ok {
		return nil, err
	}
	return &allowed, nil
}

// Consent is an institution's decision on sending texts to the endpoint.
type Consent struct {
	Institution string    `json:"institution"`
	Allowed     bool      `json:"allowed"`
	SetBy       string    `json:"set_by"`
	SetAt       time.Time `json:"set_at"`
}

// ModelConsents returns every decision, by institution.
func (db *DB) ModelConsents(ctx context.Context) (_ []Consent, err error) {
	defer fault.Wrap(&err, "store.ModelConsents")
	rows, err := db.pool.Query(ctx, `SELECT institution, allowed, set_by, set_at FROM model_consent ORDER BY institution`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Consent])
}

// SetModelConsent decides it, on record with what it was before.
func (db *DB) SetModelConsent(ctx context.Context, institution string, allowed bool, by string) (err error) {
	defer fault.Wrap(&err, "store.SetModelConsent")
	ctx = As(ctx, institution)
	return db.transact(ctx, func(tx pgx.Tx) error {
		var before *bool
		if err := tx.QueryRow(ctx, `SELECT allowed FROM model_consent WHERE institution = $1 FOR UPDATE`, institution).Scan(&before); err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO model_consent (institution, allowed, set_by) VALUES ($1, $2, $3)
			ON CONFLICT (institution) DO UPDATE SET allowed = EXCLUDED.allowed, set_by = EXCLUDED.set_by, set_at = now()`, institution, allowed, by); err != nil {
			return err
		}
		return record(ctx, tx, Act{institution, by, "model.consent", institution, map[string]any{"before": before, "after": allowed}})
	})
}
