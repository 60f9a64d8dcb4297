#!/usr/bin/env python3
"""Kills elvesd with kill -9 again and again while runs go on over real agents that are there all the time, and checks what is
promised of a run: no host starts twice in it, the states of its hosts add up to its list, it comes to its end, and no host is
called silent.

    run_kills.py [--kills N] [--agents N] [--seed N]

$ELVES_BIN: the folder of the binaries.
"""

import argparse
import pathlib
import random
import shutil
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from elves_wire import LinkClosed, Slow  # noqa: E402
from house import RealAgent, Server, binary, eventually, run  # noqa: E402
from library_client import LibraryClient  # noqa: E402

ENDED = ("done", "partial", "stopped", "canceled", "expired")
OPEN_RUNS = 3
# What it was called with is the run's: a line of it in `starts` is a start. Its name says how long it takes, and one in ten fails.
WORKER = r'''#!/bin/sh
param=$(printf %s "$3" | base64 -d)
echo "$param" >>../../starts
sleep "$2"
[ $((0x$(printf %s "$ELVES_TASK_ID" | tail -c 2) % 10)) -ne 0 ]
'''


class Fleet:
    """A server, its agents, and a caller that finds the server again after each kill."""

    def __init__(self, folder, agents):
        self.server = Server(self._folder(folder, "server"), heartbeat={"interval": 1, "offline_after": 20},
                             auth={"mode": "open"}).start()
        self.agents = [RealAgent(self._folder(folder, f"agent{n}"), self.server, f"10.1.0.{n}") for n in range(1, agents + 1)]
        for agent in self.agents:
            agent.app("demo", WORKER, "app-worker.sh")
            agent.start()
        self.client = None
        self.wait_for_agents()
        time.sleep(3)  # who has just registered is not on disk yet, and a server that is killed then knows of no host

    def wait_for_agents(self):
        eventually(lambda: self.ok("heartbeat", "getonlinestat")["stat"]["totalonline"] == str(len(self.agents)), 60,
                   "all agents to be there")

    @staticmethod
    def _folder(folder, name):
        path = folder / name
        path.mkdir()
        return path

    def call(self, service, method, **fields):
        """The reply; asked again on a new connection where there is none, so only for what may be asked twice."""
        until = time.monotonic() + 60
        while True:
            try:
                self.client = self.client or LibraryClient(self.server.tcp)
                return self.client.call(service, method, **fields)
            except (OSError, LinkClosed, Slow) as why:
                self.client.close()
                self.client = None
                if time.monotonic() > until:
                    raise AssertionError(f"no answer to {service}.{method}: {why}") from why
                time.sleep(0.02)

    def ok(self, service, method, **fields):
        until = time.monotonic() + 60
        while (reply := self.call(service, method, **fields)).get("flag") != "true":
            code = reply["error_info"][1:6]
            if code not in ("503.1", "507.1", "429.1") or time.monotonic() > until:
                raise AssertionError(f"{service}.{method} {fields}: {reply['error_info']}")
            time.sleep(0.05)
        return reply

    def starts(self):
        """By address: the params of the runs whose worker was started there, each as often as it was."""
        found = {}
        for agent in self.agents:
            file = agent.folder / "starts"
            found[agent.ip] = file.read_text().split() if file.exists() else []
        return found

    def end(self):
        for program in (*self.agents, self.server):
            program.end()


