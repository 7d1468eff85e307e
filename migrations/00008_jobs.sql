-- +goose Up

-- Background work that has not ended. The queue (River) says when a turn is
-- taken and by whom; this row says what the work is and who has it in hand. It
-- goes when the work has ended: what came of it stands with its subject.
--
-- Of the turns of one institution and kind a bounded number is queued or
-- running. The others are parked, and each that ends lets the next in: so no
-- institution fills the queue.
CREATE TABLE jobs (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    institution  text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    kind         text NOT NULL,                  -- also the name of its queue
    key          text NOT NULL,                  -- the same work is there once
    subject      text NOT NULL DEFAULT '',       -- what it belongs to, and is cancelled with
    args         json NOT NULL,                  -- what the kind needs to know
    rank         smallint NOT NULL DEFAULT 3,    -- among what the institution has parked: the lowest first
    created_at   timestamptz NOT NULL DEFAULT now(),
    status       text NOT NULL DEFAULT 'parked' CHECK (status IN ('parked', 'waiting', 'queued', 'running')),
    turn         bigint NOT NULL DEFAULT 0,      -- number of the turn given to the queue last; any other is void
    again        boolean NOT NULL DEFAULT false, -- called for while it was running
    owner        text,                           -- token of the turn in hand: who lacks it may neither write nor let go
    leased_until timestamptz,
    failures     integer NOT NULL DEFAULT 0,     -- turns in a row that failed
    deaths       integer NOT NULL DEFAULT 0,     -- processes that died with a turn in hand
    UNIQUE (kind, key),
    CHECK ((status = 'running') = (owner IS NOT NULL)),
    CHECK ((owner IS NULL) = (leased_until IS NULL))
);
CREATE INDEX jobs_parked ON jobs (kind, institution, rank, id) WHERE status = 'parked';
CREATE INDEX jobs_busy ON jobs (kind, institution) WHERE status IN ('queued', 'running');
CREATE INDEX jobs_subject ON jobs (subject) WHERE subject <> '';
CREATE UNIQUE INDEX jobs_owner ON jobs (owner) WHERE owner IS NOT NULL;

-- hold_job lets a transaction go on only while the turn with this token is in
-- hand, and keeps others from taking it until the transaction ends. SQLSTATE
-- ZJ002: it is not.
-- +goose StatementBegin
CREATE FUNCTION hold_job(a_owner text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    asker text := current_setting('zhijia.institution', true);
BEGIN
    PERFORM set_config('zhijia.institution', '*', true);
    PERFORM FROM jobs WHERE owner = a_owner FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the turn is in other hands' USING ERRCODE = 'ZJ002';
    END IF;
    PERFORM set_config('zhijia.institution', asker, true);
END
$$;
-- +goose StatementEnd

CALL wall('jobs');
