"""What is known after a run, from all sides: what clients were told, what workers wrote, what lies in the store and in the
agents' journals. Plain dicts and lists, so that a test can make them up.

History, one dict for each thing that a client, the processor or the watch has seen:
  {"what": "send", "method", "token", "agent", "mode", "dedup", "id", "info"}   an acknowledged send
  {"what": "cancel", "id", "status"}                                             an acknowledged cancel
  {"what": "down"}                                                               the server is about to be killed or stopped
  {"what": "clock set back", "whose"}                                            "server", or an agent
  {"what": "saw", "id", "status"}                                                a state that was read
  {"what": "delivered", "id", "worker_flag", "said"}                             a call of the processor's, and its answer
  {"what": "put", "kind", "name", "value", "came"}   a record set (value None: deleted), in each name's order; `came` is
        "acked", "unknown" (no answer, or [507.1]) or "late" (no answer, and it may still be under way)
Workers: {"event": "start" or "end", "token", "id", "flag"}.
"""

import json
import sqlite3
from dataclasses import dataclass, field


@dataclass
class Evidence:
    history: list = field(default_factory=list)
    workers: list = field(default_factory=list)
    tasks: dict = field(default_factory=dict)        # id -> row of the table `tasks`
    owed: set = field(default_factory=set)           # ids in `deliveries`
    records: dict = field(default_factory=dict)      # (kind, name) -> value
    crons: dict = field(default_factory=dict)        # id -> row of `cron_job`
    confirmed: set = field(default_factory=set)      # ids whose result an agent's journal holds as confirmed
    own_crons: dict = field(default_factory=dict)    # id -> `accounted` of an agent's journal
    damage: list = field(default_factory=list)       # what SQLite says of the file


def rows(db, sql):
    return [dict(row) for row in db.execute(sql)]


def opened(path):
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    db.row_factory = sqlite3.Row
    return db


def read_store(evidence, path):
    """The server's file; the server is down."""
    db = opened(path)
    evidence.damage += [f"{path}: {row['integrity_check']}" for row in rows(db, "PRAGMA integrity_check")
                        if row["integrity_check"] != "ok"]
    evidence.tasks = {row["id"]: row for row in rows(db, "SELECT * FROM tasks")}
    evidence.owed = {row["id"] for row in rows(db, "SELECT id FROM deliveries")}
    evidence.crons = {row["id"]: row for row in rows(db, "SELECT * FROM cron_job")}
    records = evidence.records
    for row in rows(db, "SELECT agent, sn FROM cmdb_record"):
        records["cmdb", row["agent"]] = row["sn"]
    for row in rows(db, "SELECT name, port FROM app"):
        records["app", row["name"]] = str(row["port"])
    for row in rows(db, "SELECT id, name, is_enabled FROM access_key"):
        records["key", row["id"]] = row["name"]
    for row in evidence.crons.values():
        records["cron", row["id"]] = row["rule"]
    db.close()


def read_journal(evidence, path):
    """An agent's; the agent is down."""
    db = opened(path)
    evidence.damage += [f"{path}: {row['integrity_check']}" for row in rows(db, "PRAGMA integrity_check")
                        if row["integrity_check"] != "ok"]
    evidence.confirmed |= {row["id"] for row in rows(db, "SELECT id FROM task WHERE confirmed IS NOT NULL")}
    evidence.own_crons.update({row["id"]: row["accounted"] for row in rows(db, "SELECT id, accounted FROM cron")})
    db.close()


def read_lines(path):
    """A file of JSON lines, perhaps not there, perhaps cut in its last line."""
    found = []
    try:
        with open(path, encoding="utf-8") as lines:
            found = [json.loads(line) for line in lines if line.endswith("\n")]
    except FileNotFoundError:
        pass
    return found
