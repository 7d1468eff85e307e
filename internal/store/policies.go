package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/fault"
)

// PutLendingPolicy stores a version of an institution's policy and asks another
// person to stand by it. The same
// version again with the same content changes nothing; with other content it
// is a Conflict.
func (db *DB) PutLendingPolicy(ctx context.Context, by Actor, id, version string, body []byte, at time.Time) (err error) {
	defer fault.Wrap(&err, "store.PutLendingPolicy(%s)", id)
	institution := by.Institution
	ctx = As(ctx, institution)
	return db.transact(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `INSERT INTO lending_policies (institution, id, version, created_by, body) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`, institution, id, version, by.Name, body)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 1 {
			if err := propose(ctx, tx, by, ProposePolicy, id+"@"+version, json.RawMessage(body), at); err != nil {
				return err
			}
			return record(ctx, tx, Act{institution, by.Name, "policy.put", id + " " + version, map[string]any{"policy": string(body)}})
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
// asks for the latest, one that was refused left out. ok is false when there is
// none, reviewed true when another person approved it.
func (db *DB) LendingPolicy(ctx context.Context, institution, id, version string) (body []byte, reviewed, ok bool, err error) {
	defer fault.Wrap(&err, "store.LendingPolicy(%s)", id)
	ctx = As(ctx, institution)
	err = db.pool.QueryRow(ctx, `
		SELECT l.body, coalesce(p.status = 'approved', false) FROM lending_policies l
		LEFT JOIN proposals p ON p.institution = l.institution AND p.kind = 'policy' AND p.subject = l.id || '@' || l.version
		WHERE l.institution = $1 AND l.id = $2 AND ($3 = '' OR l.version = $3) AND p.status IS DISTINCT FROM 'refused' AND p.status IS DISTINCT FROM 'withdrawn'
		ORDER BY l.created_at DESC, l.version DESC LIMIT 1`, institution, id, version).Scan(&body, &reviewed)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, false, false, nil
	}
	return body, reviewed, err == nil, err
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
