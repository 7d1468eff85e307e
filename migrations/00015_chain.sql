-- +goose Up

-- What patents were put up for becomes the ledger of encumbrances: every use a
-- right was put up for by any product: collateral of a loan, an asset of a pool,
-- the object of a lease, a licence, what is insured, held by a fund or guaranteed.
-- The number is a patent's normal form, or has TM:, CR: or LD: before that of a
-- mark, a copyright or a layout design.
ALTER TABLE collateral_offers
    DROP CONSTRAINT collateral_offers_product_check,
    DROP CONSTRAINT collateral_offers_status_check,
    ADD CONSTRAINT collateral_offers_product_check CHECK (product IN ('pledge', 'pool', 'lease', 'exclusive_licence', 'licence', 'insurance', 'fund_position', 'guarantee')),
    ADD CONSTRAINT collateral_offers_status_check CHECK (status IN ('offered', 'committed', 'registered', 'released', 'disputed')),
    ADD COLUMN changed_by   text NOT NULL DEFAULT '',
    ADD COLUMN beneficiary  text NOT NULL DEFAULT '', -- pledgee, manager, lessor, licensee, insurer, fund, guarantor
    ADD COLUMN registration text NOT NULL DEFAULT '', -- with the authority
    ADD COLUMN amount       bigint CHECK (amount >= 0), -- fen; secured, insured, invested or guaranteed
    ADD COLUMN covers       text NOT NULL DEFAULT '', -- loan contract an insurance or guarantee answers for
    ADD COLUMN evidence     text NOT NULL DEFAULT ''; -- document the status rests on

-- Disputed uses, and those that exclude nothing, are not told to others.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION interests_elsewhere(asked text[]) RETURNS TABLE (number text, noted date, registered boolean)
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
        WHERE o.number = ANY (asked) AND o.institution <> asker AND o.status NOT IN ('released', 'disputed') AND o.product NOT IN ('licence', 'insurance', 'fund_position', 'guarantee')) THEN
        INSERT INTO interests_told (institution, day, side, number)
        SELECT DISTINCT s.institution, today, s.side, o.number
        FROM collateral_offers o JOIN institutions i ON i.id = o.institution AND i.shares_interests,
            LATERAL (VALUES (asker, 'asked'), (o.institution, 'told_of')) AS s (institution, side)
        WHERE o.number = ANY (asked) AND o.institution <> asker AND o.status NOT IN ('released', 'disputed') AND o.product NOT IN ('licence', 'insurance', 'fund_position', 'guarantee')
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
        WHERE o.number = ANY (asked) AND o.institution <> asker AND o.status NOT IN ('released', 'disputed') AND o.product NOT IN ('licence', 'insurance', 'fund_position', 'guarantee')
        GROUP BY o.number ORDER BY o.number;
    PERFORM set_config('zhijia.institution', asker, true);
END
$$;
-- +goose StatementEnd

-- Every change of the ledger of encumbrances, whichever way it came: the time
-- line of a right. Append-only, written by the trigger below alone.
CREATE TABLE encumbrance_history (
    seq          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    institution  text NOT NULL DEFAULT institution_now(),
    number       text NOT NULL,
    product      text NOT NULL,
    reference    text NOT NULL,
    party        text NOT NULL,
    status       text NOT NULL,
    beneficiary  text NOT NULL,
    registration text NOT NULL,
    amount       bigint,
    evidence     text NOT NULL,
    by_whom      text NOT NULL,
    at           timestamptz NOT NULL
);
CREATE INDEX encumbrance_history_number ON encumbrance_history (institution, number, seq);
CREATE TRIGGER encumbrance_history_frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON encumbrance_history FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CALL wall('encumbrance_history');

-- +goose StatementBegin
CREATE FUNCTION encumbrance_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO encumbrance_history (institution, number, product, reference, party, status, beneficiary, registration, amount, evidence, by_whom, at)
    VALUES (NEW.institution, NEW.number, NEW.product, NEW.reference, NEW.party, NEW.status, NEW.beneficiary, NEW.registration, NEW.amount, NEW.evidence, NEW.changed_by, NEW.changed_at);
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER encumbrance_added AFTER INSERT ON collateral_offers FOR EACH ROW EXECUTE FUNCTION encumbrance_changed();
CREATE TRIGGER encumbrance_changed AFTER UPDATE ON collateral_offers FOR EACH ROW
    WHEN ((OLD.status, OLD.beneficiary, OLD.registration, OLD.amount) IS DISTINCT FROM (NEW.status, NEW.beneficiary, NEW.registration, NEW.amount))
    EXECUTE FUNCTION encumbrance_changed();

-- Written consents of who holds something in a right, or of its owner.
CREATE TABLE encumbrance_consents (
    institution text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    number      text NOT NULL,
    product     text NOT NULL,                   -- of the use whose holder agrees; owner: the owner
    reference   text NOT NULL,
    to_product  text NOT NULL,                   -- what he agrees to
    by_party    text NOT NULL CHECK (by_party <> ''),
    document    text NOT NULL CHECK (document <> ''),
    signed_on   date NOT NULL,
    valid_until date,                            -- last day; NULL: the document states none
    noted_by    text NOT NULL,
    noted_at    timestamptz NOT NULL,
    PRIMARY KEY (institution, number, product, reference, to_product, document)
);
CALL wall('encumbrance_consents');

