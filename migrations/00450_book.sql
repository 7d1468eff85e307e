-- +goose Up

-- Loans secured on patents, watched over their life.
CREATE TABLE book_loans (
    id         text PRIMARY KEY,
    institution     text NOT NULL,
    contract   text NOT NULL,
    borrower   text NOT NULL,
    principal  bigint NOT NULL CHECK (principal >= 0),    -- fen
    balance    bigint NOT NULL CHECK (balance >= 0),      -- fen
    maturity   date NOT NULL,
    policy     bytea NOT NULL,                            -- JSON, as in force when the loan was booked
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    closed_at  timestamptz,
    UNIQUE (institution, contract)
);

CREATE TABLE book_patents (
    loan         text NOT NULL REFERENCES book_loans (id),
    number       text NOT NULL,
    input        bytea NOT NULL,                          -- JSON: what the desk stated, for the next revaluation
    first_value  bigint NOT NULL,                         -- fen; the first value the bank recognised
    value        bigint NOT NULL,                         -- fen, latest
    low          bigint NOT NULL,
    status       text NOT NULL,                           -- of the latest valuation
    valuation    text NOT NULL REFERENCES valuations (id),
    valued_on    date NOT NULL,
    due          date NOT NULL,                           -- next revaluation
    events       integer NOT NULL,                        -- about it on file when it was valued; more call for a revaluation
    PRIMARY KEY (loan, number)
);
CREATE INDEX book_patents_due ON book_patents (due);
CREATE INDEX book_patents_number ON book_patents (number);

CREATE TABLE book_alerts (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    institution       text NOT NULL,
    loan         text NOT NULL REFERENCES book_loans (id),
    contract     text NOT NULL,
    number       text NOT NULL,
    at           timestamptz NOT NULL,
    on_day       date NOT NULL,
    level        text NOT NULL CHECK (level IN ('yellow', 'red')),
    kind         text NOT NULL,                           -- drop, ended, breach, failed
    cause        text NOT NULL,                           -- schedule, event, request
    old_value    bigint NOT NULL,                         -- fen
    new_value    bigint NOT NULL,
    detail       bytea NOT NULL,                          -- JSON: what changed and why
    acknowledged_at timestamptz,
    acknowledged_by text,
    note         text
);
CREATE INDEX book_alerts_open ON book_alerts (institution, id);
