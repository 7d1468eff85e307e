-- +goose Up

-- An institution's own lending policies. A version never changes.
CREATE TABLE lending_policies (
    institution text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    id          text NOT NULL,
    version     text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    created_by  text NOT NULL,
    body        json NOT NULL,
    PRIMARY KEY (institution, id, version)
);
CREATE TRIGGER lending_policies_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON lending_policies FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- An institution's loan products. A version never changes; the latest counts.
CREATE TABLE lending_programmes (
    institution text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    id          text NOT NULL,
    version     text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by  text NOT NULL,
    body        json NOT NULL,
    PRIMARY KEY (institution, id, version)
);
CREATE TRIGGER lending_programmes_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON lending_programmes FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A desk's file.
CREATE TABLE batches (
    id          text PRIMARY KEY,
    institution text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    created_at  timestamptz NOT NULL,
    created_by  text NOT NULL,
    name        text NOT NULL,                   -- of the file
    content     bytea NOT NULL,                  -- SHA-256 of the file
    key         bytea NOT NULL,                  -- SHA-256 of content and options: the same file twice is one batch
    options     json NOT NULL,                   -- policy, programmes, date, unit
    ignored     text[] NOT NULL DEFAULT '{}',    -- headers of the file that name no column: they were not read
    as_of       date NOT NULL,
    priority    smallint NOT NULL,               -- 1 first … 4
    status      text NOT NULL CHECK (status IN ('running', 'cancelled', 'finished')),
    finished_at timestamptz,
    contracts   json,                            -- once finished
    digest      bytea,                           -- SHA-256 over all decisions, once finished
    verdicts    json,                            -- how many rows were decided how
    facts       json,                            -- what stood in store when it was decided: drawn under its programmes, patents in the book
    UNIQUE (institution, id),
    UNIQUE (institution, key)
);
CREATE INDEX batches_list ON batches (institution, created_at DESC, id DESC);
CREATE INDEX batches_running ON batches (id) WHERE status = 'running';

-- How many rows of a batch stand where, counted as they change: progress is
-- asked for several times a second.
CREATE TABLE batch_progress (
    batch       text PRIMARY KEY,
    institution text NOT NULL DEFAULT institution_now(),
    waiting     integer NOT NULL DEFAULT 0,
    done        integer NOT NULL DEFAULT 0,
    failed      integer NOT NULL DEFAULT 0,
    refused     integer NOT NULL DEFAULT 0,
    FOREIGN KEY (institution, batch) REFERENCES batches (institution, id) ON DELETE CASCADE
) WITH (fillfactor = 50);

-- One line of a file. A row ends once: done, failed or refused.
CREATE TABLE batch_rows (
    batch       text NOT NULL,
    line        integer NOT NULL,
    institution text NOT NULL DEFAULT institution_now(),
    input       json NOT NULL,                   -- as read
    status      text NOT NULL CHECK (status IN ('waiting', 'done', 'failed', 'refused')),
    fault       json,                            -- of a row that failed or was refused
    valuation   text,
    valued      json,                            -- of a row that is done
    decision    json,                            -- once the batch is finished
    ended_at    timestamptz,
    PRIMARY KEY (batch, line),
    FOREIGN KEY (institution, batch) REFERENCES batches (institution, id) ON DELETE CASCADE,
    FOREIGN KEY (institution, valuation) REFERENCES valuations (institution, id)
);
CREATE INDEX batch_rows_waiting ON batch_rows (batch) WHERE status = 'waiting';
CREATE INDEX batch_rows_failed ON batch_rows (batch) WHERE status = 'failed';

-- +goose StatementBegin
DO $$
BEGIN
    ALTER TABLE batch_rows
        ALTER COLUMN input SET COMPRESSION lz4,
        ALTER COLUMN valued SET COMPRESSION lz4,
        ALTER COLUMN decision SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    NULL; -- the default compression is used
END
$$;

