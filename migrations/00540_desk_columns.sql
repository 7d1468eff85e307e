-- +goose Up

-- Headers of a desk's file that name no column: they were not read, and the
-- desk is told so.
ALTER TABLE batches ADD COLUMN ignored text[] NOT NULL DEFAULT '{}';

-- desk_end_row gives a waiting row of a running batch its one result and ends
-- its job. It is called after audit_append: whoever cancels a batch holds the
-- same lock to his commit, so no result comes in after that. SQLSTATE ZJ001:
-- the row has its result already, or its batch is not running; then nothing of
-- the transaction is kept.
-- +goose StatementBegin
CREATE FUNCTION desk_end_row(a_batch text, a_line integer, a_status text, a_fault bytea, a_valuation text, a_valued bytea, a_job bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE batch_rows SET status = a_status, fault = a_fault, valuation = a_valuation, valued = a_valued, ended_at = now()
    WHERE batch = a_batch AND line = a_line AND status = 'waiting'
    AND EXISTS (SELECT FROM batches WHERE id = a_batch AND status = 'running');
    IF NOT FOUND THEN
        RAISE EXCEPTION 'row %/% takes no result', a_batch, a_line USING ERRCODE = 'ZJ001';
    END IF;
    UPDATE river_job SET state = 'completed', finalized_at = now() WHERE id = a_job AND state = 'running';
END
$$;
-- +goose StatementEnd
