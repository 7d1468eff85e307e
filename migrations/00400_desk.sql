-- +goose Up

-- Who asked what, on which inputs, and what came of it: append-only, each
-- entry sealed with the hash of the one before.
CREATE TABLE audit (
    seq     bigint PRIMARY KEY,                  -- 1, 2, 3 … without a gap
    at      timestamptz NOT NULL,
    institution  text NOT NULL,
    actor   text NOT NULL,
    action  text NOT NULL,                       -- e.g. batch.row
    subject text NOT NULL,                       -- e.g. a batch's id and line
    detail  bytea NOT NULL,                      -- JSON: versions, hashes of inputs and results, before and after
    prev    bytea NOT NULL,                      -- hash of the entry before; 32 zero bytes for the first
    hash    bytea NOT NULL                       -- SHA-256 over prev and all the above, see audit_append
);
CREATE INDEX audit_subject ON audit (subject, seq);
CREATE INDEX audit_institution ON audit (institution, seq);

CREATE TRIGGER audit_frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- audit_append seals one entry. It is called last in a transaction, since the
-- lock that puts entries in order is held until the commit.
-- +goose StatementBegin
CREATE FUNCTION audit_append(a_institution text, a_actor text, a_action text, a_subject text, a_detail bytea) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
    before bytea;
    moment timestamptz;
    sealed bytea;
    part text;
BEGIN
    PERFORM pg_advisory_xact_lock(7241010);
    SELECT seq, hash INTO n, before FROM audit ORDER BY seq DESC LIMIT 1;
    n := coalesce(n, 0) + 1;
    before := coalesce(before, decode(repeat('00', 32), 'hex'));
    moment := clock_timestamp();
    sealed := before || int8send(n) || int8send((extract(epoch FROM moment) * 1000000)::bigint);
    FOREACH part IN ARRAY ARRAY[a_institution, a_actor, a_action, a_subject] LOOP
        sealed := sealed || int4send(octet_length(part)) || convert_to(part, 'UTF8');
    END LOOP;
    sealed := sha256(sealed || int4send(octet_length(a_detail)) || a_detail);
    INSERT INTO audit VALUES (n, moment, a_institution, a_actor, a_action, a_subject, a_detail, before, sealed);
    RETURN n;
END
$$;
-- +goose StatementEnd

-- A desk's file.
CREATE TABLE batches (
    id          text PRIMARY KEY,
    institution      text NOT NULL,
    created_at  timestamptz NOT NULL,
    created_by  text NOT NULL,
    name        text NOT NULL,                   -- of the file
    content     bytea NOT NULL,                  -- SHA-256 of the file
    key         bytea NOT NULL,                  -- SHA-256 of content and options: the same file twice is one batch
    options     bytea NOT NULL,                  -- JSON: policy, programmes, date, unit
    as_of       date NOT NULL,
    priority    smallint NOT NULL,               -- 1 first … 4
    rows        integer NOT NULL,
    status      text NOT NULL CHECK (status IN ('running', 'cancelled', 'finished')),
    finished_at timestamptz,
    contracts   bytea,                           -- JSON, once finished
    digest      bytea,                           -- SHA-256 over all decisions, once finished
    UNIQUE (institution, key)
);
CREATE INDEX batches_list ON batches (institution, created_at DESC, id DESC);
CREATE INDEX batches_running ON batches (id) WHERE status = 'running';

-- One line of a file. A row ends once: done, failed or refused.
CREATE TABLE batch_rows (
    batch     text NOT NULL REFERENCES batches (id) ON DELETE CASCADE,
    line      integer NOT NULL,
    input     bytea NOT NULL,                    -- JSON as read
    status    text NOT NULL CHECK (status IN ('waiting', 'done', 'failed', 'refused')),
    fault     bytea,                             -- JSON, of a row that failed or was refused
    valuation text REFERENCES valuations (id),
    valued    bytea,                             -- JSON, of a row that is done
    decision  bytea,                             -- JSON, once the batch is finished
    ended_at  timestamptz,
    PRIMARY KEY (batch, line)
);
CREATE INDEX batch_rows_waiting ON batch_rows (batch) WHERE status = 'waiting';
CREATE INDEX batch_rows_failed ON batch_rows (batch) WHERE status = 'failed';

-- Where each desk's virtual time stands in the queue of rows.
CREATE TABLE desk_clock (
    institution text PRIMARY KEY,
    last   timestamptz NOT NULL
);

-- +goose StatementBegin
DO $$
BEGIN
    ALTER TABLE batch_rows
        ALTER COLUMN input SET COMPRESSION lz4,
        ALTER COLUMN valued SET COMPRESSION lz4,
        ALTER COLUMN decision SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    NULL; -- the default compression is used
END
$$;
-- +goose StatementEnd
