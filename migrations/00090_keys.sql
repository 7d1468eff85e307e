-- +goose Up

-- API keys. The secret is 32 random bytes of which only the SHA-256 is kept.
CREATE TABLE api_keys (
    id            text PRIMARY KEY,
    name          text NOT NULL,
    institution        text NOT NULL,                 -- the institution or desk its records belong to
    roles         text[] NOT NULL CHECK (cardinality(roles) > 0),
    secret_sha256 bytea NOT NULL CHECK (octet_length(secret_sha256) = 32),
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz,
    revoked_at    timestamptz
);

-- One row per Idempotency-Key of a caller: in progress while status is null,
-- then the reply to repeat. Pruned after a day.
CREATE TABLE idempotency (
    key_id       text NOT NULL REFERENCES api_keys (id),
    key          text NOT NULL,
    fingerprint  bytea NOT NULL,
    claimed_at   timestamptz NOT NULL,
    status       integer,
    content_type text,
    location     text,
    body         bytea,
    PRIMARY KEY (key_id, key)
);
CREATE INDEX idempotency_claimed_at ON idempotency (claimed_at);
