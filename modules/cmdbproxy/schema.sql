-- migration 1: the inventory records
CREATE TABLE cmdb_record (
    agent    TEXT NOT NULL PRIMARY KEY, -- the normalised IP
    sn       TEXT NOT NULL,
    iplist   TEXT NOT NULL,             -- comma-separated
    idc      TEXT NOT NULL,
    main_cat TEXT NOT NULL,
    sub_cat  TEXT NOT NULL,
    app_info TEXT NOT NULL,
    manager  TEXT NOT NULL
) STRICT;
