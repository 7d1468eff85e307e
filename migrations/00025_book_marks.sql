-- +goose Up

-- The registered trademarks that secure a loan of the book beside its patents, each
-- with the kept decision that values it. Their value stands until that case is
-- decided again: nothing arrives about a mark by itself.
CREATE TABLE book_marks (
    loan        text NOT NULL,
    number      text NOT NULL,                       -- key in the ledger of rights
    institution text NOT NULL DEFAULT institution_now(),
    result      text NOT NULL REFERENCES product_results (id),
    value       bigint NOT NULL,                     -- fen
    low         bigint NOT NULL,
    ceiling     double precision NOT NULL,           -- loan to value, as in force when the loan was booked
    PRIMARY KEY (loan, number),
    FOREIGN KEY (institution, loan) REFERENCES book_loans (institution, id)
);
CALL wall('book_marks');
