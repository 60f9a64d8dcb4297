"""Runs: an instruction on many hosts, in waves, with limits; over restarts and kills."""

import contextlib
import sqlite3
import threading
import time
import unittest

from elves_wire import Result, code_of
from house import WORKER, HouseTest, eventually

INS = {"app": "demo", "func": "work", "param": "p"}
ENDED = ("done", "partial", "stopped", "canceled", "expired")


def ip_of(number):
    return f"10.0.0.{number}"


class Runs(HouseTest):
    deadline = 90

    def setUp(self):
        super().setUp()
        self.house = self.server(heartbeat={"interval": 1, "offline_after": 10})
        self.caller = self.client(self.house)
        self.agents, self.asked, self.lock = {}, [], threading.Lock()

    def answers_with(self, how):
        """`how(ip)` is what each agent answers; every instruct is noted."""
        def instruct(ip):
            def on_instruct(call):
                with self.lock:
                    self.asked.append(ip)
                return how(ip)
            return on_instruct
        return instruct

    def fleet(self, count, how=lambda ip: Result(1, "well"), first=1):
        instruct = self.answers_with(how)
        for number in range(first, first + count):
            ip = ip_of(number)
            self.agents[ip] = self.agent(self.house, ip, instruct(ip))

    def begin(self, target="all", **fields):
        return self.caller.ok("run", "startrun", target=target, ins=INS, **fields)["id"]

    def run_of(self, run):
        return self.caller.ok("run", "getrun", id=run)["run"]

    def hosts_of(self, run, **filters):
        return self.caller.ok("run", "listrunhosts", id=run, limit=1000, **filters)["hosts"]

    def states(self, run):
        return {host["agentip"]: host["state"] for host in self.hosts_of(run)}

    def wait(self, run, *states, patience=30):
        return eventually(lambda: (record := self.run_of(run))["state"] in (states or ENDED) and record, patience,
                          what=f"run {run} to become {states or ENDED}")


