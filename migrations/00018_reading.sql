-- +goose Up

-- What a borrower brought and was pasted or uploaded: a register extract, a
-- contract, a financial sheet. Facts quote it by byte offset.
CREATE TABLE read_materials (
    institution text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    number      text NOT NULL,                   -- of the patent it was brought for, normal form
    hash        text NOT NULL,                   -- SHA-256 of the text
    name        text NOT NULL,                   -- as whoever brought it calls it
    kind        text NOT NULL,                   -- register, licence, financial, receipt, unknown
    body        text NOT NULL,
    added_by    text NOT NULL,
    added_at    timestamptz NOT NULL,
    PRIMARY KEY (institution, number, hash)
);

-- One thing a material says, proposed as an input; a person accepts or rejects
-- it. Its value was read from its quote by rules, whoever found the quote.
CREATE TABLE read_facts (
    institution text NOT NULL DEFAULT institution_now(),
    id          text NOT NULL,
    number      text NOT NULL,
    material    text NOT NULL,
    key         text NOT NULL,
    value       json NOT NULL,
    quote       text NOT NULL,
    starts      integer NOT NULL,                -- byte offsets in the material
    ends        integer NOT NULL,
    found_by    text NOT NULL CHECK (found_by IN ('rule', 'model')),
    model       text NOT NULL DEFAULT '',        -- that found the quote
    warnings    json NOT NULL,
    blocked     text NOT NULL DEFAULT '',        -- stable code of why it cannot be accepted; empty: it can
    status      text NOT NULL DEFAULT 'proposed' CHECK (status IN ('proposed', 'accepted', 'rejected')),
    proposed_by text NOT NULL,
    proposed_at timestamptz NOT NULL,
    decided_by  text NOT NULL DEFAULT '',
    decided_at  timestamptz,
    note        text NOT NULL DEFAULT '',
    PRIMARY KEY (institution, id),
    UNIQUE (institution, number, material, key, starts, ends),
    FOREIGN KEY (institution, number, material) REFERENCES read_materials (institution, number, hash) ON DELETE CASCADE
);
-- One value of a key is in force for a patent.
CREATE UNIQUE INDEX read_facts_one ON read_facts (institution, number, key) WHERE status = 'accepted';

-- A sample of patents and indicators that officers label blind, for a study of
-- how well a model agrees with them.
CREATE TABLE label_samples (
    institution text NOT NULL DEFAULT institution_now() REFERENCES institutions (id),
    id          text NOT NULL,
    note        text NOT NULL DEFAULT '',
    model       text NOT NULL,                   -- whose choices are held against the officers'; empty: none
    prompts     text NOT NULL,                   -- version of the set of templates
    created_by  text NOT NULL,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (institution, id)
);
CREATE TABLE label_items (
    institution text NOT NULL DEFAULT institution_now(),
    sample      text NOT NULL,
    place       integer NOT NULL,
    number      text NOT NULL,
    indicator   text NOT NULL,
    template    text NOT NULL,                   -- id@version of the rubric shown
    parts       json NOT NULL,                   -- the passages as shown, name and text
    model_score integer,                         -- NULL: it could not tell, or has not read
    PRIMARY KEY (institution, sample, place),
    FOREIGN KEY (institution, sample) REFERENCES label_samples (institution, id) ON DELETE CASCADE
);
CREATE TABLE labels (
    institution text NOT NULL DEFAULT institution_now(),
    sample      text NOT NULL,
    place       integer NOT NULL,
    officer     text NOT NULL,                   -- who labelled: the person's id, or the name of a key
    score       integer,                         -- NULL: it cannot be told from the text
    labelled_at timestamptz NOT NULL,
    PRIMARY KEY (institution, sample, place, officer),
    FOREIGN KEY (institution, sample, place) REFERENCES label_items (institution, sample, place) ON DELETE CASCADE
);

CALL wall('read_materials');
CALL wall('read_facts');
CALL wall('label_samples');
CALL wall('label_items');
CALL wall('labels');
