-- check heard: no agent was heard from in the future
-- advice: the machine's clock was wrong, or is now; set it
SELECT 'agent ' || ip || ' was last heard from at ' || datetime(last_heard / 1000, 'unixepoch') || ' UTC' FROM agent
WHERE last_heard > ?1 + 86400000;

-- report agents: agents
SELECT count(*) || ' known, the latest heard from ' || ((?1 - max(last_heard)) / 1000) || ' s ago' FROM agent
HAVING count(*) > 0;
