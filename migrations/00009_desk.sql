-- +goose Up

-- What an institution said that the headers of its files mean, by the set of
-- headers of a file.
CREATE TABLE column_maps (
    institution text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    headers     bytea NOT NULL,                  -- SHA-256 of the folded headers, sorted
    columns     json NOT NULL,                   -- key of the column by header; empty: the header is not read
    changed_at  timestamptz NOT NULL DEFAULT now(),
    changed_by  text NOT NULL,
    PRIMARY KEY (institution, headers)
);
CALL wall('column_maps');

-- Whether facts changed since a file was decided is asked for every file.
CREATE INDEX events_arrived ON events (arrived_at);
CREATE INDEX patents_updated ON patents (updated_at);
CREATE INDEX batches_content ON batches (institution, content, created_at DESC, id DESC);
