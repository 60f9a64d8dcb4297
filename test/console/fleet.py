#!/usr/bin/env python3
"""A small fleet of real programs with something on each page of the console, for its browser tests and screenshots.

    ELVES_BIN=… test/console/fleet.py

Starts elvesd with its HTTP port and twenty agents, has them work, and prints one line of JSON: `url`, the keys and what
the tests look for. It stays until its standard input ends; a line `kill` there kills elvesd, `start` starts it again, and
`fill N` puts N tasks that ended in place of its own, while it is down.
"""

import argparse
import json
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "e2e"), str(HERE.parents[1] / "bench")]

from scale import Kept, fill_tasks  # noqa: E402
from house import FINAL, RealAgent, Server, eventually, free_port  # noqa: E402
from library_client import LibraryClient  # noqa: E402

ROLES = ["web"] * 8 + ["db"] * 4 + ["cache"] * 3 + ["build"] * 2 + ["edge"] * 3
WORKER = (HERE / "fleet_worker.py").read_text(encoding="utf-8")
APPS = ["nginx", "backup", "deploy", "disk", "printer"]
RUN_FINAL = {"done", "partial", "stopped", "canceled", "expired", "skipped"}


def ip_of(place):
    return f"127.0.0.{10 + place}"


class Fleet:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.programs = []
        self.agents = []

    # ---- programs ----
    def start_server(self):
        folder = self.folder / "server"
        folder.mkdir()
        http_port = free_port()
        self.server = Server(folder, heartbeat={"interval": "2", "offline_after": "8"}, http={"listen": f"127.0.0.1:{http_port}"})
        self.admin = self.server.init_admin("ada")
        self.server.start()
        self.programs.append(self.server)
        self.client = LibraryClient(self.server.tcp, auth=self.admin, patience=60)
        self.url = f"http://127.0.0.1:{http_port}/console/"

    def start_agents(self):
        made = self.client.ok("supervisor", "setkey", name="agents", role="agent", apps=["*"], iplist=["127.0.0.0/8"])
        for place, role in enumerate(ROLES):
            number = ROLES[:place + 1].count(role)
            agent = self.agent(place, f"{role}-{number}", key=made["key"], token=made["token"])
            agent.sections["facts"] = {"rack": f"r{place % 5 + 1}", "kernel": "6.1"}
            agent.settings()
            for app in APPS:
                if app != "deploy" or role in ("web", "edge"):
                    agent.app(app, WORKER)
            self.agents.append(agent.start())
        eventually(lambda: self.online() == len(ROLES), 60, "all agents to be online")

    def agent(self, place, asset, **keys):
        folder = self.folder / f"agent{place}"
        folder.mkdir()
        agent = RealAgent(folder, self.server, ip_of(place), asset=asset, **keys)
        self.programs.append(agent)
        return agent

    def online(self):
        return int(self.client.ok("heartbeat", "getonlinestat")["stat"]["totalonline"])

    def fill(self, tasks):
        stopped = Kept("elvesd")
        stopped.folder = self.server.folder
        fill_tasks(stopped, tasks)

    def stop(self):
        for program in reversed(self.programs):
            program.end()

    # ---- what the pages show ----
    def describe(self):
        ok = self.client.ok
        for role in sorted(set(ROLES)):
            places = [place for place, each in enumerate(ROLES) if each == role]
            for place in places:
                env = "test" if place == places[-1] and role != "db" else "prod"
                ok("fleet", "setlabels", target=ip_of(place), labels={"role": role, "env": env})
        ok("cmdbproxy", "setcmdbinfolist", records=[
            {"agentip": ip_of(place), "sn": f"CN{7700 + place}", "idc": "fra1" if place % 2 else "ams2", "main_cat": role,
             "manager": "grace"} for place, role in enumerate(ROLES)])
        ok("fleet", "setgroup", name="databases", target="role=db", note="ask Ada first")
        ok("fleet", "setgroup", name="web", target="role=web and env=prod", note="")
        ok("fleet", "setgroup", name="canary", target="role=edge and env=test", note="first of every rollout")
        ok("run", "setwindow", name="holidays", target="all", **{"from": "2026-12-24 00:00:00"}, to="2027-01-02 00:00:00",
           note="call the duty officer")
        ok("run", "setwindow", name="db-freeze", target="@databases", apps=["deploy"], rule="0 0 0 * * ?", lasts=86399,
           note="no deploys on databases")
        ok("run", "setcap", name="one-per-rack", target="role=db", most=1, per="idc")
        ok("run", "setcap", name="builds", target="role=build", most=4)
        ok("supervisor", "setapp", appname="backup", appip="127.0.0.1", appport=free_port())
        viewer = ok("supervisor", "setkey", name="wallboard", role="viewer", apps=["*"], iplist=["*"])
        operator = ok("supervisor", "setkey", name="deploy", role="operator", apps=["*"], iplist=["*"], run_hosts=50,
                      expires="2027-06-30 00:00:00", quota={"waiting_tasks": 2000})
        ok("supervisor", "setkey", name="old-ci", role="operator", apps=["deploy"], iplist=["127.0.0.0/24"], enabled=False)
        ok("supervisor", "addjointoken", name="rack 6", cidr="127.0.0.0/24", lifetime=86400)
        self.viewer = {"key": viewer["key"], "token": viewer["token"]}
        self.operator = {"key": operator["key"], "token": operator["token"]}

    def ask_to_join(self):
        self.agent(30, "web-9").start()
        eventually(lambda: self.client.ok("supervisor", "listjoins")["joins"], 30, "a machine to ask")

    def run(self, target, app, func, param="", wait=True, **limits):
        run_id = self.client.ok("run", "startrun", target=target, ins={"app": app, "func": func, "param": param}, **limits)["id"]
        if wait:
            eventually(lambda: self.run_state(run_id) in RUN_FINAL | {"paused"}, 60, f"the run {app} {func} to end")
        return run_id

    def run_state(self, run_id):
        return self.client.ok("run", "getrun", id=run_id)["run"]["state"]

    def send(self, place, app, func, param="", wait=True, **ins):
        info = self.client.ok("sheduler", "sendasync", agentip=ip_of(place), ins={"app": app, "func": func, "param": param, **ins})["info"]
        if wait:
            eventually(lambda: self.client.task(info["id"])["status"] in FINAL, 60, f"{app} {func} to end")
        return info["id"]

    def work(self):
        found = {
            "done": self.run("role=web", "nginx", "reload", waves="1,50%,100%", note="new certificates"),
            "hostile": self.send(0, "printer", "hostile"),
            "large": self.send(1, "printer", "large", "4000000", timeout=60),
            "colours": self.send(2, "printer", "colours"),
            "failed": self.send(3, "backup", "full", "disk"),
            "slow": self.send(0, "disk", "sleep", "5", timeout=1),
        }
        for agent in self.agents[-2:]:  # two of the edge
            agent.terminate()
        eventually(lambda: self.online() == len(ROLES) - 2, 40, "two agents to be offline")
        found["partial"] = self.run("role=edge or role=cache", "disk", "check", "70", max_fail="100%")
        found["paused"] = self.run("env=prod and role=web", "deploy", "apply", "2.4.1", waves="1,2,100%", max_fail=1, parallel=2)
        found["running"] = self.run("role=web or role=cache", "disk", "sleep", "600", wait=False, waves="2,4,100%", parallel=3)
        return found

    def schedule(self):
        ok = self.client.ok
        found = {"schedule": ok("run", "setschedule", target="@databases", ins={"app": "backup", "func": "full"}, rule="0 0 2 * * ?",
                                timezone="Europe/Berlin", parallel=1, max_fail=1)["id"]}
        ok("run", "setschedule", target="@web", ins={"app": "nginx", "func": "reload"}, rule="0 */15 * * * ?", waves="50%")
        for place in range(8, 12):
            ok("cron", "setcronbyip", agentip=ip_of(place), rule="0 30 3 ? * MON-FRI", name="vacuum", ins={"app": "backup", "func": "vacuum"})
        found["cron"] = ok("cron", "setcronbyip", agentip=ip_of(8), rule="0/20 * * * * ?", name="probe", ins={"app": "disk", "func": "check", "param": "60"})["id"]
        ok("cron", "setcronbyip", agentip=ip_of(12), rule="0/30 * * * * ?", name="warm", cron_type="self", ins={"app": "disk", "func": "check", "param": "99"})
        paused = ok("cron", "setcronbyip", agentip=ip_of(15), rule="0 0 4 1 * ?", name="rebuild-index", ins={"app": "backup", "func": "full"})["id"]
        ok("cron", "stopcron", agentip=ip_of(15), id=paused)
        return found


def main():
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    with tempfile.TemporaryDirectory(prefix="elves-console-") as folder:
        fleet = Fleet(folder)
        try:
            fleet.start_server()
            fleet.start_agents()
            fleet.describe()
            fleet.ask_to_join()
            found = {**fleet.schedule(), **fleet.work()}
            print(json.dumps({"url": fleet.url, "admin": fleet.admin, "viewer": fleet.viewer, "operator": fleet.operator,
                              "server": fleet.server.text, "found": found}), flush=True)
            steps = {"kill": fleet.server.kill9, "start": fleet.server.start, "fill": fleet.fill}
            for line in sys.stdin:
                step, *count = line.split()
                steps[step](*map(int, count))
                print("done", flush=True)
        finally:
            fleet.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
