-- +goose Up

-- A bank, office or firm on this service, and whatever it brought here: every
-- table that holds an institution's facts names it in the column institution.
-- Two are there from the start: default, in which command line, demo, keys and
-- pages work unless another is named, and public, the corpus of whoever runs
-- the service, which every institution reads and no other writes.
CREATE TABLE institutions (
    id         text PRIMARY KEY CHECK (id ~ '^[a-z0-9-]{1,40}$'),
    name       text NOT NULL CHECK (name <> ''),
    created_at timestamptz NOT NULL DEFAULT now(),
    shares_interests boolean NOT NULL DEFAULT false -- tells others that it noted an interest in a patent, and is told so
);
INSERT INTO institutions (id, name) VALUES ('default', '本机构'), ('public', '公共语料');

-- The program works under the role zhijia_app: it owns no table and cannot pass
-- by a row's wall. Roles are the cluster's: another database may have made it.
-- Who migrates without the right to make roles has it made beforehand, see
-- deploy/roles.sh.
-- +goose StatementBegin
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'zhijia_app') THEN
        CREATE ROLE zhijia_app NOLOGIN;
    END IF;
    IF NOT pg_has_role(current_user, 'zhijia_app', 'MEMBER') THEN
        EXECUTE format('GRANT zhijia_app TO %I', current_user);
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL; -- made in this moment by another database's migration
END
$$;
-- +goose StatementEnd
GRANT USAGE ON SCHEMA public TO zhijia_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO zhijia_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO zhijia_app;
GRANT SELECT, INSERT, UPDATE ON institutions TO zhijia_app;

-- The institution a transaction works for, see store.As; NULL: none. It is the
-- default of every column of that name, so that no statement can leave it out.
-- +goose StatementBegin
CREATE FUNCTION institution_now() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT nullif(current_setting('zhijia.institution', true), '')
$$;

-- wall lets a transaction see and change only the rows of its institution, and
-- see the public ones where shared. The scope * is the service's own, which
-- looks for work and faults across institutions; it is no institution's id. Whose
-- transaction it is is asked once a statement, not once a row.
CREATE PROCEDURE wall(t regclass, shared boolean DEFAULT false) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY own ON %s USING (institution = (SELECT institution_now())) WITH CHECK (institution = institution_now())', t);
    EXECUTE format($p$CREATE POLICY service ON %s USING ((SELECT institution_now()) = '*') WITH CHECK (institution_now() = '*')$p$, t);
    IF shared THEN
        EXECUTE format($p$CREATE POLICY corpus ON %s FOR SELECT USING (institution = 'public')$p$, t);
    END IF;
END
$$;

-- refuse_change keeps rows as they are, from everybody but the owner of the
-- table while he deletes an institution as a whole, see store.DeleteInstitution.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('zhijia.leaving', true) = institution_now() AND pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE') THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$$;
-- +goose StatementEnd

-- API keys. The secret is 32 random bytes of which only the SHA-256 is kept.
CREATE TABLE api_keys (
    id            text PRIMARY KEY,
    institution   text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    name          text NOT NULL,
    roles         text[] NOT NULL CHECK (cardinality(roles) > 0),
    secret_sha256 bytea NOT NULL CHECK (octet_length(secret_sha256) = 32),
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz,
    revoked_at    timestamptz,
    UNIQUE (institution, id)
);

-- One row per Idempotency-Key of a caller: in progress while status is null,
-- then the reply to repeat. Pruned after a day. claim is the token of whoever
-- carries the request out: who lost the claim can neither answer nor free it.
CREATE TABLE idempotency (
    institution  text NOT NULL DEFAULT institution_now(),
    key_id       text NOT NULL,
    key          text NOT NULL,
    claim        uuid NOT NULL,
    fingerprint  bytea NOT NULL,
    claimed_at   timestamptz NOT NULL,
    status       integer,
    content_type text,
    location     text,
    body         bytea,
    PRIMARY KEY (key_id, key),
    FOREIGN KEY (institution, key_id) REFERENCES api_keys (institution, id)
);
CREATE INDEX idempotency_claimed_at ON idempotency (claimed_at);

