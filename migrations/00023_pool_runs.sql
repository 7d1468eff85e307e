-- +goose Up

-- A stress grid, a sizing or a building of a pool that takes more than a moment,
-- as an order: what is asked, what it was estimated to take (seconds of one
-- core), and the report when done. Work that can be cut is kept in parts, so
-- that a killed process leaves the finished ones.
CREATE TABLE pool_runs (
    id          text PRIMARY KEY,
    institution text NOT NULL DEFAULT institution_now(),
    pool_id     text NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('stress', 'size', 'build')),
    request     json NOT NULL,
    created_at  timestamptz NOT NULL,
    created_by  text NOT NULL,
    seconds     double precision NOT NULL CHECK (seconds >= 0),
    status      text NOT NULL CHECK (status IN ('running', 'done', 'failed', 'cancelled')),
    done        int NOT NULL DEFAULT 0,
    total       int NOT NULL CHECK (total > 0),
    error       text,
    finished_at timestamptz,
    report      json,                            -- when done
    UNIQUE (institution, id),
    FOREIGN KEY (institution, pool_id) REFERENCES pools (institution, id)
);
CREATE INDEX pool_runs_list ON pool_runs (institution, pool_id, created_at DESC);
CREATE INDEX pool_runs_open ON pool_runs (institution) WHERE status = 'running';

CREATE TABLE pool_run_parts (
    run_id      text NOT NULL,
    part        int NOT NULL,
    institution text NOT NULL DEFAULT institution_now(),
    body        json NOT NULL,
    PRIMARY KEY (run_id, part),
    FOREIGN KEY (institution, run_id) REFERENCES pool_runs (institution, id) ON DELETE CASCADE
);

CALL wall('pool_runs');
CALL wall('pool_run_parts');

-- A simulation can be cancelled too, and counts against the same budget.
ALTER TABLE pool_simulations DROP CONSTRAINT pool_simulations_status_check,
    ADD CONSTRAINT pool_simulations_status_check CHECK (status IN ('running', 'done', 'failed', 'cancelled')),
    ADD COLUMN seconds double precision NOT NULL DEFAULT 0;
CREATE INDEX pool_simulations_open ON pool_simulations (institution) WHERE status = 'running';
