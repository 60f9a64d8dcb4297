-- check lists: every key's apps and addresses can be read
-- advice: something else than the server wrote into the file; set the key anew (elvesctl key add)
SELECT 'key ' || id FROM access_key
WHERE NOT json_valid(apps) OR NOT json_valid(ips) OR length(token_hash) <> 64;

-- check admin: where there are keys, one that counts has the role admin
-- advice: make one on the server's machine, while the server is stopped: elvesd --config FILE --init-admin NAME
SELECT 'none of the keys may administer this server' WHERE EXISTS (SELECT 1 FROM access_key)
    AND NOT EXISTS (SELECT 1 FROM access_key WHERE role = 'admin' AND is_enabled = 1
        AND (expires IS NULL OR expires > ?1));

-- check joins: every request to join, and every join token, can be read
-- advice: something else than the server wrote into the file; elvesctl agents reject IP, elvesctl join-token del ID
SELECT 'request to join of ' || ip FROM join_request WHERE length(hash) <> 64
UNION ALL SELECT 'join token ' || id FROM join_token WHERE length(token_hash) <> 64;

-- report entries: entries of keys that are the name of an app, and count for a function of another
SELECT 'key ' || access_key.id || ': "' || entry.value || '" is a function, and not the app ' || app.name || ': that is "' ||
    app.name || '.*" (elvesctl key set ' || access_key.id || ' --apps ...)'
FROM access_key, json_each(CASE WHEN json_valid(access_key.apps) THEN access_key.apps ELSE '[]' END) AS entry
JOIN app ON app.name = entry.value WHERE instr(entry.value, '.') > 0;

-- report ending: keys that have expired, or expire within a week; until then set another time (elvesctl key set KEY --expires)
SELECT id || iif(name = '', '', ' (' || name || ')') || ': ' || role || ', '
    || iif(expires > ?1, 'expires at ', 'expired at ') || datetime(expires / 1000, 'unixepoch') || ' UTC'
FROM access_key WHERE is_enabled = 1 AND expires <= ?1 + 7 * 86400000 ORDER BY expires DESC;

-- report wide: agent keys that cover more than one address; give each machine its own (elvesctl agents accept, or a join token)
SELECT id || iif(name = '', '', ' (' || name || ')') || ': ' || substr(ips, 1, 80) FROM access_key
WHERE role = 'agent' AND is_enabled = 1 AND (expires IS NULL OR expires > ?1) AND json_valid(ips)
    AND (ips LIKE '%/%' OR ips LIKE '%*%' OR (SELECT count(DISTINCT value) FROM json_each(ips)) > 1);
