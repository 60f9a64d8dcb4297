-- migration 1: packages of apps, their versions, and which hosts are to have which
CREATE TABLE app_package (
    id       INTEGER PRIMARY KEY,
    sha256   TEXT    NOT NULL, -- lower-case hex
    size     INTEGER NOT NULL, -- bytes
    complete INTEGER NOT NULL  -- 0: an upload that has not ended, or what is being deleted
) STRICT;
CREATE UNIQUE INDEX app_package_by_sha256 ON app_package (sha256) WHERE complete = 1;

CREATE TABLE app_piece (
    package INTEGER NOT NULL, -- app_package.id
    place   INTEGER NOT NULL, -- of its first byte in the package
    bytes   BLOB    NOT NULL,
    PRIMARY KEY (package, place)
) STRICT;

CREATE TABLE app_version (
    app         TEXT    NOT NULL,
    version     TEXT    NOT NULL,
    package     INTEGER NOT NULL, -- app_package.id
    signature   TEXT    NOT NULL, -- Ed25519 in base64, or ''
    pushed_by   TEXT    NOT NULL, -- a key, or ''
    pushed_time INTEGER NOT NULL, -- UTC, ms
    PRIMARY KEY (app, version)
) STRICT, WITHOUT ROWID;
CREATE INDEX app_version_by_package ON app_version (package);

CREATE TABLE app_assignment (
    id       TEXT    NOT NULL PRIMARY KEY,
    app      TEXT    NOT NULL,
    version  TEXT    NOT NULL,
    target   TEXT    NOT NULL,
    note     TEXT    NOT NULL,
    set_by   TEXT    NOT NULL, -- a key, or ''
    set_from TEXT    NOT NULL, -- an address
    set_time INTEGER NOT NULL  -- UTC, ms
) STRICT;
