-- +goose Up

-- A text that was read for deals, with the rows as they were read: they wait for
-- a person, row by row, and stay over his visits and over a restart. A reader that
-- changes later changes no row that waits.
CREATE TABLE deal_readings (
    institution text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    id          text NOT NULL,          -- by the hash of the text: read again it is the same
    source      text NOT NULL,
    body        text NOT NULL,
    rows        json NOT NULL,
    total       integer NOT NULL CHECK (total > 0),
    read_by     text NOT NULL,
    read_at     timestamptz NOT NULL,
    PRIMARY KEY (institution, id)
);
CREATE INDEX deal_readings_list ON deal_readings (institution, read_at DESC, id);

-- What became of a row; a row without one waits.
CREATE TABLE deal_reading_rows (
    institution text NOT NULL DEFAULT institution_now(),
    reading     text NOT NULL,
    place       integer NOT NULL CHECK (place >= 0),
    deal        text,                   -- NULL: rejected
    by_whom     text NOT NULL,
    at          timestamptz NOT NULL,
    PRIMARY KEY (institution, reading, place),
    FOREIGN KEY (institution, reading) REFERENCES deal_readings (institution, id)
);
CALL wall('deal_readings');
CALL wall('deal_reading_rows');
