"""cron: jobs that the server fires, and jobs that the agents hold."""

import json
import pathlib
import re
import time
import unittest

from elves_wire import RUN, Result, code_of, wall_time
from house import TIME_OF_DAY, HouseTest, eventually

IP = "10.0.0.1"
INS = {"app": "demo", "func": "work"}
UNKNOWN_ID = "0123456789ABCDEF"
EVERY_SECOND = "* * * * * ?"
YEARLY = "0 0 3 1 1 ?"
QUARTZ = pathlib.Path(__file__).resolve().parents[1] / "data" / "quartz-cron.tsv"


def quartz_rows(group):
    """(expression, result) of each row of that group."""
    rows, here = {}, None
    for line in QUARTZ.read_text().splitlines():
        if line.startswith("# group: "):
            here = line.removeprefix("# group: ")
        elif line and not line.startswith("#") and here == group:
            expression, _, _, result = line.split("\t")
            rows[expression.replace("\\t", "\t")] = result
    return rows.items()


def once_at(seconds):
    """A rule with one fire time, in UTC."""
    at = time.gmtime(seconds)
    return f"{at.tm_sec} {at.tm_min} {at.tm_hour} {at.tm_mday} {at.tm_mon} ? {at.tm_year}"


def pass_time(until):
    """Waits for a wall time, where its passing is the test."""
    while time.time() < until:
        time.sleep(0.05)


class Crons(HouseTest):
    sections = {}

    def setUp(self):
        super().setUp()
        self.house = self.server(**self.sections)
        self.caller = self.client(self.house)

    def restart(self):
        self.house.restart()
        self.caller = self.client(self.house)

    def set(self, rule=YEARLY, ip=IP, ins=None, **more):
        return self.is_id(self.caller.ok("cron", "setcronbyip", agentip=ip, rule=rule, ins=ins or INS, **more)["id"])

    def list(self, ip=IP):
        return self.caller.ok("cron", "getcronlistbyip", agentip=ip)["cron_list"]

    def firings(self, cron_id, **more):
        return self.caller.tasks(cron_id=cron_id, limit=1000, **more)


