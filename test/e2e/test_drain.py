"""SIGUSR1: the agent takes nothing new, lets its workers end, and starts again as the program that is installed by then."""

import os
import pathlib
import shutil
import signal
import time
import unittest

from house import BIN, WORKER, HouseTest, eventually

IP = "10.1.0.1"
SLOW = '''
open("../../begun", "a").write(func + "\\n")
end = time.monotonic() + float(param)
while time.monotonic() < end: time.sleep(0.05)
answer("ended " + func)
'''


class Drain(HouseTest):
    deadline = 120

    def setUp(self):
        super().setUp()
        self.house = self.server(heartbeat={"interval": 1, "offline_after": 5})
        self.caller = self.client(self.house)
        self.worker = self.real_agent(self.house, IP)
        self.worker.app("demo", WORKER + SLOW)

    def begin(self, **agent):
        self.worker.settings(**agent)
        self.worker.start()
        self.online(self.caller, IP)

    def info(self):
        return self.caller.ok("heartbeat", "getinfobyip", agentip=IP)

    def send(self, func, seconds, **ins):
        return self.caller.ok("sheduler", "sendasync", agentip=IP,
                              ins={"app": "demo", "func": func, "param": str(seconds), **ins})["info"]

    def begun(self):
        path = self.worker.folder / "begun"
        return path.read_text().split() if path.exists() else []

    def drain(self):
        self.worker.process.send_signal(signal.SIGUSR1)

    def restarted(self):
        return self.worker.log().count("elves-agent 0") >= 2

    def test_a_worker_that_runs_ends_done_and_the_agent_is_then_a_new_program_in_the_same_process(self):
        self.begin()
        task = self.send("long", 6)["id"]
        eventually(lambda: self.begun() == ["long"])
        pid = self.worker.process.pid
        self.drain()
        eventually(lambda: self.info().get("draining") == "true")
        time.sleep(1)
        self.assertFalse(self.restarted())
        self.assertEqual(self.wait_final(self.caller, task)["status"], "done")
        eventually(self.restarted, 30)
        self.online(self.caller, IP)
        self.assertNotIn("draining", self.info())
        self.assertIsNone(self.worker.process.poll())
        self.assertEqual(self.worker.process.pid, pid)
        self.assertEqual(self.send_sync(self.caller, IP, func="next", param="0")["worker_result"], "ended next")
        self.assertEqual(self.begun(), ["long", "next"])

    def test_nothing_new_is_taken_and_what_may_wait_is_started_after_the_restart(self):
        self.begin()
        self.send("long", 6)
        eventually(lambda: self.begun() == ["long"])
        self.drain()
        eventually(lambda: self.info().get("draining") == "true")
        refused = self.send("refused", 0)
        self.assertEqual(refused["agent_sync_flag"], "false")
        self.error_in(refused["agent_sync_error"], "503.1")
        waits = self.send("waits", 0, ttl=100)["id"]
        self.assertEqual(self.wait_final(self.caller, waits, 60)["status"], "done")
        self.assertTrue(self.restarted())
        self.assertEqual(self.begun(), ["long", "waits"])

    def test_a_send_that_waits_for_its_result_gets_it(self):
        self.begin()
        call = self.caller.begin("sheduler", "sendsync", agentip=IP,
                                 ins={"app": "demo", "func": "sync", "param": "3", "timeout": 60})
        eventually(lambda: self.begun() == ["sync"])
        self.drain()
        self.assertEqual(self.caller.finish(call)["info"]["worker_result"], "ended sync")
        eventually(self.restarted, 30)

    def test_an_idle_agent_restarts_at_once_and_a_second_signal_changes_nothing(self):
        self.begin()
        self.drain()
        self.drain()
        eventually(self.restarted, 30)
        self.online(self.caller, IP)

    def test_workers_that_run_past_the_limit_are_stopped(self):
        self.begin(drain=1)
        task = self.send("endless", 1000)["id"]
        eventually(lambda: self.begun() == ["endless"])
        self.drain()
        eventually(self.restarted, 30)
        self.assertIn("agent.drain_ended", self.worker.log())
        self.assertNotEqual(self.wait_final(self.caller, task)["status"], "done")

    def test_a_stop_while_it_drains_is_a_stop(self):
        self.begin()
        self.send("long", 1000)
        eventually(lambda: self.begun() == ["long"])
        self.drain()
        eventually(lambda: self.info().get("draining") == "true")
        self.worker.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.worker.process.wait(30), 0)
        self.assertFalse(self.restarted())

    def test_the_program_that_lies_there_by_then_is_the_one_that_starts(self):
        own = self.worker.folder / "elves-agent"
        shutil.copy(BIN / "elves-agent", own)
        self.worker.spawn(str(own), "--config", str(self.worker.conf_path))
        self.online(self.caller, IP)
        # As dpkg does it: beside, then renamed.
        new = own.with_suffix(".new")
        shutil.copy(BIN / "elves-agent", new)
        os.rename(new, own)
        self.drain()
        eventually(self.restarted, 30)
        self.assertEqual(pathlib.Path(f"/proc/{self.worker.process.pid}/exe").resolve(), own.resolve())
        self.online(self.caller, IP)


if __name__ == "__main__":
    unittest.main()
