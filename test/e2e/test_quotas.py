"""One key must not take from the others what all share: room for tasks that wait, workers of an agent, cron jobs, disk."""

import unittest

from elves_wire import RUN, Result, code_of
from house import WORKER, HouseTest, eventually

AWAY = "10.0.0.9"
YEAR = 31536000
RULE = "0 0 3 1 1 ?"


class QuotaTest(HouseTest):
    def house(self, **sections):
        house = self.server_down(**sections)
        self.admin_auth = house.init_admin()
        house.start()
        self.root = self.client(house, auth=self.admin_auth)
        return house

    def key(self, name, role="operator", **more):
        made = self.root.ok("supervisor", "setkey", name=name, role=role, apps=["*"], iplist=["*"], **more)
        return {"key": made["key"], "token": made["token"]}

    def send(self, client, ip=AWAY, param="x", ttl=YEAR):
        """`sendasync`, well or ill."""
        return client.call("sheduler", "sendasync", agentip=ip,
                           ins={"app": "demo", "func": "work", "param": param, "ttl": ttl})

    def usage(self, key):
        return self.root.ok("supervisor", "getauthbykey", key=key["key"])["auth"]["usage"]


class Waiting(QuotaTest):
    def test_one_key_floods_and_the_others_go_on_and_the_refusal_names_key_and_quota(self):
        house = self.house()
        flood, other = self.key("web-ops", quota={"waiting_tasks": 20}), self.key("db-ops")
        flooding, working = self.client(house, auth=flood), self.client(house, auth=other)
        replies = [self.send(flooding, ip=f"10.0.0.{n}") for n in range(25)]
        self.assertEqual([reply["flag"] for reply in replies], ["true"] * 20 + ["false"] * 5)
        self.assertTrue(replies[-1]["error_info"].startswith(
            "[429.1] key web-ops has 20 tasks waiting; its quota waiting_tasks is 20; "), replies[-1])
        self.assertEqual(self.send(working)["flag"], "true")
        self.assertEqual(self.usage(flood)["waiting_tasks"], "20")
        house.restart()
        self.root = self.client(house, auth=self.admin_auth)
        self.assertEqual(self.usage(flood)["waiting_tasks"], "20")
        flooding, working = self.client(house, auth=flood), self.client(house, auth=other)
        self.assertEqual(code_of(self.send(flooding)), "429.1")
        self.assertEqual(self.send(working)["flag"], "true")
        self.root.ok("supervisor", "setkey", key=flood["key"], quota={"waiting_tasks": ""})
        self.assertEqual(self.send(flooding)["flag"], "true")

    def test_waiting_bytes_are_bounded_for_each_key_and_those_of_a_deleted_key_take_no_room(self):
        house = self.house(supervisor={"waiting_bytes": 3 * 1024 * 1024})
        flood = self.key("web-ops")
        flooding = self.client(house, auth=flood)
        large = "x" * (1024 * 1024)
        for _ in range(2):
            self.assertEqual(self.send(flooding, param=large)["flag"], "true")
        self.assertIn("its quota waiting_bytes is 3145728", self.send(flooding, param=large)["error_info"])
        self.assertGreater(int(self.usage(flood)["waiting_bytes"]), 2 * 1024 * 1024)
        reply = self.root.ok("supervisor", "delkey", key=flood["key"])
        self.assertEqual((reply["waiting"], reply["cron_jobs"]), ("2", "0"))
        other = self.client(house, auth=self.key("db-ops"))
        self.assertEqual(self.send(other, param=large)["flag"], "true")
        keys = self.root.ok("supervisor", "listkeys")
        self.assertEqual([one["key"] for one in keys["deleted"]], [flood["key"]])
        self.assertEqual(keys["deleted"][0]["usage"]["waiting_tasks"], "2")

    def test_large_waiting_tasks_are_handed_over_whole_and_in_order_also_after_a_restart(self):
        house = self.house()
        sender = self.client(house, auth=self.key("web-ops"))
        params = [letter * 500_000 for letter in "abcd"]
        ids = [self.send(sender, param=param)["info"]["id"] for param in params]
        house.restart()
        self.root = self.client(house, auth=self.admin_auth)
        agent = self.agent(house, AWAY, lambda call: Result(1, "done"), auth=self.key("agents", role="agent"))
        eventually(lambda: len(agent.calls_seen("instruct")) == 4)
        calls = agent.calls_seen("instruct")
        self.assertEqual([call["id"] for call in calls], ids)
        self.assertEqual([call["ins"]["param"] for call in calls], params)

    def test_bytes_per_day_bound_what_a_key_writes_and_survive_a_restart(self):
        house = self.house()
        writer = self.key("web-ops", quota={"bytes_per_day": 1_000_000})
        writing = self.client(house, auth=writer)
        while (reply := self.send(writing, param="x" * 100_000, ttl=0))["flag"] == "true":
            self.assertLess(int(self.usage(writer)["bytes_today"]), 1_000_000)
        self.assertRegex(reply["error_info"], r"^\[429\.1\] key web-ops has \d+ bytes written since midnight UTC")
        house.terminate()  # a crash may lose the last ten seconds of it
        house.start()
        self.assertEqual(code_of(self.send(self.client(house, auth=writer), param="x" * 100_000, ttl=0)), "429.1")

    def test_admins_have_a_part_that_no_other_key_can_take(self):
        house = self.house()
        # One agent's pool is 10,000 tasks: 5,000 for one key, 9,000 for all that are no admins.
        for name in ("one", "two"):
            sender = self.wire_client(house, auth=self.key(name))
            for start in range(0, 5000, 500):
                sent = [sender.begin("sheduler", "sendasync", agentip=AWAY,
                                     ins={"app": "demo", "func": "work", "ttl": YEAR}) for _ in range(500)]
                last = [sender.finish(one) for one in sent][-1]
        self.assertTrue(last["error_info"].startswith(f"[429.1] agent {AWAY} has 9000 unfinished tasks"), last)
        self.assertEqual(self.send(self.root)["flag"], "true")
        self.assertEqual(code_of(self.send(sender)), "429.1")


