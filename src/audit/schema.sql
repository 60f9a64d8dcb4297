-- migration 1: who asked for what, each row chained to the one before by its hash
CREATE TABLE audit (
    seq     INTEGER NOT NULL PRIMARY KEY, -- one after the other, without a gap
    time    INTEGER NOT NULL,             -- UTC, ms
    key     TEXT    NOT NULL,             -- '' without one
    address TEXT    NOT NULL,
    method  TEXT    NOT NULL,             -- service.method
    agent   TEXT    NOT NULL,             -- '' where the call names none; so are the next three
    app     TEXT    NOT NULL,
    func    TEXT    NOT NULL,
    target  TEXT    NOT NULL,             -- the id of the task, cron job or key
    param   TEXT    NOT NULL,
    allowed INTEGER NOT NULL,
    changed INTEGER NOT NULL,             -- 1: written in the transaction of the change itself
    result  TEXT    NOT NULL,             -- 'ok', or an error's code
    more    INTEGER NOT NULL,             -- it stands for so many calls that are not told one by one
    hash    TEXT    NOT NULL
) STRICT;

-- The row before the first one there is: older ones were pruned.
CREATE TABLE audit_start (
    one  INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    seq  INTEGER NOT NULL,
    hash TEXT    NOT NULL
) STRICT;
INSERT INTO audit_start VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

-- migration 2: which file of the app a call names
ALTER TABLE audit ADD COLUMN proxy TEXT NOT NULL DEFAULT ''; -- as in ins.proxy; '' without one

-- migration 3: the records of one commit in one row
-- `audit` keeps the rows that older programs wrote, until they are pruned: all of them come before the pages.
CREATE TABLE audit_pages (
    first   INTEGER NOT NULL PRIMARY KEY, -- the seq of its first record
    last    INTEGER NOT NULL,             -- that of its last one
    newest  INTEGER NOT NULL,             -- the time of its youngest record: UTC, ms
    records BLOB    NOT NULL              -- as src/audit/audit_page.hpp says
) STRICT;
