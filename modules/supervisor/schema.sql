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

-- migration 2: keys that expire, a second token while a key is rotated, and who used it last
ALTER TABLE access_key ADD COLUMN expires INTEGER;         -- UTC, ms; NULL: never
ALTER TABLE access_key ADD COLUMN old_token_hash TEXT;     -- the token before the last rotation,
ALTER TABLE access_key ADD COLUMN old_token_until INTEGER; -- valid up to then
ALTER TABLE access_key ADD COLUMN used_time INTEGER;       -- written behind, once a minute
ALTER TABLE access_key ADD COLUMN used_from TEXT;          -- an IP

-- migration 3: machines that ask to join, and the tokens that let them in
CREATE TABLE join_request (
    id          INTEGER PRIMARY KEY, -- in the order of first asking
    ip          TEXT    NOT NULL,    -- that the machine says it is
    hash        TEXT    NOT NULL CHECK (length(hash) = 64), -- SHA-256 in hex of the token that it made for itself
    asset       TEXT    NOT NULL,
    version     TEXT    NOT NULL,
    from_ip     TEXT    NOT NULL,    -- from where it asked last
    asker       TEXT    NOT NULL,    -- the same, or its /64: what the bound counts
    is_rejected INTEGER NOT NULL CHECK (is_rejected IN (0, 1)),
    first_time  INTEGER NOT NULL,    -- UTC, ms
    last_time   INTEGER NOT NULL,
    UNIQUE (ip, hash)
) STRICT;
CREATE INDEX join_request_asker ON join_request (asker);

CREATE TABLE join_token (
    id         TEXT    NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    token_hash TEXT    NOT NULL UNIQUE, -- SHA-256 in hex; the token itself is nowhere
    cidr       TEXT,                    -- NULL: for one machine, wherever that is
    created    INTEGER NOT NULL,        -- UTC, ms
    expires    INTEGER NOT NULL,
    used_time  INTEGER,                 -- last
    used_ip    TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX access_key_agent ON access_key (ips) WHERE role = 'agent';

-- migration 4: what waits is counted, and what is old forgotten, without reading all that ever asked
CREATE INDEX join_request_age ON join_request (is_rejected, last_time);

-- migration 5: the right to name the file that runs (ins.proxy)
ALTER TABLE access_key ADD COLUMN has_files INTEGER NOT NULL DEFAULT 0 CHECK (has_files IN (0, 1));

-- migration 6: a row once a key of the role admin has counted; from then on no address stands for an admin
CREATE TABLE admin_seen (
    one  INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    time INTEGER NOT NULL -- UTC, ms
) STRICT;
INSERT INTO admin_seen SELECT 1, min(created) FROM access_key WHERE role = 'admin' HAVING count(*) > 0;

-- migration 7: quotas of keys
-- JSON object of the members that are not the default, such as {"waiting_tasks":2000}.
ALTER TABLE access_key ADD COLUMN quota TEXT NOT NULL DEFAULT '{}';

-- migration 8: how many hosts a run of the key may have; NULL: as many as there are
ALTER TABLE access_key ADD COLUMN run_hosts INTEGER;
