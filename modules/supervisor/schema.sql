-- migration 1: keys, and the apps' processors
CREATE TABLE access_key (
    id         TEXT    NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    role       TEXT    NOT NULL CHECK (role IN ('viewer', 'operator', 'agent', 'admin')),
    apps       TEXT    NOT NULL, -- JSON list of names, or of '*'
    ips        TEXT    NOT NULL, -- JSON list of addresses, CIDR ranges, or '*'
    is_enabled INTEGER NOT NULL CHECK (is_enabled IN (0, 1)),
    created    INTEGER NOT NULL, -- UTC, ms
    token_hash TEXT    NOT NULL  -- SHA-256 in hex; the token itself is nowhere
) STRICT, WITHOUT ROWID;

CREATE TABLE app (
    name TEXT    NOT NULL PRIMARY KEY,
    host TEXT    NOT NULL,
    port INTEGER NOT NULL CHECK (port BETWEEN 1 AND 65535)
) STRICT, WITHOUT ROWID;
