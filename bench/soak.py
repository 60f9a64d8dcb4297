#!/usr/bin/env python3
"""./dev soak: the server under more load than it can take, for long. Its memory, descriptors and file must stay flat, and
presence must be answered all the while.

Tasks, and what the audit trail has of them, are kept for a minute, so that after two the file neither grows nor shrinks. Ends
with 1 where the last third of the time needs more than a tenth more than the third before it.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "test" / "e2e"))

from contestants import BENCH, Elvesd  # noqa: E402
from elves_wire import Client  # noqa: E402
import plot  # noqa: E402

KEEP = 60  # seconds
SAMPLE = 5  # seconds
PROBES = 50  # getstatbyip a sample
CONNECTIONS, IN_FLIGHT = 64, 64


class Soaked(Elvesd):
    def command(self):
        command = super().command()
        with open(self.folder / "elves.conf", "a") as file:
            file.write(f"[tasklog]\nkeep = {KEEP}\nkeep_failed = {KEEP}\n[audit]\nkeep = {KEEP}\n")
        return command

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def file_mib(self):
        return sum(path.stat().st_size for path in self.folder.glob("elves.db*")) / 2**20


def slowest_ms(client):
    """Of some askings whether an agent is online, one after the other."""
    worst = 0
    for _ in range(PROBES):
        begun = time.monotonic()
        client.ok("heartbeat", "getstatbyip", agentip="10.0.0.1")
        worst = max(worst, time.monotonic() - begun)
        time.sleep(SAMPLE / PROBES / 2)
    return worst * 1000


def calls(client):
    return int(client.ok("elves", "stats")["stats"]["calls"])


def sample(server, client, minutes):
    """Every SAMPLE seconds; gives the times in minutes, and the curves."""
    names = ("memory, MiB", "data file with its -wal, MiB", "descriptors", "calls a second", "slowest getstatbyip, ms")
    times, curves = [], {name: [] for name in names}
    begun = last = time.monotonic()
    before = calls(client)
    while last - begun < minutes * 60:
        slowest = slowest_ms(client)
        time.sleep(max(0, last + SAMPLE - time.monotonic()))
        now, seen = time.monotonic(), calls(client)
        values = (server.rss() / 2**20, server.file_mib(), server.descriptors(), (seen - before) / (now - last), slowest)
        for name, value in zip(names, values):
            curves[name].append(value)
        times.append((now - begun) / 60)
        last, before = now, seen
        print("  ".join([f"{times[-1]:6.2f} min", *(f"{name}: {value:,.1f}" for name, value in zip(names, values))]), flush=True)
    return times, curves


def grown(curves):
    """What the last third of the time needs more of than the third before."""
    faults = []
    for name in ("memory, MiB", "data file with its -wal, MiB", "descriptors"):
        third = len(curves[name]) // 3
        before, after = (statistics.mean(curves[name][-2 * third:-third]), statistics.mean(curves[name][-third:]))
        print(f"{name}: {before:,.1f}, then {after:,.1f}")
        if after > before * 1.1:
            faults.append(name)
    return faults


def main():
    parser = argparse.ArgumentParser(prog="./dev soak", description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--picture", type=pathlib.Path, help="write the curves there, as SVG")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="elves-soak-") as folder:
        server = Soaked("elvesd")
        server.start(pathlib.Path(folder))
        scenario = {"ask": "sendasync", "connections": CONNECTIONS, "in_flight": IN_FLIGHT, "agents": 1}
        load = subprocess.Popen([BENCH, *server.load(scenario, "--may-refuse", "--seconds", args.minutes * 60 + 30,
                                                     "--warmup", 1)], stdout=subprocess.PIPE)
        try:
            times, curves = sample(server, Client("127.0.0.1", server.port), args.minutes)
            if load.poll() is not None:
                sys.exit("the load ended before its time")
            done = json.loads(load.communicate(timeout=120)[0])
            print(f"{done['rate']:,.0f} tasks a second; refused in all: {done['refused']:,}")
        finally:
            load.kill()
            load.wait()
            server.stop()
    if args.picture:
        title = f"elvesd, {CONNECTIONS} connections with {IN_FLIGHT} sendasync under way on each, tasks kept for {KEEP} s"
        plot.curves(args.picture, times, {name: {name: values} for name, values in curves.items()}, title + ", by minutes")
    if faults := grown(curves):
        sys.exit("not flat: " + ", ".join(faults))


if __name__ == "__main__":
    main()
