-- +goose Up

-- Days by which the office compensated the term; NULL: not known.
ALTER TABLE patents
    ADD COLUMN adjustment_days integer CHECK (adjustment_days BETWEEN 0 AND 7305),  -- 专利权期限补偿
    ADD COLUMN extension_days  integer CHECK (extension_days BETWEEN 0 AND 1827);   -- 药品专利权期限补偿, at most five years
