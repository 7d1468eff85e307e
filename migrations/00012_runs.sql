-- +goose Up

-- An evaluation of the product: asked by an institution, worked as a job. While
-- it runs its state is that of its job; what it measured stays.
CREATE TABLE eval_runs (
    id          text PRIMARY KEY,
    institution text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    actor       text NOT NULL,
    type        text NOT NULL CHECK (type IN ('test', 'baseline', 'candidate', 'final')),
    note        text NOT NULL DEFAULT '',
    seed        bigint NOT NULL,                 -- 0: each task's own
    live        boolean NOT NULL,                -- the model is asked, not a recording
    queue       text NOT NULL,                   -- kind of its job: of any process, or of the one that has its settings
    versions    json NOT NULL,                   -- of the program
    dataset     bytea,                           -- the evaluator's own data; NULL: the tasks' own
    status      text NOT NULL CHECK (status IN ('running', 'finished', 'interrupted', 'failed')),
    error       text NOT NULL DEFAULT '',
    started_at  timestamptz NOT NULL,
    finished_at timestamptz,
    UNIQUE (institution, id)
);
CREATE INDEX eval_runs_list ON eval_runs (institution, id DESC);

-- One task of a run, in order. done counts its samples, in the transaction that
-- stores them.
CREATE TABLE eval_tasks (
    run         text NOT NULL,
    place       integer NOT NULL,
    institution text NOT NULL DEFAULT institution_now(),
    task        json NOT NULL,                   -- as declared when the run began
    dataset     json NOT NULL,                   -- name, hash, cases; once known
    total       integer NOT NULL DEFAULT 0,
    done        integer NOT NULL DEFAULT 0,
    skipped     text NOT NULL DEFAULT '',        -- why it did not run
    versions    json,                            -- of what was measured
    summary     json,                            -- once every case is answered
    ms          bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (run, place),
    FOREIGN KEY (institution, run) REFERENCES eval_runs (institution, id) ON DELETE CASCADE
);

-- What came of one case, by its place among the task's cases.
CREATE TABLE eval_samples (
    run         text NOT NULL,
    place       integer NOT NULL,
    at          integer NOT NULL,
    institution text NOT NULL DEFAULT institution_now(),
    sample      json NOT NULL,
    PRIMARY KEY (run, place, at),
    FOREIGN KEY (institution, run) REFERENCES eval_runs (institution, id) ON DELETE CASCADE
);

CALL wall('eval_runs');
CALL wall('eval_tasks');
CALL wall('eval_samples');
