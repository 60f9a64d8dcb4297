#!/usr/bin/env python3
"""./dev scale: what agents, cron jobs, tasks, plans and runs cost as they become many, and an upgrade of a file with many tasks. Each size has a server and a data file of its own.

The data files of crons, tasks and plans are filled by SQL, with the server down; all else is asked of the running server.
"""

import argparse
import datetime
import json
import os
import pathlib
import re
import resource
import shutil
import sqlite3
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "test" / "e2e"))

import fleet_cost  # noqa: E402
import plot  # noqa: E402
from contestants import BENCH, BIN, Elvesd, elves_bench, fresh  # noqa: E402
from elves_wire import Client  # noqa: E402
from loop_turns import LoopTurns  # noqa: E402
from turns import cpu_seconds  # noqa: E402

HERE = pathlib.Path(__file__).parent
SIZES = {"agents": [2_500, 5_000, 10_000, 19_000, 50_000], "crons": [10_000, 100_000, 1_000_000],
         "tasks": [100_000, 1_000_000, 10_000_000], "upgrade": [100_000, 1_000_000, 10_000_000], "runs": [100, 1_000, 10_000], "plans": [10_000, 50_000, 200_000]}
DUE = 10_000  # cron jobs that fall due in one second
ONLINE = 20  # agents that keep beating while crons and tasks are measured
DAY = 86_400_000


class Cell:
    """What was measured of one size: numbers, the first of which a curve shows, and how a table shows them."""

    def __init__(self, form, *numbers):
        self.form, self.numbers = form, numbers

    def __str__(self):
        return self.form.format(*self.numbers)


class Kept(Elvesd):
    """One whose settings and data file stay from one start to the next."""

    more = ""

    def command(self):
        command = super().command()
        with open(self.folder / "elves.conf", "a") as file:
            file.write(self.more)
        return command

    def client(self):
        return Client("127.0.0.1", self.port)

    def filled(self, script):
        """Runs SQL on the data file of a server that is down."""
        db = sqlite3.connect(self.folder / "elves.db")
        db.executescript("PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000;" + script)
        db.close()
        os.sync()  # else the server's first sync would wait for all of this


def milliseconds(ask, times=20):
    """Of one asking: the middle, and the slowest."""
    took = []
    for _ in range(times):
        begun = time.perf_counter()
        ask()
        took.append((time.perf_counter() - begun) * 1000)
    return Cell("{:.2f} ({:.2f})", statistics.median(took), max(took))