class Course(Runs):
    def test_a_run_reaches_every_host_once_and_is_done(self):
        self.fleet(20)
        plan = self.caller.ok("run", "planrun", target="all", ins=INS, waves="1,25%", parallel=3)
        self.assertEqual((plan["count"], plan["online"], plan["offline"], plan["worst"]), ("20", "20", "0", "3"))
        self.assertEqual([wave["hosts"] for wave in plan["waves"]], ["1", "5", "5", "5", "4"])
        run = self.begin(waves="1,25%", parallel=3, digest=plan["digest"], note="why not")
        record = self.wait(run)
        self.assertEqual((record["state"], record["why"], record["counts"]), ("done", "", {"done": "20"}))
        self.assertEqual((record["waves"], record["wave_count"], record["note"]), ("1,25%", "5", "why not"))
        self.assertEqual(sorted(self.asked), sorted(self.agents))
        answers = self.caller.ok("run", "listanswers", id=run)["answers"]
        self.assertEqual([(a["count"], a["state"], a["text"]) for a in answers], [("20", "done", "well")])
        self.assertEqual(len(answers[0]["hosts"]), 10)

    def test_one_failure_more_than_is_tolerated_pauses_and_the_rest_has_not_started(self):
        self.fleet(10, lambda ip: Result(0 if ip == ip_of(2) else 1, "no"))
        run = self.begin(parallel=1)
        record = self.wait(run, "paused")
        self.assertEqual((record["why"], record["counts"]), ("max_fail", {"done": "1", "failed": "1", "held": "8"}))
        refused = self.caller.call("run", "steerrun", id=run, do="resume")
        self.assertEqual(code_of(refused), "409.3")
        self.caller.ok("run", "steerrun", id=run, do="resume", max_fail=1)
        record = self.wait(run)
        self.assertEqual((record["state"], record["counts"]), ("partial", {"done": "9", "failed": "1"}))
        again = self.caller.ok("run", "retryrun", id=run, states=["failed"])
        self.assertEqual((again["count"], again["of"]), ("1", run))
        self.wait(again["id"])
        self.assertEqual(self.run_of(again["id"])["of"], run)
        self.assertEqual(self.asked.count(ip_of(2)), 2)

    def test_a_dead_canary_lets_nobody_through(self):
        self.fleet(5, first=2)
        self.caller.ok("cmdbproxy", "setcmdbinfo", agentip=ip_of(1), sn="never an agent")
        run = self.begin(waves="1,100%")
        record = self.wait(run, "paused")
        self.assertEqual((record["why"], record["counts"]), ("wave", {"held": "5", "undelivered": "1"}))
        self.assertEqual(self.asked, [])
        self.caller.ok("run", "steerrun", id=run, do="resume")
        self.assertEqual(self.wait(run)["counts"], {"done": "5", "undelivered": "1"})

    def test_the_list_is_frozen_and_a_digest_of_another_list_starts_nothing(self):
        self.fleet(4)
        self.caller.ok("fleet", "setlabels", target=f"{ip_of(1)} or {ip_of(2)}", labels={"env": "prod"})
        digest = self.caller.ok("run", "planrun", target="env=prod", ins=INS)["digest"]
        self.caller.ok("fleet", "setlabels", target=ip_of(3), labels={"env": "prod"})
        refused = self.caller.call("run", "startrun", target="env=prod", ins=INS, digest=digest)
        self.assertEqual(code_of(refused), "409.2")
        self.assertEqual(self.caller.tasks(), [])
        run = self.begin("env=prod", pause="ask", waves="1")
        self.wait(run, "paused")
        self.caller.ok("fleet", "setlabels", target=ip_of(4), labels={"env": "prod"})
        self.caller.ok("fleet", "setlabels", target=ip_of(2), unset=["env"])
        for _ in range(2):
            self.caller.ok("run", "steerrun", id=run, do="resume")
            self.wait(run, "paused", *ENDED)
        self.assertEqual(self.wait(run)["counts"], {"done": "3"})
        self.assertNotIn(ip_of(4), self.asked)

    def test_nothing_starts_by_accident(self):
        self.fleet(2)
        for fields, code in (({"target": ""}, "403.11"), ({"target": "env=prod"}, "403.11"), ({"target": "none"}, "414.1"),
                             ({"target": f"{ip_of(1)} or @none"}, "417.2"), ({"max_fial": 1}, "403.10"),
                             ({"waves": "0"}, "403.10"), ({"waves": "1,0%"}, "403.10"), ({"waves": "101%"}, "403.10"),
                             ({"parallel": 0}, "403.10"), ({"max_fail": "-1"}, "403.10"), ({"pause": "maybe"}, "403.10"),
                             ({"order": "any"}, "403.10"), ({"ins": {**INS, "ttl": 5}}, "403.10"),
                             ({"ins": {**INS, "paramm": 5}}, "403.10"), ({"ins": {**INS, "dedup": "x"}}, "403.10"),
                             ({"target": "status=offline"}, "403.11"), ({"at": "2020-01-01 00:00:00"}, "403.10")):
            with self.subTest(fields=fields):
                self.assertEqual(code_of(self.caller.call("run", "startrun", **{"target": "all", "ins": INS, **fields})), code)
        self.assertEqual(self.caller.tasks(), [])
        self.assertEqual(self.caller.ok("run", "listruns")["runs"], [])

    def test_the_same_dedup_is_the_same_run(self):
        self.fleet(2)
        first, second = (self.begin(dedup="tonight") for _ in range(2))
        self.assertEqual(first, second)
        self.wait(first)
        self.assertEqual(self.begin(dedup="tonight"), first)
        self.assertEqual(len(self.asked), 2)

    def test_stop_lets_what_runs_end_and_cancel_ends_it(self):
        gate = threading.Event()
        self.addCleanup(gate.set)

        def slow(ip):
            gate.wait(20)
            return Result(1, "at last")
        self.fleet(4, slow)
        run = self.begin(parallel=2)
        eventually(lambda: len(self.asked) == 2)
        self.assertEqual(self.caller.ok("run", "steerrun", id=run, do="stop")["state"], "running")
        gate.set()
        record = self.wait(run)
        self.assertEqual((record["state"], record["counts"]), ("stopped", {"done": "2", "not_started": "2"}))
        self.assertEqual(code_of(self.caller.call("run", "steerrun", id=run, do="pause")), "409.3")

    def test_a_host_that_is_away_is_waited_for_under_ttl_and_then_expires(self):
        self.fleet(2)
        self.agents[ip_of(1)].stop()
        eventually(lambda: self.caller.status_of(ip_of(1)) == "offline")
        run = self.begin(ttl=30)
        eventually(lambda: self.states(run) == {ip_of(1): "held", ip_of(2): "done"})
        self.fleet(1)
        self.assertEqual(self.wait(run)["state"], "done")
        self.agents[ip_of(1)].stop()
        eventually(lambda: self.caller.status_of(ip_of(1)) == "offline")
        run = self.begin(ttl=2)
        self.assertEqual(self.wait(run)["counts"], {"done": "1", "expired": "1"})
        silent = self.begin(silent="fail", waves="1")
        self.assertEqual(self.wait(silent, "paused")["why"], "max_fail")

    def test_who_watches_hears_of_each_end(self):
        self.fleet(3)
        run = self.begin(parallel=1)
        seen, seq, state = {}, 0, ""
        while state not in ENDED:
            news = self.caller.ok("run", "watchrun", id=run, since=seq)
            seq, state = int(news["seq"]), news["state"]
            seen.update({end["agentip"]: end["state"] for end in news["ended"]})
        self.assertEqual(seen, {ip_of(n): "done" for n in (1, 2, 3)})

    def test_a_target_may_name_the_hosts_of_a_run_in_a_state(self):
        self.fleet(4, lambda ip: Result(0 if ip in (ip_of(2), ip_of(3)) else 1, "x"))
        run = self.begin(max_fail=4)
        self.wait(run)
        found = self.caller.ok("fleet", "findagents", target=f"run:{run}:failed")["agents"]
        self.assertEqual([agent["agentip"] for agent in found], [ip_of(2), ip_of(3)])