class Kills:
    def __init__(self, fleet, luck):
        self.fleet, self.luck = fleet, luck
        self.lists, self.open, self.findings = {}, [], []  # by run: its list when it was first seen

    def begin(self):
        param = f"run{len(self.lists)}"
        luck = self.luck
        fields = {"waves": luck.choice(("100%", "1,100%", "2,50%", "25%")), "parallel": luck.choice((1, 2, 4, 50)),
                  "max_fail": luck.choice(("0", "2", "100%")), "strict": luck.choice(("true", "false")),
                  "order": luck.choice(("address", "random")), "pause": luck.choice((0, 0, 1))}
        ins = {"app": "demo", "func": luck.choice(("0", "0.05", "0.3")), "param": param, "timeout": 60}
        # A kill may take the answer away: with its dedup the same run is meant.
        began = self.fleet.ok("run", "startrun", target="all", ins=ins, dedup=param, **fields)
        self.lists[began["id"]] = (param, [(host["agentip"], host["wave"]) for host in self.hosts(began["id"])])
        self.open.append(began["id"])

    def hosts(self, run_id):
        return self.fleet.ok("run", "listrunhosts", id=run_id, limit="1000")["hosts"]

    def look(self):
        """What has ended is checked; what waits for a person goes on, or is stopped."""
        for run_id in list(self.open):
            record = self.fleet.ok("run", "getrun", id=run_id)["run"]
            total = sum(map(int, record["counts"].values()))
            if total != len(self.fleet.agents) or record["count"] != str(total):
                self.findings.append(f"run {run_id}: its states add up to {total}: {record['counts']}")
            if record["state"] in ENDED:
                self.open.remove(run_id)
                self.check(run_id, record)
            elif record["state"] == "paused":
                fields = {"do": "resume", "max_fail": "100%"} if self.luck.random() < 0.8 else {"do": "stop"}
                reply = self.fleet.call("run", "steerrun", id=run_id, **fields)
                if reply["flag"] != "true" and reply["error_info"][1:6] not in ("409.3", "503.1", "507.1", "429.1"):
                    self.findings.append(f"run {run_id}: {fields}: {reply['error_info']}")

    def check(self, run_id, record):
        hosts = self.hosts(run_id)
        if [(host["agentip"], host["wave"]) for host in hosts] != self.lists[run_id][1]:
            self.findings.append(f"run {run_id}: its list has changed")
        for host in hosts:
            if host["state"] in ("undelivered", "expired", "lost"):
                self.findings.append(f"run {run_id}: {host['agentip']} is {host['state']}, and was there: {host['answer']}")
            if host["state"] == "not_started" and record["state"] not in ("stopped", "canceled"):
                self.findings.append(f"run {run_id}, which is {record['state']}: {host['agentip']} was not started")

    def check_starts(self):
        starts = self.fleet.starts()
        for run_id, (param, _) in self.lists.items():
            for host in self.hosts(run_id):
                count = starts[host["agentip"]].count(param)
                ran = host["state"] in ("done", "failed", "timeout", "canceled")
                if count > 1 or (count == 0 and host["state"] in ("done", "timeout")) or (count == 1 and not ran):
                    self.findings.append(f"run {run_id}: {host['agentip']} is {host['state']} and started {count} times")

    def doctor(self):
        self.fleet.server.terminate()
        done = run(binary("elvesctl"), "doctor", "--store", str(self.fleet.server.folder / "elves.db"), patience=60)
        if done.code != 0:
            self.findings.append(f"elvesctl doctor: {done.out}{done.err}")


def main():
    parser = argparse.ArgumentParser(prog="run_kills.py", description=__doc__.partition("\n\n")[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--agents", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="elves-run-kills-"))
    begun = time.monotonic()
    fleet = Fleet(folder, args.agents)
    kills = Kills(fleet, random.Random(args.seed))
    try:
        for _ in range(args.kills):
            while len(kills.open) < OPEN_RUNS:
                kills.begin()
            # Now while agents come back, now in the middle of a run.
            if kills.luck.random() < 0.6:
                fleet.wait_for_agents()
            time.sleep(kills.luck.choice((0.02, 0.1, 0.3, 0.8, 2.0)) * kills.luck.random())
            fleet.server.restart()
            kills.look()
        until = time.monotonic() + 180
        while kills.open and time.monotonic() < until:
            kills.look()
            time.sleep(0.2)
        kills.findings += [f"run {run_id} does not end" for run_id in kills.open]
        kills.check_starts()
        kills.doctor()
    finally:
        fleet.end()
    starts = sum(map(len, fleet.starts().values()))
    print(f"{args.kills} kills, {len(kills.lists)} runs of {args.agents} hosts, {starts} starts, "
          f"{time.monotonic() - begun:.0f} s: {len(kills.findings)} findings")
    for finding in kills.findings:
        print(" ", finding)
    if kills.findings:
        sys.exit(f"the folder is {folder}")
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
