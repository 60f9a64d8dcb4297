#!/usr/bin/env python3
"""The checker must be able to fail: made-up evidence, one broken promise in each."""

import unittest

from checker import findings
from evidence import Evidence

ID, OTHER, CRON = "00000000000000A1", "00000000000000B2", "00000000000000C3"
TOKEN = "t-1"
SECOND = 1_700_000_000  # 2023-11-14 22:13:20 UTC, and divisible by 10


def row(task=ID, status="done", flag=1, param=TOKEN, **more):
    result = None if flag is None else f"did {param}"
    return {"id": task, "agent": "10.1.0.1", "mode": "NP", "status": status, "param": param, "worker_flag": flag,
            "worker_result": result, "sync_error": "", "end_time": 1, "reported_time": 1, "cron_id": None,
            "fire_time": None, "firings": 1, "last_fire_time": None, **more}


def sent(task=ID, **info):
    return {"what": "send", "method": "sendasync", "token": TOKEN, "agent": "10.1.0.1", "mode": "NP", "dedup": None,
            "id": task, "info": {"agent_sync_flag": "true", "agent_sync_error": "", **info}}


def work(event, flag=None, task=ID, token=TOKEN):
    return {"event": event, "token": token, "id": task, "flag": flag}


def put(value, came="acked", name="x", kind="cmdb"):
    return {"what": "put", "kind": kind, "name": name, "value": value, "came": came}


def firing(task, at, **more):
    return row(task, param="c-1", cron_id=CRON, fire_time=at * 1000, **more)


class CheckerTest(unittest.TestCase):
    def setUp(self):
        """All is well: one task that was sent, ran and ended."""
        self.seen = Evidence(history=[sent()], workers=[work("start"), work("end", 1)], tasks={ID: row()})

    def broken(self, *words):
        """Just one finding, with these words in it."""
        found = findings(self.seen)
        self.assertEqual(len(found), 1, found)
        for word in words:
            self.assertIn(word, found[0])

    def change(self, **fields):
        self.seen.tasks[ID].update(fields)


class Tasks(CheckerTest):
    def test_of_a_run_in_which_all_is_well_it_says_nothing(self):
        self.assertEqual(findings(self.seen), [])

    def test_an_acknowledged_task_that_is_gone(self):
        self.seen.tasks.clear()
        self.seen.workers.clear()
        self.broken(ID, "does not know it")

    def test_a_task_that_was_missing_for_a_while(self):
        self.seen.history.append({"what": "saw", "id": ID, "status": "missing"})
        self.broken(ID, "missing")

    def test_a_task_that_does_not_end(self):
        self.change(status="running", worker_flag=None, end_time=None)
        self.broken(ID, "still running")

    def test_an_end_without_a_time(self):
        self.change(end_time=None)
        self.broken(ID, "without an end time")

    def test_a_final_state_that_changes(self):
        for statuses in (("done", "failed", "done"), ("lost",)):
            with self.subTest(statuses=statuses):
                self.seen.history = [sent()] + [{"what": "saw", "id": ID, "status": one} for one in statuses]
                self.assertTrue(any("was seen as" in line for line in findings(self.seen)))

    def test_a_state_that_goes_back(self):
        self.seen.history += [{"what": "saw", "id": ID, "status": one} for one in ("running", "sent", "done")]
        self.broken(ID, "went back from running to sent")

    def test_a_task_started_twice(self):
        self.seen.workers.insert(0, work("start"))
        self.broken(TOKEN, "started 2 times")

    def test_a_firing_started_twice(self):
        self.seen.tasks[OTHER] = firing(OTHER, SECOND)
        self.seen.workers += [work("start", task=OTHER, token="c-1")] * 2 + [work("end", 1, OTHER, "c-1")]
        self.broken(OTHER, "started 2 times")

    def test_one_send_that_became_two_tasks(self):
        self.seen.tasks[OTHER] = row(OTHER, "undelivered", None)
        self.broken(TOKEN, "2 times in the store")

    def test_a_run_that_nobody_knows_of(self):
        self.seen.workers.append(work("start", task=OTHER, token="t-2"))
        self.broken(OTHER, "does not know it")

    def test_a_start_of_what_is_said_never_to_have_been(self):
        self.seen.history.clear()
        for status in ("undelivered", "expired", "skipped"):
            with self.subTest(status=status):
                self.change(status=status, worker_flag=None)
                self.broken(ID, status, "its worker was started")

    def test_a_result_that_no_worker_gave(self):
        self.seen.workers.pop()
        self.broken(ID, "its worker said None")

    def test_another_result_than_the_workers(self):
        self.seen.workers[-1]["flag"] = 0
        self.broken(ID, "its worker said 0")

    def test_the_result_of_another_task(self):
        self.change(worker_result="did t-2")
        self.broken(ID, "did t-2")

    def test_done_without_a_result(self):
        self.change(worker_flag=None)
        self.broken(ID, "done, with worker_flag None")

    def test_a_result_that_was_confirmed_and_is_gone(self):
        self.seen.confirmed = {ID}
        self.change(reported_time=None)
        self.broken(ID, "confirmed to the agent")

    def test_a_task_that_its_agent_has_forgotten(self):
        self.change(status="lost", worker_flag=None, sync_error="[410.2] the agent was asked, and does not know the task")
        self.broken(ID, "forgotten what it had started")
        self.seen.workers.clear()
        self.broken(ID, "forgotten what it had taken")

    def test_a_damaged_file(self):
        self.seen.damage = ["elves.db: row 3 missing from index"]
        self.broken("row 3")


