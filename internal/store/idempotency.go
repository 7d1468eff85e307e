package store

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/fault"
)

// IdempotencyClaim names one request a client wants carried out once.
type IdempotencyClaim struct {
	KeyID       string // of the API key; two clients may use the same Key
	Key         string // as sent
	Fingerprint []byte // SHA-256 of what was asked
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
// has lapsed: both are taken over.
func (db *DB) ClaimIdempotency(ctx context.Context, c IdempotencyClaim, now time.Time, lease, lifetime time.Duration) (_ IdempotencyReply, claimed bool, err error) {
	defer fault.Wrap(&err, "store.ClaimIdempotency")
	tag, err := db.pool.Exec(ctx, `
		INSERT INTO idempotency AS i (key_id, key, fingerprint, claimed_at)
		VALUES ($1, $2, $3, $4)
		ON CONFLICT (key_id, key) DO UPDATE
		SET fingerprint = EXCLUDED.fingerprint, claimed_at = EXCLUDED.claimed_at,
		    status = NULL, content_type = NULL, location = NULL, body = NULL
		WHERE (i.status IS NULL AND i.claimed_at < $5) OR i.claimed_at < $6`,
		c.KeyID, c.Key, c.Fingerprint, now, now.Add(-lease), now.Add(-lifetime))
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

// CompleteIdempotency stores the reply of a claimed request.
func (db *DB) CompleteIdempotency(ctx context.Context, c IdempotencyClaim, r IdempotencyReply) (err error) {
	defer fault.Wrap(&err, "store.CompleteIdempotency")
	_, err = db.pool.Exec(ctx, `
		UPDATE idempotency SET status = $4, content_type = $5, location = $6, body = $7
		WHERE key_id = $1 AND key = $2 AND fingerprint = $3 AND status IS NULL`,
		c.KeyID, c.Key, c.Fingerprint, r.Status, r.ContentType, r.Location, r.Body)
	return err
}

// ReleaseIdempotency forgets a claim whose request failed.
func (db *DB) ReleaseIdempotency(ctx context.Context, c IdempotencyClaim) (err error) {
	defer fault.Wrap(&err, "store.ReleaseIdempotency")
	_, err = db.pool.Exec(ctx, `DELETE FROM idempotency WHERE key_id = $1 AND key = $2 AND fingerprint = $3 AND status IS NULL`,
		c.KeyID, c.Key, c.Fingerprint)
	return err
}

// PruneIdempotency drops claims and replies made before the given time and
// returns how many.
func (db *DB) PruneIdempotency(ctx context.Context, before time.Time) (_ int64, err error) {
	defer fault.Wrap(&err, "store.PruneIdempotency")
	tag, err := db.pool.Exec(ctx, `DELETE FROM idempotency WHERE claimed_at < $1`, before)
	return tag.RowsAffected(), err
}
