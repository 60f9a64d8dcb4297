"""process: list and signal, with processes of this test's own."""

import getpass
import os
import signal
import subprocess
import unittest

from support import AppTest


class Process(AppTest):
    app = "process"

    def sleeper(self):
        child = subprocess.Popen(["sleep", "300"])
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        return child

    def row(self, pid):
        return next(row for row in self.done("list", {"limit": 1000})["processes"] if row["pid"] == pid)

    def test_list_shows_processes_by_name_and_user(self):
        child = self.sleeper()
        rows = self.done("list", "sleep")["processes"]
        self.assertIn(child.pid, [row["pid"] for row in rows])
        self.assertEqual({row["name"] for row in rows}, {"sleep"})
        row = self.row(child.pid)
        self.assertEqual((row["command"], row["parent"], row["user"]), ("sleep 300", os.getpid(), getpass.getuser()))
        self.assertEqual(self.done("list", {"user": "no-such-user"})["processes"], [])
        answer = self.done("list", {"limit": 1})
        self.assertEqual(len(answer["processes"]), 1)
        self.assertGreater(answer["count"], 1)
        for wrong, field in (({"limit": 0}, "limit"), ({"name": ""}, "name"), ({"pid": 1}, "pid")):
            self.assertIn(f"`{field}` is ", self.failed("list", wrong))

    def test_a_signal_reaches_the_process_that_was_meant(self):
        child = self.sleeper()
        answer = self.done("signal", {"pid": child.pid, "name": "sleep", "started": self.row(child.pid)["started"]})
        self.assertEqual(answer["signal"], "TERM")
        self.assertEqual(child.wait(10), -signal.SIGTERM)
        child = self.sleeper()
        self.done("signal", {"pid": child.pid, "name": "sleep", "signal": "KILL"})
        self.assertEqual(child.wait(10), -signal.SIGKILL)

    def test_another_process_of_that_number_is_left_alone(self):
        child = self.sleeper()
        self.assertIn('is "sleep"', self.failed("signal", {"pid": child.pid, "name": "nginx"}))
        self.assertIn("was started at", self.failed("signal", {"pid": child.pid, "name": "sleep", "started": 1}))
        self.assertIsNone(child.poll())
        child.kill()
        child.wait()
        self.assertIn("no such process", self.failed("signal", {"pid": child.pid, "name": "sleep"}))

    def test_the_worker_and_what_started_it_get_no_signal(self):
        for pid in (os.getpid(), os.getppid()):
            if pid > 1:
                self.assertIn("started it", self.failed("signal", {"pid": pid, "name": self.row(pid)["name"]}))

    def test_what_is_no_process_or_signal_is_named(self):
        for wrong, field in (({"pid": 1}, "pid"), ({"pid": -1}, "pid"), ({"pid": "x"}, "pid"), ({"pid": 2 ** 40}, "pid"),
                             ({"signal": "STOPP"}, "signal"), ({"signal": 9}, "signal"), ({"name": 5}, "name")):
            self.assertIn(f"`{field}` is ", self.failed("signal", {"pid": 4194303, "name": "x", **wrong}))
        self.assertIn("`name` is missing", self.failed("signal", {"pid": 4194303}))
        self.assertIn("expected a JSON object", self.failed("signal", "5"))


if __name__ == "__main__":
    unittest.main()
