-- check heard: no agent was heard from in the future
-- advice: the machine's clock was wrong, or is now; set it
SELECT 'agent ' || ip || ' was last heard from at ' || datetime(last_heard / 1000, 'unixepoch') || ' UTC' FROM agent
WHERE last_heard > ?1 + 86400000;

-- check address: every agent has an address that a machine can have
-- advice: forget it (elvesctl forget IP), and correct [agent] ip on that machine
SELECT 'agent ' || ip FROM agent
WHERE ip IN ('0.0.0.0', '::', '255.255.255.255') OR ip GLOB '22[4-9].*' OR ip GLOB '23[0-9].*'
    OR ip GLOB 'ff[0-9a-f][0-9a-f]:*';

-- report unseen: agents that were not heard for 90 days; forget those that are gone (elvesctl forget --unseen-for 90d)
SELECT count(*) || ', the first of them ' || min(ip) FROM agent WHERE last_heard < ?1 - 90 * 86400000
HAVING count(*) > 0;

-- report agents: agents
SELECT count(*) || ' known, the latest heard from ' || ((?1 - max(last_heard)) / 1000) || ' s ago' FROM agent
HAVING count(*) > 0;
