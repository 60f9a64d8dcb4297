#!/usr/bin/env python3
"""./dev hostile: what hostile peers cost those who mean well.

16 clients ask a question at a steady rate, whatever the server does. In turn they do so alone (calm) and beside an attacker.
What is told is of one round: calm and attack ran within seconds of each other on the same machine. The attackers run on the same
cores: what they need of them is told too.
"""

import argparse
import json
import multiprocessing
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import time

from attackers import ATTACKERS
from contestants import BIN, Elvesd, elves_bench

HERE = pathlib.Path(__file__).parent
RATE, CONNECTIONS, MOST = 5000, 16, 12_000
TICK = os.sysconf("SC_CLK_TCK")


class Attacked(Elvesd):
    """With a certificate, so that handshakes can be left half done. Attackers, who come from 127.0.1.N, are strangers."""

    def command(self):
        command = super().command()
        subprocess.run([BIN / "elvesctl", "tls", "init", "pki", "127.0.0.1"], cwd=self.folder, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(self.folder / "elves.conf", "a") as file:
            file.write("[tls]\ncert = pki/server.pem\nkey = pki/server-key.pem\nplain = loopback\n")
        text = (self.folder / "elves.conf").read_text()
        (self.folder / "elves.conf").write_text(text.replace("[store]", f"max_connections = {MOST}\n[store]")
                                                .replace("mode = open", "mode = protected"))
        return command


def cpu_of(pids):
    total = 0
    for pid in pids:
        try:
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        except FileNotFoundError:
            pass
    return total / TICK


def keep_on(attacker, port, stands_back, ready):
    if stands_back:
        os.nice(19)
    steps = attacker(port)
    next(steps)
    ready.set()
    try:
        for _ in steps:
            pass
    except (OSError, KeyboardInterrupt):
        while True:  # it was thrown out; what it still holds it keeps
            time.sleep(1)


def ask(server, seconds):
    scenario = {"ask": "getstatbyip", "connections": CONNECTIONS, "in_flight": 64, "agents": 1, "rate": RATE}
    return elves_bench(*server.load(scenario, "--seconds", seconds, "--warmup", 0.2))


def attack(server, attacker, count, stands_back, seconds):
    """One round: calm, then beside the attackers."""
    calm = ask(server, seconds)
    before = server.rss()
    readies = [multiprocessing.Event() for _ in range(count)]
    attackers = [multiprocessing.Process(target=keep_on, args=(attacker, server.port, stands_back, ready)) for ready in readies]
    for process in attackers:
        process.start()
    try:
        for ready in readies:
            if not ready.wait(60):
                raise RuntimeError(f"{attacker.__name__} does not get going")
        pids = [process.pid for process in attackers]
        log = server.folder / "log"
        logged = log.stat().st_size
        began, theirs, ours = time.monotonic(), cpu_of(pids), cpu_of([server.pid])
        beside = ask(server, seconds)
        took = time.monotonic() - began
        round_ = {"rate": beside["rate"] / calm["rate"], "p99_calm_us": calm["p99_us"], "p99_us": beside["p99_us"],
                  "attackers_cpu": (cpu_of(pids) - theirs) / took, "server_cpu": (cpu_of([server.pid]) - ours) / took,
                  "memory_mib": (server.rss() - before) / 2**20, "log_kib_s": (log.stat().st_size - logged) / 1024 / took}
    finally:
        for process in attackers:
            process.kill()
        for process in attackers:
            process.join()
    return round_


def measure(attacker, count, stands_back, args, folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    server = Attacked("elvesd")
    server.start(folder)
    try:
        elves_bench(*server.load({"ask": "ping", "connections": 1, "in_flight": 1}, "--seconds", 0.2))
        rounds = [attack(server, attacker, count, stands_back, args.seconds) for _ in range(args.rounds)]
    finally:
        server.stop()
    return rounds


def shown(attacker, count, rounds):
    def middle(key, scale=1.0):
        return statistics.median(one[key] for one in rounds) * scale

    worst = max(one["p99_us"] for one in rounds)
    return (f"| {count} x {attacker.__doc__.rstrip('.')} | {middle('rate'):.2f} "
            f"| {middle('p99_calm_us', 1e-3):.2f} | {middle('p99_us', 1e-3):.2f} ({worst / 1e3:.2f}) "
            f"| {middle('attackers_cpu'):.2f} | {middle('server_cpu'):.2f} | {middle('memory_mib'):.1f} "
            f"| {middle('log_kib_s'):.1f} |")


def main():
    parser = argparse.ArgumentParser(prog="./dev hostile", description=__doc__.partition("\n")[0])
    parser.add_argument("attacker", nargs="*", choices=[[], *(one.__name__ for one, _, _ in ATTACKERS)], help="default: all")
    parser.add_argument("--seconds", type=float, default=3, help="of one turn (default 3)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=pathlib.Path, default=HERE / "results" / "hostile.json")
    args = parser.parse_args()
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    found = {}
    print(f"{CONNECTIONS} clients, {RATE} calls a second in all\n")
    print("| attacker | answered, of calm | p99 calm, ms | p99 attacked, ms (worst) | attackers' cores | server's cores | server's memory, MiB more | log, KiB/s |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for attacker, count, stands_back in ATTACKERS:
        if args.attacker and attacker.__name__ not in args.attacker:
            continue
        found[attacker.__name__] = measure(attacker, count, stands_back, args, BIN.parent / "hostile-data")
        print(shown(attacker, count, found[attacker.__name__]), flush=True)
        args.out.write_text(json.dumps(found, indent=1) + "\n")
    shutil.rmtree(BIN.parent / "hostile-data", ignore_errors=True)


if __name__ == "__main__":
    main()
