-- +goose Up

-- Whether the endpoint answers files of requests; null: not known yet.
ALTER TABLE model_endpoints ALTER COLUMN mode DROP NOT NULL;
ALTER TABLE model_endpoints ADD COLUMN batches boolean;

-- Many patents to be scored ahead of their valuations.
CREATE TABLE model_runs (
    id         text PRIMARY KEY,
    institution     text NOT NULL,
    actor      text NOT NULL,
    created_at timestamptz NOT NULL,
    key        bytea NOT NULL,                   -- SHA-256 of subjects, options, endpoint and model: the same order twice is one run
    allow      boolean NOT NULL,                 -- unpublished texts may leave, on the actor's word
    base_url   text NOT NULL,
    model      text NOT NULL,
    status     text NOT NULL CHECK (status IN ('running', 'finished', 'cancelled')),
    note       text NOT NULL DEFAULT '',         -- stable code of what it waits for
    ended_at   timestamptz
);
CREATE UNIQUE INDEX model_runs_open ON model_runs (institution, key) WHERE status = 'running';
CREATE INDEX model_runs_list ON model_runs (institution, created_at DESC);

-- done: every answer is kept. partly: the endpoint did not give a usable answer
-- to some questions. forbidden: the text may not leave. unknown: not in the store.
CREATE TABLE model_run_subjects (
    run    text NOT NULL REFERENCES model_runs (id) ON DELETE CASCADE,
    number text NOT NULL,
    status text NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'done', 'partly', 'forbidden', 'unknown')),
    rounds smallint NOT NULL DEFAULT 0,          -- how often questions about it were sent
    PRIMARY KEY (run, number)
);

-- One file of requests at the endpoint. It is stored, its texts logged and its
-- cost reserved before it is sent, so that a process that dies loses nothing.
CREATE TABLE model_batches (
    id         text PRIMARY KEY,
    run        text NOT NULL REFERENCES model_runs (id),
    created_at timestamptz NOT NULL DEFAULT now(),
    day        date NOT NULL,                    -- of the account the cost is reserved on
    requests   bigint NOT NULL,
    tokens     bigint NOT NULL,                  -- reserved; once ended, used
    micro_yuan bigint NOT NULL,
    file       text NOT NULL DEFAULT '',         -- the endpoint's id of the file
    batch      text NOT NULL DEFAULT '',         -- the endpoint's id of the batch
    status     text NOT NULL DEFAULT 'prepared', -- then the endpoint's words; lost: nothing at the endpoint
    completed  bigint NOT NULL DEFAULT 0,
    failed     bigint NOT NULL DEFAULT 0,
    error      text NOT NULL DEFAULT '',
    ended_at   timestamptz
);
CREATE INDEX model_batches_open ON model_batches (run) WHERE ended_at IS NULL;

-- Questions under way. No two open files ask the same one.
CREATE TABLE model_batch_items (
    key        text PRIMARY KEY,                 -- as of judgements
    batch      text NOT NULL REFERENCES model_batches (id),
    text_hash  text NOT NULL,
    prompt     text NOT NULL,
    parameters text NOT NULL
);
CREATE INDEX model_batch_items_batch ON model_batch_items (batch);
