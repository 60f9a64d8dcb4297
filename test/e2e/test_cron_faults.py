"""cron: what was found wrong on the real binaries, each as it was seen."""

import os
import socket
import threading
import time
import unittest

from elves_wire import RUN, Result, wall_time
from house import WORKER, HouseTest, eventually

IP = "10.1.0.1"
YEARLY = "0 0 3 1 1 ?"
INS = {"app": "demo", "func": "work"}
FINE = 'answer("fine")'


class Relay:
    """A TCP relay that can be cut: what an agent is cut off by."""

    def __init__(self, target):
        self.target = target
        self.open = True
        self.pairs = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                here, _ = self.listener.accept()
            except OSError:
                return
            if not self.open:
                here.close()
                continue
            there = socket.create_connection(self.target)
            self.pairs.append((here, there))
            for a, b in ((here, there), (there, here)):
                threading.Thread(target=self._pump, args=(a, b), daemon=True).start()

    @staticmethod
    def _pump(a, b):
        try:
            while data := a.recv(65536):
                b.sendall(data)
        except OSError:
            pass
        for one in (a, b):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        self.open = False
        for pair in self.pairs:
            for one in pair:
                try:
                    one.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        self.pairs = []

    def mend(self):
        self.open = True

    def close(self):
        self.cut()
        self.listener.close()


class CronFaults(HouseTest):
    sections = {"tasklog": {"lost_after": 2}, "heartbeat": {"interval": 1, "offline_after": 5}}

    def setUp(self):
        super().setUp()
        self.house = self.server(**self.sections)
        self.caller = self.client(self.house)

    def set(self, rule=YEARLY, ip=IP, ins=None, **more):
        return self.caller.ok("cron", "setcronbyip", agentip=ip, rule=rule, ins=ins or INS, **more)

    def job(self, cron_id):
        return self.caller.ok("cron", "listcrons", id=cron_id)["cron_list"][0]

    def firings(self, cron_id, **more):
        return self.caller.tasks(cron_id=cron_id, limit=1000, **more)

    def begin_agent(self, text=FINE, port=None, **agent):
        worker = self.real_agent(self.house, IP)
        worker.app("demo", WORKER + text)
        if port:
            agent["server"] = f"127.0.0.1:{port}"
        worker.settings(**agent)
        worker.start()
        self.online(self.caller, IP)
        return worker


