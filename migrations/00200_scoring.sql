-- +goose Up

-- Replies of a model endpoint, by the hash of the request. Votes are replayed
-- from here: temperature 0 does not promise identity.
CREATE TABLE judgements (
    key           text PRIMARY KEY,              -- SHA-256 over base URL and request
    text_hash     text NOT NULL,                 -- of the patent's text as sent
    prompt        text NOT NULL,                 -- id@version of every template used
    model         text NOT NULL,
    parameters    text NOT NULL,
    content       text NOT NULL,                 -- as the endpoint gave it, unverified
    prompt_tokens bigint NOT NULL,
    answer_tokens bigint NOT NULL,
    micro_yuan    bigint NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX judgements_text ON judgements (text_hash, prompt, model, parameters);

-- Every text that left this system: what, where, when, how much. Append-only.
CREATE TABLE egress (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL DEFAULT now(),
    institution   text NOT NULL,
    actor    text NOT NULL,
    what     text NOT NULL,
    host     text NOT NULL,
    bytes    bigint NOT NULL,
    hash     text NOT NULL                        -- SHA-256 of what was sent
);
CREATE INDEX egress_institution ON egress (institution, id DESC);
CREATE TRIGGER egress_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON egress FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What the endpoint was used for on one day (UTC), reserved before each call
-- and corrected after.
CREATE TABLE model_days (
    day        date PRIMARY KEY,
    requests   bigint NOT NULL DEFAULT 0,
    tokens     bigint NOT NULL DEFAULT 0,
    micro_yuan bigint NOT NULL DEFAULT 0
);

-- Whether an institution's texts may be sent to the endpoint. No row: published
-- texts may.
CREATE TABLE model_consent (
    institution  text PRIMARY KEY,
    allowed boolean NOT NULL,
    set_by  text NOT NULL,
    set_at  timestamptz NOT NULL DEFAULT now()
);

-- What a probe found out about an endpoint.
CREATE TABLE model_endpoints (
    base_url  text NOT NULL,
    model     text NOT NULL,
    mode      text NOT NULL,
    probed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (base_url, model)
);

-- Vectors of an endpoint by content.
CREATE TABLE embedding_cache (
    space  text NOT NULL,
    hash   text NOT NULL,
    vector real[] NOT NULL,
    PRIMARY KEY (space, hash)
);

-- Fitted models of technical impact, newest in use.
CREATE TABLE impact_models (
    version    text PRIMARY KEY,
    body       jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