-- Who asked what, on which inputs, and what came of it: append-only, a chain of
-- each institution's own, each entry sealed with the hash of the one before.
CREATE TABLE audit (
    seq         bigint NOT NULL,                 -- of the institution: 1, 2, 3 … without a gap
    at          timestamptz NOT NULL,
    institution text NOT NULL,
    actor       text NOT NULL,
    action      text NOT NULL,                   -- e.g. batch.row
    subject     text NOT NULL,                   -- e.g. a batch's id and line
    detail      json NOT NULL,                   -- versions, hashes of inputs and results, before and after; its bytes are sealed
    prev        bytea NOT NULL,                  -- hash of the entry before; 32 zero bytes for the first
    hash        bytea NOT NULL,                  -- SHA-256 over prev and all the above, see audit_append
    PRIMARY KEY (institution, seq)
);
CREATE INDEX audit_subject ON audit (subject, seq);
CREATE TRIGGER audit_frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- audit_append seals one entry. It is called last in a transaction, since the
-- lock that puts an institution's entries in order is held until the commit.
-- +goose StatementBegin
CREATE FUNCTION audit_append(a_institution text, a_actor text, a_action text, a_subject text, a_detail json) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
    before bytea;
    moment timestamptz;
    sealed bytea;
    part text;
BEGIN
    IF a_institution IS DISTINCT FROM institution_now() AND institution_now() IS DISTINCT FROM '*' THEN
        RAISE EXCEPTION 'an entry of % under %', a_institution, institution_now() USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM pg_advisory_xact_lock(7241010, hashtext(a_institution));
    SELECT seq, hash INTO n, before FROM audit WHERE institution = a_institution ORDER BY seq DESC LIMIT 1;
    n := coalesce(n, 0) + 1;
    before := coalesce(before, decode(repeat('00', 32), 'hex'));
    moment := clock_timestamp();
    sealed := before || int8send(n) || int8send((extract(epoch FROM moment) * 1000000)::bigint);
    FOREACH part IN ARRAY ARRAY[a_institution, a_actor, a_action, a_subject, a_detail::text] LOOP
        sealed := sealed || int4send(octet_length(part)) || convert_to(part, 'UTF8');
    END LOOP;
    sealed := sha256(sealed);
    INSERT INTO audit (seq, at, institution, actor, action, subject, detail, prev, hash)
    VALUES (n, moment, a_institution, a_actor, a_action, a_subject, a_detail, before, sealed);
    RETURN n;
END
$$;
-- +goose StatementEnd

-- The chains of all institutions tied together, daily: a tie seals the tie
-- before and the head of every chain. One hash kept elsewhere holds all of them.
-- What is kept of an institution that left is the number and hash of its heads.
CREATE TABLE audit_ties (
    seq  bigint PRIMARY KEY,
    at   timestamptz NOT NULL,
    prev bytea NOT NULL,
    hash bytea NOT NULL                          -- SHA-256 over prev, seq, at and every head by institution
);
CREATE TABLE audit_tie_heads (
    tie         bigint NOT NULL REFERENCES audit_ties (seq),
    institution text NOT NULL,
    seq         bigint NOT NULL,
    hash        bytea NOT NULL,
    PRIMARY KEY (institution, tie)
);
CREATE INDEX audit_tie_heads_tie ON audit_tie_heads (tie, institution);
CREATE TRIGGER audit_ties_frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_ties FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_tie_heads_frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_tie_heads FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Every text that left this system: what, where, when, how much. Append-only.
CREATE TABLE egress (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL DEFAULT now(),
    institution text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    actor       text NOT NULL,
    what        text NOT NULL,
    host        text NOT NULL,
    bytes       bigint NOT NULL,
    hash        text NOT NULL                     -- SHA-256 of what was sent
);
CREATE INDEX egress_institution ON egress (institution, id DESC);
CREATE TRIGGER egress_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON egress FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Whether an institution's texts may be sent to the endpoint. No row: published
-- texts may.
CREATE TABLE model_consent (
    institution text PRIMARY KEY DEFAULT institution_now() REFERENCES institutions (id),
    allowed     boolean NOT NULL,
    set_by      text NOT NULL,
    set_at      timestamptz NOT NULL DEFAULT now(),
    approved_by text                             -- another person who stands by it; NULL: nobody did
);

-- Who else is on this service is no institution's business.
ALTER TABLE institutions ENABLE ROW LEVEL SECURITY;
ALTER TABLE institutions FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON institutions USING (id = institution_now()) WITH CHECK (id = institution_now());
CREATE POLICY service ON institutions FOR SELECT USING (institution_now() = '*');
CREATE POLICY corpus ON institutions FOR SELECT USING (id = 'public');

CALL wall('api_keys');
CALL wall('idempotency');
CALL wall('audit');
CALL wall('audit_tie_heads');
CALL wall('egress');
CALL wall('model_consent');
