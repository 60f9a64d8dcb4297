#!/usr/bin/env python3
"""./dev watching: what it costs the server that it is watched: a scrape of its metrics with many agents, and open consoles beside a load.

Each console holds a stream of changes, and reads what the page Now reads whenever the stream says so, every two seconds at
most, as the page does. All of them are one process, whose share of the processor is named beside the throughput: on two
cores it takes from server and load generator alike, and what the server itself does for each task is the figure to look at.
"""

import argparse
import asyncio
import json
import os
import pathlib
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "test" / "e2e"))

from contestants import BENCH, BIN, Elvesd, elves_bench, fresh, free_port  # noqa: E402
from house import key_and_token  # noqa: E402
from scale import Kept, fill_tasks  # noqa: E402

TASKS = {"ask": "sendasync", "connections": 64, "in_flight": 1, "agents": 1}
NOW_PAGE = (("run/listruns", {"state": "paused", "limit": 20}), ("run/listruns", {"state": "running", "limit": 20}),
            ("run/listruns", {"state": "pending", "limit": 20}), ("heartbeat/getonlinestat", {}), ("supervisor/listjoins", {"limit": 20}),
            ("cron/listcrons", {"cron_flag": "2", "limit": 20, "times": 0}), ("elves/stats", {}), ("tasklog/countfailures", {}),
            ("heartbeat/getonlinehistory", {}))
PAGE_PAUSE = 2  # seconds between two readings of a list page


class Watched(Elvesd):
    """One with an HTTP port, and a key for whoever watches."""

    def command(self):
        command = super().command()
        self.http_port = free_port()
        with open(self.folder / "elves.conf", "a") as file:
            file.write(f"[http]\nlisten = 127.0.0.1:{self.http_port}\nmetrics = open\n")
        made = subprocess.run([*command, "--init-admin", "watcher"], cwd=self.folder, capture_output=True, text=True, check=True)
        key = key_and_token(made.stdout)
        self.authorization = f"Bearer {key['key']}:{key['token']}"
        return command


def filled(folder, tasks):
    """With that many tasks in its log."""
    server = Kept("elvesd")
    server.start(folder)
    elves_bench(*server.load({**TASKS, "connections": 1}, "--answers", 1))
    time.sleep(1)
    server.stop()
    fill_tasks(server, tasks)
    return folder


def scrape(server):
    """How long a scrape took, in ms, and how large it is."""
    begun = time.perf_counter()
    with urllib.request.urlopen(f"http://127.0.0.1:{server.http_port}/metrics", timeout=30) as answer:
        size = len(answer.read())
    return (time.perf_counter() - begun) * 1000, size