class OwnJobs(CronFaults):
    def test_d1_results_of_own_firings_are_taken_whatever_apps_the_agents_key_has(self):
        house = self.server_of_admins(**self.sections)
        admin = self.client(house)
        made = admin.ok("supervisor", "setkey", name="web", role="agent", iplist=[IP])
        worker = self.real_agent(f"127.0.0.1:{house.port}", IP, key=made["key"], token=made["token"])
        worker.app("demo", WORKER + FINE)
        worker.start()
        self.online(admin, IP)
        job = admin.ok("cron", "setcronbyip", agentip=IP, rule="0/2 * * * * ?", cron_type="self", ins=INS)["id"]
        eventually(lambda: len(admin.tasks(cron_id=job, status="done")) >= 2)

    def test_d10_a_run_of_its_own_is_listed_followed_and_canceled_like_any_task(self):
        self.begin_agent("import time; print('hello', flush=True); time.sleep(30); " + FINE)
        job = self.set("0/2 * * * * ?", cron_type="self")["id"]
        running = eventually(lambda: self.firings(job, status="running"))[0]
        self.assertEqual((running["type"], running["cron_id"], running["instruct"]), ("cron", job, "demo.work"))
        self.assertEqual(self.caller.task(running["id"])["status"], "running")
        reply = self.caller.ok("sheduler", "canceltask", id=running["id"])
        self.assertEqual(reply["status"], "canceled")
        begun = time.time()
        self.caller.ok("cron", "stopcron", agentip=IP, id=job)
        self.wait_status(self.caller, running["id"], "canceled")
        eventually(lambda: self.caller.task(running["id"])["worker_message"])
        self.assertLess(time.time() - begun, 15)

    def test_d11_a_run_that_a_newer_one_replaces_is_canceled(self):
        self.begin_agent("import time; time.sleep(30); " + FINE)
        job = self.set("0/2 * * * * ?", cron_type="self", overlap="replace")["id"]
        eventually(lambda: self.firings(job, status="canceled"))
        self.caller.ok("cron", "stopcron", agentip=IP, id=job)
        self.assertEqual(self.firings(job, status="failed"), [])

    def test_d4_the_1001st_own_job_is_refused_at_set(self):
        caller = self.wire_client(self.house)
        for _ in range(1000):
            caller.begin("cron", "setcronbyip", agentip=IP, rule=YEARLY, ins=INS, cron_type="self", _mqid=None)
        for _ in range(1000):
            self.assertEqual(caller.receive()["flag"], "true")
        text = self.caller.refused("429.1", "cron", "setcronbyip", agentip=IP, rule=YEARLY, ins=INS, cron_type="self")
        self.assertIn("1000", text)
        self.set()  # the server's own has room

    def test_d6_times_before_the_agent_came_are_recorded_and_made_up_for(self):
        skip = self.set("0/2 * * * * ?", cron_type="self")["id"]
        once = self.set("0/2 * * * * ?", cron_type="self", misfire="once")
        self.assertEqual(once["agent_told"], "false")
        time.sleep(5)
        self.begin_agent()
        record = eventually(lambda: self.firings(skip, status="skipped"))[0]
        self.assertRegex(record["agent_sync_error"], r"skipped: [2-9] times from .* did not have the job")
        record = eventually(lambda: self.firings(once["id"], status="skipped"))[0]
        self.assertIn("it runs once for them", record["agent_sync_error"])
        made_up = record["agent_sync_error"].split(" to ")[1][:19]
        eventually(lambda: any(t["fire_time"] == made_up for t in self.firings(once["id"], status="done")))

    def test_d15_deleting_says_whether_the_agent_knows(self):
        worker = self.begin_agent()
        job = self.set("0/2 * * * * ?", cron_type="self")["id"]
        eventually(lambda: self.job(job)["agent_told"] == "true")
        self.assertEqual(self.caller.ok("cron", "stopcron", agentip=IP, id=job)["agent_told"], "true")
        worker.terminate()
        eventually(lambda: self.caller.status_of(IP) == "offline")
        self.assertEqual(self.caller.ok("cron", "startcron", agentip=IP, id=job)["agent_told"], "false")
        self.assertEqual(self.caller.ok("cron", "delcronbyipid", agentip=IP, id=job)["agent_told"], "false")


class TypeChange(CronFaults):
    def changed_while_cut(self, **ins):
        relay = Relay(("127.0.0.1", self.house.port))
        self.addCleanup(relay.close)
        self.begin_agent(FINE, port=relay.port)
        job = self.set("0/5 * * * * ?", cron_type="self", overlap="allow")["id"]
        eventually(lambda: self.firings(job, status="done"))
        relay.cut()
        eventually(lambda: self.caller.status_of(IP) == "offline")
        reply = self.set("0/5 * * * * ?", id=job, overlap="allow", ins={**INS, **ins})
        self.assertEqual(reply["agent_told"], "false")
        time.sleep(16)
        relay.mend()
        eventually(lambda: self.job(job)["agent_told"] == "true", patience=40)
        time.sleep(11)
        self.caller.ok("cron", "stopcron", agentip=IP, id=job)
        return job

    def check(self, job):
        # The last one that started before the job was stopped may still run.
        eventually(lambda: not [t for t in self.firings(job) if t["status"] in ("sent", "running")])
        records = self.firings(job)
        ran = [t["fire_time"] for t in records if t["status"] == "done"]
        self.assertEqual(len(ran), len(set(ran)), "a time ran twice")
        self.assertEqual([t for t in records if t["status"] not in ("done", "canceled")], [])
        times = sorted(time.mktime(time.strptime(t, "%Y-%m-%d %H:%M:%S")) for t in ran)
        gaps = {b - a for a, b in zip(times, times[1:])}
        self.assertEqual(gaps, {5.0}, "each time has its run, and only one")

    def test_d2_what_the_agent_started_while_it_was_cut_off_counts(self):
        self.check(self.changed_while_cut())

    def test_d2_with_ttl_nothing_is_started_twice_either(self):
        self.check(self.changed_while_cut(ttl=3600))


