"""What callers, `exec` and the log say of a task is the same, and true: docs/guarantees.md."""

import contextlib
import json
import signal
import sqlite3
import threading
import time
import unittest

from elves_wire import DEAF, RUN
from house import WORKER, HouseTest, eventually

IP = "10.1.0.1"
SLEEPS = WORKER + 'time.sleep(float(param or "30")); answer("woke up")'


class Exec(threading.Thread):
    """`elvesctl --json exec …` in the background."""

    def __init__(self, test, *words):
        super().__init__(daemon=True)
        self.test, self.words = test, words
        self.start()

    def run(self):
        done = self.test.ctl(self.test.house, "--json", "exec", *self.words, patience=60)
        self.code, self.reply = done.code, json.loads(done.out)

    def result(self):
        self.join(60)
        return self.code, self.reply["results"][0]


class RealAgent(HouseTest):
    def setUp(self):
        super().setUp()
        self.house = self.server(tasklog={"lost_after": 2}, heartbeat={"interval": 1, "offline_after": 5})
        self.caller = self.client(self.house)
        self.worker = self.real_agent(self.house, IP)

    def begin(self, **agent):
        self.worker.app("demo", SLEEPS)
        self.worker.settings(**agent)
        self.worker.start()
        self.online(self.caller, IP)

    def rows_of_journal(self, sql):
        with contextlib.closing(sqlite3.connect(f"file:{self.worker.folder}/journal.db?mode=ro", uri=True)) as journal:
            return journal.execute(sql).fetchall()

    def running(self):
        """The one task that a worker runs."""
        return eventually(lambda: self.caller.ok("tasklog", "listtasks", agentip=IP)["info"])[0]["id"]

    def test_a_task_whose_caller_was_told_timeout_never_starts(self):
        self.begin()
        for status_first in (False, True):
            with self.subTest(offline=status_first):
                self.worker.signal(signal.SIGSTOP)
                info = self.send_sync(self.caller, IP, param="0", timeout=2)
                self.assertEqual((info["worker_flag"], info["status"]), (-1, "timeout"))
                time.sleep(6 if status_first else 1)
                self.worker.signal(signal.SIGCONT)
                self.online(self.caller, IP)
                time.sleep(1.5)
                record = self.caller.task(info["id"])
                self.assertEqual((record["status"], record["worker_message"]), ("timeout", ""))
        self.assertNotIn("woke up", json.dumps(self.caller.ok("tasklog", "listtasks", agentip=IP)))

    def test_a_cancel_is_canceled_for_everybody(self):
        self.begin()
        running = Exec(self, "--timeout", "60", IP, "demo", "sleep", "50")
        task = self.running()
        time.sleep(0.5)
        self.assertEqual(self.caller.ok("sheduler", "canceltask", id=task)["status"], "canceled")
        code, result = running.result()
        self.assertEqual((code, result["end"], result["id"], result["status"], result["agent_sync_flag"]),
                         (1, "canceled", task, "canceled", "true"))
        self.assertEqual(self.caller.task(task)["status"], "canceled")

    def test_what_the_agent_refuses_is_failed_for_everybody(self):
        self.begin(deny="demo.no*")
        for words in (("exec", IP, "demo", "no.way"), ("exec", "--async", IP, "demo", "no.way")):
            done = self.ctl(self.house, "--json", *words)
            result = json.loads(done.out)["results"][0]
            self.assertEqual((done.code, result["end"], result["status"]), (1, "failed", "failed"), result)
            self.assertIn("[401.6]", result["error_info"])
            self.assertEqual(self.caller.task(result["id"])["status"], "failed")

    def test_a_timeout_is_a_timeout_for_everybody(self):
        self.begin()
        code, result = Exec(self, "--timeout", "1", IP, "demo", "sleep", "20").result()
        self.assertEqual((code, result["end"], result["status"]), (1, "timeout", "timeout"))
        self.assertEqual(self.caller.task(result["id"])["status"], "timeout")

    def test_a_restart_of_the_server_makes_the_outcome_unknown_and_names_the_task(self):
        self.begin()
        running = Exec(self, "--timeout", "60", IP, "demo", "sleep", "14")
        task = self.running()
        self.house.terminate()
        code, result = running.result()
        self.assertEqual((code, result["end"], result["id"]), (1, "unknown", task), result)
        self.house.start()
        self.caller = self.client(self.house)
        self.assertEqual(self.wait_final(self.caller, task)["status"], "done")

    def test_a_task_that_waits_for_a_worker_is_shown_as_queued(self):
        self.begin(max_workers=1)
        first = self.send_async(self.caller, IP, param="2")["id"]
        second = self.send_async(self.caller, IP, param="0")["id"]
        record = eventually(lambda: self.caller.task(second))
        self.assertEqual((record["status"], record.get("queued")), ("running", "true"))
        self.assertNotIn("queued", self.caller.task(first))
        self.assertIn("queued", self.ctl(self.house, "task", second).out)
        self.assertIn("queued", self.ctl(self.house, "why", second).out)
        self.wait_status(self.caller, second, "done")
        self.assertNotIn("queued", self.caller.task(second))

    def test_killed_between_the_write_and_the_hand_over_a_task_is_handed_over_afterwards(self):
        self.begin()
        # From then on the journal can prove what the agent never had.
        since = eventually(lambda: self.rows_of_journal("SELECT since FROM journal"))[0][0]
        eventually(lambda: time.time() * 1000 > since)
        self.worker.signal(signal.SIGSTOP)  # The server writes it, and is killed before the agent has it.
        task = self.caller.begin("sheduler", "sendasync", agentip=IP, ins={"app": "demo", "func": "x", "param": "0"})
        known = self.running()
        self.house.kill9()
        del task
        # What stands in the socket's buffer is not read any more either.
        self.worker.kill9()
        self.house.start()
        self.caller = self.wire_client(self.house)
        self.worker.start()
        self.online(self.caller, IP)
        self.assertEqual(self.wait_final(self.caller, known)["status"], "done")


