-- check whole: the rows of the audit trail follow one another without a gap
-- advice: something else than the server deleted rows; elvesctl audit verify says where the first one is missing
SELECT 'the trail goes from ' || first || ' to ' || last || ' and has ' || count || ' rows'
    || iif(first = start + 1, '', '; it should begin with ' || (start + 1))
FROM (SELECT min(first) AS first, max(last) AS last, sum(count) AS count
        FROM (SELECT min(seq) AS first, max(seq) AS last, count(*) AS count FROM audit
            UNION ALL SELECT min(first), max(last), sum(last - first + 1) FROM audit_pages)),
    (SELECT coalesce(max(seq), -1) AS start FROM audit_start)
WHERE count > 0 AND (last - first + 1 <> count OR first <> start + 1);

-- check start: the audit trail has a beginning
-- advice: something else than the server deleted it; restore a backup
SELECT 'the row that says where it begins is gone' WHERE NOT EXISTS (SELECT 1 FROM audit_start);

-- report rows: the audit trail
SELECT coalesce(sum(count), 0) || ' rows, the oldest of ' || coalesce(datetime(min(time) / 1000, 'unixepoch') || ' UTC', 'never')
FROM (SELECT count(*) AS count, min(time) AS time FROM audit
    UNION ALL SELECT sum(last - first + 1), min(newest) FROM audit_pages);
