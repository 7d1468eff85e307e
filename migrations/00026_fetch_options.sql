-- +goose Up

-- What a fetch that is worked as a job was asked: of which sources, and whether
-- those that said they have nothing are asked again.
ALTER TABLE fetches
    ADD COLUMN sources text[] NOT NULL DEFAULT '{}',
    ADD COLUMN again   boolean NOT NULL DEFAULT false;
