-- +goose Up

-- What institutions know of patents, deals and parties, each for itself, and
-- what the operator knows for all. A row of an institution stands before the
-- public row of the same key, for that institution alone; which one counts is
-- decided when it is read.

-- A patent as the sources state it. Unknown is NULL, never 0 or ''.
CREATE TABLE patents (
    id                 bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    institution        text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    number             text NOT NULL,            -- normal form of the application number; of the publication number where only that is known
    publication_number text,
    kind               text,                     -- invention, utility_model, design
    title              text NOT NULL,
    abstract           text,
    claims             text,
    description        text,
    ipc                text[] NOT NULL DEFAULT '{}', -- main symbol first
    subclass           text GENERATED ALWAYS AS (left(ipc[1], 4)) STORED,
    filing_date        date,
    publication_date   date,
    grant_date         date,
    owners             text[] NOT NULL DEFAULT '{}', -- proprietors
    first_owner        text GENERATED ALWAYS AS (left(owners[1], 200)) STORED,
    owner_type         text,                     -- university, institute, firm, individual
    family_id          text,
    claim_count        integer,
    independent_claims integer,
    inventor_count     integer,
    family_size        integer,
    cited_by           integer,
    cites              integer,
    paid_through_year  integer,                  -- last patent year whose annual fee is paid
    adjustment_days    integer CHECK (adjustment_days BETWEEN 0 AND 7305),  -- by which the office compensated the term (专利权期限补偿)
    extension_days     integer CHECK (extension_days BETWEEN 0 AND 1827),   -- 药品专利权期限补偿, at most five years
    confidential       boolean NOT NULL DEFAULT false, -- unpublished: the text never leaves this system
    source             text NOT NULL,
    source_date        date,
    text_hash          bytea NOT NULL,           -- of title, abstract and claims
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    UNIQUE (institution, number)
);
CREATE INDEX patents_number ON patents (number, institution); -- own row and public row side by side
CREATE INDEX patents_publication ON patents (publication_number) WHERE publication_number IS NOT NULL;
CREATE INDEX patents_subclass_filed ON patents (subclass, filing_date) INCLUDE (first_owner, institution, number);
CREATE INDEX patents_family ON patents (family_id) WHERE family_id IS NOT NULL;

-- A priced deal, clean or not. exclusion says why it is no comparable.
CREATE TABLE deals (
    institution     text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    id              text NOT NULL,               -- natural key of the source, or a content hash
    title           text NOT NULL,
    description     text,
    description_by  text,                        -- who wrote the description, and from what
    numbers         text[] NOT NULL DEFAULT '{}', -- normal forms where they parse
    printed_numbers text,                        -- as printed in the source
    patents         integer,                     -- how many are conveyed
    patent_kind     text,
    printed_kind    text,
    ipc             text[] NOT NULL DEFAULT '{}',
    subclass        text GENERATED ALWAYS AS (left(ipc[1], 4)) STORED,
    class           text GENERATED ALWAYS AS (left(ipc[1], 3)) STORED,
    section         text GENERATED ALWAYS AS (left(ipc[1], 1)) STORED,
    amount          numeric(20, 2),              -- whole consideration, in currency
    currency        text NOT NULL DEFAULT 'CNY',
    rate            double precision,            -- CNY per unit of currency at the date
    price_kind      text,
    usability       text,
    deal_kind       text NOT NULL,
    method          text,                        -- as printed
    basis           text,                        -- valuation basis, as printed
    appraised       numeric(20, 2),              -- appraised value where the source states one
    licence_term    double precision,            -- years
    royalty_rate    double precision,            -- running royalty, fraction of sales
    date            date,                        -- first day of the stated period
    date_unit       text,                        -- day, month, year
    printed_date    text,
    related_party   boolean,
    seller          text,
    buyer           text,
    owner_type      text,                        -- of the seller
    source_type     text,
    market          text CHECK (market IN ('private', 'showcase', 'corporate', 'court', 'distress', 'unknown')), -- of sale, as recorded; NULL: told by source and kind, never by price
    channel         text,                        -- it went through, as recorded
    source_url      text,
    notes           text,
    family_id       text,
    duplicate_of    text,                        -- id of a deal of the same institution
    exclusion       text,                        -- reason code; NULL: admissible
    remaining_life  double precision,            -- years at the deal date
    claim_count     double precision,
    family_size     double precision,
    assignees       double precision,
    quality         double precision,
    text_hash       bytea NOT NULL,
    terms           bytea NOT NULL DEFAULT '',   -- hashed character bigrams, sorted, four bytes each, little end first
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (institution, id)
);
CREATE INDEX deals_subclass ON deals (subclass, date) WHERE exclusion IS NULL;
CREATE INDEX deals_class ON deals (class, date) WHERE exclusion IS NULL;
CREATE INDEX deals_section ON deals (section, date) WHERE exclusion IS NULL;
CREATE INDEX deals_date ON deals (institution, date);      -- the same deal from two sources
CREATE INDEX deals_refused ON deals (section) WHERE exclusion IS NOT NULL;

