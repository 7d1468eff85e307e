-- +goose Up

-- What became of a loan, for back-testing: repaid, defaulted, collateral sold.
ALTER TABLE book_loans
    ADD COLUMN outcome text NOT NULL DEFAULT '' CHECK (outcome IN ('', 'repaid', 'defaulted', 'sold')),
    ADD COLUMN proceeds bigint CHECK (proceeds >= 0);    -- fen; of the collateral