class Restart(Runs):
    def real_fleet(self, count):
        """Real agents whose workers leave a line for each start."""
        self.workers = [self.real_agent(self.house, f"10.1.0.{number}") for number in range(1, count + 1)]
        for worker in self.workers:
            worker.app("demo", WORKER + f'open({str(worker.folder / "starts")!r}, "a").write("x"); time.sleep(0.4); answer("well")')
            worker.start()
        for worker in self.workers:
            self.online(self.caller, worker.ip)

    def starts(self):
        return [(path.read_text() if (path := worker.folder / "starts").exists() else "") for worker in self.workers]

    def test_a_run_goes_on_after_kills_and_no_host_starts_twice(self):
        self.real_fleet(8)
        run = self.begin(parallel=2, waves="2,50%", max_fail=8)
        for started in (2, 4, 6):
            eventually(lambda: sum(map(len, self.starts())) >= started)
            self.house.restart()
            self.caller = self.client(self.house)
        record = self.wait(run, patience=60)
        self.assertEqual(sum(int(count) for count in record["counts"].values()), 8)
        self.assertNotIn("undelivered", record["counts"], "whoever was there is not called silent")
        self.assertLessEqual(max(map(len, self.starts())), 1)
        self.assertEqual(record["counts"].get("done", "0"), str(sum(map(len, self.starts()))))
        tasks = [host["task"] for host in self.hosts_of(run) if host["task"]]
        self.assertEqual(len(tasks), len(set(tasks)))

    def test_a_paused_run_is_paused_after_a_restart_and_a_pending_one_starts_at_its_time(self):
        self.fleet(2)
        paused = self.begin(waves="1", pause="ask")
        self.wait(paused, "paused")
        pending = self.begin(at=time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() + 4)))
        self.assertEqual((self.run_of(pending)["state"], self.run_of(pending)["why"]), ("pending", "time"))
        self.house.restart()
        self.caller = self.client(self.house)
        for agent in self.agents.values():
            agent.start_patiently()
        self.assertEqual((self.run_of(paused)["state"], self.run_of(paused)["why"]), ("paused", "wave"))
        self.assertEqual(self.wait(pending)["state"], "done")
        self.caller.ok("run", "steerrun", id=paused, do="resume")
        self.wait(paused, "paused", *ENDED)
        self.assertEqual(sorted(self.states(paused).values()), ["done", "done"])


class Doctor(Runs):
    def doctor(self, code):
        done = self.ctl(None, "doctor", "--store", self.house.folder / "elves.db")
        self.assertEqual(done.code, code, done)
        return done.out

    def test_the_doctor_finds_a_run_whose_states_do_not_add_up(self):
        self.fleet(3, lambda ip: Result(0 if ip == ip_of(2) else 1, "x"))
        run = self.begin(max_fail=1)
        self.wait(run)
        self.house.terminate()
        self.assertIn("runs: 1 partial, of 3 hosts", self.doctor(0))
        for change, found in (("state = NULL WHERE place = 0", "have no state"), ("state = 'done' WHERE place = 1", "is failed"),
                              ("run = 'other' WHERE place = 2", "was begun with 3 hosts, and has 2")):
            with self.subTest(change=change):
                before = (self.house.folder / "elves.db").read_bytes()
                with contextlib.closing(sqlite3.connect(self.house.folder / "elves.db")) as db, db:
                    db.execute(f"UPDATE run_host SET {change}")
                shown = self.doctor(1)
                self.assertIn(found, shown)
                self.assertIn(run, shown)
                (self.house.folder / "elves.db").write_bytes(before)


