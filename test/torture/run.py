#!/usr/bin/env python3
"""Torture: real elvesd and elves-agents under load, while they are killed and stopped, their disks fail, their clocks jump
and their links break. Then all is made whole, everything has to come to its end, and what clients were told is compared
with what is there.

    run.py [--minutes N] [--seed N] [--keep]

$ELVES_BIN: the folder of the binaries, elves_shim.so among them.
"""

import argparse
import collections
import pathlib
import random
import shutil
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from checker import FINAL, findings  # noqa: E402
from clients import Crowd  # noqa: E402
from evidence import opened, rows  # noqa: E402
from faults import Faults  # noqa: E402
from house import eventually  # noqa: E402
from load import History  # noqa: E402
from tally import Tally  # noqa: E402
from watch import Watch  # noqa: E402
from world import World  # noqa: E402

CLIENTS = 6
PATIENCE = 180  # seconds until all is over once all is up; the longest pause between two tries is one minute


def torture(folder, seconds, seed, tally):
    """Returns what was found, and the evidence."""
    world = World(folder, History(folder / "history.jsonl"), seed)
    try:
        if not world.disk.mounted:
            print("no file system can be mounted here (that takes root): the disk will not be full")
        crowd, faults, watch = Crowd(world, tally, seed, CLIENTS), Faults(world, tally, seed), Watch(world, seed)
        for part in (crowd, watch, faults):
            part.start()
        time.sleep(seconds)
        faults.quiet()
        crowd.stop()
        found = faults.failures + crowd.failures
        found += settle(world)
        watch.stop()
        world.stop()
        evidence = world.evidence()
        world.keep_store()
        return found + findings(evidence), evidence
    finally:
        world.close()


def settle(world):
    """Waits until every cron job has caught up, stops them, and waits until nothing is open any more."""
    world.is_quiet = True
    began = time.time()
    unfinished = []
    for look, what in ((crons_caught_up, "every cron job to catch up"), (all_over, "every task to end")):
        try:
            eventually(lambda look=look: look(world, began), PATIENCE, what)
        except AssertionError as why:
            unfinished.append(f"not within {PATIENCE} s after all was up again: {what} ({str(why)[-300:]})")
        if look is crons_caught_up:
            stop_crons(world)
    return unfinished


def read(path, sql):
    db = opened(path)
    try:
        return rows(db, sql)
    finally:
        db.close()


def crons_caught_up(world, began):
    behind = read(world.server.sections["store"]["path"],
                  f"SELECT id FROM cron_job WHERE type = 'center' AND is_on AND settled < {began * 1000:.0f}")
    for host in world.hosts:
        behind += read(host.program.keys["journal"], f"SELECT id FROM cron WHERE accounted < {began * 1000:.0f}")
    if behind:
        raise AssertionError(f"behind: {behind}")
    return True


def stop_crons(world):
    with world.client(patience=30) as client:
        for host in world.hosts:
            for job in client.ok("cron", "getcronlistbyip", agentip=host.ip)["cron_list"]:
                client.ok("cron", "stopcron", agentip=host.ip, id=job["cron_id"])


def all_over(world, _began):
    store = world.server.sections["store"]["path"]
    final = ", ".join(f"'{status}'" for status in FINAL)
    left = read(store, f"SELECT id, status FROM tasks WHERE status NOT IN ({final}) LIMIT 5")
    left += read(store, "SELECT id, 'owed to the processor' FROM deliveries LIMIT 5")
    for host in world.hosts:
        left += read(host.program.keys["journal"], "SELECT id, 'not confirmed' FROM task WHERE confirmed IS NULL LIMIT 5")
    if left:
        raise AssertionError(f"left: {left}")
    return True


def summary(evidence, tally, minutes):
    acknowledged = sum(1 for entry in evidence.history if entry["what"] in ("send", "cancel") or entry.get("came") == "acked")
    by_status = collections.Counter(row["status"] for row in evidence.tasks.values())
    print(f"{minutes:.1f} minutes; {acknowledged} calls acknowledged, {len(evidence.workers)} lines of workers, "
          f"{sum(1 for entry in evidence.history if entry['what'] == 'delivered')} deliveries to the processor")
    print("tasks: " + ", ".join(f"{count} {status}" for status, count in by_status.most_common()))
    print(tally.text())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=5, metavar="N", help="of faults and load (5)")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 31), metavar="N", help="of all that is random")
    parser.add_argument("--keep", action="store_true", help="keep the folder, also where nothing was found")
    options = parser.parse_args()
    print(f"--seed {options.seed}", flush=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="elves-torture-"))
    tally, began = Tally(), time.monotonic()
    found, evidence = torture(folder, options.minutes * 60, options.seed, tally)
    summary(evidence, tally, (time.monotonic() - began) / 60)
    for line in found:
        print(f"BROKEN {line}")
    print(f"{len(found)} findings")
    if found or options.keep:
        print(f"history, logs, store and journals: {folder}")
    else:
        shutil.rmtree(folder)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
