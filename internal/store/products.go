package store

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/fault"
)

// ProductResult is a case decided by a product's rules, as kept. It never changes.
type ProductResult struct {
	ID        string
	Kind      string
	Version   string
	Label     string
	Verdict   string
	Input     []byte // JSON
	Result    []byte // JSON
	CreatedAt time.Time
	CreatedBy string
}

// PutProductResult keeps a result and puts it on record.
func (db *DB) PutProductResult(ctx context.Context, institution string, r ProductResult) (err error) {
	defer fault.Wrap(&err, "store.PutProductResult(%s)", r.ID)
	act := Act{institution, r.CreatedBy, "product." + r.Kind, r.ID, map[string]any{"version": r.Version, "verdict": r.Verdict, "input": sha256Hex(r.Input), "result": sha256Hex(r.Result)}}
	return db.recorded(ctx, act, `
		INSERT INTO product_results (id, institution, kind, version, label, verdict, input, result, created_at, created_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		r.ID, institution, r.Kind, r.Version, r.Label, r.Verdict, r.Input, r.Result, r.CreatedAt, r.CreatedBy)
}

// ProductResult returns an institution's result.
func (db *DB) ProductResult(ctx context.Context, institution, id string) (r ProductResult, err error) {
	defer fault.Wrap(&err, "store.ProductResult(%s)", id)
	err = db.pool.QueryRow(As(ctx, institution), `
		SELECT id, kind, version, label, verdict, input, result, created_at, created_by FROM product_results WHERE id = $1 AND institution = $2`, id, institution).
		Scan(&r.ID, &r.Kind, &r.Version, &r.Label, &r.Verdict, &r.Input, &r.Result, &r.CreatedAt, &r.CreatedBy)
	if errors.Is(err, pgx.ErrNoRows) {
		return r, fault.New(fault.NotFound, "product.unknown", "没有这个结果。", "There is no such result.")
	}
	r.CreatedAt = r.CreatedAt.UTC()
	return r, err
}

// ProductResults returns an institution's results after a place, newest first, of
// one kind or, empty, of all, without their bodies.
func (db *DB) ProductResults(ctx context.Context, institution, kind string, before time.Time, id string, limit int) (_ []ProductResult, err error) {
	defer fault.Wrap(&err, "store.ProductResults")
	if before.IsZero() {
		before = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	rows, err := db.pool.Query(As(ctx, institution), `
		SELECT id, kind, version, label, verdict, created_at, created_by FROM product_results
		WHERE institution = $1 AND ($2 = '' OR kind = $2) AND (created_at, id) < ($3, $4)
		ORDER BY created_at DESC, id DESC LIMIT $5`, institution, kind, before, id, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (ProductResult, error) {
		var r ProductResult
		err := row.Scan(&r.ID, &r.Kind, &r.Version, &r.Label, &r.Verdict, &r.CreatedAt, &r.CreatedBy)
		r.CreatedAt = r.CreatedAt.UTC()
		return r, err
	})
}