-- By whom the deals of an institution were last changed: the transaction. Who holds something worked out from them sees by
-- it that it is out of date. The row is taken first, so that two imports of one institution follow each other.
CREATE TABLE deal_changes (
    institution text PRIMARY KEY REFERENCES institutions (id),
    changed_by  text NOT NULL
);
-- +goose StatementBegin
CREATE FUNCTION note_deal_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO deal_changes AS c (institution, changed_by)
    SELECT i.id, pg_current_xact_id()::text FROM institutions i WHERE i.id = institution_now() OR institution_now() = '*' ORDER BY i.id
    ON CONFLICT (institution) DO UPDATE SET changed_by = EXCLUDED.changed_by WHERE c.changed_by <> EXCLUDED.changed_by;
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER deals_changed BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON deals FOR EACH STATEMENT EXECUTE FUNCTION note_deal_change();

-- The priced deals that stored valuations were inferred from, as they were: each set once, by the hash of its bytes. A set
-- that no valuation names and nobody has used of late is dropped.
CREATE TABLE ledgers (
    institution text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    id          text NOT NULL CHECK (id ~ '^[0-9a-f]{64}$'),
    deals       bytea NOT NULL,                  -- JSON array, gzip
    used_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (institution, id)
);
CREATE TRIGGER ledgers_frozen BEFORE UPDATE OF institution, id, deals OR TRUNCATE ON ledgers FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Who cites whom, by normal forms of publication or application numbers.
CREATE TABLE citations (
    institution text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    citing      text NOT NULL,
    cited       text NOT NULL,
    date        date,                            -- when the citation became public
    source      text NOT NULL,
    PRIMARY KEY (institution, citing, cited)
);
CREATE INDEX citations_cited ON citations (cited, date);

-- Legal events as their sources state them. The state of a patent is never
-- stored: it is what the events add up to on the day that is asked about.
CREATE TABLE events (
    institution  text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
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
    PRIMARY KEY (number, effective, code, registration, party, institution)
);

-- One row per file taken in.
CREATE TABLE imports (
    id          text PRIMARY KEY,
    institution text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    dataset     text NOT NULL,
    name        text NOT NULL,
    started_at  timestamptz NOT NULL,
    finished_at timestamptz,
    accepted    bigint NOT NULL DEFAULT 0,
    rejected    bigint NOT NULL DEFAULT 0,
    rejects     json NOT NULL DEFAULT '[]',      -- the first of them
    error       text
);
CREATE INDEX imports_institution ON imports (institution, started_at DESC);

-- An embedding space: vectors of different spaces are never compared. One that
-- was fitted on an institution's texts is that institution's.
CREATE TABLE spaces (
    id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    institution text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    provider    text NOT NULL,                   -- ngram, or the endpoint's name
    model       text NOT NULL,
    version     text NOT NULL,                   -- of the fitted model; 'hash' before any fit
    dimension   integer NOT NULL CHECK (dimension BETWEEN 1 AND 4000),
    body        bytea,                           -- the fitted local model
    fitted_on   bigint,                          -- documents it was fitted on
    status      text NOT NULL CHECK (status IN ('building', 'active', 'retired')),
    created_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (institution, provider, model, version, dimension)
);
CREATE UNIQUE INDEX spaces_one_active ON spaces (institution) WHERE status = 'active';

