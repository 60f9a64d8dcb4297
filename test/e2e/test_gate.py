"""The start gate: windows and caps, for every way of starting work."""

import time
import unittest
from datetime import datetime, timedelta, timezone

from elves_wire import Result, code_of
from house import HouseTest, eventually

INS = {"app": "demo", "func": "work", "param": "p"}
IP = "10.0.0.1"
OTHER = "10.0.0.2"
EACH_SECOND = "* * * * * ?"


def at(seconds):
    return (datetime.now(timezone.utc) + timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M:%S")


class Gate(HouseTest):
    deadline = 90

    def setUp(self):
        super().setUp()
        self.house = self.server(server={"timezone": "UTC"}, heartbeat={"interval": 1, "offline_after": 10})
        self.caller = self.client(self.house)
        self.held = []
        self.first = self.agent(self.house, IP, self.holds)
        self.second = self.agent(self.house, OTHER, lambda call: Result(1, "well"))

    def restart(self):
        """A kill, and a start; the agents come back with what they have."""
        self.house.restart()
        self.caller = self.client(self.house)
        self.first = self.agent(self.house, IP, self.holds, journal=self.first.journal)
        self.second = self.agent(self.house, OTHER, lambda call: Result(1, "well"), journal=self.second.journal)

    def holds(self, call):
        """Takes it, and does not end it before the test does."""
        self.held.append(call)
        return None

    def close(self, name="freeze", target="all", seconds=600, **more):
        self.caller.ok("run", "setwindow", name=name, target=target, **{"from": at(-60)}, to=at(seconds), **more)

    def send(self, ip=OTHER, **more):
        ins = {**INS, **more.pop("ins", {})}
        return self.caller.call("sheduler", "sendasync", agentip=ip, ins=ins, **more)


class Windows(Gate):
    def test_nothing_starts_while_a_window_is_closed_and_what_runs_goes_on(self):
        running = self.send(IP)
        self.assertEqual(code_of(running), "")
        self.close(note="the holidays")
        refused = self.send()
        self.assertEqual(code_of(refused), "423.1")
        self.assertIn("window freeze: closed until", refused["error_info"])
        self.assertIn("the holidays", refused["error_info"])
        self.assertEqual(code_of(self.caller.call("sheduler", "sendsync", agentip=OTHER, ins=INS)), "423.1")
        self.assertEqual(code_of(self.send(ins={"ttl": 60})), "423.1")
        self.assertEqual(len(self.caller.tasks()), 1)
        self.first.finish(running["info"]["id"], Result(1, "through"))
        eventually(lambda: self.caller.tasks(status="done"))
        shown = self.caller.ok("run", "listwindows")["windows"][0]
        self.assertEqual((shown["name"], shown["closed"], shown["target"]), ("freeze", "true", "all"))
        self.caller.ok("run", "delwindow", name="freeze")
        self.assertEqual(code_of(self.send()), "")

    def test_a_window_holds_back_its_own_hosts_and_apps_only(self):
        self.close(target=IP, apps=["demo.wo*"])
        self.assertEqual(code_of(self.send(IP)), "423.1")
        self.assertEqual(code_of(self.send(OTHER)), "")
        self.assertEqual(code_of(self.send(IP, ins={"func": "other"})), "")

    def test_a_run_waits_for_the_window_and_goes_on_when_it_opens(self):
        self.close(target=OTHER, seconds=3)
        run = self.caller.ok("run", "startrun", target=OTHER, ins=INS)["id"]
        time.sleep(0.3)
        hosts = self.caller.ok("run", "listrunhosts", id=run)["hosts"]
        self.assertEqual([(h["state"], h["answer"]) for h in hosts], [("held", "waits: window freeze")])
        eventually(lambda: self.caller.ok("run", "getrun", id=run)["run"]["state"] == "done", 20)

    def test_a_cron_firing_is_skipped_and_says_which_window(self):
        self.close()
        job = self.caller.ok("cron", "setcronbyip", agentip=OTHER, rule=EACH_SECOND, ins=INS)["id"]
        skipped = eventually(lambda: self.caller.tasks(cron_id=job, status="skipped"), 15)
        self.assertIn("window freeze", skipped[0]["agent_sync_error"])
        self.assertEqual(code_of(self.caller.call("cron", "runcron", agentip=OTHER, id=job)), "423.1")

    def test_force_starts_it_all_the_same_and_is_audited(self):
        self.close()
        sent = self.send(force=True, note="the site is down")
        self.assertEqual(code_of(sent), "")
        row = self.caller.ok("elves", "listaudit", method="sendasync", limit=10)["rows"][0]
        self.assertIn('"force":"true"', row["param"])
        self.assertIn("the site is down", row["param"])

    def test_only_who_manages_may_force(self):
        self.close()
        key = self.caller.ok("supervisor", "setkey", name="op", role="operator", apps=["*"], iplist=["*"])
        with self.client(self.house, tcp=True) as operator:
            auth = {"key": key["key"], "token": key["token"]}
            for more in ({"force": True}, {"note": "please"}):
                refused = operator.call("sheduler", "sendasync", agentip=OTHER, ins=INS, auth=auth, **more)
                self.assertEqual(code_of(refused), "401.6", more)

    def test_windows_hold_after_a_kill(self):
        self.close(target=OTHER)
        self.restart()
        self.assertEqual(code_of(eventually(lambda: (r := self.send()) and code_of(r) == "423.1" and r, 15)), "423.1")

    def test_a_group_that_a_window_is_for_is_not_deleted(self):
        self.caller.ok("fleet", "setgroup", name="web", target=OTHER)
        self.close(target="@web")
        refused = self.caller.call("fleet", "delgroup", name="web")
        self.assertEqual(code_of(refused), "409.4")
        self.assertIn("the window freeze", refused["error_info"])
        self.caller.ok("fleet", "setgroup", name="web", target=IP)
        self.assertEqual(code_of(self.send(OTHER)), "")
        self.assertEqual(code_of(self.send(IP)), "423.1")

    def test_what_can_be_no_window_or_cap_is_refused_by_its_field(self):
        run = self.caller.ok("run", "startrun", target=OTHER, ins=INS)["id"]
        window = {"name": "w", "target": "all", "rule": EACH_SECOND, "lasts": 5}
        for change, code in (({"target": ""}, "403.11"), ({"target": f"run:{run}"}, "403.11"),
                             ({"target": "@none"}, "417.2"), ({"name": "W"}, "403.10"), ({"lasts": 0}, "403.10"),
                             ({"from": at(0), "to": at(60)}, "403.10"), ({"rule": "x"}, "403.5"),
                             ({"apps": [".x"]}, "403.3"), ({"until": 5}, "403.10")):
            self.assertEqual(code_of(self.caller.call("run", "setwindow", **{**window, **change})), code, change)
        cap = {"name": "c", "target": "all", "most": 5}
        for change, code in (({"most": 0}, "403.10"), ({"per": "colour"}, "403.11"), ({"target": "("}, "403.11"),
                             ({"least": 5}, "403.10")):
            self.assertEqual(code_of(self.caller.call("run", "setcap", **{**cap, **change})), code, change)
        self.assertEqual(self.caller.ok("run", "listwindows")["windows"], [])
        self.assertEqual(self.caller.ok("run", "listcaps")["caps"], [])
        self.assertEqual(code_of(self.caller.call("run", "delwindow", name="w")), "417.2")
        self.assertEqual(code_of(self.caller.call("run", "delcap", name="c")), "417.2")


class Caps(Gate):
    def test_over_a_cap_a_send_is_refused_or_waits_in_order(self):
        self.caller.ok("run", "setcap", name="few", target="all", most=1)
        running = self.send(IP)["info"]["id"]
        refused = self.send()
        self.assertEqual(code_of(refused), "423.1")
        self.assertIn("cap few: 1 tasks run already", refused["error_info"])
        waiting = [self.send(ip, ins={"ttl": 60})["info"] for ip in (OTHER, IP, OTHER)]
        for info in waiting:
            self.assertEqual(info["status"], "waiting")
            self.assertIn("cap few", info["agent_sync_error"])
        self.assertEqual(self.caller.ok("run", "listcaps")["caps"][0]["running"], "1")
        self.first.finish(running, Result(1, "through"))
        # The first of them is through at once; the second holds the place.
        eventually(lambda: len(self.held) == 2)
        def states():
            status = {task["id"]: task["status"] for task in self.caller.tasks()}
            return [status[info["id"]] for info in waiting]
        eventually(lambda: states() == ["done", "running", "waiting"])
        self.caller.ok("sheduler", "canceltask", id=waiting[1]["id"])
        self.first.finish(waiting[1]["id"], Result(-1, "stopped"))
        eventually(lambda: {t["id"]: t["status"] for t in self.caller.tasks()}[waiting[2]["id"]] == "done")
        self.assertEqual(self.caller.ok("run", "listcaps")["caps"][0]["running"], "0")

    def test_a_cap_counts_what_runs_though_the_server_was_killed(self):
        self.caller.ok("run", "setcap", name="few", target="all", most=1)
        self.assertEqual(code_of(self.send(IP)), "")
        eventually(lambda: self.caller.tasks(status="running"))
        self.restart()
        eventually(lambda: code_of(self.send(OTHER)) == "423.1", 15)
        self.assertEqual(self.caller.ok("run", "listcaps")["caps"][0]["running"], "1")

    def test_a_run_never_has_more_hosts_at_work_than_the_cap_of_their_value(self):
        self.caller.ok("fleet", "setlabels", target="all", labels={"rack": "a"})
        self.caller.ok("run", "setcap", name="one-per-rack", target="all", most=1, per="rack")
        run = self.caller.ok("run", "startrun", target="all", ins=INS)["id"]
        eventually(lambda: len(self.held) == 1)
        states = [h["state"] for h in self.caller.ok("run", "listrunhosts", id=run)["hosts"]]
        self.assertEqual(states, ["running", "held"])
        self.first.finish(self.caller.tasks(status="running")[0]["id"], Result(1, "well"))
        eventually(lambda: self.caller.ok("run", "getrun", id=run)["run"]["state"] == "done")


class Schedules(Gate):
    def firings(self, schedule):
        return self.caller.ok("run", "listruns", schedule=schedule, limit=1000)["runs"]

    def test_each_firing_is_a_run_with_its_schedule_and_time(self):
        made = self.caller.ok("run", "setschedule", target=OTHER, ins=INS, rule="0/2 * * * * ?", note="tick")
        runs = eventually(lambda: [r for r in self.firings(made["id"]) if r["state"] == "done"][:2], 20)
        self.assertTrue(runs[0]["fire_time"])
        self.assertEqual((runs[0]["schedule"], runs[0]["note"]), (made["id"], "tick"))
        shown = self.caller.ok("run", "listschedules")["schedules"][0]
        self.assertEqual((shown["id"], shown["rule"], shown["on"], shown["timezone"]),
                         (made["id"], "0/2 * * * * ?", "true", "UTC"))
        self.caller.ok("run", "stopschedule", id=made["id"])
        self.assertEqual(code_of(self.caller.call("run", "stopschedule", id=made["id"])), "409.3")
        self.caller.ok("run", "startschedule", id=made["id"])
        self.caller.ok("run", "delschedule", id=made["id"])
        self.assertEqual(code_of(self.caller.call("run", "delschedule", id=made["id"])), "417.1")

    def test_no_time_fires_twice_and_none_is_lost_over_kills(self):
        made = self.caller.ok("run", "setschedule", target=OTHER, ins=INS, rule=EACH_SECOND, overlap="allow",
                              parallel=10)["id"]
        for _ in range(3):
            time.sleep(1.5)
            self.restart()
        newest = lambda: max((f["fire_time"] for f in self.firings(made)), default="")
        before = newest()
        eventually(lambda: newest() > before and self.firings(made)[0]["state"] != "skipped", 15)
        self.caller.ok("run", "stopschedule", id=made)
        times = [firing["fire_time"] for firing in self.firings(made)]
        self.assertEqual(len(times), len(set(times)))
        covered = sum(int(f["why"].split()[1]) if f["state"] == "skipped" and " times from " in f["why"] else 1
                      for f in self.firings(made))
        seconds = [datetime.strptime(t, "%Y-%m-%d %H:%M:%S") for t in times]
        span = int((max(seconds) - min(seconds)).total_seconds()) + 1
        self.assertGreaterEqual(covered, span)

    def test_a_firing_without_hosts_is_recorded_with_the_reason(self):
        self.caller.ok("fleet", "setlabels", target=OTHER, labels={"env": "prod"})
        made = self.caller.ok("run", "setschedule", target="env=prod", ins=INS, rule=EACH_SECOND)["id"]
        self.caller.ok("fleet", "setlabels", target=OTHER, labels={"env": "test"})
        skipped = eventually(lambda: [r for r in self.firings(made) if r["state"] == "skipped"], 15)
        self.assertIn("[403.11]", skipped[0]["why"])
        self.assertEqual(self.caller.ok("run", "listruns", state="skipped", schedule=made)["runs"][0]["count"], "0")
        refused = self.caller.call("run", "retryrun", id=skipped[0]["id"], states=["failed"])
        self.assertEqual(code_of(refused), "403.11")

    def test_what_means_nothing_for_a_schedule_is_refused(self):
        good = {"target": "all", "ins": INS, "rule": "0 0 2 * * ?"}
        for change, code in (({"at": "2099-01-01 00:00:00"}, "403.10"), ({"digest": "x"}, "403.10"),
                             ({"dedup": "x"}, "403.10"), ({"overlap": "replace"}, "403.10"), ({"rule": "x"}, "403.5"),
                             ({"rule": "0 0 0 1 1 ? 2020"}, "403.5"), ({"target": "@none"}, "417.2"),
                             ({"id": "A49B1E8FA1B43BC5"}, "417.1"), ({"jitter": -1}, "403.10"), ({"max_fial": 1}, "403.10")):
            self.assertEqual(code_of(self.caller.call("run", "setschedule", **{**good, **change})), code, change)
        self.assertEqual(self.caller.ok("run", "listschedules")["schedules"], [])

    def test_a_key_with_run_hosts_has_no_larger_run(self):
        key = self.caller.ok("supervisor", "setkey", name="op", role="operator", apps=["*"], iplist=["*"], run_hosts=1)
        auth = {"key": key["key"], "token": key["token"]}
        with self.client(self.house, tcp=True) as operator:
            for method in ("planrun", "startrun"):
                refused = operator.call("run", method, target="all", ins=INS, auth=auth)
                self.assertEqual(code_of(refused), "401.6")
                self.assertIn("at most 1 hosts", refused["error_info"])
            self.assertEqual(code_of(operator.call("run", "startrun", target=OTHER, ins=INS, auth=auth)), "")
            self.caller.ok("supervisor", "setkey", key=key["key"], run_hosts="unlimited")
            self.assertEqual(code_of(operator.call("run", "startrun", target="all", ins=INS, auth=auth)), "")

    def test_tasks_of_a_run_have_its_id(self):
        run = self.caller.ok("run", "startrun", target=OTHER, ins=INS)["id"]
        eventually(lambda: self.caller.ok("run", "getrun", id=run)["run"]["state"] == "done")
        self.assertEqual([task["run"] for task in self.caller.tasks()], [run])
        self.send(OTHER)
        self.assertEqual(sorted(task["run"] for task in self.caller.tasks()), ["", run])

    def test_sendbatch_points_to_runs(self):
        refused = self.caller.call("sheduler", "sendbatch", agentip=OTHER, ins=INS)
        self.assertEqual(code_of(refused), "404.2")
        self.assertIn("run.startrun", refused["error_info"])


class ByElvesctl(Gate):
    def says(self, *args, code=0):
        done = self.ctl(self.house, *args)
        self.assertEqual(done.code, code, f"elvesctl {args}: {done}")
        return done.out + done.err

    def test_a_schedule_is_set_shown_stopped_started_and_deleted(self):
        self.says("schedule", "set", "all", "--", "demo", "work", code=2)
        self.assertIn("has no time to come",
                      self.says("schedule", "set", "all", "--rule", "0 0 0 1 1 ? 2020", "--", "demo", "work", code=3))
        said = self.says("schedule", "set", "all", "--rule", "0 0 2 * * ?", "--timezone", "Europe/Berlin", "--max-fail", "1",
                         "--note", "nightly", "--", "demo", "work", "-x")
        self.assertIn("next at", said)
        made = self.caller.ok("run", "listschedules")["schedules"][0]
        self.assertEqual((made["ins"]["param"], made["max_fail"], made["timezone"]), ("-x", "1", "Europe/Berlin"))
        self.assertIn(made["id"], self.says("schedule", "list", "--app", "demo"))
        self.assertIn("nightly", self.says("schedule", "show", made["id"]))
        self.assertIn("is stopped", self.says("schedule", "stop", made["id"]))
        self.says("schedule", "stop", made["id"], code=3)
        self.assertIn("fires again", self.says("schedule", "start", made["id"]))
        self.assertIn("is deleted", self.says("schedule", "del", made["id"]))
        self.assertIn("no schedule", self.says("schedule", "show", made["id"], code=3))

    def test_windows_and_caps_are_set_listed_and_deleted_and_exec_may_be_forced(self):
        self.says("window", "set", "freeze", "all", "--from", "2026-01-01 00:00:00", "--to", "2099-01-01 00:00:00", "--note", "why")
        self.assertIn("freeze", self.says("window", "list"))
        self.assertIn("window freeze: closed until 2099-01-01", self.says("exec", OTHER, "demo", "work", code=3))
        self.says("exec", OTHER, "demo", "work", "--force", "--note", "now")
        self.says("window", "del", "freeze")
        self.says("window", "del", "freeze", code=3)
        self.says("cap", "set", "few", "all", code=2)
        self.says("cap", "set", "few", "role=x", "or", "all", "--most", "2", "--per", "host", "--apps", "demo,other.re*", code=3)
        self.says("cap", "set", "few", "all", "--most", "2", "--per", "host", "--apps", "demo,other.re*")
        cap = self.caller.ok("run", "listcaps")["caps"][0]
        self.assertEqual((cap["apps"], cap["most"], cap["per"]), (["demo", "other.re*"], "2", "host"))
        self.assertIn("few", self.says("cap", "list"))
        self.says("cap", "del", "few")


if __name__ == "__main__":
    unittest.main()
