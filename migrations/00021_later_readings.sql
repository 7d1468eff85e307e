-- +goose Up

-- What became of a row when a model read its patent after the batch had been
-- decided: the revision of the valuation that the decision rests on, which stays,
-- or why there is none.
CREATE TABLE batch_readings (
    institution text NOT NULL DEFAULT institution_now(),
    batch       text NOT NULL,
    line        integer NOT NULL,
    valuation   text NOT NULL,                   -- that the decision rests on
    revision    text,
    note        text NOT NULL DEFAULT '',        -- why there is no revision, in Chinese
    read_at     timestamptz NOT NULL,
    PRIMARY KEY (batch, line, valuation),
    FOREIGN KEY (batch, line) REFERENCES batch_rows (batch, line) ON DELETE CASCADE,
    FOREIGN KEY (institution, valuation) REFERENCES valuations (institution, id),
    FOREIGN KEY (institution, revision) REFERENCES valuations (institution, id)
);

CALL wall('batch_readings');
