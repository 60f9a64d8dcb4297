-- migration 1: the cron jobs
CREATE TABLE cron_job (
    id      TEXT    NOT NULL PRIMARY KEY, -- 16 upper-case hex digits
    agent   TEXT    NOT NULL,
    type    TEXT    NOT NULL CHECK (type IN ('center', 'self')),
    rule    TEXT    NOT NULL,
    ins     TEXT    NOT NULL,             -- JSON, as it travels
    is_on   INTEGER NOT NULL CHECK (is_on IN (0, 1)),
    created INTEGER NOT NULL,             -- UTC, ms; so are all times here
    by_key  TEXT    NOT NULL,             -- the key that set it, or ''
    zone    TEXT,                         -- NULL: the server's, whichever that is
    misfire TEXT    NOT NULL CHECK (misfire IN ('skip', 'once')),
    overlap TEXT    NOT NULL CHECK (overlap IN ('skip', 'allow', 'replace')),
    jitter  INTEGER NOT NULL CHECK (jitter BETWEEN 0 AND 86400), -- s
    -- Every time of the rule up to this one is accounted for. Moves in the transaction that records a firing.
    settled INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