def metrics(server, agents, tasks, scrapes=50):
    beating = subprocess.Popen([BENCH, "idle", "--dialect", "elves", "--to", server.to, "--agents", str(agents), "--beat", "10"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        if not beating.stdout.readline():
            raise RuntimeError("the agents could not connect")
        scrape(server)
        took, sizes = zip(*(scrape(server) for _ in range(scrapes)))
    finally:
        beating.stdin.close()
        beating.wait()
    text = f"{statistics.median(took):.2f} ms, the slowest {max(took):.2f} ms, {max(sizes) / 1024:.0f} KiB"
    print(f"a scrape with {agents:,} agents and {tasks:,} tasks: {text}; wanted: under 20 ms and 256 KiB")
    return {"agents": agents, "tasks": tasks, "median_ms": statistics.median(took), "slowest_ms": max(took), "bytes": max(sizes)}


class Console:
    """One open page."""

    def __init__(self, server):
        self.server = server
        self.readings = 0

    async def connect(self):
        return await asyncio.open_connection("127.0.0.1", self.server.http_port, limit=1 << 20)

    async def watch(self):
        reader, writer = await self.connect()
        writer.write(f"GET /events?topic=now HTTP/1.1\r\nHost: localhost\r\nAuthorization: {self.server.authorization}\r\n\r\n".encode())
        calls = await self.connect()
        due, next_reading = False, 0.0
        while True:
            try:
                line = await asyncio.wait_for(reader.readline(), max(next_reading - time.monotonic(), 0.01) if due else 30)
                if not line:
                    return
                due = due or line.startswith(b"event: change")
            except asyncio.TimeoutError:
                pass
            if due and time.monotonic() >= next_reading:
                await self.read_page(*calls)
                due, next_reading = False, time.monotonic() + PAGE_PAUSE

    async def read_page(self, reader, writer):
        for path, fields in NOW_PAGE:
            body = json.dumps(fields)
            writer.write((f"POST /api/{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {self.server.authorization}\r\n"
                          f"Content-Length: {len(body)}\r\n\r\n{body}").encode())
            head = await reader.readuntil(b"\r\n\r\n")
            size = int(re.search(rb"(?i)content-length: *(\d+)", head).group(1))
            await reader.readexactly(size)
            if b" 200 " not in head.split(b"\r\n", 1)[0]:
                raise RuntimeError(f"{path}: {head.decode()}")
        self.readings += 1


async def hold_consoles(server, count, seconds):
    consoles = [Console(server) for _ in range(count)]
    watching = [asyncio.create_task(console.watch()) for console in consoles]
    await asyncio.wait(watching, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
    for task in watching:
        if task.done() and task.exception():
            raise task.exception()
        task.cancel()
    return sum(console.readings for console in consoles)


def watch_in_background(server, count, seconds):
    """A process of its own: pid, and a pipe with what it did."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        readings = asyncio.run(hold_consoles(server, count, seconds))
        used = resource.getrusage(resource.RUSAGE_SELF)
        os.write(writing, json.dumps({"readings": readings, "cpu": used.ru_utime + used.ru_stime}).encode())
        os._exit(0)
    os.close(writing)
    return pid, reading


def load(server, seconds):
    return elves_bench(*server.load(TASKS, "--seconds", seconds, "--warmup", 1))


def consoles(server, count, seconds, rounds):
    """Turns with and without consoles, one after the other: the machine's own ups and downs meet both."""
    ratios, costs = [], []
    for _ in range(rounds):
        alone = load(server, seconds)
        pid, pipe = watch_in_background(server, count, seconds + 3)
        time.sleep(1)
        beside = load(server, seconds)
        os.waitpid(pid, 0)
        said = os.read(pipe, 4096)
        os.close(pipe)
        if not said:
            raise RuntimeError("the consoles ended; it is said above why")
        watched = json.loads(said)
        ratios.append(beside["rate"] / alone["rate"])
        costs.append(beside["server_cpu_us"] / alone["server_cpu_us"])
        print(f"sendasync: {alone['rate']:,.0f} per s alone, {beside['rate']:,.0f} beside {count} consoles ({ratios[-1]:.3f}); "
              f"server CPU for each {alone['server_cpu_us']:.1f} and {beside['server_cpu_us']:.1f} us ({costs[-1]:.3f}); the consoles read "
              f"{watched['readings']} pages and took {watched['cpu'] / (seconds + 3) * 100:.0f} % of a core themselves")
    print(f"middle of {rounds}: throughput times {statistics.median(ratios):.3f}, server CPU for each times {statistics.median(costs):.3f}; "
          "wanted: 0.95 and more on a machine whose other cores carry the consoles")
    return {"consoles": count, "throughput": ratios, "server_cpu": costs}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kinds", nargs="*", help="metrics, consoles (both)")
    parser.add_argument("--agents", type=int, default=10_000)
    parser.add_argument("--tasks", type=int, default=1_000_000, help="in the log, for metrics")
    parser.add_argument("--consoles", type=int, default=50)
    parser.add_argument("--seconds", type=int, default=15, help="of each turn")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    kinds = args.kinds or ["metrics", "consoles"]
    if set(kinds) - {"metrics", "consoles"}:
        parser.error("give metrics, consoles, or neither for both")
    print(f"load average before: {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory(prefix="elves-watching-") as folder:
        for kind in kinds:
            server = Watched("elvesd")
            place = fresh(pathlib.Path(folder) / kind)
            server.start(filled(place, args.tasks) if kind == "metrics" else place)
            try:
                if kind == "metrics":
                    metrics(server, args.agents, args.tasks)
                else:
                    consoles(server, args.consoles, args.seconds, args.rounds)
            finally:
                server.stop()


if __name__ == "__main__":
    main()
