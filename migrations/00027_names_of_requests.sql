-- +goose Up

-- What a request with an Idempotency-Key makes has its id from this name, which
-- every try of the request shares: what was stored before its reply was lost is
-- found by the next try and not made twice. A try that failed frees the claim
-- and keeps the name, since a commit whose answer was lost looks like a failure.
ALTER TABLE idempotency
    ADD COLUMN name  uuid NOT NULL DEFAULT gen_random_uuid(),
    ADD COLUMN freed boolean NOT NULL DEFAULT false;
