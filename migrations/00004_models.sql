-- +goose Up

-- Replies of a model endpoint, by the hash of the request. Votes are replayed
-- from here: temperature 0 does not promise identity. Each institution's own:
-- that a text was judged before is no business of another.
CREATE TABLE judgements (
    institution   text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    key           text NOT NULL,                 -- SHA-256 over base URL and request
    text_hash     text NOT NULL,                 -- of the patent's text as sent
    prompt        text NOT NULL,                 -- id@version of every template used
    model         text NOT NULL,
    parameters    text NOT NULL,
    content       text NOT NULL,                 -- as the endpoint gave it, unverified
    void          text NOT NULL DEFAULT '',      -- why it cannot be used; such a reply expires
    prompt_tokens bigint NOT NULL,
    answer_tokens bigint NOT NULL,
    micro_yuan    bigint NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (institution, key)
);

-- Vectors of an endpoint by content.
CREATE TABLE embedding_cache (
    institution text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    space       text NOT NULL,
    hash        text NOT NULL,
    vector      real[] NOT NULL,
    PRIMARY KEY (institution, space, hash)
);

-- What an institution used the endpoint for on one day (UTC), reserved before
-- each call and corrected after.
CREATE TABLE model_days (
    institution text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    day         date NOT NULL,
    requests    bigint NOT NULL DEFAULT 0,
    tokens      bigint NOT NULL DEFAULT 0,
    micro_yuan  bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (institution, day)
);

-- What a probe found out about an endpoint, the same for everybody.
CREATE TABLE model_endpoints (
    base_url  text NOT NULL,
    model     text NOT NULL,
    mode      text,                              -- NULL: not known yet
    batches   boolean,                           -- whether it answers files of requests; NULL: not known yet
    digest    text NOT NULL DEFAULT '',          -- of the model, where the endpoint tells it
    context_tokens integer NOT NULL DEFAULT 0,   -- it serves; 0: not told
    probed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (base_url, model)
);

-- Studies of how well a model agrees with an institution's officers. Scores of
-- a model whose study has not passed narrow no range.
CREATE TABLE model_studies (
    institution text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    model       text NOT NULL,
    prompts     text NOT NULL,                   -- version of the set of templates
    passed      boolean NOT NULL,
    figures     json NOT NULL,
    recorded_by text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (institution, model, prompts)
);

-- Many patents to be scored ahead of their valuations.
CREATE TABLE model_runs (
    id          text NOT NULL,
    institution text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    actor       text NOT NULL,
    created_at  timestamptz NOT NULL,
    key         bytea NOT NULL,                  -- SHA-256 of subjects, options, endpoint and model: the same order twice is one run
    allow       boolean NOT NULL,                -- unpublished texts may leave, on the actor's word
    base_url    text NOT NULL,
    model       text NOT NULL,
    status      text NOT NULL CHECK (status IN ('running', 'finished', 'cancelled')),
    note        text NOT NULL DEFAULT '',        -- stable code of what it waits for
    ended_at    timestamptz,
    -- Progress, counted as it changes: it is asked for every few seconds.
    waiting     integer NOT NULL DEFAULT 0,      -- subjects, by status
    done        integer NOT NULL DEFAULT 0,
    partly      integer NOT NULL DEFAULT 0,
    forbidden   integer NOT NULL DEFAULT 0,
    unknown     integer NOT NULL DEFAULT 0,
    files       integer NOT NULL DEFAULT 0,      -- model_batches
    open_files  integer NOT NULL DEFAULT 0,      -- of them, not at their end
    asked       bigint NOT NULL DEFAULT 0,       -- questions in them
    answered    bigint NOT NULL DEFAULT 0,
    failed      bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (institution, id)
);
CREATE UNIQUE INDEX model_runs_open ON model_runs (institution, key) WHERE status = 'running';
CREATE INDEX model_runs_list ON model_runs (institution, created_at DESC);

-- done: every answer is kept. partly: the endpoint did not give a usable answer
-- to some questions. forbidden: the text may not leave. unknown: not in the store.
CREATE TABLE model_run_subjects (
    institution text NOT NULL DEFAULT institution_now(),
    run         text NOT NULL,
    number      text NOT NULL,
    status      text NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'done', 'partly', 'forbidden', 'unknown')),
    rounds      smallint NOT NULL DEFAULT 0,     -- how often questions about it were sent
    PRIMARY KEY (run, number),
    FOREIGN KEY (institution, run) REFERENCES model_runs (institution, id) ON DELETE CASCADE
);

