package store

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/fault"
)

// IdempotencyClaim names one request a client wants carried out once.
type IdempotencyClaim struct {
	Institution string // of the API key
	KeyID       string // of the API key; two clients may use the same Key
	Key         string // as sent
	Fingerprint []byte // SHA-256 of what was asked

	token [16]byte // of who holds the claim
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
	tag, err := db.pool.Exec(ctx, `
		INSERT INTO idempotency AS i (institution, key_id, key, fingerprint, claimed_at, claim)
		VALUES ($7, $1, $2, $3, $4, $8)
		ON CONFLICT (key_id, key) DO UPDATE
		SET claim = EXCLUDED.claim, fingerprint = EXCLUDED.fingerprint, claimed_at = EXCLUDED.claimed_at,
		    status = NULL, content_type = NULL, location = NULL, body = NULL
		WHERE (i.status IS NULL AND i.claimed_at < $5) OR i.claimed_at < $6`,
		c.KeyID, c.Key, c.Fingerprint, now, now.Add(-lease), now.Add(-lifetime), c.Institution, c.token)
	if err != nil {
		return IdempotencyReply{}, false, err
	}
	if tag.RowsAffected() == 1 {
		return IdempotencyReply{}, true, nil
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

// ReleaseIdempotency forgets a claim whose request failed, unless somebody else
// took it over.
func (db *DB) ReleaseIdempotency(ctx context.Context, c IdempotencyClaim) (err error) {
	defer fault.Wrap(&err, "store.ReleaseIdempotency")
	_, err = db.pool.Exec(As(ctx, c.Institution), `DELETE FROM idempotency WHERE key_id = $1 AND key = $2 AND claim = $3 AND status IS NULL`,
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
