-- +goose Up

-- A booked loan commits its patents: whoever puts one up for anything else sees
-- it at once. The lock is that of PutOffers, so that of two at the same moment
-- one sees the other.
-- +goose StatementBegin
CREATE FUNCTION offer_booked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7241020);
    INSERT INTO collateral_offers (number, tenant, product, reference, party, status, offered_at, changed_at)
    SELECT p.number, l.tenant, 'pledge', l.contract, l.borrower, 'committed', l.created_at, l.created_at
    FROM changed p JOIN book_loans l ON l.id = p.loan WHERE l.closed_at IS NULL
    ON CONFLICT (number, tenant, product, reference, party) DO UPDATE SET status = 'committed', changed_at = EXCLUDED.changed_at;
    RETURN NULL;
END
$$;
CREATE FUNCTION release_booked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE collateral_offers o SET status = 'released', changed_at = l.closed_at
    FROM changed l WHERE l.closed_at IS NOT NULL AND o.tenant = l.tenant AND o.product = 'pledge' AND o.reference = l.contract AND o.status <> 'released';
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER offers_booked AFTER INSERT ON book_patents REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION offer_booked();
CREATE TRIGGER offers_released AFTER UPDATE ON book_loans REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION release_booked();

-- Loans booked before this step.
INSERT INTO collateral_offers (number, tenant, product, reference, party, status, offered_at, changed_at)
SELECT p.number, l.tenant, 'pledge', l.contract, l.borrower, 'committed', l.created_at, l.created_at
FROM book_patents p JOIN book_loans l ON l.id = p.loan WHERE l.closed_at IS NULL
ON CONFLICT DO NOTHING;