class Beating:
    """Agents that are online and beat, until the block ends."""

    def __init__(self, server, count):
        self.process = subprocess.Popen([BENCH, "idle", "--dialect", "elves", "--to", server.to, "--agents", str(count), "--beat", "10"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.seconds = float(self.process.stdout.readline().split()[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()


def agents(count, folder):
    server = Kept("elvesd")
    server.start(fresh(folder))
    before = server.rss()
    with Beating(server, count) as beating:
        ready = beating.seconds
        time.sleep(2)
        begun, cpu = time.monotonic(), cpu_seconds(server)
        time.sleep(20)
        load = (cpu_seconds(server) - cpu) / (time.monotonic() - begun) * 100
        each = (server.rss() - before) / count
        client = server.client()
        counts = milliseconds(lambda: client.ok("heartbeat", "getonlinestat"))
        page = milliseconds(lambda: client.ok("heartbeat", "listagents", limit="100"))
    server.stop()
    server.start(folder)
    with Beating(server, count) as beating:
        back = server.start_seconds + beating.seconds
    server.stop()
    return {"bytes each": Cell("{:,.0f}", each), "all there, s: at first": Cell("{:.2f}", ready),
            "CPU at rest, % of a core": Cell("{:.1f}", load), "all there, s: after a restart": Cell("{:.2f}", back),
            "a call, ms: getonlinestat": counts, "a call, ms: listagents, 100": page}


def numbers(count):
    return f"WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {count})"


def crons(count, folder):
    server = Kept("elvesd")
    server.start(fresh(folder))
    empty = server.rss()
    server.stop()
    due = datetime.datetime.now() + datetime.timedelta(seconds=40 + count / 40_000)
    rule = f"{due.second} {due.minute} {due.hour} * * ?"
    now = int(time.time() * 1000)
    ins = json.dumps({"mode": "NP", "app": "backup", "func": "full", "param": "", "timeout": 90})
    server.filled(f"""{numbers(count)} INSERT INTO cron_job SELECT printf('%016X', n * 1099511627791),
        '10.' || (n >> 16 & 255) || '.' || (n >> 8 & 255) || '.' || (n & 255), 'center',
        iif(n <= {DUE}, '{rule}', (n % 60) || ' ' || (n / 60 % 60) || ' 2 1 1 ?'), '{ins}', 1, {now}, '', NULL, 'skip', 'skip', 0, {now}
        FROM number;""")
    server.start(folder)
    memory = (server.rss() - empty) / count
    late = []
    while not late and datetime.datetime.now() < due + datetime.timedelta(seconds=30):
        time.sleep(1)
        if datetime.datetime.now() > due + datetime.timedelta(seconds=8):
            db = sqlite3.connect(f"file:{folder}/elves.db?mode=ro", uri=True)
            late = sorted(row[0] for row in db.execute("SELECT start_time - fire_time FROM tasks"))
            db.close()
    seconds = server.start_seconds
    server.stop()
    if len(late) != DUE:
        raise RuntimeError(f"{len(late)} of {DUE} jobs fired")
    return {"bytes of memory each": Cell("{:,.0f}", memory), "start, s": Cell("{:.2f}", seconds),
            f"late, ms, of {DUE:,} due in one second: p99 (median, worst)":
                Cell("{} ({}, {})", late[DUE * 99 // 100], late[DUE // 2], late[-1])}


def fill_tasks(server, count):
    """As one real task is, but for who, what, when and how it ended: over 90 days, 200 agents, 50 apps, one in 100 failed."""
    db = sqlite3.connect(server.folder / "elves.db")
    columns = {table: [row[1] for row in db.execute(f"PRAGMA table_info({table})")] for table in ("task_requests", "task_outcomes")}
    db.close()
    begun, gap, epoch = int(time.time() * 1000) - 90 * DAY, 90 * DAY // count, 1577836800000  # 2020
    start = f"{begun} + n * {gap}"
    made = {"key": f"(({start} - {epoch}) << 22) + n", "block": "n / 1024", "agent": "'10.1.' || (n % 200) || '.1'", "app": "'app' || (n % 50)",
            "asked_by": "'key' || (n % 20)", "start_time": start}
    outcome = {"key": made["key"], "status": "iif(n % 100 = 0, 4, 3)"}
    server.filled(f"""CREATE TEMP TABLE request AS SELECT * FROM task_requests LIMIT 1;
        CREATE TEMP TABLE outcome AS SELECT * FROM task_outcomes LIMIT 1;
        DELETE FROM task_requests; DELETE FROM task_outcomes; DELETE FROM task_blocks; DELETE FROM open_before;
        {numbers(count)} INSERT INTO task_requests
        SELECT {", ".join(made.get(name, name) for name in columns["task_requests"])} FROM number, request;
        {numbers(count)} INSERT INTO task_outcomes
        SELECT {", ".join(outcome.get(name, name) for name in columns["task_outcomes"])} FROM number, outcome;
        INSERT INTO task_blocks SELECT block, min(key) FROM task_requests GROUP BY block;
        UPDATE open_since SET key = (SELECT max(key) + 1 FROM task_requests); ANALYZE;""")
    return [f"{((begun + n * gap - epoch) << 22) + n:016X}" for n in range(1, count, count // 100)][:100]


def tasks(count, folder):
    server = Kept("elvesd")
    server.more = "[audit]\nenabled = false\n"
    server.start(fresh(folder))
    load = {"ask": "sendasync", "connections": 64, "in_flight": 1, "agents": 1}
    elves_bench(*server.load({**load, "connections": 1}, "--answers", 1))
    time.sleep(1)
    server.stop()
    ids = fill_tasks(server, count)
    server.start(folder)
    row = {"file, MiB": Cell("{:,.0f}", (folder / "elves.db").stat().st_size / 2**20),
           "start, s": Cell("{:.2f}", server.start_seconds),
           "sendasync 64x1 a second": Cell("{:,.0f}", elves_bench(*server.load(load, "--seconds", 3, "--warmup", 1))["rate"])}
    client = server.client()
    row["gettaskbyids of 100, ms"] = milliseconds(lambda: client.ok("tasklog", "gettaskbyids", id=ids))
    filters = {"no filter": {}, "agentip": {"agentip": "10.1.7.1"}, "app": {"app": "app7"}, "status": {"status": "failed"},
               "by": {"by": "key7"}, "cron_id": {"cron_id": "0" * 15 + "1"},
               "since, until": {"since": text_of(60), "until": text_of(59)}, "an app that never ran": {"app": "none"},
               "a func that never ran": {"func": "none"}, "type, of which there is none": {"type": "rt"}}
    for name, fields in filters.items():
        row[f"listtasks of 100, ms: {name}"] = milliseconds(lambda f=fields: client.call("tasklog", "listtasks", limit="100", **f), 5)
        if name in ("since, until", "an app that never ran"):
            row[f"listtasks until it knows, s: {name}"] = pages_of(client, fields)
    server.stop()
    row["deleted by age, a second"] = pruned(server, folder)
    return row


def pages_of(client, fields):
    """What it takes to find a hundred, or to know that there are none."""
    begun, count, found, after = time.monotonic(), 0, 0, {}
    while after is not None and found < 100:
        page = client.ok("tasklog", "listtasks", limit="100", **fields, **after)
        count, found = count + 1, found + len(page["info"])
        after = {"after": page["next"]} if "next" in page else None
    return Cell("{1} calls, {0:.2f} s", time.monotonic() - begun, count)


def text_of(days_ago):
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time.time() - days_ago * 86400))


def pruned(server, folder):
    """How fast old ones go, while nothing else is to be done."""
    server.more += f"[tasklog]\nkeep = {81 * 86400}\nkeep_failed = {81 * 86400}\n"
    db = sqlite3.connect(f"file:{folder}/elves.db?mode=ro", uri=True)
    def kept():  # of the oldest; read to its end: or the next one saw what this one did
        return db.execute("SELECT count(*) FROM task_requests WHERE block < 98").fetchall()[0][0]
    first = kept()
    server.start(folder)
    # The first look is a tenth of the time kept away, a minute at most.
    while (before := kept()) == first:
        time.sleep(0.05)
    begun = time.monotonic()
    time.sleep(0.3)
    rate = (before - kept()) / (time.monotonic() - begun)
    db.close()
    server.stop()
    return Cell("{:,.0f}", rate)


def old_tables(count):
    """SQL that makes a data file one of the task log's schema 7, with that many finished tasks, as real ones of a `sendasync` are."""
    schema = (HERE.parent / "modules" / "tasklog" / "schema.sql").read_text()
    new = schema[schema.index("-- migration 8:"):]
    views, tables, dropped = re.findall(r"CREATE VIEW (\w+)", new), re.findall(r"CREATE TABLE (\w+)", new), ""
    dropped += "".join(f"DROP VIEW {name};" for name in reversed(views)) + "".join(f"DROP TABLE {name};" for name in tables)
    dropped += "DROP TABLE outputs; DROP TABLE deliveries; DROP TABLE written; DROP TABLE error_outputs; DROP TABLE output_cuts;"
    at = f"{int(time.time() * 1000) - 90 * DAY} + n * {90 * DAY // count}"
    return f"""{dropped} {schema[:schema.index("-- migration 8:")]}
        UPDATE module_version SET version = 7 WHERE module = 'tasklog';
        {numbers(count)} INSERT INTO tasks (id, agent, type, mode, app, func, param, timeout, proxy, ttl, status, asked_by, asked_from,
            start_time, sent_time, end_time, sync_flag, sync_error, sync_costtime, worker_flag, worker_result, worker_costtime, stderr,
            truncated, cancel_due, taken_time, reported_time)
        SELECT printf('%04X', abs(random()) % 65536) || printf('%012X', n * 2654435761 & 0xFFFFFFFFFFFF),
            '10.1.' || (n % 200) || '.1', 'async', 'NP', 'app' || (n % 50), 'func', '{{"my":"toryzen"}}', 90, '', 0,
            iif(n % 100 = 0, 'failed', 'done'), '0123456789ABCDE' || (n % 10), '127.0.0.1', {at}, {at}, {at} + 5, 1, '', 1, n % 100 > 0,
            'toryzen', 3, '', 0, 0, {at} + 1, {at} + 5 FROM number;"""


def upgrade(count, folder):
    """The first start on a data file of the last version whose tasks had another form."""
    server = Kept("elvesd")
    server.patience = 3600
    server.start(fresh(folder))
    server.stop()
    server.filled(old_tables(count))
    file = folder / "elves.db"
    before = file.stat().st_size
    server.start(folder)
    row = {"first start, s": Cell("{:.1f}", server.start_seconds), "tasks a second": Cell("{:,.0f}", count / server.start_seconds),
           "the file, MiB: before": Cell("{:,.0f}", before / 2**20),
           "the file, MiB: after": Cell("{:,.0f}", file.stat().st_size / 2**20)}
    server.stop()
    db = sqlite3.connect(file)
    pages, free = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count"))
    db.close()
    row["the file, MiB: in use"] = Cell("{:,.0f}", (pages - free) * 4096 / 2**20)
    server.start(folder)
    row["second start, s"] = Cell("{:.2f}", server.start_seconds)
    server.stop()
    return row


def runs(count, folder):
    server = Kept("elvesd")
    folder = fresh(folder)
    turns = LoopTurns(folder / "turns")
    server.environment = turns.environment
    server.start(folder)
    row = fleet_cost.runs(count, server, turns, Beating, milliseconds, Cell)
    server.stop()
    return row


def plans(count, folder):
    server = Kept("elvesd")
    server.start(fresh(folder))
    server.stop()
    fleet_cost.fill_inventory(server, numbers, count)
    turns = LoopTurns(folder / "turns")
    server.environment = turns.environment
    server.start(folder)
    row = fleet_cost.plans(server, turns, Beating, milliseconds, Cell)
    server.stop()
    return row


KINDS = {"agents": agents, "crons": crons, "tasks": tasks, "upgrade": upgrade, "runs": runs, "plans": plans}


def table(kind, sizes, rows):
    lines = [f"| {kind} | " + " | ".join(f"{size:,}" for size in sizes) + " |", "| --- |" + " --- |" * len(sizes)]
    return "\n".join(lines + [f"| {name} | " + " | ".join(str(row[name]) for row in rows) + " |" for name in rows[0]])


def panels(rows):
    """A row's name is a panel's title, or that and a line's name: those share the panel."""
    found = {}
    for name in rows[0]:
        title, _, line = name.partition(": ")
        found.setdefault(title, {})[line] = [row[name].numbers[0] for row in rows]
    return found


def main():
    parser = argparse.ArgumentParser(prog="./dev scale", description=__doc__.partition("\n")[0])
    parser.add_argument("kind", nargs="*", choices=[[], *KINDS], help="default: all")
    parser.add_argument("--most", type=int, default=10_000_000, help="no size beyond this")
    parser.add_argument("--folder", type=pathlib.Path, default=BIN.parent / "scale-data",
                        help="of the data files, emptied before and after; results are kept for the default alone")
    args = parser.parse_args()
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    folder, keeps = args.folder, args.folder == parser.get_default("folder")
    for kind in args.kind or KINDS:
        sizes = [size for size in SIZES[kind] if size <= args.most and (kind not in ("agents", "runs") or size + 200 <= limit)]
        if not sizes:
            continue
        rows = []
        for size in sizes:
            rows.append(KINDS[kind](size, folder))
            print(f"  {kind} {size:,} done", file=sys.stderr, flush=True)
        print("\n" + table(kind, sizes, rows))
        if not keeps:
            continue
        out = HERE / "results" / f"scale-{kind}.json"
        out.write_text(json.dumps([{kind: size, **{name: cell.numbers for name, cell in row.items()}}
                                   for size, row in zip(sizes, rows)], indent=1) + "\n")
        plot.curves(out.with_suffix(".svg"), sizes, panels(rows), f"by the number of {kind}", log=True)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
