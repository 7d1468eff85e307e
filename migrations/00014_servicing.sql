-- +goose Up

-- A collection period of a pool as it was closed: what the bank and the servicer
-- told (input), the distribution report (closed), and the state the next period
-- starts from, inside the report. A row never changes but to say that it was
-- reopened; the period closed again is a new version. Of a period one version
-- counts.
CREATE TABLE pool_periods (
    institution   text NOT NULL DEFAULT institution_now(),
    pool_id       text NOT NULL,
    period        int NOT NULL CHECK (period > 0),
    version       int NOT NULL CHECK (version > 0),
    input         json NOT NULL,
    closed        json NOT NULL,
    closed_at     timestamptz NOT NULL,
    closed_by     text NOT NULL,
    reopened_at   timestamptz,
    reopened_by   text,
    reason        text,
    PRIMARY KEY (institution, pool_id, period, version),
    FOREIGN KEY (institution, pool_id) REFERENCES pools (institution, id)
);
CREATE UNIQUE INDEX pool_periods_one_counts ON pool_periods (institution, pool_id, period) WHERE reopened_at IS NULL;

CALL wall('pool_periods');
