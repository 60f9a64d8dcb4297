-- live due: a firing that is due is recorded within a minute
-- advice: see the server's log for this job's id; elvesctl cron list IP shows when it fires next
SELECT 'cron job ' || id || ' on ' || agent || ' was due at ' || datetime(due / 1000, 'unixepoch')
    || ' UTC, and no firing is recorded'
FROM (SELECT *, quartz_next(rule, zone, max(settled, coalesce(starts, 0) - 1)) AS due FROM cron_job)
WHERE is_on = 1 AND iif(type = 'center', agent_knows = 0, refused <> '') AND due <= coalesce(ends, due)
    AND due + jitter * 1000 < ?1 - 60000;

-- check ahead: no job is accounted for in the future
-- advice: the machine's clock was wrong, or is now; set it: elvesd notices at once, and fires the job again
SELECT 'cron job ' || id || ' on ' || agent || ' does not fire before '
    || datetime(settled / 1000, 'unixepoch') || ' UTC: until then it counts as done'
FROM cron_job WHERE is_on = 1 AND type = 'center' AND agent_knows = 0 AND settled > ?1 + 86400000;

-- check refused: every agent runs the `self` jobs that it is given
-- advice: mend what the reason names, or set the job as center; each of its times is recorded as skipped
SELECT 'cron job ' || id || ' is refused by agent ' || agent || ': ' || refused
FROM cron_job WHERE is_on = 1 AND refused <> '';

-- check untold: no job waits for its agent to be told that it no longer holds it
-- advice: start the agent, or delete the job: while the agent may hold the job as `self`, the server does not fire it
SELECT 'cron job ' || id || ' changed from self to center, and agent ' || agent || ' has not been told yet'
FROM cron_job WHERE is_on = 1 AND type = 'center' AND agent_knows = 1;

-- check rule: every job's rule and zone can be understood
-- advice: install the zone (tzdata), or set the job anew (elvesctl cron set)
SELECT 'cron job ' || id || ' on ' || agent || ': ' || coalesce(quartz_fault(rule, zone), 'its ins is no JSON')
FROM cron_job WHERE quartz_fault(rule, zone) IS NOT NULL OR NOT json_valid(ins);

-- report over: cron jobs that are on and have no time left
SELECT id || ' on ' || agent FROM cron_job
WHERE is_on = 1 AND quartz_fault(rule, zone) IS NULL
    AND coalesce(quartz_next(rule, zone, max(?1, coalesce(starts, 0) - 1)) > ends, quartz_next(rule, zone, ?1) IS NULL);

-- report jobs: cron jobs
SELECT count(*) || ' of type ' || type || ', ' || sum(is_on) || ' of them on' FROM cron_job GROUP BY type;
