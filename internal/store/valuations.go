package store

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
)

// Valuation is a valuation as it was given out. Request, Snapshot and
// Conclusion are JSON whose bytes never change.
type Valuation struct {
	ID          string
	CreatedAt   time.Time
	CreatedBy   string
	Institution string
	Number      string
	Title       string
	Purpose     string
	AsOf        calendar.Date
	Status      string
	Point       *float64
	Low, High   float64
	Assumptions string // version
	Request     []byte
	Snapshot    []byte
	Conclusion  []byte
	Hash        []byte
}

const insertValuation = `
	INSERT INTO valuations (id, created_at, created_by, institution, number, title, purpose, as_of, status, point, low, high, assumptions, request, snapshot, conclusion, hash)
	VALUES ($1, $2, $3, $4, nullif($5, ''), $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`

func (v *Valuation) values() []any {
	return []any{v.ID, v.CreatedAt, v.CreatedBy, v.Institution, v.Number, v.Title, v.Purpose, v.AsOf, v.Status, v.Point, v.Low, v.High, v.Assumptions, v.Request, v.Snapshot, v.Conclusion, v.Hash}
}

// PutValuation stores a valuation, once, with its act.
func (db *DB) PutValuation(ctx context.Context, v *Valuation, a Act) (err error) {
	defer fault.Wrap(&err, "store.PutValuation(%s)", v.ID)
	return db.recorded(ctx, a, insertValuation, v.values()...)
}

// Valuation returns a stored valuation of an institution, or a NotFound fault.
// An empty institution sees every one.
func (db *DB) Valuation(ctx context.Context, institution, id string) (_ Valuation, err error) {
	defer fault.Wrap(&err, "store.Valuation(%s)", id)
	var v Valuation
	err = db.pool.QueryRow(ctx, `
		SELECT id, created_at, created_by, institution, coalesce(number, ''), title, purpose, as_of, status, point, low, high, assumptions, request, snapshot, conclusion, hash
		FROM valuations WHERE id = $1 AND ($2 = '' OR institution = $2)`, id, institution).
		Scan(&v.ID, &v.CreatedAt, &v.CreatedBy, &v.Institution, &v.Number, &v.Title, &v.Purpose, &v.AsOf, &v.Status, &v.Point, &v.Low, &v.High, &v.Assumptions, &v.Request, &v.Snapshot, &v.Conclusion, &v.Hash)
	if errors.Is(err, pgx.ErrNoRows) {
		return Valuation{}, fault.New(fault.NotFound, "valuation.unknown", "没有这份估值参考意见。", "There is no such valuation.")
	}
	v.CreatedAt = v.CreatedAt.UTC()
	return v, err
}

// ValuationSummary is a line of a list.
type ValuationSummary struct {
	ID        string        `json:"id"`
	CreatedAt time.Time     `json:"created_at"`
	Number    string        `json:"number,omitempty"`
	Title     string        `json:"title"`
	Purpose   string        `json:"purpose"`
	AsOf      calendar.Date `json:"valuation_date"`
	Status    string        `json:"status"`
	Point     *float64      `json:"point"`
	Low       float64       `json:"low"`
	High      float64       `json:"high"`
}

