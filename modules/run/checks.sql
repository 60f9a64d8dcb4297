-- check list: a run has as many hosts as its list had when it was frozen
-- advice: something else than the server wrote into the file; restore a backup
SELECT 'run ' || id || ' was begun with ' || hosts || ' hosts, and has ' || listed
FROM (SELECT id, hosts, (SELECT count(*) FROM run_host WHERE run = run.id) AS listed FROM run) WHERE hosts <> listed;

-- check once: a host is in a run once
-- advice: something else than the server wrote into the file; restore a backup
SELECT 'run ' || run || ' has host ' || ip || ' ' || count(*) || ' times' FROM run_host GROUP BY run, ip HAVING count(*) > 1;

-- check task: a host's task in a run is its own, and no other host's
-- advice: something else than the server wrote into the file; restore a backup
SELECT 'run ' || run_host.run || ': task ' || run_host.task || ' of host ' || run_host.ip || ' ran on ' || tasks.agent
FROM run_host JOIN tasks ON tasks.key = task_number(run_host.task) AND tasks.id = run_host.task
WHERE run_host.task IS NOT NULL AND tasks.agent <> run_host.ip
UNION ALL
SELECT 'task ' || task || ' is of ' || count(*) || ' hosts of runs' FROM run_host
WHERE task IS NOT NULL GROUP BY task HAVING count(*) > 1;

-- check ended: a run has an end time exactly when its state is final
-- advice: report this with the server's log of that time
SELECT 'run ' || id || ' is ' || state || ', and ' || iif(end_time IS NULL, 'has no end time', 'has an end time')
FROM run WHERE (end_time IS NULL) <> (state IN ('pending', 'running', 'paused'));

-- check sum: the states of a run's hosts add up to its list
-- advice: report this with the server's log; elvesctl runs hosts ID shows them
SELECT 'run ' || run.id || ' has ended, and of its ' || run.hosts || ' hosts ' || count(*) || ' have no state, the first of them '
    || min(run_host.ip)
FROM run JOIN run_host ON run_host.run = run.id AND run_host.state IS NULL
WHERE run.end_time IS NOT NULL GROUP BY run.id
UNION ALL
SELECT 'run ' || run.id || ' has not ended, and ' || count(*) || ' of its hosts have a final state, the first of them '
    || min(run_host.ip)
FROM run JOIN run_host ON run_host.run = run.id AND run_host.state IS NOT NULL
WHERE run.end_time IS NULL GROUP BY run.id;

-- check state: a host's state in an ended run is its task's, and not_started without one
-- advice: report this with the server's log; elvesctl why TASK tells what became of a task
SELECT 'run ' || run_host.run || ': host ' || run_host.ip || ' is ' || run_host.state || ', and '
    || iif(run_host.task IS NULL, 'has no task', 'its task ' || run_host.task || ' is ' || tasks.status)
FROM run_host LEFT JOIN tasks ON tasks.key = task_number(run_host.task) AND tasks.id = run_host.task
WHERE run_host.state IS NOT NULL
    AND iif(run_host.task IS NULL, run_host.state <> 'not_started', coalesce(tasks.status <> run_host.state, 0));

-- check done: a run is done exactly when all of its hosts are
-- advice: report this with the server's log; elvesctl runs hosts ID shows them
SELECT 'run ' || id || ' is ' || state || ', and ' || done || ' of its ' || hosts || ' hosts are done'
FROM (SELECT run.*, (SELECT count(*) FROM run_host WHERE run = run.id AND run_host.state = 'done') AS done FROM run)
WHERE (state = 'done' AND done <> hosts) OR (state = 'partial' AND done = hosts);

-- check kept: the tasks of a run that has not ended are in the log
-- advice: report this with the server's log of that time; the run goes on, and calls such a host lost
SELECT 'run ' || run.id || ': task ' || run_host.task || ' of host ' || run_host.ip || ' is not in the log'
FROM run JOIN run_host ON run_host.run = run.id
WHERE run.end_time IS NULL AND run_host.task IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM task_requests WHERE key = task_number(run_host.task));

-- report runs: runs
SELECT count(*) || ' ' || state || ', of ' || sum(hosts) || ' hosts' FROM run GROUP BY state;