class Deleting(QuotaTest):
    def test_delkey_tells_what_goes_on_and_cancel_ends_it(self):
        house = self.house()
        agent = self.agent(house, "10.0.0.1", lambda call: RUN, auth=self.key("agents", role="agent"))
        gone, other = self.key("web-ops"), self.key("db-ops")
        with self.client(house, auth=gone) as sender:
            waiting = [self.send(sender)["info"]["id"] for _ in range(3)]
            running = self.send(sender, ip="10.0.0.1")["info"]["id"]
            cron = sender.ok("cron", "setcronbyip", agentip=AWAY, rule=RULE, ins={"app": "demo", "func": "work"})["id"]
        kept = self.send(self.client(house, auth=other))["info"]["id"]
        listed = self.ctl(house, "cron", "list", "--by", gone["key"], auth=self.admin_auth)
        self.assertIn(cron, listed.out)
        deleted = self.ctl(house, "key", "del", gone["key"], auth=self.admin_auth)
        self.assertIn("4 unfinished tasks and 1 cron jobs of it go on", deleted.out)
        self.assertIn(f"elvesctl key del {gone['key']} --cancel", deleted.out)
        listed = self.root.ok("cron", "getcronlistbykey", by=gone["key"])["cron_list"]
        self.assertEqual([(job["cron_id"], job["by_deleted"], job["cron_flag"]) for job in listed],
                         [(cron, "true", "1")])
        self.assertIn("(deleted)", self.ctl(house, "key", "list", "--quotas", auth=self.admin_auth).out)
        ended = self.ctl(house, "key", "del", gone["key"], "--cancel", auth=self.admin_auth)
        self.assertEqual(ended.code, 0, ended.err)
        for task in (*waiting, running):
            self.assertEqual(self.root.task(task)["status"], "canceled")
        agent.wait_call("cancel")
        self.assertEqual(self.root.task(kept)["status"], "waiting")
        job = self.root.ok("cron", "getcronlistbyip", agentip=AWAY)["cron_list"][0]
        self.assertEqual((job["cron_flag"], job["by_deleted"]), ("0", "true"))
        self.root.refused("413.1", "supervisor", "delkey", key="0" * 16, cancel=True)
        rows = self.root.ok("elves", "listaudit", limit=1000)["rows"]
        self.assertEqual(sum(row["method"] == "supervisor.delkey" and row["id"] == gone["key"] for row in rows), 2)

    def test_quotas_are_an_admins_business_alone(self):
        house = self.house()
        key = self.key("web-ops")
        with self.client(house, auth=key) as owner:
            owner.refused("401.6", "supervisor", "setkey", key=key["key"], quota={"workers": 5})
            auth = owner.ok("supervisor", "getauthbykey", key=key["key"])["auth"]
            self.assertEqual(auth["quota"]["workers"], "")
            self.assertNotIn("largest", owner.ok("elves", "stats")["stats"])


