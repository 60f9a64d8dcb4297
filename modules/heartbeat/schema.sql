-- migration 1: the agents that were ever seen
CREATE TABLE agent (
    ip         TEXT    NOT NULL PRIMARY KEY, -- normalised
    asset      TEXT    NOT NULL,
    os         TEXT    NOT NULL,             -- lower case, Windows as win
    version    TEXT    NOT NULL,
    starttime  TEXT    NOT NULL,             -- as the agent gave it
    hw_config  TEXT    NOT NULL,
    apps       TEXT    NOT NULL,             -- JSON, name to version
    last_heard INTEGER NOT NULL              -- UTC, ms
) STRICT;

-- migration 2: where an agent's last link came from, so that one from elsewhere is seen after a restart, too
ALTER TABLE agent ADD COLUMN linked_from TEXT NOT NULL DEFAULT ''; -- an IP; '' where it is not known
ALTER TABLE agent ADD COLUMN linked_by   TEXT NOT NULL DEFAULT ''; -- a key, or certificate:NAME; '' without one

-- migration 3: what an agent says of its machine beside the rest
ALTER TABLE agent ADD COLUMN facts TEXT NOT NULL DEFAULT '{}'; -- JSON, key to value

-- migration 4: when each agent came and went, and how many were there
ALTER TABLE agent ADD COLUMN is_up INTEGER NOT NULL DEFAULT 0 CHECK (is_up IN (0, 1)); -- as its newest agent_change says
CREATE TABLE agent_change (
    ip    TEXT    NOT NULL,
    time  INTEGER NOT NULL, -- UTC, ms
    is_up INTEGER NOT NULL CHECK (is_up IN (0, 1)),
    PRIMARY KEY (ip, time)
) STRICT, WITHOUT ROWID;
CREATE TABLE online_count (
    time   INTEGER NOT NULL PRIMARY KEY, -- UTC, ms: the beginning of a minute
    online INTEGER NOT NULL,
    known  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
