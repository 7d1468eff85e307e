-- +goose Up

-- What a valuation rests on is some 100 kB of JSON. PostgreSQL's default
-- compression takes longer over it than everything else an insert does; lz4
-- takes a tenth of that. A server built without lz4 keeps the default.
-- +goose StatementBegin
DO $$
BEGIN
    ALTER TABLE valuations
        ALTER COLUMN request SET COMPRESSION lz4,
        ALTER COLUMN snapshot SET COMPRESSION lz4,
        ALTER COLUMN conclusion SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    RAISE NOTICE 'this server has no lz4; stored valuations keep the default compression';
END
$$;
-- +goose StatementEnd
