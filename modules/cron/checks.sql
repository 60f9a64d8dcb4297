-- live due: a firing that is due is recorded within a minute
-- advice: see the server's log for this job's id; elvesctl cron list IP shows when it fires next
SELECT 'cron job ' || id || ' on ' || agent || ' was due at '
    || datetime(quartz_next(rule, zone, settled) / 1000, 'unixepoch') || ' UTC, and no firing is recorded'
FROM cron_job WHERE is_on = 1 AND type = 'center' AND quartz_next(rule, zone, settled) + jitter * 1000 < ?1 - 60000;

-- check ahead: no job is accounted for in the future
-- advice: the machine's clock was wrong, or is now; set it, then elvesctl cron stop and cron start, from when on it fires again
SELECT 'cron job ' || id || ' on ' || agent || ' does not fire before '
    || datetime(settled / 1000, 'unixepoch') || ' UTC: until then it counts as done'
FROM cron_job WHERE settled > ?1 + 86400000;

-- check rule: every job's rule and zone can be understood
-- advice: install the zone (tzdata), or set the job anew (elvesctl cron set)
SELECT 'cron job ' || id || ' on ' || agent || ': ' || coalesce(quartz_fault(rule, zone), 'its ins is no JSON')
FROM cron_job WHERE quartz_fault(rule, zone) IS NOT NULL OR NOT json_valid(ins);

-- report jobs: cron jobs
SELECT count(*) || ' of type ' || type || ', ' || sum(is_on) || ' of them on' FROM cron_job GROUP BY type;
