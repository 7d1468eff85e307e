-- +goose Up

-- The event a deal was one of: the session or the notice that its lots share,
-- as the source names it. NULL: the page, or the seller's day.
ALTER TABLE deals ADD COLUMN event text;

-- Where a deal that was read out of a text comes from: the file, the words each
-- field was read from, and who accepted it. NULL: it came with a table.
ALTER TABLE deals ADD COLUMN provenance json;

-- What a person said of a deal against the screening: the code it is refused
-- with, or '' when it counts. Append-only: the latest counts, and stays when
-- the deal is imported or screened again.
CREATE TABLE deal_validity (
    seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    institution text NOT NULL DEFAULT institution_now(),
    deal        text NOT NULL,
    code        text NOT NULL,
    reason      text NOT NULL CHECK (reason <> ''),
    by_whom     text NOT NULL,
    at          timestamptz NOT NULL,
    FOREIGN KEY (institution, deal) REFERENCES deals (institution, id)
);
CREATE INDEX deal_validity_deal ON deal_validity (institution, deal, seq DESC);
CREATE TRIGGER deal_validity_frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON deal_validity FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CALL wall('deal_validity');