-- What the bureau's statistics are split by, as stated when the loan was booked;
-- empty: not stated.
ALTER TABLE book_loans ADD COLUMN industry text NOT NULL DEFAULT '', ADD COLUMN bank text NOT NULL DEFAULT '', ADD COLUMN district text NOT NULL DEFAULT '';

-- What a firm used of a scheme: append-only.
CREATE TABLE scheme_uses (
    seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    institution text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    scheme      text NOT NULL,
    version     text NOT NULL,
    firm        text NOT NULL CHECK (firm <> ''),
    firm_code   text NOT NULL,
    loan        text NOT NULL,                   -- contract; empty: none
    amount      bigint NOT NULL,                 -- fen
    used_on     date NOT NULL,
    quote       json NOT NULL,                   -- input and answer it rests on
    by_whom     text NOT NULL,
    at          timestamptz NOT NULL,
    UNIQUE (institution, scheme, firm_code, loan, used_on)
);
CREATE INDEX scheme_uses_scheme ON scheme_uses (institution, scheme, firm_code);
CREATE TRIGGER scheme_uses_frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON scheme_uses FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CALL wall('scheme_uses');

-- Answers of the chain's products: what was asked, what came of it, and by which
-- rules, so that any of them can be worked out again. Append-only.
CREATE TABLE chain_answers (
    id          text PRIMARY KEY,
    institution text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    product     text NOT NULL,                   -- cash_flow, one_stop, statistics, scheme_quote
    subject     text NOT NULL,
    rules       text NOT NULL,                   -- version of the rules or the data
    input       json NOT NULL,
    answer      json NOT NULL,
    by_whom     text NOT NULL,
    at          timestamptz NOT NULL
);
CREATE INDEX chain_answers_product ON chain_answers (institution, product, id DESC);
CREATE TRIGGER chain_answers_frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON chain_answers FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CALL wall('chain_answers');

-- Who works beside the bank, in which roles.
CREATE TABLE intermediaries (
    institution text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    code        text NOT NULL,                   -- unified social credit code
    name        text NOT NULL CHECK (name <> ''),
    roles       text[] NOT NULL CHECK (cardinality(roles) > 0),
    filing      text NOT NULL,                   -- number it is registered under with its authority; empty: not stated
    noted_by    text NOT NULL,
    noted_at    timestamptz NOT NULL,
    PRIMARY KEY (institution, code)
);
CALL wall('intermediaries');

-- Reports that intermediaries delivered, beside our figure and a later price.
CREATE TABLE intermediary_reports (
    institution text NOT NULL DEFAULT institution_now(),
    code        text NOT NULL,
    report      text NOT NULL CHECK (report <> ''), -- its number
    role        text NOT NULL,
    number      text NOT NULL,                   -- of the right
    value       bigint NOT NULL CHECK (value > 0),   -- fen
    as_of       date NOT NULL,
    delivered   date NOT NULL,
    ours        bigint CHECK (ours > 0),         -- fen; our value at that day; NULL: none
    price       bigint CHECK (price > 0),        -- fen; paid later; NULL: none yet
    price_on    date,
    noted_by    text NOT NULL,
    noted_at    timestamptz NOT NULL,
    PRIMARY KEY (institution, code, report, number),
    FOREIGN KEY (institution, code) REFERENCES intermediaries (institution, code)
);
CALL wall('intermediary_reports');

-- Declarations of open licences (开放许可): the fee asked for the very patent.
CREATE TABLE open_licences (
    institution text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    number      text NOT NULL,
    declared    date NOT NULL,
    withdrawn   date,                            -- NULL: in force
    basis       text NOT NULL CHECK (basis IN ('lump', 'yearly', 'royalty', 'free')),
    fee         bigint CHECK (fee >= 0),         -- fen; NULL: a rate
    rate        double precision CHECK (rate > 0 AND rate < 1),
    years       double precision NOT NULL,       -- of the licence
    concluded   integer NOT NULL DEFAULT 0,      -- licences taken at the fee
    source      text NOT NULL CHECK (source <> ''),
    noted_by    text NOT NULL,
    noted_at    timestamptz NOT NULL,
    PRIMARY KEY (institution, number, declared)
);
CALL wall('open_licences');

-- Which of the five classes of the national statistic of high-value inventions a
-- patent belongs to, and the track of its prosecution, each as stated with its
-- source. NULL: not known, which is not no.
CREATE TABLE patent_marks (
    institution text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    number      text NOT NULL,
    emerging    boolean,                         -- strategic emerging industry
    abroad      boolean,                         -- has family members abroad
    award       boolean,                         -- national science award or China patent award
    track       text CHECK (track IN ('ordinary', 'priority', 'pre_examined')),
    requested   date,                            -- of priority or pre-examination
    accepted    date,
    source      text NOT NULL CHECK (source <> ''),
    noted_by    text NOT NULL,
    noted_at    timestamptz NOT NULL,
    PRIMARY KEY (institution, number)
);
CALL wall('patent_marks');
