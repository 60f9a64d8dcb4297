-- migration 1: tasks, what their workers printed, and what is owed to processors
CREATE TABLE tasks (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    agent TEXT NOT NULL,
    type TEXT NOT NULL,
    mode TEXT NOT NULL,
    app TEXT NOT NULL,
    func TEXT NOT NULL,
    param TEXT NOT NULL,
    timeout INTEGER NOT NULL,
    proxy TEXT NOT NULL,
    ttl INTEGER NOT NULL,
    dedup TEXT,
    status TEXT NOT NULL,
    asked_by TEXT NOT NULL,
    asked_from TEXT NOT NULL,
    start_time INTEGER NOT NULL,
    sent_time INTEGER,
    end_time INTEGER,
    cron_id TEXT,
    fire_time INTEGER,
    sync_flag INTEGER,
    sync_error TEXT NOT NULL,
    sync_costtime INTEGER,
    callback_time INTEGER,
    worker_flag INTEGER,
    worker_result TEXT,
    worker_costtime INTEGER,
    stderr TEXT,
    exit_code INTEGER,
    truncated INTEGER,
    cancel_due INTEGER NOT NULL,
    module_sync_flag TEXT NOT NULL DEFAULT '',
    module_sync_error TEXT NOT NULL DEFAULT '',
    module_sync_costtime INTEGER,
    module_callback_time INTEGER,
    processor_message TEXT NOT NULL DEFAULT '',
    processor_costtime INTEGER
) STRICT;
-- A second send with the same dedup is the first task.
CREATE UNIQUE INDEX tasks_dedup ON tasks (agent, dedup) WHERE dedup IS NOT NULL;
-- A firing is started once; what was skipped is only told.
CREATE UNIQUE INDEX tasks_firing ON tasks (cron_id, fire_time) WHERE cron_id IS NOT NULL AND status <> 'skipped';
CREATE INDEX tasks_agent ON tasks (agent, seq);
CREATE INDEX tasks_cron ON tasks (cron_id, seq) WHERE cron_id IS NOT NULL;
CREATE INDEX tasks_open ON tasks (seq) WHERE end_time IS NULL OR cancel_due = 1;
CREATE INDEX tasks_end ON tasks (end_time) WHERE end_time IS NOT NULL;

CREATE TABLE outputs (
    id TEXT NOT NULL,
    at INTEGER NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (id, at)
) STRICT, WITHOUT ROWID;

CREATE TABLE deliveries (
    id TEXT PRIMARY KEY,
    since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- migration 2: when things happened to a task, for its story
ALTER TABLE tasks ADD COLUMN taken_time INTEGER;
ALTER TABLE tasks ADD COLUMN reported_time INTEGER;
ALTER TABLE tasks ADD COLUMN module_first_time INTEGER;
ALTER TABLE tasks ADD COLUMN module_last_time INTEGER;
ALTER TABLE tasks ADD COLUMN module_tries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outputs ADD COLUMN time INTEGER;

-- migration 3: what failed is kept for another time than the rest
-- No IN: SQLite would build a table of its words for each row that is written.
DROP INDEX tasks_end;
CREATE INDEX tasks_end_others ON tasks (end_time)
    WHERE end_time IS NOT NULL AND (status = 'done' OR status = 'canceled' OR status = 'skipped');
CREATE INDEX tasks_end_failed ON tasks (end_time)
    WHERE end_time IS NOT NULL AND NOT (status = 'done' OR status = 'canceled' OR status = 'skipped');

-- migration 4: a dedup word is an app's own
-- Who may use one app only could take another's words, and that one's tasks would not run.
DROP INDEX tasks_dedup;
CREATE UNIQUE INDEX tasks_dedup ON tasks (agent, app, dedup) WHERE dedup IS NOT NULL;

-- migration 5: firings that did not start become one record, and what each key wrote today
ALTER TABLE tasks ADD COLUMN firings INTEGER NOT NULL DEFAULT 1;
ALTER TABLE tasks ADD COLUMN last_fire_time INTEGER; -- NULL: there is one firing, at fire_time

CREATE TABLE written (
    key   TEXT    NOT NULL PRIMARY KEY,
    day   INTEGER NOT NULL, -- since 1970, UTC
    bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- migration 6: what workers print to stderr, and how much of both streams was left out
CREATE TABLE error_outputs (
    id TEXT NOT NULL,
    at INTEGER NOT NULL,
    data TEXT NOT NULL,
    time INTEGER,
    PRIMARY KEY (id, at)
) STRICT, WITHOUT ROWID;

CREATE TABLE output_cuts (
    id TEXT PRIMARY KEY NOT NULL,
    bytes INTEGER NOT NULL -- not kept by the server; what the agent left out is said in the output itself
) STRICT, WITHOUT ROWID;

-- migration 7: an agent's tasks are found block by block
-- By agent alone each task would go to another leaf of the index, as many as there are agents: with 10,000 of them that
-- wrote more pages than all else together. A block is 1,024 tasks: each one goes to the end of the index.
DROP INDEX tasks_agent;
CREATE INDEX tasks_agent ON tasks (seq / 1024, agent);
