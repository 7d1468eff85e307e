-- +goose Up

-- Entries that may be one and the same and that a person has to look at: the
-- uncertain middle of what matching finds. A pair is there once, whoever found
-- it how often.
CREATE TABLE match_pairs (
    id       text PRIMARY KEY,                   -- of institution, kind and both keys
    institution   text NOT NULL,                      -- whose sources name one of them; empty: shared sources
    kind     text NOT NULL CHECK (kind IN ('party', 'deal', 'patent')),
    a        text COLLATE "C" NOT NULL,          -- key of the one: folded name, deal id, patent number
    b        text COLLATE "C" NOT NULL,          -- of the other; a < b
    a_shown  text NOT NULL,                      -- as a source writes it, and which
    b_shown  text NOT NULL,
    score    double precision NOT NULL CHECK (score BETWEEN 0 AND 1),
    band     text NOT NULL CHECK (band IN ('same', 'uncertain')), -- taken without asking, or waiting for a person
    reasons  text[] NOT NULL,                    -- Chinese
    found_at timestamptz NOT NULL,
    CHECK (a < b)
);
CREATE INDEX match_pairs_a ON match_pairs (kind, a);
CREATE INDEX match_pairs_b ON match_pairs (kind, b);

-- What a person decided about a pair. Append-only: the latest counts.
CREATE TABLE match_decisions (
    seq     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pair    text NOT NULL REFERENCES match_pairs (id),
    verdict text NOT NULL CHECK (verdict IN ('same', 'different')),
    reason  text NOT NULL CHECK (reason <> ''),
    by_whom text NOT NULL,
    institution  text NOT NULL,
    at      timestamptz NOT NULL
);
CREATE INDEX match_decisions_pair ON match_decisions (pair, seq DESC);
CREATE TRIGGER match_decisions_frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON match_decisions FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What holds of each pair for one institution: of deals and patents, which are
-- shared, the latest decision of anyone; of parties its own.
-- +goose StatementBegin
CREATE FUNCTION match_decided(asker text) RETURNS TABLE (pair text, verdict text, reason text, by_whom text, at timestamptz) LANGUAGE sql STABLE AS $$
    SELECT DISTINCT ON (d.pair) d.pair, d.verdict, d.reason, d.by_whom, d.at
    FROM match_decisions d JOIN match_pairs p ON p.id = d.pair
    WHERE p.kind <> 'party' OR d.institution = asker
    ORDER BY d.pair, d.seq DESC
$$;
-- +goose StatementEnd
