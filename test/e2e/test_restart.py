"""Crashes: what was acknowledged is there afterwards, and no task is left without an end."""

import unittest

from elves_wire import RUN, LinkClosed, Refused, Result, Slow
from house import FINAL, HouseTest, eventually

IP = "10.0.0.1"
INS = {"app": "demo", "func": "work"}
CMDB = {"sn": "S1", "iplist": IP, "idc": "i", "main_cat": "m", "sub_cat": "s", "app_info": "a", "manager": "me"}


class Crash(HouseTest):
    def setUp(self):
        super().setUp()
        self.house = self.server(tasklog={"lost_after": 2})
        self.caller = self.client(self.house)

    def restart(self):
        self.house.restart()
        self.caller = self.client(self.house)

    def test_a_task_acknowledged_right_before_the_crash_is_there_and_ends(self):
        agent = self.agent(self.house, IP, lambda call: RUN)
        task = self.send_async(self.caller)["id"]
        self.house.kill9()
        self.house.start()
        self.caller = self.client(self.house)
        self.assertNotIn(self.caller.task(task)["status"], FINAL)
        agent.start_patiently()
        agent.finish(task, Result(1, "it went on"))
        record = self.wait_status(self.caller, task, "done")
        self.assertEqual(record["worker_message"], "it went on")

    def test_a_result_made_while_the_server_was_down_is_recorded(self):
        agent = self.agent(self.house, IP, lambda call: RUN)
        tasks = [self.send_async(self.caller)["id"] for _ in range(10)]
        self.house.kill9()
        agent.wait_closed()
        for task in tasks:
            agent.finish(task, Result(1, "alone"))
        self.restart()
        agent.start_patiently()
        for task in tasks:
            self.assertEqual(self.wait_status(self.caller, task, "done")["worker_message"], "alone")

    def test_a_task_whose_agent_does_not_come_back_after_the_crash_ends_too(self):
        agent = self.agent(self.house, IP, lambda call: RUN)
        task = self.send_async(self.caller, timeout=1)["id"]
        self.house.kill9()
        agent.stop()
        self.restart()
        self.wait_status(self.caller, task, "lost")

    def test_a_task_whose_agent_lost_its_memory_in_the_crash_is_lost(self):
        agent = self.agent(self.house, IP, lambda call: RUN)
        task = self.send_async(self.caller)["id"]
        self.house.kill9()
        agent.stop()
        self.restart()
        self.agent(self.house, IP)
        self.wait_status(self.caller, task, "lost")

    def test_a_sync_task_that_the_crash_cut_off_ends(self):
        agent = self.agent(self.house, IP, lambda call: RUN)
        self.caller.begin("sheduler", "sendsync", agentip=IP, ins=INS)
        task = agent.wait_instruct()["id"]
        self.house.kill9()
        agent.wait_closed()
        agent.finish(task, Result(1, "for nobody"))
        self.restart()
        agent.start_patiently()
        agent.wait_confirmed(task)
        record = self.wait_final(self.caller, task)
        self.assertEqual((record["type"], record["worker_message"]), ("rt", "for nobody"))

    def test_a_sync_result_is_not_gone_with_the_crash(self):
        agent = self.agent(self.house, IP)
        task = self.send_sync(self.caller)["id"]  # answered; perhaps not on disk yet
        self.house.kill9()
        agent.wait_closed()
        self.restart()
        agent.start_patiently()
        self.assertEqual(self.wait_status(self.caller, task, "done")["result_flag"], "true")

    def test_of_a_storm_of_sends_every_acknowledged_one_survives_and_ends(self):
        agent = self.agent(self.house, IP)
        for _ in range(3):
            caller = self.wire_client(self.house)
            calls = [caller.begin("sheduler", "sendasync", agentip=IP, ins=INS) for _ in range(300)]
            acknowledged = [caller.finish(mqid)["info"]["id"] for mqid in calls[:60]]
            self.house.kill9()
            try:
                while True:  # what was already under way counts as acknowledged too
                    acknowledged.append(caller.receive(patience=2)["info"]["id"])
            except (LinkClosed, Slow):
                pass
            agent.wait_closed()
            self.restart()
            agent.start_patiently()
            reply = self.caller.ok("tasklog", "gettaskbyids", id=acknowledged)
            self.assertEqual(reply.get("missing", []), [])
            started = [call["id"] for call in agent.calls_seen("instruct")]
            for task in set(started):
                self.assertIsNotNone(self.caller.task(task), f"{task} ran, and the log does not know of it")
            eventually(lambda: all(task["status"] in FINAL for task in
                                   self.caller.ok("tasklog", "gettaskbyids", id=acknowledged)["info"]))

    def test_the_state_of_every_module_survives(self):
        agent = self.agent(self.house, IP, hw_config="kept")
        task = self.send_sync(self.caller)["id"]
        agent.wait_confirmed(task)
        waiting = self.send_async(self.caller, "10.0.0.2", ttl=300)["id"]
        cron = self.caller.ok("cron", "setcronbyip", agentip=IP, rule="0 0 3 1 1 ?", ins=INS)["id"]
        self.caller.ok("supervisor", "setapp", appname="demo", appip="127.0.0.1", appport="9001")
        made = self.caller.ok("supervisor", "setkey", name="k", role="viewer", apps=["*"], iplist=["*"])
        self.caller.ok("cmdbproxy", "setcmdbinfo", agentip=IP, **CMDB)
        agent.stop()
        self.restart()
        self.assertEqual(self.caller.task(task)["status"], "done")
        self.assertEqual(self.caller.task(waiting)["status"], "waiting")
        (job,) = self.caller.ok("cron", "getcronlistbyip", agentip=IP)["cron_list"]
        self.assertEqual(job["cron_id"], cron)
        self.assertEqual(self.caller.ok("supervisor", "getappcallbackinfo", appname="demo")["appport"], "9001")
        self.caller.ok("supervisor", "login", key=made["key"], token=made["token"])
        fresh = self.client(self.house)
        self.assertEqual(fresh.ok("cmdbproxy", "getcmdbinfobyip", agentip=IP)["sn"], "S1")

    def test_ten_crashes_in_a_row_leave_a_server_that_works(self):
        for n in range(10):
            self.caller.ok("cmdbproxy", "setcmdbinfo", agentip=f"10.0.0.{n}", **CMDB)
            self.restart()
        for n in range(10):
            self.caller.ok("cmdbproxy", "getcmdbinfobyip", agentip=f"10.0.0.{n}")

    def test_what_was_deleted_stays_deleted(self):
        self.caller.ok("cmdbproxy", "setcmdbinfo", agentip=IP, **CMDB)
        cron = self.caller.ok("cron", "setcronbyip", agentip=IP, rule="0 0 3 1 1 ?", ins=INS)["id"]
        self.caller.ok("cmdbproxy", "delcmdbinfo", agentip=IP)
        self.caller.ok("cron", "delcronbyipid", agentip=IP, id=cron)
        self.restart()
        with self.assertRaises(Refused):
            self.caller.ok("cmdbproxy", "getcmdbinfobyip", agentip=IP)
        self.assertEqual(self.caller.ok("cron", "getcronlistbyip", agentip=IP)["cron_list"], [])


if __name__ == "__main__":
    unittest.main()
