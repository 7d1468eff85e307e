-- +goose Up

-- Patents that an institution watches. Those that secure a booked loan are
-- watched without a row here.
CREATE TABLE watched_patents (
    institution     text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    number     text NOT NULL,                    -- normal form
    note       text NOT NULL DEFAULT '',
    added_at   timestamptz NOT NULL,
    added_by   text NOT NULL,
    removed_at timestamptz,
    PRIMARY KEY (institution, number)
);
CREATE INDEX watched_patents_number ON watched_patents (number) WHERE removed_at IS NULL;

-- What is watched by whom since when, and for which loan.
CREATE VIEW watching WITH (security_invoker) AS
    SELECT institution, number, added_at AS since, NULL::text AS contract, NULL::date AS maturity FROM watched_patents WHERE removed_at IS NULL
    UNION ALL
    SELECT l.institution, p.number, l.created_at, l.contract, l.maturity FROM book_patents p JOIN book_loans l ON l.id = p.loan WHERE l.closed_at IS NULL;

-- Alerts raised: of watched patents, and of booked loans (kind not empty), whose
-- values fell or whose ceilings broke. One row per cause, restated when what is on file says
-- otherwise later. seq is renewed at every change, under a lock, so that a
-- poller that asks for what is after its last one misses nothing.
CREATE SEQUENCE alerts_seq;
CREATE TABLE alerts (
    id              text PRIMARY KEY,            -- of institution, number and cause: the same alert has the same id for ever
    seq             bigint NOT NULL UNIQUE,
    revision        integer NOT NULL,
    institution     text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    number          text NOT NULL,
    cause           text NOT NULL,
    code            text NOT NULL,
    day             date NOT NULL,               -- on which it could first be known
    zh              text NOT NULL,
    en              text NOT NULL,
    event           text NOT NULL,               -- gazette code, or empty
    source          text NOT NULL,
    loan            text NOT NULL,               -- contract, or empty
    status          text NOT NULL CHECK (status IN ('open', 'settled', 'restated')),
    raised_at       timestamptz NOT NULL,
    changed_at      timestamptz NOT NULL,
    acknowledged_at timestamptz,
    acknowledged_by text,
    note            text,
    -- of a booked loan
    kind            text NOT NULL DEFAULT '',    -- drop, ended, breach, cover, expiry, failed
    level           text NOT NULL DEFAULT '' CHECK (level IN ('', 'yellow', 'red')),
    loan_id         text REFERENCES book_loans (id),
    trigger         text NOT NULL DEFAULT '',    -- schedule, event, request
    old_value       bigint,                      -- fen
    new_value       bigint,
    detail          json,                        -- what changed and why
    told            boolean NOT NULL DEFAULT true, -- its messages are queued
    UNIQUE (institution, number, cause)
);
CREATE INDEX alerts_poll ON alerts (institution, seq);
CREATE INDEX alerts_book ON alerts (institution, seq) WHERE kind <> '';
CREATE INDEX alerts_untold ON alerts (seq) WHERE NOT told;

-- Patents whose alerts are to be worked out again, in order of mention; a
-- number may be there many times.
CREATE TABLE watch_dirty (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    institution text NOT NULL REFERENCES institutions (id),
    number      text NOT NULL
);

-- Days on which everything watched was put there: the calendar alone brings
-- fees nearer.
CREATE TABLE watch_days (
    day date PRIMARY KEY
);

-- Whoever changes what alerts depend on, by whatever way, marks the patents of
-- those who watch them: its own, and everybody's where the corpus is public.
-- +goose StatementBegin
CREATE FUNCTION watch_mark() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    asker text := current_setting('zhijia.institution', true);
BEGIN
    IF asker = 'public' THEN
        PERFORM set_config('zhijia.institution', '*', true);
    END IF;
    INSERT INTO watch_dirty (institution, number)
    SELECT w.institution, c.number FROM changed c JOIN watched_patents w ON w.number = c.number AND w.removed_at IS NULL
    WHERE c.institution IN (w.institution, 'public')
    UNION
    SELECT b.institution, c.number FROM changed c JOIN book_patents b ON b.number = c.number
    WHERE c.institution IN (b.institution, 'public');
    PERFORM set_config('zhijia.institution', asker, true);
    RETURN NULL;
END
$$;
CREATE FUNCTION watch_mark_loan() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO watch_dirty (institution, number) SELECT DISTINCT p.institution, p.number FROM changed c JOIN book_patents p ON p.loan = c.id;
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER watch_events_new AFTER INSERT ON events REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION watch_mark();
CREATE TRIGGER watch_events_changed AFTER UPDATE ON events REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION watch_mark();
CREATE TRIGGER watch_patents_new AFTER INSERT ON patents REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION watch_mark();
CREATE TRIGGER watch_patents_changed AFTER UPDATE ON patents REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION watch_mark();
CREATE TRIGGER watch_book_patents_new AFTER INSERT ON book_patents REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION watch_mark();
CREATE TRIGGER watch_watched_new AFTER INSERT ON watched_patents REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION watch_mark();
CREATE TRIGGER watch_watched_changed AFTER UPDATE ON watched_patents REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION watch_mark();
CREATE TRIGGER watch_loans_changed AFTER UPDATE ON book_loans REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION watch_mark_loan();

-- Where an institution wants its alerts sent.
CREATE TABLE webhooks (
    id              text PRIMARY KEY,
    institution     text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    url             text NOT NULL,
    codes           text[] NOT NULL DEFAULT '{}', -- of alerts; none: all
    secret          bytea NOT NULL,               -- sealed with the service's key
    previous        bytea,                        -- the secret before, which signs too until previous_until
    previous_until  timestamptz,
    created_at      timestamptz NOT NULL,
    created_by      text NOT NULL,
    disabled_at     timestamptz
);
CREATE INDEX webhooks_institution ON webhooks (institution);

-- One message to one place: kept until it arrived or was given up, then as a
-- record.
CREATE TABLE webhook_deliveries (
    id           text PRIMARY KEY,               -- the message's own id, the same at every attempt
    seq          bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    webhook      text NOT NULL REFERENCES webhooks (id),
    institution     text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    kind         text NOT NULL,                  -- alert.raised, alert.restated, alert.settled, webhook.test
    body         json NOT NULL,                  -- as sent, byte for byte
    status       text NOT NULL CHECK (status IN ('waiting', 'delivered', 'dead')),
    attempts     integer NOT NULL DEFAULT 0,
    next_at      timestamptz NOT NULL,
    reply        integer,                        -- status of the last reply; NULL: none came
    error        text,
    created_at   timestamptz NOT NULL,
    ended_at     timestamptz
);
CREATE INDEX webhook_deliveries_waiting ON webhook_deliveries (next_at) WHERE status = 'waiting';
CREATE INDEX webhook_deliveries_hook ON webhook_deliveries (webhook, next_at) WHERE status = 'waiting';
CREATE INDEX webhook_deliveries_list ON webhook_deliveries (institution, seq);

CALL wall('watched_patents');
CALL wall('watch_dirty');
CALL wall('alerts');
CALL wall('webhooks');
CALL wall('webhook_deliveries');
