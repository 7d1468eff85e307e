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
	ApprovedBy  string    `json:"approved_by,omitempty"` // another person; empty: 未经复核
	Waiting     bool      `json:"waiting,omitempty"`     // to allow it is proposed and waits for another person
}

const consentColumns = `institution, allowed, set_by, set_at, coalesce(approved_by, '')`

func scanConsent(row pgx.CollectableRow) (c Consent, err error) {
	err = row.Scan(&c.Institution, &c.Allowed, &c.SetBy, &c.SetAt, &c.ApprovedBy)
	c.SetAt = c.SetAt.UTC()
	return c, err
}

// ModelConsents returns every decision that the institution may see, by
// institution.
func (db *DB) ModelConsents(ctx context.Context) (_ []Consent, err error) {
	defer fault.Wrap(&err, "store.ModelConsents")
	rows, err := db.pool.Query(ctx, `SELECT `+consentColumns+` FROM model_consent ORDER BY institution`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanConsent)
}

const putConsent = `INSERT INTO model_consent (institution, allowed, set_by, approved_by) VALUES ($1, $2, $3, nullif($4, ''))
	ON CONFLICT (institution) DO UPDATE SET allowed = EXCLUDED.allowed, set_by = EXCLUDED.set_by, approved_by = EXCLUDED.approved_by, set_at = now() RETURNING ` + consentColumns

// SetModelConsent decides it, on record with what it was before. To forbid takes
// effect at once; to allow waits for another person where the institution has
// one who approves, and else is in force without his word.
func (db *DB) SetModelConsent(ctx context.Context, a Actor, allowed bool, at time.Time) (c Consent, err error) {
	defer fault.Wrap(&err, "store.SetModelConsent")
	ctx = As(ctx, a.Institution)
	err = db.transact(ctx, func(tx pgx.Tx) error {
		var before *bool
		if err := tx.QueryRow(ctx, `SELECT allowed FROM model_consent WHERE institution = $1 FOR UPDATE`, a.Institution).Scan(&before); err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		wait := false
		if allowed {
			if err := propose(ctx, tx, a, ProposeConsent, a.Institution, map[string]any{"allowed": true}, at); err != nil {
				return err
			}
			if wait, err = otherApprover(ctx, tx, a); err != nil {
				return err
			}
		} else if _, err := tx.Exec(ctx, `UPDATE proposals SET status = 'withdrawn', decided_by = $2, decided_at = $3, note = 'forbidden' WHERE institution = $1 AND kind = 'consent' AND status = 'open'`, a.Institution, a.Name, at); err != nil {
			return err
		}
		if wait {
			c = Consent{Institution: a.Institution, Allowed: before != nil && *before, SetBy: a.Name, SetAt: at, Waiting: true}
			return record(ctx, tx, Act{a.Institution, a.Name, "proposal.make", a.Institution, map[string]any{"kind": ProposeConsent, "before": before, "after": allowed}})
		}
		rows, err := tx.Query(ctx, putConsent, a.Institution, allowed, a.Name, "")
		if err != nil {
			return err
		}
		if c, err = pgx.CollectExactlyOneRow(rows, scanConsent); err != nil {
			return err
		}
		return record(ctx, tx, Act{a.Institution, a.Name, "model.consent", a.Institution, map[string]any{"before": before, "after": allowed}})
	})
	return c, err
}

// allowModel puts an approved consent in force.
func allowModel(ctx context.Context, tx pgx.Tx, p *Proposal) error {
	_, err := tx.Exec(ctx, putConsent, p.Institution, true, p.ProposedBy, p.DecidedBy)
	return err
}
