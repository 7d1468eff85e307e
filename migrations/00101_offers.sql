-- +goose Up

-- Every use a patent was put up for by any product: collateral of a loan, an
-- asset of a pool, the object of a lease, a licence. One row per patent, desk,
-- product, contract and party; told again it is the same row.
CREATE TABLE collateral_offers (
    number     text NOT NULL,                    -- normal form
    institution     text NOT NULL,
    product    text NOT NULL CHECK (product IN ('pledge', 'pool', 'lease', 'exclusive_licence', 'licence')),
    reference  text NOT NULL,                    -- contract, batch or pool
    party      text NOT NULL,                    -- who puts the patent up: borrower, originator, lessee, licensor
    party_code text NOT NULL DEFAULT '',         -- its unified social credit code, where known
    status     text NOT NULL CHECK (status IN ('offered', 'committed', 'released')),
    offered_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (number, institution, product, reference, party)
);
CREATE INDEX collateral_offers_reference ON collateral_offers (institution, product, reference);

-- Pools kept before this step.
-- +goose StatementBegin
DO $$
BEGIN
    IF to_regclass('pools') IS NOT NULL THEN
        INSERT INTO collateral_offers (number, institution, product, reference, party, status, offered_at, changed_at)
        SELECT n, institution, 'pool', id, coalesce(convert_from(deal, 'UTF8')::jsonb #>> '{parties,originator}', ''),
            CASE WHEN released IS NULL THEN 'committed' ELSE 'released' END, created_at, coalesce(released, created_at)
        FROM (SELECT DISTINCT p.*, n FROM pools p, unnest(p.numbers) AS n) AS held
        ON CONFLICT DO NOTHING;
    END IF;
END
$$;
-- +goose StatementEnd
