package store

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"zhijia/internal/fault"
)

// IdempotencyClaim names one request a client wants carried out once.
type IdempotencyClaim struct {
	Institution string // of the API key
	KeyID       string // of the API key; two clients may use the same Key
	Key         string // as sent
	Fingerprint []byte // SHA-256 of what was asked

	token [16]byte // of who holds the claim
	name  [16]byte // of the request, the same in every try
}

type nameKey struct{}

// Named gives what the context makes the id that every try of the claimed request gives it.
func Named(ctx context.Context, c IdempotencyClaim) context.Context {
	return context.WithValue(ctx, nameKey{}, c.name)
}

// MadeID is the id of the one record that a request makes: [NewID], or, where the request is [Named], that of its name. A record
// that has it already was stored by an earlier try whose reply was lost, see [Made].
func MadeID(ctx context.Context, prefix string, now time.Time) string {
	if name, ok := ctx.Value(nameKey{}).([16]byte); ok {
		return prefix + "_" + hex.EncodeToString(name[:])
	}
	return NewID(prefix, now)
}

// Made reports that a record was not stored because one with its id is there.
func Made(err error) bool {
	var server *pgconn.PgError
	return errors.As(err, &server) && server.Code == "23505" && strings.HasSuffix(server.ConstraintName, "_pkey") // unique_violation
}

// IdempotencyReply is a stored reply. Status 0: the request is in progress.
type IdempotencyReply struct {
	Fingerprint []byte
	Status      int
	ContentType string
	Location    string
	Body        []byte
}

// ClaimIdempotency claims the request and reports true, or returns what is
// known of an earlier one with the same key. A claim in progress for longer
// than lease was made by a process that died, and a reply older than lifetime
// has lapsed: both are taken over, and who held the claim before can neither
// answer nor free it. A claim made is noted in c.
func (db *DB) ClaimIdempotency(ctx context.Context, c *IdempotencyClaim, now time.Time, lease, lifetime time.Duration) (_ IdempotencyReply, claimed bool, err error) {
	defer fault.Wrap(&err, "store.ClaimIdempotency")
	ctx = As(ctx, c.Institution)
	rand.Read(c.token[:])
	copy(c.name[:], idBytes(now))
	err = db.pool.QueryRow(ctx, `
		INSERT INTO idempotency AS i (institution, key_id, key, fingerprint, claimed_at, claim, name)
		VALUES ($7, $1, $2, $3, $4, $8, $9)
		ON CONFLICT (key_id, key) DO UPDATE
		SET claim = EXCLUDED.claim, fingerprint = EXCLUDED.fingerprint, claimed_at = EXCLUDED.claimed_at, freed = false,
		    name = CASE WHEN i.fingerprint = EXCLUDED.fingerprint AND i.claimed_at >= $6 THEN i.name ELSE EXCLUDED.name END,
		    status = NULL, content_type = NULL, location = NULL, body = NULL
		WHERE (i.status IS NULL AND (i.freed OR i.claimed_at < $5)) OR i.claimed_at < $6
		RETURNING name`,
		c.KeyID, c.Key, c.Fingerprint, now, now.Add(-lease), now.Add(-lifetime), c.Institution, c.token, c.name).Scan(&c.name)
	if err == nil {
		return IdempotencyReply{}, true, nil
	}
	if !errors.Is(err, pgx.ErrNoRows) {
		return IdempotencyReply{}, false, err
	}
	var r IdempotencyReply
	err = db.pool.QueryRow(ctx, `
		SELECT fingerprint, coalesce(status, 0), coalesce(content_type, ''), coalesce(location, ''), body
		FROM idempotency WHERE key_id = $1 AND key = $2`, c.KeyID, c.Key).
		Scan(&r.Fingerprint, &r.Status, &r.ContentType, &r.Location, &r.Body)
	if errors.Is(err, pgx.ErrNoRows) { // released between the two statements
		return IdempotencyReply{Fingerprint: c.Fingerprint}, false, nil
	}
	return r, false, err
}

// CompleteIdempotency stores the reply of a claimed request, unless somebody
// else took the claim over.
func (db *DB) CompleteIdempotency(ctx context.Context, c IdempotencyClaim, r IdempotencyReply) (err error) {
	defer fault.Wrap(&err, "store.CompleteIdempotency")
	_, err = db.pool.Exec(As(ctx, c.Institution), `
		UPDATE idempotency SET status = $4, content_type = $5, location = $6, body = $7
		WHERE key_id = $1 AND key = $2 AND claim = $3 AND status IS NULL`,
		c.KeyID, c.Key, c.token, r.Status, r.ContentType, r.Location, r.Body)
	return err
}

// ReleaseIdempotency frees a claim whose request failed, unless somebody else
// took it over.
func (db *DB) ReleaseIdempotency(ctx context.Context, c IdempotencyClaim) (err error) {
	defer fault.Wrap(&err, "store.ReleaseIdempotency")
	_, err = db.pool.Exec(As(ctx, c.Institution), `UPDATE idempotency SET freed = true WHERE key_id = $1 AND key = $2 AND claim = $3 AND status IS NULL`,
		c.KeyID, c.Key, c.token)
	return err
}

// PruneIdempotency drops claims and replies made before the given time and
// returns how many.
func (db *DB) PruneIdempotency(ctx context.Context, before time.Time) (_ int64, err error) {
	defer fault.Wrap(&err, "store.PruneIdempotency")
	tag, err := db.pool.Exec(across(ctx), `DELETE FROM idempotency WHERE claimed_at < $1`, before)
	return tag.RowsAffected(), err
}
