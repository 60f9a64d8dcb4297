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

-- migration 8: a task as it was asked for is written once, and its id is the key
-- Ids that this server makes grow with time, so a row goes to the end of its table; `own_id` holds an id that somebody else
-- made: an agent, or an older server. The view `tasks` shows both tables with words and times. The numbers of words are those
-- of TaskType, Mode and TaskStatus in include/elves/task.hpp and instruction.hpp.
ALTER TABLE tasks RENAME TO tasks_before_8;

-- What may be long stands at the end: who asks for the rest does not read over it.
CREATE TABLE task_requests (
    key            INTEGER NOT NULL PRIMARY KEY, -- the id as a number, or one that was made for its place in time
    own_id         INTEGER,                      -- NULL: the key is the id
    block          INTEGER NOT NULL,             -- see task_blocks
    agent          TEXT    NOT NULL,
    type           INTEGER NOT NULL,
    mode           INTEGER NOT NULL,
    status         INTEGER NOT NULL,             -- as recorded; it counts while there is no outcome
    start_time     INTEGER NOT NULL,             -- UTC, ms
    timeout        INTEGER NOT NULL,             -- seconds, as is ttl
    ttl            INTEGER NOT NULL,
    cron_id        INTEGER,
    fire_time      INTEGER,
    firings        INTEGER,                      -- NULL: one
    last_fire_time INTEGER,
    run            INTEGER,                      -- the run of many hosts that it is part of
    app            TEXT    NOT NULL,
    func           TEXT    NOT NULL,
    asked_by       TEXT,                         -- NULL: without a key
    asked_from     TEXT    NOT NULL,
    dedup          TEXT,
    proxy          TEXT,
    param          TEXT    NOT NULL
) STRICT;
-- By agent alone each task would go to another leaf of the index, as many as there are agents.
CREATE INDEX task_requests_agent ON task_requests (block, agent);

-- What came of a task, written again as a whole when more does. Times are ms after the task's start_time.
CREATE TABLE task_outcomes (
    key               INTEGER NOT NULL PRIMARY KEY,
    status            INTEGER NOT NULL,
    cancel_due        INTEGER NOT NULL,
    sent_after        INTEGER,
    taken_after       INTEGER,
    reported_after    INTEGER,
    end_after         INTEGER,
    sync_flag         INTEGER,
    sync_costtime     INTEGER,
    called_back_after INTEGER,
    worker_flag       INTEGER, -- NULL: there is no report
    worker_costtime   INTEGER,
    exit_code         INTEGER,
    truncated         INTEGER,
    sync_error        TEXT,
    worker_result     TEXT,
    stderr            TEXT
) STRICT;

-- What became of the delivery of a result to its app's processor.
CREATE TABLE task_processing (
    key           INTEGER NOT NULL PRIMARY KEY,
    sync_flag     INTEGER, -- 1: delivered
    sync_error    TEXT,
    sync_costtime INTEGER,
    first_time    INTEGER,
    last_time     INTEGER,
    tries         INTEGER NOT NULL DEFAULT 0,
    callback_time INTEGER,
    message       TEXT,
    costtime      INTEGER
) STRICT;

-- Tasks in blocks of some 1,024, in the order of their keys.
CREATE TABLE task_blocks (
    block INTEGER NOT NULL PRIMARY KEY,
    first INTEGER NOT NULL UNIQUE -- no key of the block is smaller
) STRICT;

-- Open tasks are those from `open_since` on without a final outcome, and of the older ones those in `open_before`.
CREATE TABLE open_since (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    key INTEGER NOT NULL
) STRICT;
INSERT INTO open_since VALUES (1, 0);
CREATE TABLE open_before (key INTEGER NOT NULL PRIMARY KEY) STRICT;

CREATE VIEW tasks AS SELECT
    r.key,
    printf('%016X', coalesce(r.own_id, r.key)) AS id,
    r.agent,
    CASE r.type WHEN 0 THEN 'rt' WHEN 1 THEN 'async' WHEN 2 THEN 'cron' ELSE r.type END AS type,
    CASE r.mode WHEN 0 THEN 'NP' WHEN 1 THEN 'P' ELSE r.mode END AS mode,
    r.app, r.func, r.param, r.timeout, coalesce(r.proxy, '') AS proxy, r.ttl, r.dedup,
    CASE coalesce(o.status, r.status) WHEN 0 THEN 'waiting' WHEN 1 THEN 'sent' WHEN 2 THEN 'running' WHEN 3 THEN 'done'
        WHEN 4 THEN 'failed' WHEN 5 THEN 'timeout' WHEN 6 THEN 'canceled' WHEN 7 THEN 'expired' WHEN 8 THEN 'undelivered'
        WHEN 9 THEN 'skipped' WHEN 10 THEN 'lost' ELSE coalesce(o.status, r.status) END AS status,
    coalesce(r.asked_by, '') AS asked_by, r.asked_from, r.start_time,
    iif(o.key IS NULL, iif(r.status = 1, r.start_time, NULL), r.start_time + o.sent_after) AS sent_time,
    r.start_time + o.end_after AS end_time,
    r.start_time + o.taken_after AS taken_time,
    r.start_time + o.reported_after AS reported_time,
    iif(r.cron_id IS NULL, NULL, printf('%016X', r.cron_id)) AS cron_id, r.fire_time, coalesce(r.firings, 1) AS firings, r.last_fire_time,
    iif(r.run IS NULL, NULL, printf('%016X', r.run)) AS run,
    o.sync_flag, coalesce(o.sync_error, '') AS sync_error, o.sync_costtime,
    r.start_time + o.called_back_after AS callback_time, o.worker_flag, o.worker_result, o.worker_costtime,
    o.stderr, o.exit_code, o.truncated, coalesce(o.cancel_due, 0) AS cancel_due,
    CASE p.sync_flag WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE '' END AS module_sync_flag,
    coalesce(p.sync_error, '') AS module_sync_error, p.sync_costtime AS module_sync_costtime,
    p.first_time AS module_first_time, p.last_time AS module_last_time, coalesce(p.tries, 0) AS module_tries,
    p.callback_time AS module_callback_time, coalesce(p.message, '') AS processor_message, p.costtime AS processor_costtime
