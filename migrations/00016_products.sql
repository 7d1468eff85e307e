-- +goose Up

-- What a product's rules said of a case: a lease, a fund, a pledge of marks, a
-- geographical indication, a cover or a listing dossier. A row never changes, and
-- can be worked out again from its input.
CREATE TABLE product_results (
    id          text PRIMARY KEY,
    institution text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    kind        text NOT NULL,
    version     text NOT NULL,                   -- of the rules and figures
    label       text NOT NULL DEFAULT '',        -- generated data says so
    verdict     text NOT NULL CHECK (verdict IN ('refuse', 'supplement', 'accept')),
    input       json NOT NULL,
    result      json NOT NULL,
    created_at  timestamptz NOT NULL,
    created_by  text NOT NULL
);
CREATE INDEX product_results_list ON product_results (institution, created_at DESC, id DESC);
CALL wall('product_results');
