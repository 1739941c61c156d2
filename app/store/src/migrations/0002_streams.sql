-- Streams whose callers come back, and how often the program was started on this store.

CREATE TABLE starts (
    only  INTEGER PRIMARY KEY CHECK (only = 1),
    count INTEGER NOT NULL
) STRICT;
INSERT INTO starts (only, count) VALUES (1, 0);

CREATE TABLE kept_stream (
    id         TEXT    PRIMARY KEY,
    created_ms INTEGER NOT NULL,
    ended_ms   INTEGER,
    revision   INTEGER NOT NULL,
    head       TEXT    NOT NULL, -- everything but the memo: JSON
    memo       TEXT              -- what was said: JSON; NULL once it is no longer kept
) STRICT;
CREATE INDEX kept_stream_age ON kept_stream (created_ms, id);