class Replies(CheckerTest):
    def test_a_result_that_was_told_and_is_another_in_the_store(self):
        self.seen.history = [sent(worker_flag=1, worker_result="did t-1")]
        self.change(status="lost")
        self.broken(ID, "worker_flag 1", "lost")

    def test_a_told_result_may_be_canceled_after_a_crash_and_only_then(self):
        self.seen.history = [sent(worker_flag=1, worker_result="did t-1"), {"what": "down"}]
        self.change(status="canceled")
        self.assertEqual(findings(self.seen), [])
        self.seen.history.reverse()
        self.broken(ID, "worker_flag 1", "canceled")

    def test_a_timeout_that_was_told_and_did_not_stay(self):
        self.seen.history = [sent(worker_flag=-1, worker_result="no result within 5 s")]
        self.broken(ID, "with a timeout", "done")

    def test_a_task_said_to_be_handed_over_that_was_not(self):
        self.change(status="undelivered", worker_flag=None)
        self.seen.workers.clear()
        self.broken(ID, "handed to the agent")

    def test_a_task_said_not_to_be_handed_over_that_was(self):
        self.seen.history = [sent(agent_sync_flag="false", agent_sync_error="[410.1] not online")]
        self.broken(ID, "[410.1]", "done")

    def test_another_task_under_the_id(self):
        self.seen.history[0]["token"] = "t-7"
        self.broken(ID, "t-7")

    def test_a_cancel_that_did_not_stay(self):
        self.seen.history.append({"what": "cancel", "id": ID, "status": "canceled"})
        self.broken(ID, "canceled", "done")

    def test_a_dedup_word_with_two_tasks(self):
        self.seen.history = [{**sent(), "dedup": "d"}, {**sent(OTHER), "dedup": "d", "token": "t-2"}]
        self.seen.tasks[OTHER] = row(OTHER, param="t-2")
        self.seen.workers += [work("start", None, OTHER, "t-2"), work("end", 1, OTHER, "t-2")]
        self.broken("dedup d", ID, OTHER)


class Processors(CheckerTest):
    def setUp(self):
        super().setUp()
        self.change(mode="P")
        self.delivered = {"what": "delivered", "id": ID, "worker_flag": 1, "said": True}
        self.seen.history.append(self.delivered)

    def test_a_result_that_was_confirmed_is_well(self):
        self.assertEqual(findings(self.seen), [])

    def test_a_result_that_never_arrived(self):
        self.seen.history.pop()
        self.broken(ID, "confirmed nothing (0 calls)")

    def test_a_result_that_was_only_refused(self):
        self.delivered["said"] = False
        self.broken(ID, "confirmed nothing (1 calls)")

    def test_a_result_that_is_still_owed(self):
        self.seen.owed = {ID}
        self.broken(ID, "still owed")

    def test_another_result_than_the_stores(self):
        self.delivered["worker_flag"] = 0
        self.broken(ID, "told worker_flag 0")


