package store

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/fault"
)

// Key is an API key as stored: never the secret, only its SHA-256.
type Key struct {
	ID           string
	Name         string
	Institution  string // the institution or desk whose records the key sees
	Roles        []string
	SecretSHA256 []byte
	CreatedAt    time.Time
	ExpiresAt    time.Time // zero: never
	RevokedAt    time.Time // zero: in force
	Person       string    // id of whose it is; empty: of the system that Name names

	Owner Person // the person, where there is one; read only
}

const keyColumns = `id, name, institution, roles, secret_sha256, created_at, coalesce(expires_at, '0001-01-01'::timestamptz) AS expires_at, coalesce(revoked_at, '0001-01-01'::timestamptz) AS revoked_at, coalesce(person, '')`

func scanKey(row pgx.CollectableRow) (Key, error) {
	var k Key
	err := row.Scan(&k.ID, &k.Name, &k.Institution, &k.Roles, &k.SecretSHA256, &k.CreatedAt, &k.ExpiresAt, &k.RevokedAt, &k.Person)
	for _, t := range []*time.Time{&k.CreatedAt, &k.ExpiresAt, &k.RevokedAt} {
		*t = t.UTC()
	}
	return k, err
}

func oneKey(rows pgx.Rows, err error) (Key, error) {
	if err != nil {
		return Key{}, err
	}
	k, err := pgx.CollectExactlyOneRow(rows, scanKey)
	if errors.Is(err, pgx.ErrNoRows) {
		return Key{}, fault.New(fault.NotFound, "key.unknown", "没有这个密钥。", "There is no such key.")
	}
	return k, err
}

// Key returns the key with the given id, whoever's it is, or a NotFound fault:
// it says whom a request comes from.
func (db *DB) Key(ctx context.Context, id string) (_ Key, err error) {
	defer fault.Wrap(&err, "store.Key")
	ctx = vital(ctx)
	k, err := oneKey(db.pool.Query(across(ctx), `SELECT `+keyColumns+` FROM api_keys WHERE id = $1`, id))
	if err == nil && k.Person != "" {
		k.Owner, err = db.PersonByID(ctx, k.Institution, k.Person)
	}
	return k, err
}

// Keys returns the institution's keys, newest first.
func (db *DB) Keys(ctx context.Context) (_ []Key, err error) {
	defer fault.Wrap(&err, "store.Keys")
	rows, err := db.pool.Query(ctx, `SELECT `+keyColumns+` FROM api_keys WHERE institution = institution_now() ORDER BY created_at DESC, id`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanKey)
}

// InsertKey stores a new key that by made.
func (db *DB) InsertKey(ctx context.Context, k Key, by string) (err error) {
	defer fault.Wrap(&err, "store.InsertKey")
	err = db.recorded(As(ctx, k.Institution), Act{k.Institution, by, "key.create", k.ID, map[string]any{"name": k.Name, "roles": k.Roles, "expires_at": nullTime(k.ExpiresAt), "person": k.Person}}, `
		INSERT INTO api_keys (id, name, institution, roles, secret_sha256, created_at, expires_at, person)
		VALUES ($1, $2, $3, $4, $5, $6, $7, nullif($8, ''))`,
		k.ID, k.Name, k.Institution, k.Roles, k.SecretSHA256, k.CreatedAt, nullTime(k.ExpiresAt), k.Person)
	return unknownInstitution(err, k.Institution)
}

// RevokeKey ends a key. Revoking twice keeps the first time.
func (db *DB) RevokeKey(ctx context.Context, id string, at time.Time, by string) (k Key, err error) {
	defer fault.Wrap(&err, "store.RevokeKey")
	err = db.transact(ctx, func(tx pgx.Tx) error {
		k, err = oneKey(tx.Query(ctx, `
			UPDATE api_keys SET revoked_at = coalesce(revoked_at, $2) WHERE id = $1 AND institution = institution_now()
			RETURNING `+keyColumns, id, at))
		if err != nil {
			return err
		}
		return record(ctx, tx, Act{k.Institution, by, "key.revoke", id, nil})
	})
	return k, err
}

func nullTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