class Crons(QuotaTest):
    def test_cron_jobs_are_bounded_for_each_key(self):
        house = self.house()
        owner = self.client(house, auth=self.key("web-ops", quota={"cron_jobs": 2}))
        put = lambda client: client.call("cron", "setcronbyip", agentip=AWAY, rule=RULE,
                                         ins={"app": "demo", "func": "work"})
        self.assertEqual([put(owner)["flag"] for _ in range(3)], ["true", "true", "false"])
        self.assertTrue(put(owner)["error_info"].startswith(
            "[429.1] key web-ops has 2 cron jobs; its quota cron_jobs is 2"))
        self.assertEqual(put(self.client(house, auth=self.key("db-ops")))["flag"], "true")

    def test_firings_for_an_absent_agent_become_one_record_that_says_how_many_and_when(self):
        house = self.house()
        owner = self.client(house, auth=self.key("web-ops"))
        cron = owner.ok("cron", "setcronbyip", agentip=AWAY, rule="* * * * * ?",
                        ins={"app": "demo", "func": "work"})["id"]
        rows = lambda: self.root.tasks(cron_id=cron)
        eventually(lambda: any(int(row["count"]) >= 4 for row in rows()))
        rows = rows()
        self.assertEqual([row["count"] for row in rows[1:]], ["1", "1"])  # the first two keep their own
        self.assertEqual(rows[0]["status"], "undelivered")
        self.assertGreater(rows[0]["last_fire_time"], rows[0]["fire_time"])
        story = self.root.ok("tasklog", "gettaskstory", id=rows[0]["id"])["story"]
        self.assertIn("firings of this job", str(story))
        # What comes of a run is a record of its own.
        self.agent(house, AWAY, lambda call: Result(1, "done"), auth=self.key("agents", role="agent"))
        eventually(lambda: self.root.tasks(cron_id=cron, status="done"))
        self.assertEqual(self.root.tasks(cron_id=cron, status="done")[0]["count"], "1")

    def test_a_firing_beyond_its_keys_quota_is_skipped_and_says_so(self):
        house = self.house()
        owner = self.key("web-ops")
        cron = self.client(house, auth=owner).ok("cron", "setcronbyip", agentip=AWAY, rule="* * * * * ?",
                                                 ins={"app": "demo", "func": "work"})["id"]
        self.root.ok("supervisor", "setkey", key=owner["key"], quota={"waiting_tasks": 0})
        skipped = lambda: self.root.tasks(cron_id=cron, status="skipped")
        eventually(lambda: skipped() and int(skipped()[0]["count"]) >= 2)
        self.assertIn("its quota waiting_tasks is 0", skipped()[0]["agent_sync_error"])


class Workers(QuotaTest):
    def test_long_tasks_of_one_key_leave_workers_of_a_host_to_the_others(self):
        house = self.house()
        auth = self.key("agents", role="agent")
        agent = self.real_agent(house, max_workers=4, **auth)
        agent.app("slow", WORKER + "time.sleep(60)")
        agent.app("quick", WORKER + "answer('quick')")
        agent.start()
        self.online(self.root, "10.1.0.1")
        hog, other = self.wire_client(house, auth=self.key("hog")), self.wire_client(house, auth=self.key("other"))
        slow = [self.send_async(hog, "10.1.0.1", app="slow", timeout=60)["id"] for _ in range(8)]
        self.assertEqual(self.send_sync(other, "10.1.0.1", app="quick", timeout=10)["worker_result"], "quick")
        self.assertEqual(self.send_sync(self.root, "10.1.0.1", app="quick", timeout=10)["worker_result"], "quick")
        # Two of four workers are the most that one key has.
        self.root.ok("supervisor", "delkey", key=hog.auth["key"], cancel=True)
        for task in slow:
            self.assertEqual(self.wait_final(self.root, task)["status"], "canceled")


    def test_an_instruction_says_whose_workers_it_uses_and_how_many(self):
        house = self.house()
        agent = self.agent(house, AWAY, lambda call: Result(1, "done"), auth=self.key("agents", role="agent"))
        plain, bounded, admin = self.key("plain"), self.key("bounded", quota={"workers": 3}), self.admin_auth
        for auth in (plain, bounded, admin):
            self.send(self.client(house, auth=auth))
        seen = [(call.get("account"), call.get("workers")) for call in agent.calls_seen("instruct")]
        self.assertEqual(seen, [(plain["key"], None), (bounded["key"], "3"), (admin["key"], "0")])


class Showing(QuotaTest):
    def test_doctor_and_stats_name_who_holds_most(self):
        house = self.house()
        key = self.key("web-ops")
        sender = self.client(house, auth=key)
        for _ in range(3):
            self.send(sender)
        sender.ok("cron", "setcronbyip", agentip=AWAY, rule=RULE, ins={"app": "demo", "func": "work"})
        largest = self.root.ok("elves", "stats")["stats"]["largest"]
        self.assertEqual(largest["waiting_tasks"], {"key": key["key"], "name": "web-ops", "held": "3"})
        self.assertEqual(largest["cron_jobs"]["name"], "web-ops")
        doctor = self.ctl(house, "doctor", auth=self.admin_auth)
        self.assertIn(f"most unfinished tasks: key web-ops ({key['key']}), 3", doctor.out)
        shown = self.ctl(house, "key", "list", "--quotas", auth=self.admin_auth)
        self.assertIn("web-ops", shown.out)
        self.assertIn("usage.waiting_tasks", shown.out)

    def test_elvesctl_sets_and_resets_quotas(self):
        house = self.house()
        key = self.key("web-ops")["key"]
        ctl = lambda *args: self.ctl(house, "key", "set", key, *args, auth=self.admin_auth)
        quota = lambda: self.root.ok("supervisor", "getauthbykey", key=key)["auth"]["quota"]
        self.assertEqual(ctl("--waiting-tasks", "5", "--workers", "2").code, 0)
        self.assertEqual((quota()["waiting_tasks"], quota()["workers"]), ("5", "2"))
        self.assertEqual(ctl("--workers", "default").code, 0)
        self.assertEqual((quota()["waiting_tasks"], quota()["workers"]), ("5", ""))
        self.assertEqual(ctl("--waiting-tasks", "many").code, 2)
        self.assertEqual(ctl("--workers", "0").code, 3)  # the server's word: at least one


if __name__ == "__main__":
    unittest.main()