CREATE FUNCTION batch_rows_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO batch_progress AS p (batch, institution, waiting, done, failed, refused)
    SELECT batch, institution, count(*) FILTER (WHERE status = 'waiting'), count(*) FILTER (WHERE status = 'done'),
        count(*) FILTER (WHERE status = 'failed'), count(*) FILTER (WHERE status = 'refused') FROM added GROUP BY batch, institution
    ON CONFLICT (batch) DO UPDATE SET waiting = p.waiting + EXCLUDED.waiting, done = p.done + EXCLUDED.done,
        failed = p.failed + EXCLUDED.failed, refused = p.refused + EXCLUDED.refused;
    RETURN NULL;
END
$$;

CREATE FUNCTION batch_row_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE batch_progress SET
        waiting = waiting + (NEW.status = 'waiting')::integer - (OLD.status = 'waiting')::integer,
        done = done + (NEW.status = 'done')::integer - (OLD.status = 'done')::integer,
        failed = failed + (NEW.status = 'failed')::integer - (OLD.status = 'failed')::integer,
        refused = refused + (NEW.status = 'refused')::integer - (OLD.status = 'refused')::integer
    WHERE batch = NEW.batch;
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER batch_rows_added AFTER INSERT ON batch_rows REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION batch_rows_added();
CREATE TRIGGER batch_row_moved AFTER UPDATE OF status ON batch_rows FOR EACH ROW WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION batch_row_moved();

-- desk_end_row gives a waiting row of a running batch its one result. It is
-- called after audit_append: whoever cancels a batch holds the
-- same lock to his commit, so no result comes in after that. SQLSTATE ZJ001:
-- the row has its result already, or its batch is not running; then nothing of
-- the transaction is kept.
-- +goose StatementBegin
CREATE FUNCTION desk_end_row(a_batch text, a_line integer, a_status text, a_fault json, a_valuation text, a_valued json) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE batch_rows SET status = a_status, fault = a_fault, valuation = a_valuation, valued = a_valued, ended_at = now()
    WHERE batch = a_batch AND line = a_line AND status = 'waiting'
    AND EXISTS (SELECT FROM batches WHERE id = a_batch AND status = 'running');
    IF NOT FOUND THEN
        RAISE EXCEPTION 'row %/% takes no result', a_batch, a_line USING ERRCODE = 'ZJ001';
    END IF;
END
$$;
-- +goose StatementEnd

-- What accepted contracts hold of a programme until they are booked, decided
-- again or let go.
CREATE TABLE programme_holds (
    institution text NOT NULL DEFAULT institution_now(),
    contract    text NOT NULL,                   -- its number, else the batch and the line
    programme   text NOT NULL,
    borrower    text NOT NULL,
    credit_code text NOT NULL,
    amount      bigint NOT NULL CHECK (amount >= 0),    -- fen
    batch       text NOT NULL,
    decided_on  date NOT NULL,
    until       date,                            -- last day it is held; NULL: until released
    PRIMARY KEY (institution, contract),
    FOREIGN KEY (institution, batch) REFERENCES batches (institution, id) ON DELETE CASCADE
);
CREATE INDEX programme_holds_programme ON programme_holds (institution, programme);

-- Loans secured on patents, watched over their life.
CREATE TABLE book_loans (
    id          text PRIMARY KEY,
    institution text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    contract    text NOT NULL,
    borrower    text NOT NULL,
    credit_code text NOT NULL DEFAULT '',
    principal   bigint NOT NULL CHECK (principal >= 0),    -- fen
    balance     bigint NOT NULL CHECK (balance >= 0),      -- fen
    maturity    date NOT NULL,
    product     text NOT NULL DEFAULT '',                  -- programme it is drawn under
    policy      json NOT NULL,                             -- as in force when the loan was booked
    created_at  timestamptz NOT NULL,
    created_by  text NOT NULL,
    closed_at   timestamptz,
    standing    text[] NOT NULL DEFAULT '{}',              -- what was told and still holds: breach, cover, expiry:number, ground:code:number
    approval    text NOT NULL DEFAULT '',                  -- who approved it and why, where the checks at booking asked for it
    outcome     text NOT NULL DEFAULT '' CHECK (outcome IN ('', 'repaid', 'defaulted', 'sold')), -- for back-testing
    proceeds    bigint CHECK (proceeds >= 0),              -- fen; of the collateral
    UNIQUE (institution, id),
    UNIQUE (institution, contract)
);
CREATE INDEX book_loans_product ON book_loans (institution, product) WHERE product <> '';