class Keeping(Crons):
    def test_a_job_is_listed_as_it_was_set(self):
        ins = {"mode": "NP", "app": "demo", "func": "work", "param": "what", "timeout": "30", "proxy": "main.py"}
        cron_id = self.set("0 0 3 * * ?", ins=ins, cron_type="self")
        (job,) = self.list()
        self.assertEqual({k: job[k] for k in ("cron_id", "agent_ip", "cron_type", "param", "rule", "cron_flag")},
                         {"cron_id": cron_id, "agent_ip": IP, "cron_type": "self", "param": "what",
                          "rule": "0 0 3 * * ?", "cron_flag": "1"})
        self.assertEqual({k: str(job["ins"][k]) for k in ("app", "func", "param", "timeout", "proxy")},
                         {k: ins[k] for k in ("app", "func", "param", "timeout", "proxy")})
        self.assertRegex(job["create_time"], TIME_OF_DAY)
        self.assertRegex(job["next_time"], r"\A\d{4}-\d\d-\d\d 03:00:00\Z")

    def test_a_job_is_the_servers_unless_said_otherwise(self):
        self.set()
        self.set(cron_type="center")
        self.set(cron_type="")
        self.assertEqual([job["cron_type"] for job in self.list()], ["center"] * 3)

    def test_an_agent_without_jobs_has_an_empty_list(self):
        self.assertEqual(self.list(), [])
        self.set(ip="10.0.0.2")
        self.assertEqual(self.list(), [])

    def test_a_job_can_be_set_for_an_agent_that_was_never_seen(self):
        self.set(ip="10.7.7.7")
        self.assertEqual(len(self.list("10.7.7.7")), 1)

    def test_a_job_set_with_an_id_replaces_that_one(self):
        first, other = self.set(), self.set()
        self.assertEqual(self.set("0 0 4 * * ?", ins={"app": "demo", "func": "new"}, id=first), first)
        jobs = {job["cron_id"]: job for job in self.list()}
        self.assertEqual(set(jobs), {first, other})
        self.assertEqual((jobs[first]["rule"], jobs[first]["ins"]["func"]), ("0 0 4 * * ?", "new"))

    def test_another_agents_job_cannot_be_replaced_deleted_or_paused(self):
        job = self.set(ip="10.0.0.2")
        self.caller.refused("411.1", "cron", "setcronbyip", agentip=IP, rule=YEARLY, ins=INS, id=job)
        for method in ("delcronbyipid", "stopcron", "startcron"):
            self.caller.refused("411.1", "cron", method, agentip=IP, id=job)
        self.assertEqual(len(self.list("10.0.0.2")), 1)

    def test_a_job_can_be_deleted_once(self):
        job = self.set()
        self.caller.ok("cron", "delcronbyipid", agentip=IP, id=job)
        self.assertEqual(self.list(), [])
        self.caller.refused("411.1", "cron", "delcronbyipid", agentip=IP, id=job)

    def test_a_job_can_be_paused_and_goes_on(self):
        job = self.set()
        for method, flag in (("stopcron", "0"), ("startcron", "1")):
            self.caller.ok("cron", method, agentip=IP, id=job)
            self.assertEqual(self.list()[0]["cron_flag"], flag)

    def test_an_unknown_or_malformed_id_is_refused(self):
        for method in ("delcronbyipid", "stopcron", "startcron"):
            self.caller.refused("411.1", "cron", method, agentip=IP, id=UNKNOWN_ID)
            self.caller.refused("403.9", "cron", method, agentip=IP, id="12")
        self.caller.refused("403.9", "cron", "setcronbyip", agentip=IP, rule=YEARLY, ins=INS, id="12")
        self.caller.refused("411.1", "cron", "setcronbyip", agentip=IP, rule=YEARLY, ins=INS, id=UNKNOWN_ID)

    def test_rules_that_quartz_rejects_are_refused(self):
        for rule, result in quartz_rows("hand"):
            if result == "invalid" and rule.strip():
                with self.subTest(rule=rule):
                    self.caller.refused("403.5", "cron", "setcronbyip", agentip=IP, rule=rule, ins=INS)
        self.assertEqual(self.list(), [])

    def test_rules_that_quartz_takes_are_taken(self):
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        for rule, result in quartz_rows("hand"):
            # A rule that names years is refused once its last fire time is over.
            over = len(rule.split()) == 7 and max(result.split(",")) <= now
            if result not in ("invalid", "never") and not over:
                with self.subTest(rule=rule):
                    reply = self.caller.call("cron", "setcronbyip", agentip=IP, rule=rule, ins=INS, cron_type="self")
                    self.assertNotEqual(code_of(reply), "403.5", reply)

    def test_a_refused_rule_says_which_field_and_why(self):
        text = self.caller.refused("403.5", "cron", "setcronbyip", agentip=IP, rule="0 99 * * * ?", ins=INS)
        self.assertIn("99", text)

    def test_bad_fields_of_a_job_are_refused_by_name(self):
        for name, bad in (("cron_type", "edge"), ("timezone", "Mars/Base"), ("misfire", "twice"),
                          ("overlap", "perhaps"), ("jitter", "some")):
            with self.subTest(name=name):
                self.assertIn(name, self.caller.refused("403.10", "cron", "setcronbyip", agentip=IP, rule=YEARLY,
                                                        ins=INS, **{name: bad}))
        for code, ins in (("403.3", {"app": "a/b", "func": "f"}), ("403.7", {"app": "a", "func": ""}),
                          ("403.8", {**INS, "timeout": -1}), ("403.4", {**INS, "mode": "X"}),
                          ("413.2", {**INS, "mode": "P"})):
            with self.subTest(ins=ins):
                self.caller.refused(code, "cron", "setcronbyip", agentip=IP, rule=YEARLY, ins=ins)
        self.caller.refused("403.1", "cron", "setcronbyip", agentip="there", rule=YEARLY, ins=INS)
        self.assertEqual(self.list(), [])

    def test_a_job_may_have_a_zone_of_its_own(self):
        self.set("0 0 8 * * ?", timezone="Asia/Shanghai")
        self.assertRegex(self.list()[0]["next_time"], r" 00:00:00\Z")  # shown in the server's zone, UTC

    def test_a_rule_is_read_in_the_servers_zone(self):
        house = self.server(server={"timezone": "Asia/Tokyo"})
        client = self.client(house)
        soon = time.time() + 5
        client.ok("cron", "setcronbyip", agentip=IP, rule=once_at(soon + 9 * 3600), ins=INS)
        job = client.ok("cron", "getcronlistbyip", agentip=IP)["cron_list"][0]
        self.assertEqual(job["next_time"], wall_time(soon + 9 * 3600))

    def test_jobs_outlive_a_crash(self):
        jobs = [self.set(cron_type=kind) for kind in ("center", "self", "center")]
        self.caller.ok("cron", "stopcron", agentip=IP, id=jobs[0])
        self.caller.ok("cron", "delcronbyipid", agentip=IP, id=jobs[2])
        before = self.list()
        self.restart()
        self.assertCountEqual(self.list(), before)
        self.assertEqual({job["cron_id"]: job["cron_flag"] for job in self.list()}, {jobs[0]: "0", jobs[1]: "1"})