class Center(CronFaults):
    def test_d3_the_make_up_run_reaches_an_agent_that_comes_back(self):
        self.begin_agent()
        job = self.set("0/10 * * * * ?", misfire="once")["id"]
        eventually(lambda: self.firings(job, status="done"))
        self.house.terminate()
        time.sleep(12)
        self.house.start()
        self.caller = self.client(self.house)
        record = eventually(lambda: self.firings(job, status="skipped"))[0]
        made_up = record["agent_sync_error"].split(" to ")[1][:19]
        task = eventually(lambda: [t for t in self.firings(job) if t["fire_time"] == made_up
                                   and t["status"] not in ("skipped", "waiting", "sent", "running")], patience=45)[0]
        self.assertEqual(task["status"], "done", task)

    def test_d12_a_rule_that_never_fires_is_refused(self):
        for rule, why in (("0 0 0 30 2 ?", "no year"), ("0 0 0 1 1 ? 2020", "year")):
            text = self.caller.refused("403.5", "cron", "setcronbyip", agentip=IP, rule=rule, ins=INS)
            self.assertIn("never fires", text)
            self.assertIn(why, text)
        self.caller.refused("403.5", "cron", "setcronbyip", agentip=IP, rule=YEARLY, ins=INS,
                            start_date="2030-02-01", end_date="2030-03-01")
        self.caller.refused("403.10", "cron", "setcronbyip", agentip=IP, rule=YEARLY, ins=INS,
                            start_date="2030-02-01", end_date="2030-01-01")

    def test_d13_a_name_is_unique_and_setting_it_again_replaces(self):
        first = self.set(name="nightly")["id"]
        self.assertEqual(self.set("0 0 4 1 1 ?", name="nightly")["id"], first)
        other = self.set(name="weekly")["id"]
        self.assertIn("name", self.caller.refused("403.10", "cron", "setcronbyip", agentip=IP, rule=YEARLY, ins=INS,
                                                  id=other, name="nightly"))
        self.assertNotEqual(self.set(ip="10.1.0.2", name="nightly")["id"], first)
        self.house.restart()
        self.caller = self.client(self.house)
        self.assertEqual(self.set(name="nightly")["id"], first)

    def test_d13_edit_changes_what_is_given_and_keeps_the_rest(self):
        done = self.ctl(self.house, "cron", "set", IP, "0 0 4 * * ?", "demo", "work", "what", "--type", "self", "--name",
                        "n", "--jitter", "60", "--overlap", "allow", "--misfire", "once", "--timezone", "Asia/Tokyo",
                        "--ttl", "5", "--timeout", "7", "--start", "2026-01-01", "--end", "2099-12-31")
        self.assertEqual(done.code, 0, done)
        (before,) = self.caller.ok("cron", "listcrons", agentip=IP)["cron_list"]
        done = self.ctl(self.house, "cron", "edit", IP, before["cron_id"], "--rule", "0 0 5 * * ?")
        self.assertEqual(done.code, 0, done)
        (after,) = self.caller.ok("cron", "listcrons", agentip=IP)["cron_list"]
        self.assertEqual(after["rule"], "0 0 5 * * ?")
        for field in ("cron_type", "name", "jitter", "overlap", "misfire", "timezone", "ins", "start_date", "end_date"):
            self.assertEqual(after[field], before[field], field)
        self.assertEqual((after["cron_type"], after["ins"]["ttl"], after["end_date"]),
                         ("self", "5", "2099-12-31 23:59:59"))
        self.assertEqual(self.ctl(self.house, "cron", "edit", IP, "0123456789ABCDEF", "--rule", YEARLY).code, 3)

    def test_d15_a_waiting_firing_goes_with_its_job(self):
        for method in ("delcronbyipid", "stopcron"):
            job = self.set("0/2 * * * * ?", ins={**INS, "ttl": 3600}, overlap="allow")["id"]
            waiting = eventually(lambda job=job: self.firings(job, status="waiting"))[0]
            self.caller.ok("cron", method, agentip=IP, id=job)
            self.assertEqual(self.caller.task(waiting["id"])["status"], "canceled")

    def test_d16_a_job_is_run_now_and_its_overlap_rule_applies(self):
        agent = self.agent(self.house, IP, lambda call: RUN)
        job = self.set()["id"]
        first = self.caller.ok("cron", "runcron", agentip=IP, id=job)
        self.assertEqual((first["status"], first["agent_sync_flag"]), ("running", "true"))
        self.assertEqual(self.caller.task(first["id"])["cron_id"], job)
        second = self.caller.ok("cron", "runcron", agentip=IP, id=job)
        self.assertEqual(second["status"], "skipped")
        self.assertIn(first["id"], second["agent_sync_error"])
        agent.finish(first["id"], Result(1))
        self.wait_status(self.caller, first["id"], "done")
        done = self.ctl(self.house, "cron", "run", IP, job)
        self.assertEqual(done.code, 0, done)
        self.caller.refused("411.1", "cron", "runcron", agentip="10.9.9.9", id=job)

    def test_d16_all_jobs_of_the_fleet_in_one_list(self):
        ids = {ip: self.set("0 0 3 * * ?", ip=ip, timezone="Asia/Tokyo", jitter=60, misfire="once")["id"]
               for ip in ("10.1.0.1", "10.1.0.2", "10.1.0.3")}
        self.set(ip="10.1.0.2", ins={"app": "other", "func": "work"}, cron_type="self")
        listed, after = [], ""
        while True:
            reply = self.caller.ok("cron", "listcrons", limit=2, after=after)
            listed += reply["cron_list"]
            after = reply.get("next")
            if not after:
                break
        self.assertEqual(len(listed), 4)
        reply = self.caller.ok("cron", "listcrons", app="demo", times=5)
        self.assertEqual({job["cron_id"] for job in reply["cron_list"]}, set(ids.values()))
        job = reply["cron_list"][0]
        self.assertEqual((job["timezone"], job["misfire"], job["overlap"], job["jitter"]),
                         ("Asia/Tokyo", "once", "skip", "60"))
        self.assertEqual(len(job["next_times"]), 5)
        self.assertTrue(all(t["local"].endswith(" 03:00:00") and t["fire_time"].endswith(" 18:00:00")
                            for t in job["next_times"]), job)
        self.assertEqual(len(self.caller.ok("cron", "listcrons", cron_type="self")["cron_list"]), 1)
        done = self.ctl(self.house, "cron", "list", "--all")
        self.assertEqual(done.code, 0, done)
        self.assertIn("Asia/Tokyo", done.out)

    def test_d16_setting_a_job_warns(self):
        warnings = self.set("* * * * * ?")["warnings"]
        self.assertTrue(any("never registered" in line for line in warnings), warnings)
        self.assertTrue(any("every second" in line for line in warnings), warnings)
        self.begin_agent()
        self.assertTrue(any("other" in line for line in self.set(ins={"app": "other", "func": "f"})["warnings"]))
        self.assertEqual(self.set()["warnings"], [])


class TimeZone(HouseTest):
    def test_d8_tz_counts_and_the_start_says_so(self):
        before = os.environ.get("TZ")
        os.environ["TZ"] = "Asia/Tokyo"
        try:
            house = self.server(server={"timezone": None})
        finally:
            os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
        client = self.client(house)
        client.ok("cron", "setcronbyip", agentip=IP, rule="0 0 3 * * ?", ins=INS)
        job = client.ok("cron", "getcronlistbyip", agentip=IP)["cron_list"][0]
        self.assertEqual((job["timezone"], job["next_time"][11:]), ("Asia/Tokyo", "03:00:00"))
        self.assertIn("timezone name=Asia/Tokyo source=TZ", house.log())

    def test_wall_times_of_tests_are_utc(self):
        self.assertRegex(wall_time(), r"\A\d{4}-")


if __name__ == "__main__":
    unittest.main()
