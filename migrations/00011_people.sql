-- +goose Up

-- A person of an institution. He signs in by a password that the command line
-- set, or by the identity provider, or by both. Never deleted: what he did names
-- him; an erased person keeps id and roles and loses login, name and password.
CREATE TABLE people (
    id          text PRIMARY KEY,
    institution text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    login       text NOT NULL,
    name        text NOT NULL,
    roles       text[] NOT NULL CHECK (cardinality(roles) > 0),
    password    text,                            -- bcrypt; NULL: only the provider vouches for him
    subject     text,                            -- issuer and subject of the provider
    failures    integer NOT NULL DEFAULT 0,      -- wrong passwords since the last right one
    failed_at   timestamptz,
    created_at  timestamptz NOT NULL,
    disabled_at timestamptz,
    UNIQUE (institution, id),
    UNIQUE (institution, login),
    UNIQUE (institution, subject)
);

-- A key belongs to a person, whose roles it cannot exceed, or, without one, to
-- the system that its name names.
ALTER TABLE api_keys ADD COLUMN person text,
    ADD FOREIGN KEY (institution, person) REFERENCES people (institution, id);
CREATE INDEX api_keys_person ON api_keys (institution, person) WHERE person IS NOT NULL;

-- One sign-in at the pages. The cookie holds 32 random bytes of which only the
-- SHA-256 is kept.
CREATE TABLE sessions (
    token_sha256 bytea PRIMARY KEY CHECK (octet_length(token_sha256) = 32),
    institution  text NOT NULL DEFAULT institution_now(),
    person       text,
    key_id       text,
    created_at   timestamptz NOT NULL,
    seen_at      timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    ended_at     timestamptz,
    provider_sid text,                           -- the provider's own session, for its word that it ended
    id_token     text,                           -- shown to the provider at sign-out
    CHECK (num_nonnulls(person, key_id) = 1),
    FOREIGN KEY (institution, person) REFERENCES people (institution, id),
    FOREIGN KEY (institution, key_id) REFERENCES api_keys (institution, id)
);
CREATE INDEX sessions_person ON sessions (institution, person) WHERE ended_at IS NULL;

-- What one person proposed and another has to decide. kind and subject say what
-- it is about, payload what exactly was proposed. Nobody decides what he proposed
-- himself, and what was decided stays decided.
CREATE TABLE proposals (
    id          text NOT NULL,
    institution text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    kind        text NOT NULL,
    subject     text NOT NULL,
    payload     json NOT NULL,
    proposed_by text NOT NULL,
    proposer    text,                            -- person; NULL: a system or the command line
    proposed_at timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    status      text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'approved', 'refused', 'withdrawn', 'expired')),
    decided_by  text,
    decider     text,                            -- person
    decided_at  timestamptz,
    note        text NOT NULL DEFAULT '',
    PRIMARY KEY (institution, id),
    CHECK ((status = 'open') = (decided_at IS NULL)),
    CHECK (status NOT IN ('approved', 'refused') OR decider IS NOT NULL AND decider IS DISTINCT FROM proposer),
    FOREIGN KEY (institution, proposer) REFERENCES people (institution, id),
    FOREIGN KEY (institution, decider) REFERENCES people (institution, id)
);
CREATE INDEX proposals_subject ON proposals (institution, kind, subject);
CREATE INDEX proposals_open ON proposals (institution, proposed_at) WHERE status = 'open';
CREATE UNIQUE INDEX proposals_one_open ON proposals (institution, kind, subject) WHERE status = 'open';

-- +goose StatementBegin
CREATE FUNCTION proposal_decided() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status <> 'open' OR (NEW.id, NEW.institution, NEW.kind, NEW.subject, NEW.payload::text, NEW.proposed_by, NEW.proposed_at)
        IS DISTINCT FROM (OLD.id, OLD.institution, OLD.kind, OLD.subject, OLD.payload::text, OLD.proposed_by, OLD.proposed_at)
        OR NEW.proposer IS DISTINCT FROM OLD.proposer THEN
        RAISE EXCEPTION 'a proposal is decided once and never changed' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER proposals_decided BEFORE UPDATE ON proposals FOR EACH ROW EXECUTE FUNCTION proposal_decided();
CREATE TRIGGER proposals_kept BEFORE DELETE OR TRUNCATE ON proposals FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CALL wall('people');
CALL wall('sessions');
CALL wall('proposals');