class ScriptedAgent(HouseTest):
    IP = "10.0.0.1"

    def setUp(self):
        super().setUp()
        self.house = self.server(tasklog={"lost_after": 2}, sheduler={"handover_timeout": 1})
        self.caller = self.client(self.house)

    def instructs(self, agent):
        return [m["id"] for m in list(agent.seen) if m.get("mqf") == "instruct"]

    def test_at_most_64_hand_overs_are_in_flight_and_a_silent_one_delays_no_other(self):
        for _ in range(200):
            self.caller.begin("sheduler", "sendasync", agentip=self.IP,
                              ins={"app": "demo", "func": "work", "ttl": 3600})
        eventually(lambda: len(self.caller.ok("tasklog", "listtasks", status="waiting", limit=1000)["info"]) == 200)
        deaf = []
        agent = self.agent(self.house, self.IP, lambda call: deaf.append(call["id"]) or DEAF)
        eventually(lambda: len(deaf) == 64)
        time.sleep(0.3)
        self.assertEqual(len(deaf), 64)
        eventually(lambda: len(deaf) == 200, what="the silent ones' room is given to others")
        agent.stop()

    def test_what_a_complete_journal_does_not_have_is_handed_over_again(self):
        silent = self.agent(self.house, self.IP, lambda call: DEAF)
        task = self.send_async(self.caller, ttl=3600)["id"]
        silent.drop()
        since = int((time.time() - 60) * 1000)
        agent = self.agent(self.house, self.IP, lambda call: RUN,
                           on_status=lambda call: {"journal_since": since, "info": [
                               {"id": one, "status": "unknown"} for one in call["id"]]})
        eventually(lambda: self.instructs(agent) == [task])
        self.wait_status(self.caller, task, "running")

    def test_too_late_is_undelivered_or_waits_again(self):
        from elves_wire import Refuse
        answers = [Refuse("[410.4] too late"), RUN]
        agent = self.agent(self.house, self.IP, lambda call: answers.pop(0))
        info = self.send_async(self.caller, ttl=3600)
        self.assertEqual((info["agent_sync_flag"], info["status"]), ("false", "waiting"))
        self.assertTrue(info["agent_sync_error"].startswith("[410.3]"))
        self.wait_status(self.caller, info["id"], "running")
        self.assertEqual(self.instructs(agent), [info["id"]] * 2)
        start_by = [m["start_by"] for m in agent.seen if m.get("mqf") == "instruct"]
        self.assertTrue(all(now * 1000 < one < (now + 100_000) * 1000 for one in start_by for now in [time.time()]))


if __name__ == "__main__":
    unittest.main()
