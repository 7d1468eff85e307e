-- +goose Up

-- What can change a value, by content. Never changed, only added to. The
-- operator's are there for all; an institution's own come before them for it.
CREATE TABLE assumptions (
    institution text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    version     text NOT NULL,
    hash        bytea NOT NULL,
    body        json NOT NULL,
    note        text NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL DEFAULT now(),
    active      boolean NOT NULL DEFAULT false,
    PRIMARY KEY (institution, version)
);
CREATE UNIQUE INDEX assumptions_one_active ON assumptions (institution) WHERE active;
CREATE TRIGGER assumptions_kept BEFORE DELETE OR TRUNCATE ON assumptions FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A valuation as it was given out: immutable. Documents are kept as json, which
-- keeps their bytes, so that hashes over them hold.
CREATE TABLE valuations (
    id          text NOT NULL,
    institution text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    created_at  timestamptz NOT NULL,
    created_by  text NOT NULL,
    title       text NOT NULL,
    purpose     text NOT NULL,
    as_of       date NOT NULL,
    status      text NOT NULL,
    point       double precision,                -- yuan
    low         double precision,
    high        double precision,
    assumptions text NOT NULL,                   -- version, of the institution's own or the operator's
    request     json NOT NULL,                   -- as understood
    snapshot    json NOT NULL,                   -- assignment and evidence
    conclusion  json NOT NULL,
    hash        bytea NOT NULL,                  -- SHA-256 over assumptions hash, snapshot and conclusion
    ledger      text GENERATED ALWAYS AS (snapshot -> 'evidence' -> 'ledger' ->> 'id') STORED,
    PRIMARY KEY (institution, id)
);
CREATE INDEX valuations_ledger ON valuations (institution, ledger);
CREATE INDEX valuations_list ON valuations (institution, created_at DESC, id DESC);
CREATE TRIGGER valuations_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON valuations FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The patents of a valuation, in the order of the request. More than one: a
-- bundle.
CREATE TABLE valuation_patents (
    institution text NOT NULL DEFAULT institution_now(),
    valuation   text NOT NULL,
    position    smallint NOT NULL,               -- from 0
    number      text NOT NULL,                   -- normal form
    created_at  timestamptz NOT NULL,            -- of the valuation: the newest first by number
    PRIMARY KEY (institution, valuation, position),
    FOREIGN KEY (institution, valuation) REFERENCES valuations (institution, id)
);
CREATE INDEX valuation_patents_number ON valuation_patents (institution, number, created_at DESC, valuation DESC);
CREATE TRIGGER valuation_patents_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON valuation_patents FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- An officer's figure beside a valuation: a new record, both are kept.
CREATE TABLE overrides (
    id           text NOT NULL,
    institution  text NOT NULL DEFAULT institution_now(),
    valuation_id text NOT NULL,
    created_at   timestamptz NOT NULL,
    officer      text NOT NULL,
    value        double precision NOT NULL CHECK (value >= 0),
    reason       text NOT NULL CHECK (reason <> ''),
    PRIMARY KEY (institution, id),
    FOREIGN KEY (institution, valuation_id) REFERENCES valuations (institution, id)
);
CREATE INDEX overrides_valuation ON overrides (institution, valuation_id, created_at);
CREATE TRIGGER overrides_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON overrides FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What a valuation rests on is some 100 kB of JSON. PostgreSQL's default
-- compression takes longer over it than everything else an insert does; lz4
-- takes a tenth of that. A server built without lz4 keeps the default.
-- +goose StatementBegin
DO $$
BEGIN
    ALTER TABLE valuations
        ALTER COLUMN request SET COMPRESSION lz4,
        ALTER COLUMN snapshot SET COMPRESSION lz4,
        ALTER COLUMN conclusion SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    RAISE NOTICE 'this server has no lz4; stored valuations keep the default compression';
END
$$;
-- +goose StatementEnd

CALL wall('valuations');
CALL wall('valuation_patents');
CALL wall('overrides');
CALL wall('assumptions', shared => true);