FROM task_requests AS r
LEFT JOIN task_outcomes AS o ON o.key = r.key
LEFT JOIN task_processing AS p ON p.key = r.key;

CREATE VIEW open_tasks AS
SELECT tasks.* FROM open_before CROSS JOIN tasks ON tasks.key = open_before.key
WHERE open_before.key < (SELECT key FROM open_since)
    AND (tasks.status IN ('waiting', 'sent', 'running') OR tasks.cancel_due = 1)
UNION ALL
SELECT * FROM tasks WHERE key >= (SELECT key FROM open_since)
    AND (status IN ('waiting', 'sent', 'running') OR cancel_due = 1);

-- move tasks_before_8
INSERT INTO task_requests (key, own_id, block, agent, type, mode, status, start_time, timeout, ttl, cron_id, fire_time, firings,
    last_fire_time, app, func, asked_by, asked_from, dedup, proxy, param)
SELECT seq, task_number(id), seq / 1024, agent,
    CASE type WHEN 'rt' THEN 0 WHEN 'async' THEN 1 WHEN 'cron' THEN 2 ELSE -1 END, iif(mode = 'P', 1, 0),
    iif(status = 'skipped', 9, 0), start_time, timeout, ttl, task_number(cron_id), fire_time, nullif(firings, 1),
    last_fire_time, app, func, nullif(asked_by, ''), asked_from, dedup, nullif(proxy, ''), param
FROM tasks_before_8 WHERE seq > ?1 AND seq <= ?2 ORDER BY seq;

INSERT INTO task_outcomes (key, status, cancel_due, sent_after, taken_after, reported_after, end_after, sync_flag, sync_costtime,
    called_back_after, worker_flag, worker_costtime, exit_code, truncated, sync_error, worker_result, stderr)
SELECT seq, CASE status WHEN 'waiting' THEN 0 WHEN 'sent' THEN 1 WHEN 'running' THEN 2 WHEN 'done' THEN 3 WHEN 'failed' THEN 4
        WHEN 'timeout' THEN 5 WHEN 'canceled' THEN 6 WHEN 'expired' THEN 7 WHEN 'undelivered' THEN 8 WHEN 'skipped' THEN 9
        WHEN 'lost' THEN 10 ELSE -1 END,
    cancel_due, CAST(sent_time - start_time AS INTEGER), CAST(taken_time - start_time AS INTEGER),
    CAST(reported_time - start_time AS INTEGER), CAST(end_time - start_time AS INTEGER), sync_flag, sync_costtime,
    CAST(callback_time - start_time AS INTEGER), worker_flag, worker_costtime, exit_code, truncated, nullif(sync_error, ''),
    worker_result, nullif(stderr, '')
FROM tasks_before_8 WHERE seq > ?1 AND seq <= ?2 ORDER BY seq;

INSERT INTO task_processing SELECT
    seq, CASE module_sync_flag WHEN 'true' THEN 1 WHEN 'false' THEN 0 END, nullif(module_sync_error, ''), module_sync_costtime,
    module_first_time, module_last_time, module_tries, module_callback_time, nullif(processor_message, ''), processor_costtime
FROM tasks_before_8 WHERE seq > ?1 AND seq <= ?2
    AND (module_sync_flag <> '' OR module_tries > 0 OR module_callback_time IS NOT NULL) ORDER BY seq;

INSERT OR IGNORE INTO task_blocks SELECT seq / 1024, seq / 1024 * 1024 FROM tasks_before_8
WHERE seq > ?1 AND seq <= ?2 GROUP BY seq / 1024;

-- moved
-- Made once all rows are there: it would take a page for each row to bring ids that are in no order into an index.
CREATE UNIQUE INDEX task_requests_own_id ON task_requests (own_id) WHERE own_id IS NOT NULL;
-- A second send with the same dedup is the first task; the word is an app's own.
CREATE UNIQUE INDEX task_requests_dedup ON task_requests (agent, app, dedup) WHERE dedup IS NOT NULL;
-- A firing is started once; what was skipped is only told.
CREATE UNIQUE INDEX task_requests_firing ON task_requests (cron_id, fire_time) WHERE cron_id IS NOT NULL AND status <> 9;
CREATE INDEX task_requests_cron ON task_requests (cron_id) WHERE cron_id IS NOT NULL;

INSERT INTO open_before SELECT seq FROM tasks_before_8
WHERE (end_time IS NULL OR cancel_due = 1) AND (status IN ('waiting', 'sent', 'running') OR cancel_due = 1);
UPDATE open_since SET key = coalesce((SELECT max(seq) + 1 FROM tasks_before_8), 0);
DROP TABLE tasks_before_8;
