-- +goose Up

-- An institution's own lending policies. A version never changes.
CREATE TABLE lending_policies (
    institution     text NOT NULL,
    id         text NOT NULL,
    version    text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by text NOT NULL,
    body       bytea NOT NULL,                   -- JSON
    PRIMARY KEY (institution, id, version)
);
CREATE TRIGGER lending_policies_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON lending_policies FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