CREATE TABLE book_patents (
    loan           text NOT NULL,
    number         text NOT NULL,
    institution    text NOT NULL DEFAULT institution_now(),
    input          json NOT NULL,                          -- what the desk stated, for the next revaluation
    first_value    bigint NOT NULL,                        -- fen; the first value the bank recognised
    value          bigint NOT NULL,                        -- fen, latest
    low            bigint NOT NULL,
    status         text NOT NULL,                          -- of the latest valuation
    valuation      text NOT NULL,
    valued_on      date NOT NULL,
    due            date,                                   -- next revaluation; NULL: none, the loan is closed
    arrived        integer NOT NULL,                       -- events about it that ever came in, see book_mark
    seen           integer NOT NULL,                       -- of them, before its latest valuation was begun; more call for a revaluation
    base           bigint NOT NULL,                        -- fen: the value a fall is measured against
    base_valuation text NOT NULL,
    alerted        text NOT NULL DEFAULT '',               -- gravest fall below the base told so far
    ceiling        double precision NOT NULL,              -- loan to value of this patent, as in force when the loan was booked
    expiry         date,
    PRIMARY KEY (loan, number),
    FOREIGN KEY (institution, loan) REFERENCES book_loans (institution, id),
    FOREIGN KEY (institution, valuation) REFERENCES valuations (institution, id),
    FOREIGN KEY (institution, base_valuation) REFERENCES valuations (institution, id)
);
CREATE INDEX book_patents_due ON book_patents (due) WHERE due IS NOT NULL;
CREATE INDEX book_patents_told ON book_patents (loan) WHERE due IS NOT NULL AND arrived > seen;
CREATE INDEX book_patents_number ON book_patents (number);

-- book_mark counts new events on the patents of open loans, so that nobody has
-- to count them again: an institution's own, and the public ones for everybody.
-- The lock (lockBook of the store) keeps it from a loan that is being booked: who
-- books counts what is on file, and either sees the other. Rows are locked in
-- order, so that two imports wait for each other in one direction.
-- +goose StatementBegin
CREATE FUNCTION book_mark() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    asker text := current_setting('zhijia.institution', true);
BEGIN
    PERFORM pg_advisory_xact_lock_shared(7241040);
    IF asker = 'public' THEN
        PERFORM set_config('zhijia.institution', '*', true);
    END IF;
    WITH told AS (
        SELECT b.loan, b.number, (SELECT count(*) FROM changed c WHERE c.number = b.number AND c.institution IN (b.institution, 'public')) AS n
        FROM book_patents b WHERE b.due IS NOT NULL AND b.number IN (SELECT number FROM changed) ORDER BY b.loan, b.number FOR NO KEY UPDATE)
    UPDATE book_patents b SET arrived = b.arrived + told.n FROM told WHERE b.loan = told.loan AND b.number = told.number AND told.n > 0;
    PERFORM set_config('zhijia.institution', asker, true);
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER book_events_new AFTER INSERT ON events REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION book_mark();

-- Every use a patent was put up for by any product: collateral of a loan, an
-- asset of a pool, the object of a lease, a licence. One row per patent, desk,
-- product, contract and party; told again it is the same row.
CREATE TABLE collateral_offers (
    number      text NOT NULL,                   -- normal form
    institution text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    product     text NOT NULL CHECK (product IN ('pledge', 'pool', 'lease', 'exclusive_licence', 'licence')),
    reference   text NOT NULL,                   -- contract, batch or pool
    party       text NOT NULL,                   -- who puts the patent up: borrower, originator, lessee, licensor
    party_code  text NOT NULL DEFAULT '',        -- its unified social credit code, where known
    status      text NOT NULL CHECK (status IN ('offered', 'committed', 'released')),
    offered_at  timestamptz NOT NULL,
    changed_at  timestamptz NOT NULL,
    PRIMARY KEY (number, institution, product, reference, party)
);
CREATE INDEX collateral_offers_reference ON collateral_offers (institution, product, reference);

