-- Conversations, the messages in them, the runs that answer those, and every run's log.

-- How many transactions were committed: what a reopened store checks its last acknowledged write against.
CREATE TABLE ledger (
    only    INTEGER PRIMARY KEY CHECK (only = 1),
    commits INTEGER NOT NULL
) STRICT;
INSERT INTO ledger (only, commits) VALUES (1, 0);

CREATE TABLE conversation (
    id         TEXT    PRIMARY KEY,
    title      TEXT    NOT NULL,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    revision   INTEGER NOT NULL,
    deleted_ms INTEGER
) STRICT;
CREATE INDEX conversation_newest ON conversation (updated_ms DESC, created_ms DESC, id DESC) WHERE deleted_ms IS NULL;

CREATE TABLE message (
    id              TEXT    PRIMARY KEY,
    conversation_id TEXT    NOT NULL REFERENCES conversation ON DELETE CASCADE,
    ordinal         INTEGER NOT NULL,
    role            TEXT    NOT NULL,
    text            TEXT    NOT NULL,
    created_ms      INTEGER NOT NULL,
    UNIQUE (conversation_id, ordinal)
) STRICT;

CREATE TABLE run (
    place           INTEGER PRIMARY KEY, -- the order in which runs were made
    id              TEXT    NOT NULL UNIQUE,
    conversation_id TEXT    NOT NULL REFERENCES conversation ON DELETE CASCADE,
    message_id      TEXT    NOT NULL REFERENCES message ON DELETE CASCADE,
    state           TEXT    NOT NULL,
    ended           INTEGER NOT NULL,
    seq             INTEGER NOT NULL,
    view            TEXT    NOT NULL -- the log, folded: JSON
) STRICT;
CREATE INDEX run_of_message ON run (message_id, place);
CREATE INDEX run_newest ON run (conversation_id, place);
CREATE INDEX run_open ON run (place) WHERE ended = 0;

CREATE TABLE run_event (
    run   INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
    seq   INTEGER NOT NULL,
    event TEXT    NOT NULL, -- JSON
    PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;
