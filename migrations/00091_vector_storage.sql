-- +goose Up

-- A vector of 1,024 half floats is 2,056 bytes, just over the size at which
-- PostgreSQL moves a value out of its row. Exact search reads every candidate's
-- vector, and reading it from beside the row costs more than the distance.
ALTER TABLE deal_vectors ALTER COLUMN vector SET STORAGE MAIN;
ALTER TABLE patent_vectors ALTER COLUMN vector SET STORAGE MAIN;
