-- migration 1: labels of hosts, and named target expressions
CREATE TABLE fleet_label (
    ip    TEXT NOT NULL, -- normalised
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (ip, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE fleet_group (
    name     TEXT    NOT NULL PRIMARY KEY,
    target   TEXT    NOT NULL,
    note     TEXT    NOT NULL,
    set_by   TEXT    NOT NULL, -- a key, or ''
    set_time INTEGER NOT NULL  -- UTC, ms
) STRICT;
