-- +goose Up

-- A patent as the sources state it. Unknown is NULL, never 0 or ''.
CREATE TABLE patents (
    id                 bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    number             text NOT NULL UNIQUE,     -- normal form of the application number; of the publication number where only that is known
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
    owners             text[] NOT NULL DEFAULT '{}',
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
    confidential       boolean NOT NULL DEFAULT false, -- unpublished: the text never leaves this system
    source             text NOT NULL,
    source_date        date,
    text_hash          bytea NOT NULL,           -- of title, abstract and claims
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX patents_publication ON patents (publication_number) WHERE publication_number IS NOT NULL;
CREATE INDEX patents_subclass_filed ON patents (subclass, filing_date) INCLUDE (first_owner);
CREATE INDEX patents_family ON patents (family_id) WHERE family_id IS NOT NULL;

-- A priced deal, clean or not. exclusion says why it is no comparable.
CREATE TABLE deals (
    id              text PRIMARY KEY,            -- natural key of the source, or a content hash
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
    source_url      text,
    notes           text,
    family_id       text,
    duplicate_of    text,
    exclusion       text,                        -- reason code; NULL: admissible
    remaining_life  double precision,            -- years at the deal date
    claim_count     double precision,
    family_size     double precision,
    assignees       double precision,
    quality         double precision,
    text_hash       bytea NOT NULL,
    terms           bytea NOT NULL DEFAULT '',   -- hashed character bigrams, sorted, four bytes each, little end first
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX deals_subclass ON deals (subclass, date) WHERE exclusion IS NULL;
CREATE INDEX deals_class ON deals (class, date) WHERE exclusion IS NULL;
CREATE INDEX deals_section ON deals (section, date) WHERE exclusion IS NULL;
CREATE INDEX deals_numbers ON deals USING gin (numbers);
CREATE INDEX deals_amount ON deals (amount, date); -- the same deal from two sources
CREATE INDEX deals_refused ON deals (section) WHERE exclusion IS NOT NULL;

-- Who cites whom, by normal forms of publication or application numbers.
CREATE TABLE citations (
    citing text NOT NULL,
    cited  text NOT NULL,
    date   date,                                 -- when the citation became public
    source text NOT NULL,
    PRIMARY KEY (citing, cited)
);
CREATE INDEX citations_cited ON citations (cited, date);

-- One row per file taken in.
CREATE TABLE imports (
    id          text PRIMARY KEY,
    institution      text NOT NULL,
    dataset     text NOT NULL,
    name        text NOT NULL,
    started_at  timestamptz NOT NULL,
    finished_at timestamptz,
    accepted    bigint NOT NULL DEFAULT 0,
    rejected    bigint NOT NULL DEFAULT 0,
    rejects     jsonb NOT NULL DEFAULT '[]',    -- the first of them
    error       text
);

-- An embedding space: vectors of different spaces are never compared.
CREATE TABLE spaces (
    id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider   text NOT NULL,                    -- ngram, or the endpoint's name
    model      text NOT NULL,
    version    text NOT NULL,                    -- of the fitted model; 'hash' before any fit
    dimension  integer NOT NULL CHECK (dimension BETWEEN 1 AND 4000),
    body       bytea,                            -- the fitted local model
    fitted_on  bigint,                           -- documents it was fitted on
    status     text NOT NULL CHECK (status IN ('building', 'active', 'retired')),
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (provider, model, version, dimension)
);
CREATE UNIQUE INDEX spaces_one_active ON spaces ((true)) WHERE status = 'active';

CREATE TABLE patent_vectors (
    space_id  integer NOT NULL REFERENCES spaces (id) ON DELETE CASCADE,
    patent_id bigint NOT NULL REFERENCES patents (id) ON DELETE CASCADE,
    text_hash bytea NOT NULL,                    -- of the text the vector was made from
    vector    halfvec NOT NULL,
    PRIMARY KEY (space_id, patent_id)
);

CREATE TABLE deal_vectors (
    space_id  integer NOT NULL REFERENCES spaces (id) ON DELETE CASCADE,
    deal_id   text NOT NULL REFERENCES deals (id) ON DELETE CASCADE,
    text_hash bytea NOT NULL,
    vector    halfvec NOT NULL,
    PRIMARY KEY (space_id, deal_id)
);

-- What can change a value, by content. Never changed, only added to.
CREATE TABLE assumptions (
    version    text PRIMARY KEY,
    hash       bytea NOT NULL UNIQUE,
    body       bytea NOT NULL,
    note       text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    active     boolean NOT NULL DEFAULT false
);
CREATE UNIQUE INDEX assumptions_one_active ON assumptions ((true)) WHERE active;

-- A valuation as it was given out: immutable.
CREATE TABLE valuations (
    id          text PRIMARY KEY,
    created_at  timestamptz NOT NULL,
    created_by  text NOT NULL,
    institution      text NOT NULL,
    number      text,                            -- subject, normal form
    title       text NOT NULL,
    purpose     text NOT NULL,
    as_of       date NOT NULL,
    status      text NOT NULL,
    point       double precision,                -- yuan
    low         double precision,
    high        double precision,
    assumptions text NOT NULL REFERENCES assumptions (version),
    request     bytea NOT NULL,                  -- JSON as understood
    snapshot    bytea NOT NULL,                  -- JSON of assignment and evidence
    conclusion  bytea NOT NULL,                  -- JSON
    hash        bytea NOT NULL                   -- SHA-256 over assumptions hash, snapshot and conclusion
);
CREATE INDEX valuations_list ON valuations (institution, created_at DESC, id DESC);
CREATE INDEX valuations_number ON valuations (number, created_at DESC);

-- An officer's figure beside a valuation: a new record, both are kept.
CREATE TABLE overrides (
    id           text PRIMARY KEY,
    valuation_id text NOT NULL REFERENCES valuations (id),
    created_at   timestamptz NOT NULL,
    officer      text NOT NULL,
    value        double precision NOT NULL CHECK (value >= 0),
    reason       text NOT NULL CHECK (reason <> '')
);
CREATE INDEX overrides_valuation ON overrides (valuation_id, created_at);

-- +goose StatementBegin
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$$;
-- +goose StatementEnd
CREATE TRIGGER valuations_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON valuations FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER overrides_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON overrides FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER assumptions_kept BEFORE DELETE OR TRUNCATE ON assumptions FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
