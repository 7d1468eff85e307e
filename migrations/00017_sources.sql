-- +goose Up

-- Who applied, which is not who owns the right today, and the class of a design.
ALTER TABLE patents ADD COLUMN applicants text[] NOT NULL DEFAULT '{}',
    ADD COLUMN locarno text[] NOT NULL DEFAULT '{}';

-- Whether the source misses events, so that its silence says nothing.
ALTER TABLE events ADD COLUMN partial boolean NOT NULL DEFAULT false;

-- What one document of one source states about one patent, as it was read. The
-- row of the patent is what all of them add up to, whoever came first.
CREATE TABLE source_records (
    institution text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    number      text NOT NULL,                   -- normal form of the application; of the publication where only that is known
    source      text NOT NULL,                   -- id of internal/connect/data/sources.tsv
    hash        bytea NOT NULL,                  -- of the record without its day
    body        json NOT NULL,
    as_of       date,                            -- latest day on which the source said so
    retrieved   date NOT NULL,                   -- when it first came in
    checked     date NOT NULL,                   -- when it was last seen
    document    text NOT NULL,                   -- SHA-256 of the raw document
    file        text NOT NULL,                   -- its name, or its address without secrets
    PRIMARY KEY (institution, number, source, hash)
);

CREATE INDEX source_records_document ON source_records (institution, document);

-- Raw documents of fetches, by their hash. The body is kept where the source's
-- terms allow it.
CREATE TABLE source_documents (
    institution  text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    hash         text NOT NULL CHECK (hash ~ '^[0-9a-f]{64}$'),
    source       text NOT NULL,
    address      text NOT NULL,                  -- without secrets
    media_type   text NOT NULL,
    size         bigint NOT NULL,
    body         bytea,                          -- gzip; NULL: not kept
    retrieved_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (institution, hash)
);

-- Final refusals of a source: it does not have the patent. Asked again after a
-- week.
CREATE TABLE source_misses (
    institution text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    source      text NOT NULL,
    number      text NOT NULL,
    code        text NOT NULL,
    at          timestamptz NOT NULL,
    PRIMARY KEY (institution, source, number)
);

-- What was taken from a source in an hour, by all processes: one account serves
-- the whole service. blocked_until is when it may be asked again.
CREATE TABLE source_usage (
    source   text NOT NULL,
    hour     timestamptz NOT NULL,
    requests bigint NOT NULL DEFAULT 0,
    bytes    bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (source, hour)
);
CREATE TABLE source_pauses (
    source text NOT NULL,
    until  timestamptz NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (source)
);

-- What an institution set: which trade speaks first of which facts.
CREATE TABLE source_settings (
    institution text PRIMARY KEY DEFAULT institution_now() REFERENCES institutions (id),
    precedence  json NOT NULL,
    set_by      text NOT NULL,
    set_at      timestamptz NOT NULL DEFAULT now()
);

-- A fetch of many numbers, worked as a job.
CREATE TABLE fetches (
    id          text PRIMARY KEY,
    institution text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    actor       text NOT NULL,
    reason      text NOT NULL,                   -- asked, refresh
    most        integer NOT NULL,                -- requests it may make
    requests    integer NOT NULL DEFAULT 0,      -- made
    status      text NOT NULL CHECK (status IN ('running', 'finished', 'stopped')),
    error       text NOT NULL DEFAULT '',
    started_at  timestamptz NOT NULL,
    finished_at timestamptz,
    UNIQUE (institution, id)
);
CREATE INDEX fetches_list ON fetches (institution, id DESC);
CREATE TABLE fetch_numbers (
    fetch_id    text NOT NULL,
    number      text NOT NULL,
    institution text NOT NULL DEFAULT institution_now(),
    state       text NOT NULL CHECK (state IN ('waiting', 'found', 'missing', 'failed')),
    detail      text NOT NULL DEFAULT '',
    PRIMARY KEY (institution, fetch_id, number),
    FOREIGN KEY (institution, fetch_id) REFERENCES fetches (institution, id)
);
CREATE INDEX fetch_numbers_waiting ON fetch_numbers (institution, fetch_id, number) WHERE state = 'waiting';

CALL wall('source_records', shared => true);
CALL wall('source_documents', shared => true);
CALL wall('source_misses');
CALL wall('source_settings');
CALL wall('fetches');
CALL wall('fetch_numbers');
