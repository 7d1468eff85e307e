-- +goose Up

-- A booked loan commits its patents, see store.PutBookLoan. Loans booked before
-- this step:
INSERT INTO collateral_offers (number, institution, product, reference, party, status, offered_at, changed_at)
SELECT p.number, l.institution, 'pledge', l.contract, l.borrower, 'committed', l.created_at, l.created_at
FROM book_patents p JOIN book_loans l ON l.id = p.loan WHERE l.closed_at IS NULL
ON CONFLICT DO NOTHING;
