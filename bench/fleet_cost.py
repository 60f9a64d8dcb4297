"""What a plan and a run cost as hosts become many: the kinds `runs` and `plans` of ./dev scale."""

import json
import os
import statistics
import subprocess
import time

from contestants import BENCH, elves_bench

INS = {"app": "apptest", "func": "helloword", "param": '{"my":"toryzen"}'}
ENDED = ("done", "partial", "stopped", "canceled", "expired")
PROBE = {"ask": "getstatbyip", "connections": 4, "in_flight": 64, "rate": 1000}  # as the scenario `mixed` asks
PROBE_SECONDS = 8


def first_in_line():
    """For who may say so: root."""
    return ["nice", "-n", "-20"] if os.geteuid() == 0 else []


class Probe:
    """Asks getstatbyip a thousand times a second, when each is due, while the block runs."""

    def __init__(self, server):
        words = [BENCH, *server.load(PROBE, "--seconds", PROBE_SECONDS, "--warmup", 0.2)]
        self.ends = time.monotonic() + PROBE_SECONDS + 0.2
        # It measures when each answer is there: what it waits for a processor itself would count as the server's.
        self.process = subprocess.Popen([*first_in_line(), *(str(word) for word in words)], stdout=subprocess.PIPE, text=True)

    def result(self):
        text, _ = self.process.communicate()
        if self.process.returncode != 0:
            raise RuntimeError("the probe failed; it says above why")
        return json.loads(text)


def beside(server, work):
    """Does `work` again and again while the probe asks; gives what each took, and what the probe saw alone and beside it."""
    alone = Probe(server).result()
    probe, took = Probe(server), []
    time.sleep(0.3)
    while time.monotonic() < probe.ends - 0.5 or not took:
        begun = time.perf_counter()
        work()
        took.append(time.perf_counter() - begun)
    return took, alone, probe.result()


def probe_cells(cell, alone, busy):
    return {"getstatbyip, p99, ms: alone": cell("{:.2f}", alone["p99_us"] / 1000),
            "getstatbyip, p99, ms: beside it": cell("{:.2f} ({:.1f} times)", busy["p99_us"] / 1000, busy["p99_us"] / alone["p99_us"]),
            "getstatbyip, slowest, ms: alone": cell("{:.1f}", alone["max_us"] / 1000),
            "getstatbyip, slowest, ms: beside it": cell("{:.1f}", busy["max_us"] / 1000)}


def run_once(client, count, parallel):
    """One run over all agents, followed as elvesctl does, to its report."""
    run = client.ok("run", "startrun", target="all", ins=INS, parallel=str(parallel))["id"]
    state, seq = "", 0
    while state not in ENDED:
        news = client.ok("run", "watchrun", id=run, since=str(seq))
        state, seq = news["state"], int(news["seq"])
    record = client.ok("run", "getrun", id=run)["run"]
    answers = client.ok("run", "listanswers", id=run)["answers"]
    if record["counts"] != {"done": str(count)} or answers[0]["count"] != str(count):
        raise RuntimeError(f"run {run} is {state}: {record['counts']}")


def turn_cells(cell, name, turns):
    """How long the loop was held at a time since the last call."""
    seen = turns.read()
    turns.restart()
    return {f"longest turn of the loop, ms: {name}": cell("{:.1f} ({:,} of {:,} over 5)", seen["longest_ms"], seen["over_5ms"], seen["turns"]),
            f"longest that its thread did not run in one, ms: {name}": cell("{:.1f} ({:.2f} s in all)", seen["longest_off_ms"], seen["off_s"])}


def runs(count, server, turns, beating, milliseconds, cell):
    """Of a started server: plans, and runs with all hosts at once and with fifty at a time, beside the probe."""
    with beating(server, count):
        client = server.client()
        time.sleep(5)
        turns.restart()
        time.sleep(20)  # two heartbeats of each agent
        row = turn_cells(cell, "heartbeats alone", turns)
        row |= {"a plan, ms": milliseconds(lambda: client.ok("run", "planrun", target="all", ins=INS, parallel="10000"))}
        row |= turn_cells(cell, "plans", turns)
        took, alone, busy = beside(server, lambda: run_once(client, count, 10_000))
        row["a run, start to report, s: all at once"] = cell("{:.2f} ({:.2f})", statistics.median(took), max(took))
        row |= turn_cells(cell, "a run, all at once", turns)
        took, _, fifty = beside(server, lambda: run_once(client, count, 50))
        row["a run, start to report, s: 50 at a time"] = cell("{:.2f} ({:.2f})", statistics.median(took), max(took))
        row |= turn_cells(cell, "a run, 50 at a time", turns)
        row |= probe_cells(cell, alone, busy)
        row["getstatbyip, slowest, ms: beside 50 at a time"] = cell("{:.1f}", fifty["max_us"] / 1000)
    return row


def fill_inventory(server, numbers, count):
    server.filled(f"""{numbers(count)} INSERT INTO cmdb_record SELECT
        (10 + (n >> 24 & 255)) || '.' || (n >> 16 & 255) || '.' || (n >> 8 & 255) || '.' || (n & 255), 'sn' || n, '', 'idc' || (n % 20),
        'web', 'front', 'shop', 'me' FROM number;""")


def plans(server, turns, beating, milliseconds, cell):
    """Of a started server whose inventory has many records, of which one is an agent: the probe asks for it."""
    with beating(server, 1):
        return plans_beside(server, turns, milliseconds, cell)


def plans_beside(server, turns, milliseconds, cell):
    client = server.client()
    targets = {"all": "all", "half of them": "idc~idc1* and has sn", "none of the others": "idc=idc7 and not manager=you"}
    row = {f"a plan, ms: {name}": milliseconds(lambda t=target: client.ok("run", "planrun", target=t, ins=INS), 5)
           for name, target in targets.items()}
    turns.restart()
    _, alone, busy = beside(server, lambda: client.ok("run", "planrun", target="all", ins=INS))
    return row | turn_cells(cell, "plans of all", turns) | probe_cells(cell, alone, busy)
