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

-- migration 2: names, dates, the run that is owed, and what the agent knows
ALTER TABLE cron_job ADD COLUMN name TEXT NOT NULL DEFAULT ''; -- unique among an agent's jobs, or ''
ALTER TABLE cron_job ADD COLUMN starts INTEGER; -- NULL: no such bound
ALTER TABLE cron_job ADD COLUMN ends INTEGER;
-- The time of a run that makes up for missed ones (misfire 'once') and is not recorded yet.
ALTER TABLE cron_job ADD COLUMN owed INTEGER;
-- 0: nothing that it has to know; 1: it has not confirmed the job as it is; 2: it has.
ALTER TABLE cron_job ADD COLUMN agent_knows INTEGER NOT NULL DEFAULT 0 CHECK (agent_knows BETWEEN 0 AND 2);
-- Why the agent refuses the job, or ''.
ALTER TABLE cron_job ADD COLUMN refused TEXT NOT NULL DEFAULT '';
UPDATE cron_job SET agent_knows = 2 WHERE type = 'self';
CREATE UNIQUE INDEX cron_job_name ON cron_job (agent, name) WHERE name <> '';

-- migration 3: jobs that metrics watch, each by a name
ALTER TABLE cron_job ADD COLUMN watch TEXT NOT NULL DEFAULT ''; -- '': it is not watched
-- Of a job that is watched: it is due next after this; NULL before it was first watched.
ALTER TABLE cron_job ADD COLUMN watch_from INTEGER;
ALTER TABLE cron_job ADD COLUMN watch_ended INTEGER;     -- when its last run ended
ALTER TABLE cron_job ADD COLUMN watch_succeeded INTEGER; -- when the last one ended well