class Records(CheckerTest):
    def check(self, found, *puts):
        self.seen.history = [sent(), *puts]
        self.seen.records = {} if found is None else {("cmdb", "x"): found}
        return findings(self.seen)

    def test_what_was_acknowledged_last_is_there(self):
        self.assertEqual(self.check("b", put("a"), put("b")), [])
        self.assertTrue(self.check("a", put("a"), put("b")))
        self.assertTrue(self.check(None, put("a")))

    def test_what_was_deleted_is_gone(self):
        self.assertEqual(self.check(None, put("a"), put(None)), [])
        self.assertTrue(self.check("a", put("a"), put(None)))

    def test_what_was_not_answered_may_be_there_or_not(self):
        for found in ("a", "b"):
            self.assertEqual(self.check(found, put("a"), put("b", "unknown")), [])
        self.assertTrue(self.check("b", put("b", "unknown"), put("c")))
        self.assertEqual(self.check("b", put("b", "late"), put("c")), [])
        self.assertTrue(self.check("z", put("a"), put("b", "unknown")))


class Crons(CheckerTest):
    def check(self, *rows, rule="0/10 * * * * ?", settled=SECOND + 30, history=()):
        self.seen.history = [sent(), put(rule, name=CRON, kind="cron"), *history]
        self.seen.records = {("cron", CRON): rule}
        self.seen.crons = {CRON: {"id": CRON, "type": "center", "created": SECOND * 1000, "settled": settled * 1000}}
        self.seen.tasks = {ID: row(), **{one["id"]: one for one in rows}}
        self.seen.workers = [work("start"), work("end", 1)]
        for one in rows:
            if one["status"] == "done":
                self.seen.workers += [work("start", None, one["id"], "c-1"), work("end", 1, one["id"], "c-1")]
        return findings(self.seen)

    def skipped(self, task, at, why, **more):
        return firing(task, at, status="skipped", flag=None, sync_error=why, **more)

    def missed(self, end=""):
        return "skipped: 2 times from 2023-11-14 22:13:30 to 2023-11-14 22:13:40 passed while the server was down" + end

    def test_every_time_once_is_well(self):
        self.assertEqual(self.check(firing("R1", SECOND + 10), firing("R2", SECOND + 20), firing("R3", SECOND + 30)), [])

    def test_a_time_that_nobody_accounts_for(self):
        (line,) = self.check(firing("R1", SECOND + 10), firing("R3", SECOND + 30))
        self.assertIn("22:13:40 is not accounted for", line)

    def test_a_time_that_ran_and_was_said_to_be_missed(self):
        (line,) = self.check(self.skipped("R1", SECOND + 10, self.missed()), firing("R2", SECOND + 20),
                             firing("R3", SECOND + 30))
        self.assertIn("22:13:40 is accounted for twice", line)

    def test_after_a_clock_was_set_back_a_record_may_count_times_that_ran_and_none_runs_twice(self):
        rows = [self.skipped("R1", SECOND + 10, self.missed()), firing("R2", SECOND + 20), firing("R3", SECOND + 30)]
        back = {"what": "clock set back", "whose": "server"}
        self.assertEqual(self.check(*rows, history=[back]), [])
        (line,) = self.check(*rows, history=[{**back, "whose": "10.9.9.1"}])
        self.assertIn("22:13:40 is accounted for twice", line)
        (line,) = self.check(*rows, firing("R4", SECOND + 30), history=[back])
        self.assertIn("22:13:50 is accounted for twice", line)

    def test_times_that_were_missed(self):
        self.assertEqual(self.check(self.skipped("R1", SECOND + 10, self.missed()), firing("R3", SECOND + 30)), [])

    def test_a_run_that_makes_up_for_the_missed_ones_has_the_last_of_them(self):
        told = self.skipped("R1", SECOND + 10, self.missed("; it runs once for them"))
        self.assertEqual(self.check(told, firing("R2", SECOND + 20), firing("R3", SECOND + 30)), [])
        (line,) = self.check(told, firing("R3", SECOND + 30))
        self.assertIn("22:13:40 is not accounted for", line)

    def test_firings_that_became_one_record(self):
        merged = firing("R1", SECOND + 10, status="undelivered", flag=None, firings=2, last_fire_time=(SECOND + 20) * 1000)
        self.assertEqual(self.check(merged, firing("R3", SECOND + 30)), [])
        (line,) = self.check(merged, firing("R2", SECOND + 20), firing("R3", SECOND + 30))
        self.assertIn("22:13:40 is accounted for twice", line)

    def test_a_time_skipped_because_the_last_run_goes_on(self):
        self.assertEqual(self.check(firing("R1", SECOND + 10), firing("R3", SECOND + 30), self.skipped(
            "R2", SECOND + 20, "skipped: the run of 2023-11-14 22:13:30 (task R1) is still going on")), [])


if __name__ == "__main__":
    unittest.main()
