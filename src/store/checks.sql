-- file integrity: pages, rows and indexes fit together
-- advice: stop the server, keep this file aside, and restore the last backup (elvesctl restore)
SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok';

-- live pages: pages and rows fit together
-- advice: stop the server, keep this file aside, and restore the last backup (elvesctl restore)
SELECT quick_check FROM pragma_quick_check WHERE quick_check <> 'ok';

-- report size: the data file
SELECT (count.page_count * size.page_size / 1024) || ' KiB, ' || (free.freelist_count * size.page_size / 1024)
    || ' KiB of it free for new rows'
FROM pragma_page_count AS count, pragma_page_size AS size, pragma_freelist_count AS free;