-- One file of requests at the endpoint. It is stored, its texts logged and its
-- cost reserved before it is sent, so that a process that dies loses nothing.
CREATE TABLE model_batches (
    id          text PRIMARY KEY,
    institution text NOT NULL DEFAULT institution_now(),
    run         text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    day         date NOT NULL,                   -- of the account the cost is reserved on
    requests    bigint NOT NULL,
    tokens      bigint NOT NULL,                 -- reserved; once ended, used
    micro_yuan  bigint NOT NULL,
    file        text NOT NULL DEFAULT '',        -- the endpoint's id of the file
    batch       text NOT NULL DEFAULT '',        -- the endpoint's id of the batch
    status      text NOT NULL DEFAULT 'prepared', -- then the endpoint's words; lost: nothing at the endpoint
    completed   bigint NOT NULL DEFAULT 0,
    failed      bigint NOT NULL DEFAULT 0,
    error       text NOT NULL DEFAULT '',
    ended_at    timestamptz,
    UNIQUE (institution, id),
    FOREIGN KEY (institution, run) REFERENCES model_runs (institution, id)
);
CREATE INDEX model_batches_open ON model_batches (run) WHERE ended_at IS NULL;

-- +goose StatementBegin
CREATE FUNCTION model_run_subjects_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE model_runs r SET waiting = r.waiting + a.n
    FROM (SELECT institution, run, count(*) AS n FROM added WHERE status = 'waiting' GROUP BY 1, 2) AS a WHERE r.institution = a.institution AND r.id = a.run;
    RETURN NULL;
END
$$;

CREATE FUNCTION model_run_subject_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE model_runs SET
        waiting = waiting + (NEW.status = 'waiting')::integer - (OLD.status = 'waiting')::integer,
        done = done + (NEW.status = 'done')::integer - (OLD.status = 'done')::integer,
        partly = partly + (NEW.status = 'partly')::integer - (OLD.status = 'partly')::integer,
        forbidden = forbidden + (NEW.status = 'forbidden')::integer - (OLD.status = 'forbidden')::integer,
        unknown = unknown + (NEW.status = 'unknown')::integer - (OLD.status = 'unknown')::integer
    WHERE institution = NEW.institution AND id = NEW.run;
    RETURN NULL;
END
$$;

CREATE FUNCTION model_batch_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE model_runs SET -- what is not there, before or after, counts nothing
        files = files + (NEW.id IS NOT NULL)::integer - (OLD.id IS NOT NULL)::integer,
        open_files = open_files + (NEW.id IS NOT NULL AND NEW.ended_at IS NULL)::integer - (OLD.id IS NOT NULL AND OLD.ended_at IS NULL)::integer,
        asked = asked + coalesce(NEW.requests, 0) - coalesce(OLD.requests, 0),
        answered = answered + coalesce(NEW.completed, 0) - coalesce(OLD.completed, 0),
        failed = failed + coalesce(NEW.failed, 0) - coalesce(OLD.failed, 0)
    WHERE institution = coalesce(NEW.institution, OLD.institution) AND id = coalesce(NEW.run, OLD.run);
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER model_run_subjects_added AFTER INSERT ON model_run_subjects REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION model_run_subjects_added();
CREATE TRIGGER model_run_subject_moved AFTER UPDATE OF status ON model_run_subjects FOR EACH ROW WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION model_run_subject_moved();
CREATE TRIGGER model_batch_moved AFTER INSERT OR UPDATE OR DELETE ON model_batches FOR EACH ROW EXECUTE FUNCTION model_batch_moved();

-- Questions under way. No two open files of an institution ask the same one.
CREATE TABLE model_batch_items (
    institution text NOT NULL DEFAULT institution_now(),
    key         text NOT NULL,                   -- as of judgements
    batch       text NOT NULL,
    text_hash   text NOT NULL,
    prompt      text NOT NULL,
    parameters  text NOT NULL,
    PRIMARY KEY (institution, key),
    FOREIGN KEY (institution, batch) REFERENCES model_batches (institution, id)
);
CREATE INDEX model_batch_items_batch ON model_batch_items (batch);

CALL wall('judgements');
CALL wall('embedding_cache');
CALL wall('model_days');
CALL wall('model_studies');
CALL wall('model_runs');
CALL wall('model_run_subjects');
CALL wall('model_batches');
CALL wall('model_batch_items');
