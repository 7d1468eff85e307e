-- +goose Up

-- A securitisation pool as the arranger brought it: immutable; a new version is
-- a new row.
CREATE TABLE pools (
    id          text PRIMARY KEY,
    institution text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    name        text NOT NULL,
    created_at  timestamptz NOT NULL,
    created_by  text NOT NULL,
    cut_off     date NOT NULL,
    numbers     text[] NOT NULL DEFAULT '{}',    -- normal forms of the patents it holds
    released    timestamptz,                     -- when its patents became free again
    deal        json NOT NULL,
    UNIQUE (institution, id)
);
CREATE INDEX pools_list ON pools (institution, created_at DESC, id DESC);
CREATE INDEX pools_numbers ON pools USING gin (numbers) WHERE released IS NULL;

-- A simulation of a pool and its finished ranges of paths. A range is stored
-- once; a killed process leaves the finished ones and the rest is run again.
CREATE TABLE pool_simulations (
    id          text PRIMARY KEY,
    pool_id     text NOT NULL,
    institution text NOT NULL DEFAULT institution_now(),
    created_at  timestamptz NOT NULL,
    seed        bigint NOT NULL,
    scenarios   bigint NOT NULL CHECK (scenarios BETWEEN 1 AND 500000),
    targets     json NOT NULL DEFAULT '[]',
    status      text NOT NULL CHECK (status IN ('running', 'done', 'failed')),
    error       text,
    finished_at timestamptz,
    report      json,                            -- when done
    paths       bigint NOT NULL DEFAULT 0,       -- in its tallies, counted as they come
    UNIQUE (institution, id),
    FOREIGN KEY (institution, pool_id) REFERENCES pools (institution, id)
);

CREATE TABLE pool_tallies (
    simulation_id text NOT NULL,
    from_path     bigint NOT NULL,
    to_path       bigint NOT NULL CHECK (to_path > from_path),
    institution   text NOT NULL DEFAULT institution_now(),
    tally         json NOT NULL,
    PRIMARY KEY (simulation_id, from_path),
    FOREIGN KEY (institution, simulation_id) REFERENCES pool_simulations (institution, id) ON DELETE CASCADE
);

CALL wall('pools');
CALL wall('pool_simulations');
CALL wall('pool_tallies');
