"""One turn of one contestant in one kind of scenario: what is measured. Gives a flat object of numbers."""

import contextlib
import pathlib
import subprocess
import time

from contestants import BENCH, Floor, elves_bench, fresh

WARMUP = 1  # seconds


@contextlib.contextmanager
def running(contestant, folder):
    contestant.start(fresh(folder))
    try:
        yield contestant
    finally:
        contestant.stop()


def load(contestant, scenario, seconds):
    return elves_bench(*contestant.load(scenario, "--seconds", seconds, "--warmup", WARMUP))


def mixed(contestant, scenario, seconds):
    """The question alone, then with others beside it."""
    alone = load(contestant, scenario, seconds)
    others = {**scenario, **scenario["beside"]}
    del others["rate"]
    # The agent is the others': a second link of it would replace the first.
    question = {**scenario, "agents": 0}
    background = subprocess.Popen([BENCH, *contestant.load(others, "--seconds", seconds + 3 * WARMUP, "--warmup", WARMUP)],
                                  stdout=subprocess.PIPE, text=True)
    time.sleep(WARMUP / 2)  # until the others' agent is there
    try:
        beside = load(contestant, question, seconds)
    finally:
        background.wait()
    return {**beside, "p99_alone_us": alone["p99_us"], "p99_times": beside["p99_us"] / alone["p99_us"]}


def idle(contestant, scenario, seconds):
    """Memory of a process for each of many that are connected and say nothing but that they are there."""
    before = contestant.rss()
    # The others are only connected to: `frames` says nothing of its own.
    dialect = contestant.dialect if contestant.dialect in ("elves", "nats") else "frames"
    command = [BENCH, "idle", "--dialect", dialect, "--to", contestant.to, "--agents", scenario["agents"],
               "--beat", scenario["beat"] if dialect == "elves" else 0]
    agents = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        ready = agents.stdout.readline().split()
        if not ready:
            raise RuntimeError(f"{contestant.name}: the agents could not connect")
        begun = cpu_seconds(contestant)
        with contextlib.suppress(subprocess.TimeoutExpired):
            contestant.process.wait(seconds)
        return {"bytes_each": (contestant.rss() - before) / scenario["agents"], "ready_s": float(ready[1]),
                "cpu_percent": (cpu_seconds(contestant) - begun) / seconds * 100}
    finally:
        agents.stdin.close()
        agents.wait()


def start(contestant, _scenario, _seconds):
    """From the program's call until it takes a connection; and how large the program is."""
    return {"start_ms": contestant.start_seconds * 1000,
            "program_kib": pathlib.Path(f"/proc/{contestant.pid}/exe").stat().st_size / 1024}


def cpu_seconds(contestant):
    with open(f"/proc/{contestant.pid}/stat") as stat:
        user, system = stat.read().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / 100


KINDS = {"load": load, "mixed": mixed, "idle": idle, "start": start}


def turn(contestant, scenario, seconds, folder):
    with running(contestant, folder):
        if isinstance(contestant, Floor):
            return contestant.measure(seconds)
        return KINDS[scenario["kind"]](contestant, scenario, seconds)
