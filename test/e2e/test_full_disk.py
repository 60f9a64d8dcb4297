"""A disk that is full, for real: a small file system in memory. Calls that have to write are refused, the server lives
on, and what came meanwhile is not lost."""

import os
import subprocess
import unittest

from elves_wire import RUN, Result
from house import HouseTest, eventually

IP = "10.0.0.1"
INS = {"app": "demo", "func": "work"}


@unittest.skipUnless(os.geteuid() == 0, "mounting a file system takes root")
class FullDisk(HouseTest):
    def setUp(self):
        super().setUp()
        self.disk = self.folder("disk")
        mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(self.disk)]
        if subprocess.run(mount, stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("no file system can be mounted here")
        self.addCleanup(subprocess.run, ["umount", "--lazy", str(self.disk)])
        self.house = self.server(store={"path": str(self.disk / "elves.db")})
        self.caller = self.client(self.house)
        self.ballast = self.disk / "ballast"

    def fill(self):
        with open(self.ballast, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass

    def fill_until_it_shows(self):
        """Full, and nothing left either in what SQLite had set aside."""
        self.fill()
        eventually(lambda: self.caller.call("cmdbproxy", "setcmdbinfo", agentip="10.0.0.8", sn="x" * 4000)
                   ["error_info"].startswith("[507.1]"), what="[507.1]")

    def test_what_has_to_be_written_is_refused_and_the_rest_goes_on(self):
        self.caller.ok("cmdbproxy", "setcmdbinfo", agentip=IP, sn="before")
        agent = self.agent(self.house, IP)
        self.fill_until_it_shows()
        for service, method, fields in (
                ("cmdbproxy", "setcmdbinfo", {"agentip": IP, "sn": "y" * 4000}),
                ("sheduler", "sendasync", {"agentip": IP, "ins": {**INS, "param": "z" * 9000}}),
                ("sheduler", "sendsync", {"agentip": IP, "ins": {**INS, "param": "z" * 9000}}),
                ("cron", "setcronbyip", {"agentip": IP, "rule": "0 0 3 1 1 ?", "ins": {**INS, "param": "z" * 9000}})):
            with self.subTest(method=method):
                self.caller.refused("507.1", service, method, **fields)
        self.assertEqual(agent.calls_seen("instruct"), [], "nothing runs that the log does not know of")
        self.assertEqual(self.caller.ok("cmdbproxy", "getcmdbinfobyip", agentip=IP)["sn"], "before")
        self.assertEqual(self.caller.status_of(IP), "online")
        self.ballast.unlink()
        self.assertEqual(self.send_sync(self.caller)["worker_flag"], 1)

    def test_a_result_that_comes_meanwhile_is_not_confirmed_and_not_lost(self):
        agent = self.agent(self.house, IP, lambda call: RUN)
        task = self.send_async(self.caller)["id"]
        self.fill_until_it_shows()
        agent.finish(task, Result(1, "w" * 20000))
        self.assertNotIn(self.caller.task(task)["status"], ("done", "failed", "lost"))
        self.ballast.unlink()
        agent.wait_confirmed(task)
        self.assertEqual(self.wait_status(self.caller, task, "done")["worker_message"], "w" * 20000)

    def test_a_result_that_was_told_is_not_canceled_afterwards(self):
        agent = self.agent(self.house, IP, lambda call: RUN)
        sync = self.caller.begin("sheduler", "sendsync", agentip=IP, ins=INS)
        task = agent.wait_instruct()["id"]
        self.fill_until_it_shows()
        agent.finish(task, Result(1, "w" * 20000))
        self.assertEqual(self.caller.finish(sync)["info"]["worker_flag"], 1)
        self.caller.refused("507.1", "sheduler", "canceltask", id=task)
        self.ballast.unlink()
        self.assertEqual(self.caller.ok("sheduler", "canceltask", id=task)["status"], "done")


if __name__ == "__main__":
    unittest.main()