class Center(Crons):
    def test_each_firing_is_a_task_of_its_own(self):
        agent = self.agent(self.house, IP, lambda call: Result(1, "tick"))
        job = self.set(EVERY_SECOND)
        done = eventually(lambda: (f := self.firings(job, status="done")) and len(f) >= 3 and f)
        self.assertEqual(len({task["id"] for task in done}), len(done))
        for task in done:
            self.assertEqual((task["type"], task["cron_id"], task["agentip"], task["instruct"], task["result_flag"]),
                             ("cron", job, IP, "demo.work", "true"))
            self.assertNotEqual(task["id"], job)
        calls = agent.calls_seen("instruct")
        self.assertEqual({call["type"] for call in calls}, {"cron"})
        self.assertEqual(len({call["id"] for call in calls}), len(calls))
        told = self.list()[0]
        self.assertRegex(told["last_exec_time"], TIME_OF_DAY)
        self.assertTrue(told["last_exec_result"])

    def test_a_firing_for_an_agent_that_is_away_is_accounted_for(self):
        job = self.set(EVERY_SECOND)
        task = eventually(lambda: self.firings(job))[0]
        self.assertEqual((self.wait_final(self.caller, task["id"])["status"], task["type"]), ("undelivered", "cron"))

    def test_a_rule_with_one_time_fires_once(self):
        agent = self.agent(self.house, IP)
        job = self.set(once_at(time.time() + 2))
        eventually(lambda: self.firings(job, status="done"))
        probe = self.set(EVERY_SECOND)
        eventually(lambda: len(self.firings(probe, status="done")) >= 2)
        self.assertEqual(len(self.firings(job)), 1)
        self.assertTrue(agent.up)

    def test_a_paused_or_deleted_job_fires_no_more(self):
        self.agent(self.house, IP)
        paused, deleted, probe = (self.set(EVERY_SECOND) for _ in range(3))
        eventually(lambda: all(self.firings(job, status="done") for job in (paused, deleted, probe)))
        self.caller.ok("cron", "stopcron", agentip=IP, id=paused)
        self.caller.ok("cron", "delcronbyipid", agentip=IP, id=deleted)
        counts = [len(self.firings(job)) for job in (paused, deleted)]
        before = len(self.firings(probe))
        eventually(lambda: len(self.firings(probe)) >= before + 3)
        self.assertEqual([len(self.firings(job)) for job in (paused, deleted)], counts)
        self.caller.ok("cron", "startcron", agentip=IP, id=paused)
        eventually(lambda: len(self.firings(paused)) > counts[0])

    def test_a_firing_while_the_last_run_goes_on_is_skipped_and_said_so(self):
        agent = self.agent(self.house, IP, lambda call: RUN)
        job = self.set(EVERY_SECOND)
        skipped = eventually(lambda: (f := self.firings(job, status="skipped")) and len(f) >= 2 and f)
        self.assertEqual(len(agent.calls_seen("instruct")), 1)
        for task in skipped:
            self.assertEqual((task["type"], task["result_flag"]), ("cron", "false"))
        agent.on_instruct = lambda call: Result()
        agent.finish(agent.wait_instruct()["id"])
        agent.wait_call("instruct", 2)

    def test_overlapping_runs_may_be_allowed(self):
        agent = self.agent(self.house, IP, lambda call: RUN)
        job = self.set(EVERY_SECOND, overlap="allow")
        agent.wait_call("instruct", 3)
        self.assertEqual(self.firings(job, status="skipped"), [])

    def test_a_new_run_may_replace_the_old_one(self):
        agent = self.agent(self.house, IP, lambda call: RUN)
        self.set(EVERY_SECOND, overlap="replace")
        first, second = agent.wait_call("instruct", 1)["id"], agent.wait_call("instruct", 2)["id"]
        self.assertEqual(agent.wait_call("cancel")["id"], first)
        self.wait_status(self.caller, first, "canceled")
        self.assertNotEqual(first, second)

    def test_mode_p_of_a_job_needs_an_app_with_an_address(self):
        self.caller.ok("supervisor", "setapp", appname="demo", appip="127.0.0.1", appport="9")
        self.set(ins={**INS, "mode": "P"})


