#pragma once

namespace elves::agent {

/// The journal's tables. Times are UTC in ms. Numbered parts, never edited once released.
inline constexpr auto journal_schema = R"sql(
-- migration 1: tasks taken, and the agent's own cron jobs
CREATE TABLE task (
    id TEXT PRIMARY KEY NOT NULL,
    type TEXT NOT NULL,
    stage TEXT NOT NULL CHECK (stage IN ('taken', 'started', 'done')),
    ins TEXT NOT NULL,
    taken INTEGER NOT NULL,
    started INTEGER,
    cron_id TEXT,
    fire_time INTEGER,
    skipped INTEGER NOT NULL DEFAULT 0,
    result TEXT,
    confirmed INTEGER
) STRICT, WITHOUT ROWID;
-- A firing never starts twice. What was missed is told apart from the run that makes up for it.
CREATE UNIQUE INDEX task_firing ON task (cron_id, fire_time, skipped) WHERE cron_id IS NOT NULL;
CREATE INDEX task_open ON task (taken) WHERE confirmed IS NULL;
CREATE INDEX task_confirmed ON task (confirmed) WHERE confirmed IS NOT NULL;

CREATE TABLE cron (
    id TEXT PRIMARY KEY NOT NULL,
    entry TEXT NOT NULL,
    accounted INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- migration 2: on whose account a task runs
ALTER TABLE task ADD COLUMN account TEXT NOT NULL DEFAULT '';
ALTER TABLE task ADD COLUMN workers INTEGER; -- NULL: the agent's default share

-- migration 3: what workers printed and the server has not confirmed
CREATE TABLE output (
    id TEXT NOT NULL,
    stream TEXT NOT NULL CHECK (stream IN ('stdout', 'stderr')),
    at INTEGER NOT NULL, -- bytes from the beginning of the stream
    data TEXT NOT NULL,
    PRIMARY KEY (id, stream, at)
) STRICT, WITHOUT ROWID;

-- migration 4: until when a task may start, and since when the journal is complete
ALTER TABLE task ADD COLUMN start_by INTEGER; -- by the server's clock; NULL: no limit
ALTER TABLE task ADD COLUMN not_started INTEGER NOT NULL DEFAULT 0; -- done without having started: may be taken again
CREATE TABLE journal (
    since INTEGER NOT NULL -- the server's clock at the first registration; one row at most
) STRICT;

-- migration 5: runs that a newer one replaced, firings of the server's, and the run that is owed
ALTER TABLE task ADD COLUMN replaced INTEGER NOT NULL DEFAULT 0;
ALTER TABLE task ADD COLUMN sent INTEGER NOT NULL DEFAULT 0; -- 1: a firing of the server's
-- The time of a run that makes up for missed ones (misfire 'once') and is not in the journal yet.
ALTER TABLE cron ADD COLUMN owed INTEGER;

-- migration 6: whose journal this is, and when a server last knew this agent; one row at most in each
CREATE TABLE owner (
    machine TEXT NOT NULL, -- a hash of its machine id; '' where that is not known
    address TEXT NOT NULL -- '' before the first registration
) STRICT;
CREATE TABLE contact (
    heard INTEGER NOT NULL, -- this machine's clock
    refused TEXT NOT NULL -- why a server has refused this agent since then; '' where none has
) STRICT;
)sql";

} // namespace elves::agent
