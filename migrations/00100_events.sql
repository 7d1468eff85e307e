-- +goose Up

-- Legal events as their sources state them. The state of a patent is never
-- stored: it is what the events add up to on the day that is asked about.
CREATE TABLE events (
    number       text NOT NULL,                  -- normal form
    code         text NOT NULL,
    effective    date NOT NULL,
    gazette      date,                           -- when it became public; NULL: on the effective day
    registration text NOT NULL DEFAULT '',
    before       text[] NOT NULL DEFAULT '{}',   -- owners before
    after        text[] NOT NULL DEFAULT '{}',   -- owners after
    party        text NOT NULL DEFAULT '',       -- pledgee or licensee
    licence_kind text NOT NULL DEFAULT '',
    source       text NOT NULL,
    arrived_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (number, effective, code, registration, party)
);