class Misfire(Crons):
    def missed(self, **jobs):
        """Sets jobs that fire once while the server is down; returns their ids, the server being up again."""
        fire = int(time.time()) + 3
        ids = {name: self.set(once_at(fire), **more) for name, more in jobs.items()}
        self.house.kill9()
        self.assertLess(time.time(), fire, "the machine is too slow for this test")
        pass_time(fire + 1.2)
        self.house.start()
        self.caller = self.client(self.house)
        return ids

    def test_a_missed_time_leaves_one_skipped_record_and_by_default_no_run(self):
        jobs = self.missed(default={}, skip={"misfire": "skip"})
        for name, job in jobs.items():
            with self.subTest(name=name):
                (record,) = eventually(lambda job=job: self.firings(job))
                self.assertEqual((record["status"], record["type"], record["cron_id"]), ("skipped", "cron", job))
        probe = self.set(EVERY_SECOND)
        eventually(lambda: len(self.firings(probe)) >= 2)
        for job in jobs.values():
            self.assertEqual(len(self.firings(job)), 1)

    def test_a_missed_time_may_be_made_up_for_once(self):
        job = self.missed(once={"misfire": "once"})["once"]
        self.agent(self.house, IP)
        records = eventually(lambda: (f := self.firings(job)) and len(f) >= 2 and f)
        statuses = sorted(self.wait_final(self.caller, record["id"])["status"] for record in records)
        self.assertEqual(statuses, ["done", "skipped"])

    def test_many_missed_times_leave_one_record_that_says_how_many(self):
        job = self.set(EVERY_SECOND)
        eventually(lambda: self.firings(job))
        self.house.kill9()
        down = time.time()
        pass_time(down + 4)
        self.house.start()
        up = time.time()
        self.caller = self.client(self.house)
        (record,) = eventually(lambda: self.firings(job, status="skipped"))
        after = len(self.firings(job))
        eventually(lambda: len(self.firings(job)) >= after + 2)
        self.assertEqual([t["id"] for t in self.firings(job, status="skipped")], [record["id"]])
        # How it is worded is free; somewhere stands the number, and both ends of the span.
        said = json.dumps({k: v for k, v in record.items() if k not in ("id", "cron_id", "agentip")})
        numbers = {int(n) for n in re.findall(r"(?<![\d:.-])\d{1,3}(?![\d:-])", said)}
        missed = up - down
        self.assertTrue(numbers & set(range(int(missed) - 1, int(missed) + 3)), f"{said}: {missed:.1f} s were missed")
        self.assertGreaterEqual(len(re.findall(r"\d\d:\d\d:\d\d", said)), 2)

    def test_a_job_that_missed_nothing_has_no_skipped_record(self):
        job = self.set(YEARLY)
        self.restart()
        probe = self.set(EVERY_SECOND)
        eventually(lambda: self.firings(probe))
        self.assertEqual(self.firings(job), [])

    def test_the_default_of_misfire_is_a_setting(self):
        self.house.terminate()
        self.house.settings(cron={"misfire": "once"})
        self.house.start()
        self.caller = self.client(self.house)
        job = self.missed(plain={})["plain"]
        self.agent(self.house, IP)
        eventually(lambda: len(self.firings(job)) == 2)