-- What was told between institutions: one row a day and patent for who asked, one
-- for whose interest it is. Neither names the other.
CREATE TABLE interests_told (
    institution text NOT NULL REFERENCES institutions (id),
    day         date NOT NULL,
    side        text NOT NULL CHECK (side IN ('asked', 'told_of')),
    number      text NOT NULL,
    sealed      boolean NOT NULL DEFAULT false,  -- in the institution's audit chain, see store.TieAudit
    PRIMARY KEY (institution, day, side, number)
);

-- A borrower's written word that other institutions may be asked about a patent.
CREATE TABLE interest_authorisations (
    institution text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    number      text NOT NULL,
    borrower    text NOT NULL CHECK (borrower <> ''),
    signed_on   date NOT NULL,
    valid_until date,                            -- last day; NULL: the document states none
    document    text NOT NULL CHECK (document <> ''), -- number or place of the signed paper
    noted_by    text NOT NULL,
    noted_at    timestamptz NOT NULL,
    PRIMARY KEY (institution, number, borrower)
);

-- In which of the patents another institution than the one that asks noted an
-- interest: the day of the first, and whether a registration of one is noted.
-- No more than that leaves the wall, only among those that opted in, only of
-- patents for which the one that asks has the borrower's written authorisation,
-- and of at most a thousand patents a day.
-- +goose StatementBegin
CREATE FUNCTION interests_elsewhere(asked text[]) RETURNS TABLE (number text, noted date, registered boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    asker text := institution_now();
    today date := (now() AT TIME ZONE 'Asia/Shanghai')::date;
    told bigint;
BEGIN
    IF asker IS NULL OR asker = '*' OR NOT EXISTS (SELECT FROM institutions i WHERE i.id = asker AND i.shares_interests) THEN
        RETURN;
    END IF;
    SELECT array_agg(DISTINCT a.number) INTO asked FROM interest_authorisations a
    WHERE a.institution = asker AND a.number = ANY (asked) AND a.signed_on <= today AND (a.valid_until IS NULL OR a.valid_until >= today);
    PERFORM set_config('zhijia.institution', '*', true);
    IF EXISTS (SELECT FROM collateral_offers o JOIN institutions i ON i.id = o.institution AND i.shares_interests
        WHERE o.number = ANY (asked) AND o.institution <> asker AND o.status <> 'released' AND o.product <> 'licence') THEN
        INSERT INTO interests_told (institution, day, side, number)
        SELECT DISTINCT s.institution, today, s.side, o.number
        FROM collateral_offers o JOIN institutions i ON i.id = o.institution AND i.shares_interests,
            LATERAL (VALUES (asker, 'asked'), (o.institution, 'told_of')) AS s (institution, side)
        WHERE o.number = ANY (asked) AND o.institution <> asker AND o.status <> 'released' AND o.product <> 'licence'
        ORDER BY 1, 3, 4 ON CONFLICT DO NOTHING;
        SELECT count(*) INTO told FROM interests_told t WHERE t.institution = asker AND t.day = today AND t.side = 'asked';
        IF told > 1000 THEN
            RAISE EXCEPTION 'interests: the limit of a day' USING ERRCODE = 'ZJ001';
        END IF;
    END IF;
    RETURN QUERY
        SELECT o.number, min((o.offered_at AT TIME ZONE 'Asia/Shanghai')::date),
            bool_or(EXISTS (SELECT FROM events e WHERE e.institution = o.institution AND e.number = o.number AND e.registration <> ''))
        FROM collateral_offers o JOIN institutions i ON i.id = o.institution AND i.shares_interests
        WHERE o.number = ANY (asked) AND o.institution <> asker AND o.status <> 'released' AND o.product <> 'licence'
        GROUP BY o.number ORDER BY o.number;
    PERFORM set_config('zhijia.institution', asker, true);
END
$$;
-- +goose StatementEnd

CALL wall('interests_told');
CALL wall('interest_authorisations');
CALL wall('lending_policies');
CALL wall('lending_programmes');
CALL wall('batches');
CALL wall('batch_progress');
CALL wall('batch_rows');
CALL wall('programme_holds');
CALL wall('book_loans');
CALL wall('book_patents');
CALL wall('collateral_offers');
