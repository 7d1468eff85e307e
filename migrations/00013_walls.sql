-- +goose Up

-- Whether another person than who brought it stands by what changes values, or
-- it shipped with the program. What nobody else approved is marked 未经复核 on
-- every value that rests on it.
ALTER TABLE assumptions ADD COLUMN reviewed boolean NOT NULL DEFAULT false;
ALTER TABLE spaces ADD COLUMN reviewed boolean NOT NULL DEFAULT false;
ALTER TABLE impact_models ADD COLUMN reviewed boolean NOT NULL DEFAULT false,
    ADD COLUMN active boolean NOT NULL DEFAULT false;
CREATE UNIQUE INDEX impact_models_one_active ON impact_models (institution) WHERE active;

-- The proposal by which a decision on a deal came about; one that was refused or
-- withdrawn no longer counts.
ALTER TABLE deal_validity ADD COLUMN proposal text;

-- What was proposed when a loan above the policy's limit was booked; NULL: it
-- needed nobody else.
ALTER TABLE book_loans ADD COLUMN review text;
