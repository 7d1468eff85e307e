-- +goose Up

-- Background work. The queue (River) says when a turn is taken; this row says
-- what the work is, how far it is, and who has it in hand. One that repeats
-- (the lanes of an institution's batch rows, the messages of a webhook) goes
-- back to idle; one ordered once ends done, failed or cancelled.
--
-- Of the turns of one institution and kind a bounded number is queued or
-- running; the others are parked, and each turn that ends lets the next in.
-- So no institution fills the queue.
CREATE TABLE jobs (
    id           text PRIMARY KEY,
    kind         text NOT NULL,                  -- also the name of its queue
    institution  text NOT NULL,                  -- empty: the house's own
    subject      text NOT NULL DEFAULT '',       -- what it works on, where the id does not say
    created_at   timestamptz NOT NULL DEFAULT now(),
    created_by   text NOT NULL,
    status       text NOT NULL DEFAULT 'idle' CHECK (status IN ('idle', 'waiting', 'parked', 'queued', 'running', 'done', 'failed', 'cancelled')),
    run_at       timestamptz NOT NULL DEFAULT now(), -- earliest moment of the next turn
    turn         bigint NOT NULL DEFAULT 0,      -- number of the turn given to the queue last; any other is void
    again        boolean NOT NULL DEFAULT false, -- called for while it was running
    owner        text,                           -- token of the turn in hand: who lacks it may neither write nor free
    leased_until timestamptz,
    river        bigint,                         -- the queue's id of the turn in hand
    failures     integer NOT NULL DEFAULT 0,     -- turns that failed since the last good one
    deaths       integer NOT NULL DEFAULT 0,     -- processes that died with a turn in hand
    done         bigint NOT NULL DEFAULT 0,      -- progress, in the units of total
    total        bigint NOT NULL DEFAULT 0,
    estimate     double precision NOT NULL DEFAULT 0, -- processor seconds, when it was ordered
    used         double precision NOT NULL DEFAULT 0, -- processor seconds so far
    note         text NOT NULL DEFAULT '',       -- stable code of what it waits for
    error        text NOT NULL DEFAULT '',
    ended_at     timestamptz,
    CHECK ((status = 'running') = (owner IS NOT NULL)),
    CHECK ((owner IS NULL) = (leased_until IS NULL))
);
CREATE INDEX jobs_open ON jobs (institution, kind, status, run_at) WHERE status IN ('waiting', 'parked', 'queued', 'running');
CREATE UNIQUE INDEX jobs_owner ON jobs (owner) WHERE owner IS NOT NULL;
CREATE INDEX jobs_leased ON jobs (leased_until) WHERE owner IS NOT NULL;
CREATE INDEX jobs_list ON jobs (institution, created_at DESC, id DESC);

-- Processor seconds that background work took, by institution and day in
-- China.
CREATE TABLE processor_use (
    institution text NOT NULL,
    day         date NOT NULL,
    seconds     double precision NOT NULL,
    PRIMARY KEY (institution, day)
);
