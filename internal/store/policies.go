package store

import (
	"bytes"
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/fault"
)

// PutLendingPolicy stores a version of an institution's policy. The same
// version again with the same content changes nothing; with other content it
// is a Conflict.
func (db *DB) PutLendingPolicy(ctx context.Context, institution, id, version, by string, body []byte) (err error) {
	defer fault.Wrap(&err, "store.PutLendingPolicy(%s)", id)
	ctx = As(ctx, institution)
	return db.transact(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `INSERT INTO lending_policies (institution, id, version, created_by, body) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`, institution, id, version, by, body)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 1 {
			return record(ctx, tx, Act{institution, by, "policy.put", id + " " + version, map[string]any{"policy": string(body)}})
		}
		var held []byte
		if err := tx.QueryRow(ctx, `SELECT body FROM lending_policies WHERE institution = $1 AND id = $2 AND version = $3`, institution, id, version).Scan(&held); err != nil {
			return err
		}
		if !bytes.Equal(held, body) {
			return fault.New(fault.Conflict, "policy.version_taken", "该政策的这一版本已存在且内容不同，请使用新的版本号。", "This version exists with other content; use a new version.")
		}
		return nil
	})
}

// LendingPolicy returns a version of an institution's policy; an empty version
// asks for the latest. ok is false when there is none.
func (db *DB) LendingPolicy(ctx context.Context, institution, id, version string) (body []byte, ok bool, err error) {
	defer fault.Wrap(&err, "store.LendingPolicy(%s)", id)
	ctx = As(ctx, institution)
	err = db.pool.QueryRow(ctx, `
		SELECT body FROM lending_policies WHERE institution = $1 AND id = $2 AND ($3 = '' OR version = $3)
		ORDER BY created_at DESC, version DESC LIMIT 1`, institution, id, version).Scan(&body)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, false, nil
	}
	return body, err == nil, err
}

// LendingPolicies returns every version of an institution's policies.
func (db *DB) LendingPolicies(ctx context.Context, institution string) (_ [][]byte, err error) {
	defer fault.Wrap(&err, "store.LendingPolicies")
	ctx = As(ctx, institution)
	rows, err := db.pool.Query(ctx, `SELECT body FROM lending_policies WHERE institution = $1 ORDER BY id, created_at DESC`, institution)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[[]byte])
}
