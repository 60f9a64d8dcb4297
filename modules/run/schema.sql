-- migration 1: runs, and the hosts of each
CREATE TABLE run (
    id          TEXT    NOT NULL PRIMARY KEY,
    state       TEXT    NOT NULL,
    why         TEXT    NOT NULL,
    spec        TEXT    NOT NULL, -- JSON: the fields as they were given, `ins` with its param
    app         TEXT    NOT NULL,
    func        TEXT    NOT NULL,
    set_by      TEXT    NOT NULL, -- a key, or ''
    set_from    TEXT    NOT NULL, -- an address
    dedup       TEXT    NOT NULL, -- '' for none
    retry_of    TEXT    NOT NULL, -- the run whose hosts these were, or ''
    hosts       INTEGER NOT NULL,
    max_fail    INTEGER NOT NULL, -- hosts; `resume` may raise it
    seed        INTEGER NOT NULL, -- of a random order
    wave        INTEGER NOT NULL, -- from 0
    is_ending   INTEGER NOT NULL, -- 1: asked to stop, 2: to cancel
    create_time INTEGER NOT NULL, -- UTC, ms, as the others
    begin_at    INTEGER NOT NULL,
    start_time  INTEGER,
    pause_time  INTEGER,
    end_time    INTEGER
) STRICT;
CREATE UNIQUE INDEX run_dedup ON run (set_by, dedup) WHERE dedup <> '';
CREATE INDEX run_open ON run (end_time) WHERE end_time IS NULL;
CREATE INDEX run_by_time ON run (create_time, id);

CREATE TABLE run_host (
    run       TEXT    NOT NULL,
    place     INTEGER NOT NULL, -- in the run's order, from 0
    ip        TEXT    NOT NULL,
    wave      INTEGER NOT NULL, -- from 0
    task      TEXT,             -- the only one that this host ever gets in this run
    -- What came of it, written when the run ends: so the report outlives its tasks.
    state     TEXT,
    exit_code INTEGER,
    cost_ms   INTEGER,
    answer    TEXT,
    PRIMARY KEY (run, place)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX run_host_once ON run_host (run, ip);
CREATE INDEX run_host_by_ip ON run_host (ip, run);
CREATE UNIQUE INDEX run_host_task ON run_host (task) WHERE task IS NOT NULL;

-- migration 2: schedules, windows and caps
CREATE TABLE run_schedule (
    id          TEXT    NOT NULL PRIMARY KEY,
    spec        TEXT    NOT NULL, -- JSON: the fields of a run as they were given
    rule        TEXT    NOT NULL,
    timezone    TEXT    NOT NULL, -- '' for the server's
    misfire     TEXT    NOT NULL,
    overlap     TEXT    NOT NULL,
    jitter      INTEGER NOT NULL, -- seconds
    is_on       INTEGER NOT NULL,
    set_by      TEXT    NOT NULL, -- a key, or ''
    set_from    TEXT    NOT NULL, -- an address
    create_time INTEGER NOT NULL, -- UTC, ms, as the others
    version     INTEGER NOT NULL, -- another one after each change
    settled     INTEGER NOT NULL, -- there is a decision for every time up to this one
    owed        INTEGER           -- the time of a run that makes up for missed ones
) STRICT;

ALTER TABLE run ADD COLUMN schedule TEXT;    -- whose firing it is
ALTER TABLE run ADD COLUMN fire_time INTEGER;
ALTER TABLE run ADD COLUMN skipped TEXT;     -- why nothing of this firing ran
CREATE UNIQUE INDEX run_firing ON run (schedule, fire_time) WHERE schedule IS NOT NULL;
CREATE INDEX run_by_schedule ON run (schedule, create_time) WHERE schedule IS NOT NULL;

CREATE TABLE start_window (
    name     TEXT    NOT NULL PRIMARY KEY,
    target   TEXT    NOT NULL,
    apps     TEXT    NOT NULL, -- JSON: a list; an empty one is every app
    rule     TEXT    NOT NULL, -- '' where it is closed once
    lasts    INTEGER NOT NULL, -- seconds
    from_at  TEXT    NOT NULL, -- as given
    to_at    TEXT    NOT NULL,
    timezone TEXT    NOT NULL, -- '' for the server's
    note     TEXT    NOT NULL,
    set_by   TEXT    NOT NULL,
    set_time INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE start_cap (
    name     TEXT    NOT NULL PRIMARY KEY,
    target   TEXT    NOT NULL,
    apps     TEXT    NOT NULL,
    most     INTEGER NOT NULL,
    per      TEXT    NOT NULL,
    set_by   TEXT    NOT NULL,
    set_time INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- migration 3: how the hosts of a run that has ended did, so that a list need not count them
ALTER TABLE run ADD COLUMN counts TEXT NOT NULL DEFAULT '{}'; -- JSON: state to how many hosts; '{}' while it is open
UPDATE run SET counts = coalesce((SELECT json_group_object(state, hosts) FROM (
    SELECT coalesce(h.state, 'not_started') AS state, count(*) AS hosts FROM run_host AS h WHERE h.run = run.id GROUP BY 1)), '{}')
WHERE end_time IS NOT NULL;
