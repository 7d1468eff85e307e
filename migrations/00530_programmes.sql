-- +goose Up

-- An institution's loan products. A version never changes; the latest counts.
CREATE TABLE lending_programmes (
    institution     text NOT NULL,
    id         text NOT NULL,
    version    text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by text NOT NULL,
    body       bytea NOT NULL,                   -- JSON
    PRIMARY KEY (institution, id, version)
);
CREATE TRIGGER lending_programmes_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON lending_programmes FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What accepted contracts hold of a programme until they are booked, decided
-- again or let go.
CREATE TABLE programme_holds (
    institution      text NOT NULL,
    contract    text NOT NULL,                   -- its number, else the batch and the line
    programme   text NOT NULL,
    borrower    text NOT NULL,
    credit_code text NOT NULL,
    amount      bigint NOT NULL CHECK (amount >= 0),    -- fen
    batch       text NOT NULL REFERENCES batches (id) ON DELETE CASCADE,
    decided_on  date NOT NULL,
    until       date,                            -- last day it is held; NULL: until released
    PRIMARY KEY (institution, contract)
);
CREATE INDEX programme_holds_programme ON programme_holds (institution, programme);

-- What stood in store when a batch was decided, so that it can be decided
-- again: drawn under its programmes, patents in the book.
ALTER TABLE batches ADD COLUMN facts bytea;

ALTER TABLE book_loans
    ADD COLUMN product text NOT NULL DEFAULT '',
    ADD COLUMN credit_code text NOT NULL DEFAULT '',
    ADD COLUMN standing text[] NOT NULL DEFAULT '{}';    -- what was told and still holds: breach, cover, expiry:number
CREATE INDEX book_loans_product ON book_loans (institution, product) WHERE product <> '';

ALTER TABLE book_patents
    ADD COLUMN base bigint,                      -- fen: the value a fall is measured against
    ADD COLUMN base_valuation text REFERENCES valuations (id),
    ADD COLUMN alerted text NOT NULL DEFAULT '',    -- gravest fall below the base told so far
    ADD COLUMN ceiling double precision,         -- of this patent, as in force when the loan was booked
    ADD COLUMN expiry date;
UPDATE book_patents p SET base = value, base_valuation = valuation,
    ceiling = coalesce((convert_from(l.policy, 'UTF8')::jsonb -> 'caps' -> (convert_from(p.input, 'UTF8')::jsonb ->> 'kind') ->> 'value')::double precision,
        (SELECT max((c.value ->> 'value')::double precision) FROM jsonb_each(convert_from(l.policy, 'UTF8')::jsonb -> 'caps') c))
    FROM book_loans l WHERE l.id = p.loan;
ALTER TABLE book_patents ALTER COLUMN base SET NOT NULL, ALTER COLUMN base_valuation SET NOT NULL, ALTER COLUMN ceiling SET NOT NULL;
