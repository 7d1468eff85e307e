-- +goose Up

-- The second pair of eyes: another officer who stands by an override.
CREATE TABLE override_approvals (
    override text PRIMARY KEY REFERENCES overrides (id),
    at       timestamptz NOT NULL,
    officer  text NOT NULL
);
CREATE TRIGGER override_approvals_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON override_approvals FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