// Valuations lists an institution's valuations, newest first, after the one named
// by the cursor's creation time and id; a zero time starts at the newest.
func (db *DB) Valuations(ctx context.Context, institution, number string, after time.Time, afterID string, limit int) (_ []ValuationSummary, err error) {
	defer fault.Wrap(&err, "store.Valuations")
	if after.IsZero() {
		after = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	rows, err := db.pool.Query(ctx, `
		SELECT id, created_at, coalesce(number, ''), title, purpose, as_of, status, point, low, high
		FROM valuations
		WHERE institution = $1 AND ($2 = '' OR number = $2) AND (created_at, id) < ($3, $4)
		ORDER BY created_at DESC, id DESC LIMIT $5`, institution, number, after, afterID, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (ValuationSummary, error) {
		var v ValuationSummary
		err := row.Scan(&v.ID, &v.CreatedAt, &v.Number, &v.Title, &v.Purpose, &v.AsOf, &v.Status, &v.Point, &v.Low, &v.High)
		v.CreatedAt = v.CreatedAt.UTC()
		return v, err
	})
}

// Override is an officer's figure beside a valuation.
type Override struct {
	ID          string    `json:"id"`
	ValuationID string    `json:"valuation_id"`
	CreatedAt   time.Time `json:"created_at"`
	Officer     string    `json:"officer"`
	Value       float64   `json:"value"` // yuan
	Reason      string    `json:"reason"`

	ApprovedBy string     `json:"approved_by,omitempty"` // another officer
	ApprovedAt *time.Time `json:"approved_at,omitempty"`
}

// ApproveOverride records that another officer stands by an override of a
// institution's valuation. Once is enough; the officer who made it cannot.
func (db *DB) ApproveOverride(ctx context.Context, institution, valuation, override, officer string, at time.Time) (err error) {
	defer fault.Wrap(&err, "store.ApproveOverride(%s)", override)
	return db.transact(ctx, func(tx pgx.Tx) error {
		var by string
		var value float64
		err := tx.QueryRow(ctx, `
			SELECT o.officer, o.value FROM overrides o JOIN valuations v ON v.id = o.valuation_id
			WHERE o.id = $1 AND o.valuation_id = $2 AND v.institution = $3`, override, valuation, institution).Scan(&by, &value)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return fault.New(fault.NotFound, "override.unknown", "没有这条人工意见。", "There is no such override.")
		case err != nil:
			return err
		case by == officer:
			return fault.New(fault.Conflict, "override.same_officer", "复核须由另一位估值人员作出。", "Another officer must approve it.")
		}
		tag, err := tx.Exec(ctx, `INSERT INTO override_approvals (override, at, officer) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, override, at, officer)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return fault.New(fault.Conflict, "override.approved", "这条人工意见已复核。", "The override is approved already.")
		}
		return record(ctx, tx, Act{institution, officer, "valuation.override.approve", valuation, map[string]any{"override": override, "value": value, "made_by": by}})
	})
}

// PutOverride adds an officer's figure; the valuation itself never changes.
func (db *DB) PutOverride(ctx context.Context, o Override, a Act) (err error) {
	defer fault.Wrap(&err, "store.PutOverride(%s)", o.ValuationID)
	return db.recorded(ctx, a, `INSERT INTO overrides (id, valuation_id, created_at, officer, value, reason) VALUES ($1, $2, $3, $4, $5, $6)`,
		o.ID, o.ValuationID, o.CreatedAt, o.Officer, o.Value, o.Reason)
}

// Overrides returns the officers' figures beside a valuation, oldest first.
func (db *DB) Overrides(ctx context.Context, valuation string) (_ []Override, err error) {
	defer fault.Wrap(&err, "store.Overrides(%s)", valuation)
	rows, err := db.pool.Query(ctx, `
		SELECT o.id, o.valuation_id, o.created_at, o.officer, o.value, o.reason, coalesce(a.officer, ''), a.at
		FROM overrides o LEFT JOIN override_approvals a ON a.override = o.id WHERE o.valuation_id = $1 ORDER BY o.created_at, o.id`, valuation)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (Override, error) {
		var o Override
		err := row.Scan(&o.ID, &o.ValuationID, &o.CreatedAt, &o.Officer, &o.Value, &o.Reason, &o.ApprovedBy, &o.ApprovedAt)
		o.CreatedAt = o.CreatedAt.UTC()
		return o, err
	})
}

// Assumptions is a stored version of what can change a value.
type Assumptions struct {
	Version string
	Body    []byte
}

// PutAssumptions keeps a version. The same version with other content is a
// Conflict: what a stored valuation refers to never changes.
func (db *DB) PutAssumptions(ctx context.Context, version string, body []byte, note string) (err error) {
	defer fault.Wrap(&err, "store.PutAssumptions(%s)", version)
	hash := TextHash(string(body))
	var stored []byte
	err = db.pool.QueryRow(ctx, `
		WITH added AS (
			INSERT INTO assumptions (version, hash, body, note) VALUES ($1, $2, $3, $4) ON CONFLICT (version) DO NOTHING RETURNING hash)
		SELECT hash FROM added UNION ALL SELECT hash FROM assumptions WHERE version = $1 LIMIT 1`,
		version, hash, body, note).Scan(&stored)
	if err == nil && string(stored) != string(hash) {
		err = fault.New(fault.Conflict, "assumptions.changed", "参数版本 "+version+" 已存在且内容不同，请使用新的版本号。", "Assumptions "+version+" exist with other content; give them a new version.")
	}
	return err
}

// ActivateAssumptions makes a stored version the one new valuations use.
func (db *DB) ActivateAssumptions(ctx context.Context, version string) (err error) {
	defer fault.Wrap(&err, "store.ActivateAssumptions(%s)", version)
	return db.transact(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `UPDATE assumptions SET active = false WHERE active AND version <> $1`, version); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `UPDATE assumptions SET active = true WHERE version = $1`, version)
		if err == nil && tag.RowsAffected() == 0 {
			err = fault.New(fault.NotFound, "assumptions.unknown", "没有参数版本 "+version+"。", "There are no assumptions "+version+".")
		}
		return err
	})
}

// ActiveAssumptions returns the version new valuations use, "" when there is
// none.
func (db *DB) ActiveAssumptions(ctx context.Context) (version string, err error) {
	defer fault.Wrap(&err, "store.ActiveAssumptions")
	err = db.pool.QueryRow(ctx, `SELECT version FROM assumptions WHERE active`).Scan(&version)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	return version, err
}

// Assumptions returns a stored version. ok is false when there is none.
func (db *DB) Assumptions(ctx context.Context, version string) (a Assumptions, ok bool, err error) {
	defer fault.Wrap(&err, "store.Assumptions(%s)", version)
	err = db.pool.QueryRow(ctx, `SELECT version, body FROM assumptions WHERE version = $1`, version).Scan(&a.Version, &a.Body)
	if errors.Is(err, pgx.ErrNoRows) {
		return a, false, nil
	}
	return a, err == nil, err
}