-- Vectors of texts. A row belongs to whoever owns the space or the text, and
-- is public when both are.
--
-- A vector of 1,024 half floats is 2,056 bytes, just over the size at which
-- PostgreSQL moves a value out of its row. Exact search reads every candidate's
-- vector, and reading it from beside the row costs more than the distance.
CREATE TABLE patent_vectors (
    space_id    integer NOT NULL REFERENCES spaces (id) ON DELETE CASCADE,
    patent_id   bigint NOT NULL REFERENCES patents (id) ON DELETE CASCADE,
    institution text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    text_hash   bytea NOT NULL,                  -- of the text the vector was made from
    vector      halfvec STORAGE MAIN NOT NULL,
    PRIMARY KEY (space_id, patent_id, institution)
);
CREATE TABLE deal_vectors (
    space_id    integer NOT NULL REFERENCES spaces (id) ON DELETE CASCADE,
    deal_of     text NOT NULL,                   -- institution of the deal
    deal_id     text NOT NULL,
    institution text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    text_hash   bytea NOT NULL,
    vector      halfvec STORAGE MAIN NOT NULL,
    PRIMARY KEY (space_id, deal_of, deal_id, institution),
    FOREIGN KEY (deal_of, deal_id) REFERENCES deals (institution, id) ON DELETE CASCADE
);

-- Fitted models of technical impact, newest in use.
CREATE TABLE impact_models (
    institution text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    version     text NOT NULL,
    body        json NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (institution, version)
);

-- Entries that may be one and the same and that a person has to look at: the
-- uncertain middle of what matching finds. A pair is there once, whoever found
-- it how often.
CREATE TABLE match_pairs (
    id          text NOT NULL,                   -- of kind and both keys
    institution text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    kind        text NOT NULL CHECK (kind IN ('party', 'deal', 'patent')),
    a           text COLLATE "C" NOT NULL,       -- key of the one: folded name, deal id, patent number
    b           text COLLATE "C" NOT NULL,       -- of the other; a < b
    a_shown     text NOT NULL,                   -- as a source writes it, and which
    b_shown     text NOT NULL,
    score       double precision NOT NULL CHECK (score BETWEEN 0 AND 1),
    band        text NOT NULL CHECK (band IN ('same', 'uncertain')), -- taken without asking, or waiting for a person
    reasons     text[] NOT NULL,                 -- Chinese
    found_at    timestamptz NOT NULL,
    PRIMARY KEY (institution, id),
    CHECK (a < b)
);
CREATE INDEX match_pairs_a ON match_pairs (kind, a);
CREATE INDEX match_pairs_b ON match_pairs (kind, b);

-- What a person decided about a pair. Append-only: the latest counts.
CREATE TABLE match_decisions (
    seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    institution text NOT NULL DEFAULT institution_now(),
    pair        text NOT NULL,
    verdict     text NOT NULL CHECK (verdict IN ('same', 'different')),
    reason      text NOT NULL CHECK (reason <> ''),
    by_whom     text NOT NULL,
    at          timestamptz NOT NULL,
    FOREIGN KEY (institution, pair) REFERENCES match_pairs (institution, id)
);
CREATE INDEX match_decisions_pair ON match_decisions (institution, pair, seq DESC);
CREATE TRIGGER match_decisions_frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON match_decisions FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The latest decision on each pair of one institution.
-- +goose StatementBegin
CREATE FUNCTION match_decided(asker text) RETURNS TABLE (pair text, verdict text, reason text, by_whom text, at timestamptz) LANGUAGE sql STABLE AS $$
    SELECT DISTINCT ON (d.pair) d.pair, d.verdict, d.reason, d.by_whom, d.at
    FROM match_decisions d WHERE d.institution = asker ORDER BY d.pair, d.seq DESC
$$;
-- +goose StatementEnd

CALL wall('imports');
CALL wall('match_pairs');
CALL wall('match_decisions');
CALL wall('patents', shared => true);
CALL wall('deals', shared => true);
CALL wall('deal_changes', shared => true);
CALL wall('ledgers');
CALL wall('citations', shared => true);
CALL wall('events', shared => true);
CALL wall('spaces', shared => true);
CALL wall('patent_vectors', shared => true);
CALL wall('deal_vectors', shared => true);
CALL wall('impact_models', shared => true);