class ByElvesctl(Runs):
    def says(self, *args, code=0):
        done = self.ctl(self.house, *args)
        self.assertEqual(done.code, code, f"elvesctl {args}: {done}")
        return done

    def test_a_plan_starts_nothing_and_another_number_than_its_own_neither(self):
        self.fleet(3)
        self.assertIn("3 hosts: 3 online, 0 offline", self.says("run", "all", "--plan", "--", "demo", "work").out)
        self.assertIn("--yes is 2", self.says("run", "all", "--yes", "2", "--", "demo", "work", code=2).err)
        self.assertIn("--yes N is needed", self.says("run", "all", "--", "demo", "work", code=2).err)
        self.assertIn("column 1", self.says("run", "evn=x", "--yes", "3", "--", "demo", "work", code=2).err)
        self.says("run", "all", "--yes", "3", "demo", "work", code=2)
        self.assertEqual(self.caller.tasks(), [])

    def test_a_run_is_followed_reported_and_retried(self):
        self.fleet(4, lambda ip: Result(0 if ip == ip_of(2) else 1, "no disk" if ip == ip_of(2) else "well"))
        self.caller.ok("cmdbproxy", "setcmdbinfo", agentip=ip_of(9), sn="1")
        shown = self.says("run", "all", "--yes", "5", "--waves", "1,100%", "--max-fail", "1", "--", "demo", "work", "-x", code=1).out
        for text in (f"{ip_of(2)}  failed", "3x done: well", "1x failed: no disk", f"undelivered: {ip_of(9)}",
                     "runs retry"):
            self.assertIn(text, shown)
        run = self.caller.ok("run", "listruns")["runs"][0]["id"]
        self.assertIn(run, self.says("runs", "--state", "partial").out)
        self.assertIn("no disk", self.says("runs", "answers", run).out)
        self.assertIn(ip_of(2), self.says("runs", "hosts", run, "--state", "failed").out)
        self.assertIn("1 hosts", self.says("runs", "retry", run, "--states", "failed", code=1).out)
        self.says("runs", "show", run, code=1)

    def test_a_detached_run_is_paused_resumed_and_watched(self):
        self.fleet(2)
        shown = self.says("run", "all", "--yes", "2", "--waves", "1", "--pause", "ask", "--detach", "--", "demo", "work").out
        run = shown.split()[-1]
        self.wait(run, "paused")
        self.assertIn("a wave is over", self.says("runs", "watch", run, code=1).out)
        self.says("runs", "resume", run)
        self.wait(run)
        self.assertIn("2x done", self.says("runs", "watch", run).out)
        self.assertIn("[409.3]", self.says("runs", "cancel", run, code=3).err)


class Rights(Runs):
    def operator(self, **fields):
        made = self.caller.ok("supervisor", "setkey", role="operator", apps=["*"], iplist=["*"], **fields)
        return {"key": made["key"], "token": made["token"]}

    def test_a_key_that_is_disabled_pauses_its_runs(self):
        self.fleet(3)
        key = self.operator()
        run = self.caller.ok("run", "startrun", target="all", ins=INS, waves="1", pause="ask", auth=key)["id"]
        self.wait(run, "paused")
        self.caller.ok("supervisor", "setkey", key=key["key"], enabled=False)
        self.caller.ok("run", "steerrun", id=run, do="resume")
        self.assertEqual(self.wait(run, "paused")["why"], "key")

    def test_another_keys_run_is_steered_by_who_may_manage_only(self):
        self.fleet(2)
        run = self.caller.ok("run", "startrun", target="all", ins=INS, waves="1", pause="ask", auth=self.operator())["id"]
        self.wait(run, "paused")
        refused = self.caller.call("run", "steerrun", id=run, do="resume", auth=self.operator())
        self.assertEqual(code_of(refused), "401.6")
        self.caller.ok("run", "steerrun", id=run, do="stop")

    def test_a_run_and_its_steering_leave_one_row_each_in_the_audit_trail(self):
        self.fleet(3)
        run = self.begin(waves="1", pause="ask")
        self.wait(run, "paused")
        self.caller.ok("run", "steerrun", id=run, do="stop")
        self.wait(run)
        rows = [(row["method"], row["id"]) for row in self.caller.ok("elves", "listaudit", limit=100)["rows"]]
        self.assertEqual([row for row in rows if row[0].startswith("run.")][::-1], [("run.startrun", run), ("run.steerrun", run)])
        self.assertFalse([row for row in rows if row[0].startswith("sheduler.")])


if __name__ == "__main__":
    unittest.main()