class OwnTable(Crons):
    """`self` jobs: the agent holds and fires them."""

    def wait_table(self, agent, *cron_ids, after=0):
        """Waits for a setcrons, past the first `after` ones, with exactly these jobs; returns its entries by id."""
        def look():
            for call in agent.calls_seen("setcrons")[after:]:
                table = {job["cron_id"]: job for job in call["cron_list"] if job.get("cron_flag", "1") == "1"}
                if set(table) == set(cron_ids):
                    return call, table
            return None
        return agent.wait_until(look, what=f"setcrons with {cron_ids}")[1]

    def test_the_table_is_sent_after_each_register_and_each_change(self):
        first = self.set("0 0 3 * * ?", cron_type="self", timezone="Asia/Tokyo", ins={**INS, "param": "mine"})
        self.set("0 0 3 * * ?", cron_type="center")
        self.set("0 0 3 * * ?", cron_type="self", ip="10.0.0.2")
        agent = self.agent(self.house, IP)
        job = self.wait_table(agent, first)[first]
        self.assertEqual((job["rule"], job["cron_type"], job["timezone"], job["agent_ip"], job["ins"]["param"]),
                         ("0 0 3 * * ?", "self", "Asia/Tokyo", IP, "mine"))
        second = self.set("0 0 4 * * ?", cron_type="self")
        table = self.wait_table(agent, first, second)
        self.assertEqual(table[second]["timezone"], "UTC")
        sent = len(agent.calls_seen("setcrons"))
        self.set("0 0 5 * * ?", cron_type="self", id=second)
        self.assertEqual(self.wait_table(agent, first, second, after=sent)[second]["rule"], "0 0 5 * * ?")
        sent = len(agent.calls_seen("setcrons"))
        self.caller.ok("cron", "stopcron", agentip=IP, id=first)
        self.wait_table(agent, second, after=sent)
        sent = len(agent.calls_seen("setcrons"))
        self.caller.ok("cron", "startcron", agentip=IP, id=first)
        self.wait_table(agent, first, second, after=sent)
        sent = len(agent.calls_seen("setcrons"))
        self.caller.ok("cron", "delcronbyipid", agentip=IP, id=second)
        self.wait_table(agent, first, after=sent)
        sent = len(agent.calls_seen("setcrons"))
        agent.drop()
        agent.start()
        self.wait_table(agent, first, after=sent)

    def test_an_agent_without_jobs_is_told_so_after_register(self):
        agent = self.agent(self.house, IP)
        self.assertEqual(agent.wait_call("setcrons")["cron_list"], [])

    def test_the_server_does_not_fire_them(self):
        agent = self.agent(self.house, IP)
        self.set(EVERY_SECOND, cron_type="self")
        probe = self.set(EVERY_SECOND, ins={"app": "demo", "func": "probe"})
        eventually(lambda: len(self.firings(probe, status="done")) >= 3)
        self.assertEqual({call["ins"]["func"] for call in agent.calls_seen("instruct")}, {"probe"})

    def test_a_firing_that_the_agent_reports_is_recorded_once(self):
        job = self.set("0 0 3 * * ?", cron_type="self", ins={**INS, "param": "mine"})
        agent = self.agent(self.house, IP)
        ins = self.wait_table(agent, job)[job]["ins"]
        fired = wall_time(time.time() - 60)
        task, reply = agent.report_firing(job, fired, ins, Result(1, "fired alone"))
        self.assertEqual((reply["flag"], reply["error_info"]), ("true", ""))
        self.assertEqual(agent.report_now(task)["flag"], "true")
        (record,) = self.firings(job)
        self.assertEqual({k: record[k] for k in ("id", "type", "cron_id", "agentip", "instruct", "param", "status",
                                                 "worker_message", "result_flag")},
                         {"id": task, "type": "cron", "cron_id": job, "agentip": IP, "instruct": "demo.work",
                          "param": "mine", "status": "done", "worker_message": "fired alone", "result_flag": "true"})
        self.assertEqual(record["starttime"], fired)
        self.assertEqual(self.caller.task(task)["status"], "done")

    def test_two_firings_are_two_tasks_and_a_failed_one_has_failed(self):
        job = self.set("0 0 3 * * ?", cron_type="self")
        agent = self.agent(self.house, IP)
        first, _ = agent.report_firing(job, wall_time(time.time() - 120), INS, Result(1))
        second, _ = agent.report_firing(job, wall_time(time.time() - 60), INS, Result(0, "no"))
        self.assertEqual({t["id"]: t["status"] for t in self.firings(job)}, {first: "done", second: "failed"})

    def test_a_reported_firing_is_on_disk_when_it_is_confirmed(self):
        job = self.set("0 0 3 * * ?", cron_type="self")
        agent = self.agent(self.house, IP)
        task, reply = agent.report_firing(job, wall_time(), INS)
        self.assertEqual(reply["flag"], "true")
        self.restart()
        self.assertEqual(self.caller.task(task)["status"], "done")

    def test_another_agents_firing_is_not_taken(self):
        job = self.set("0 0 3 * * ?", cron_type="self")
        other = self.agent(self.house, "10.0.0.2")
        other.report_async = False
        _, reply = other.report_firing(job, wall_time(), INS, Result(1, "forged"))
        self.assertEqual(reply["flag"], "false")
        self.assertEqual(self.firings(job), [])


if __name__ == "__main__":
    unittest.main()
