-- check end: a task has an end time exactly when its state is final
-- advice: look at its story (elvesctl why ID); report this with the server's log of that time
SELECT 'task ' || id || ' is ' || status || ', and ' || iif(end_time IS NULL, 'has no end time', 'has an end time')
FROM tasks WHERE (end_time IS NULL) <> (status IN ('waiting', 'sent', 'running'));

-- check state: a task is in a state that there is
-- advice: something else than the server wrote into the file; restore a backup
SELECT 'task ' || id || ' is "' || status || '"' FROM tasks
WHERE status NOT IN ('waiting', 'sent', 'running', 'done', 'failed', 'timeout', 'canceled', 'expired', 'undelivered',
    'skipped', 'lost');

-- check sent: what is at an agent was sent at some time
-- advice: look at its story (elvesctl why ID); report this with the server's log of that time
SELECT 'task ' || id || ' is ' || status || ', and was never sent' FROM tasks
WHERE status IN ('sent', 'running') AND sent_time IS NULL;

-- check verdict: a task's final state says what its result says
-- advice: look at its story (elvesctl why ID); report this with the server's log of that time
SELECT 'task ' || id || ' is ' || status || ', and its worker''s flag is ' || coalesce(worker_flag, 'missing') FROM tasks
WHERE (status = 'done' AND worker_flag IS NOT 1)
    OR (status IN ('failed', 'timeout') AND worker_flag = 1 AND sync_flag = 1 AND type <> 'rt');

-- check cancel: only a canceled task has its cancel to be told to the agent
-- advice: look at its story (elvesctl why ID); report this with the server's log of that time
SELECT 'task ' || id || ' is ' || status || ', and its agent is to be told of a cancel' FROM tasks
WHERE cancel_due = 1 AND status <> 'canceled';

-- check owed: what is owed to a processor is the result of a finished task of mode P
-- advice: report this with the server's log; the result itself is in the task log (elvesctl task ID)
WITH owed AS (
    SELECT id, coalesce((SELECT key FROM task_requests WHERE key = task_number(id) AND own_id IS NULL),
        (SELECT key FROM task_requests WHERE own_id = task_number(id))) AS key FROM deliveries)
SELECT 'a delivery of task ' || owed.id || ' is owed, and ' || CASE
    WHEN tasks.key IS NULL THEN 'there is no such task'
    WHEN tasks.mode <> 'P' THEN 'its mode is NP'
    WHEN tasks.end_time IS NULL THEN 'it has no final state yet'
    ELSE 'it has been delivered' END
FROM owed LEFT JOIN tasks ON tasks.key = owed.key
WHERE tasks.key IS NULL OR tasks.mode <> 'P' OR tasks.end_time IS NULL OR tasks.module_sync_flag = 'true';

-- check forgotten: every finished task of mode P was delivered, given up, or is owed to its processor
-- advice: its result is in the task log (elvesctl task ID); hand it to the processor by hand, and report this
SELECT 'the result of task ' || id || ' was never tried to deliver, and is not owed' FROM tasks
WHERE mode = 'P' AND end_time IS NOT NULL AND status <> 'skipped' AND module_sync_flag = ''
    AND id NOT IN (SELECT id FROM deliveries);

-- check output: live output belongs to a task
-- advice: nothing is lost but room; report this
WITH printed (what, id) AS (
    SELECT 'output of task ', id FROM outputs GROUP BY id
    UNION ALL SELECT 'stderr of task ', id FROM error_outputs GROUP BY id
    UNION ALL SELECT 'a cut in the output of task ', id FROM output_cuts)
SELECT what || id || ', which there is not' FROM printed
WHERE NOT EXISTS (SELECT 1 FROM task_requests WHERE key = task_number(id) AND own_id IS NULL)
    AND NOT EXISTS (SELECT 1 FROM task_requests WHERE own_id = task_number(id));

-- check outcome: what came of a task belongs to a task
-- advice: report this with the server's log
SELECT 'an outcome with key ' || key || ' belongs to no task' FROM task_outcomes
WHERE key NOT IN (SELECT key FROM task_requests)
UNION ALL
SELECT 'a delivery to a processor with key ' || key || ' belongs to no task' FROM task_processing
WHERE key NOT IN (SELECT key FROM task_requests);

-- check open: the list of open tasks is whole
-- advice: report this with the server's log; the server does not know of such a task, and it never ends
SELECT 'task ' || id || ' is ' || status || ', and is not in the list of open tasks' FROM tasks
WHERE (status IN ('waiting', 'sent', 'running') OR cancel_due = 1) AND key < (SELECT key FROM open_since)
    AND key NOT IN (SELECT key FROM open_before);

-- check blocks: every task is in the block of its key
-- advice: lists by agent may miss such a task; report this with the server's log
SELECT 'task ' || tasks.id || ' is in block ' || r.block FROM task_requests AS r JOIN tasks ON tasks.key = r.key
WHERE r.block IS NOT (SELECT b.block FROM task_blocks AS b WHERE b.first <= r.key ORDER BY b.first DESC LIMIT 1);

-- live stuck: a task ends some time after its own time is over
-- advice: is its agent online (elvesctl agent IP)? see how far it came (elvesctl why ID), or end it (elvesctl cancel ID)
SELECT 'task ' || id || ' on ' || agent || ' is ' || status || ' for ' || ((?1 - coalesce(sent_time, start_time)) / 1000)
    || ' s; its timeout is ' || timeout || ' s, its ttl ' || ttl || ' s'
FROM open_tasks
WHERE end_time IS NULL AND (
    (status = 'waiting' AND ?1 > start_time + ttl * 1000 + 3600000)
    OR (status <> 'waiting' AND timeout > 0 AND ?1 > sent_time + timeout * 1000 + 3600000));

-- report unfinished: unfinished tasks
SELECT count(*) || ' ' || status || '; the oldest, ' || id || ', for ' || ((?1 - min(start_time)) / 1000) || ' s'
FROM open_tasks WHERE end_time IS NULL GROUP BY status;

-- report owed: results owed to processors
SELECT count(*) || '; the oldest, ' || id || ', for ' || ((?1 - min(since)) / 1000) || ' s' FROM deliveries HAVING count(*) > 0;
