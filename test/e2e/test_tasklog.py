"""tasklog: what became of each task, and who may say so."""

import time
import unittest

from elves_wire import DEAF, RUN, Result, wall_time
from house import FINAL, TIME_OF_DAY, HouseTest, eventually

IP = "10.0.0.1"
UNKNOWN_ID = "0123456789ABCDEF"
KEYS = ("id agentip type mode status instruct param starttime agent_sync_flag agent_sync_error agent_sync_costtime "
        "agent_callback_time worker_message module_sync_flag module_sync_error module_sync_costtime "
        "module_callback_time processor_message processor_costtime endtime result_flag").split()


class Tasks(HouseTest):
    sections = {}

    def setUp(self):
        super().setUp()
        self.house = self.server(**self.sections)
        self.caller = self.client(self.house)

    def by_ids(self, *ids):
        return self.caller.ok("tasklog", "gettaskbyids", id=list(ids))


class ByIds(Tasks):
    def test_a_record_has_every_field_as_a_string(self):
        self.agent(self.house, IP, lambda call: Result(1, "said", callback_time=wall_time()))
        done = self.send_sync(self.caller, param="what", func="func.tion")["id"]
        self.wait_final(self.caller, done)
        self.send_async(self.caller, "10.9.9.9", param={"a": 1})
        waiting = self.send_async(self.caller, "10.9.9.8", ttl=60)["id"]
        away = self.caller.tasks(agentip="10.9.9.9")[0]["id"]
        for record in self.by_ids(done, away, waiting)["info"]:
            for key in KEYS:
                self.assertIsInstance(record.get(key), str, f"{key} of {record}")

    def test_a_finished_task_tells_all_of_its_life(self):
        self.agent(self.house, IP, lambda call: Result(1, "said"))
        task = self.wait_final(self.caller, self.send_sync(self.caller, param="what", func="func.tion")["id"])
        self.assertEqual({k: task[k] for k in ("agentip", "type", "status", "instruct", "param", "agent_sync_flag",
                                               "agent_sync_error", "worker_message", "result_flag")},
                         {"agentip": IP, "type": "rt", "status": "done", "instruct": "demo.func.tion",
                          "param": "what", "agent_sync_flag": "true", "agent_sync_error": "",
                          "worker_message": "said", "result_flag": "true"})
        self.assertEqual(task["mode"].upper(), "NP")
        for key in ("starttime", "endtime"):
            self.assertRegex(task[key], TIME_OF_DAY)
        self.assertLessEqual(task["starttime"], task["endtime"])
        # In the server's zone, which house.py sets to UTC.
        self.assertLess(abs(time.mktime(time.strptime(task["starttime"], "%Y-%m-%d %H:%M:%S"))
                            - time.mktime(time.gmtime())), 120)

    def test_a_param_of_json_is_logged_as_its_text(self):
        task = self.send_async(self.caller, "10.9.9.9", param={"my": "toryzen"})
        self.assertEqual(self.caller.task(task["id"])["param"].replace(" ", ""), '{"my":"toryzen"}')

    def test_an_unfinished_task_has_no_result_yet(self):
        self.agent(self.house, IP, lambda call: RUN)
        task = self.caller.task(self.send_async(self.caller)["id"])
        self.assertEqual((task["result_flag"], task["endtime"], task["worker_message"]), ("", "", ""))
        self.assertEqual(task["type"], "async")

    def test_records_come_in_the_order_asked_and_unknown_ids_are_missing(self):
        ids = [self.send_async(self.caller, "10.9.9.9")["id"] for _ in range(5)]
        asked = [ids[3], UNKNOWN_ID, ids[0], ids[4], "FFFFFFFFFFFFFFFF", ids[1]]
        reply = self.by_ids(*asked)
        self.assertCountEqual(reply["missing"], [UNKNOWN_ID, "FFFFFFFFFFFFFFFF"])
        self.assertEqual([record["id"] for record in reply["info"] if record.get("id") in ids],
                         [ids[3], ids[0], ids[4], ids[1]])

    def test_no_ids_give_no_records(self):
        self.assertEqual(self.by_ids()["info"], [])

    def test_a_malformed_id_is_refused(self):
        for bad in ("", "123", "0123456789ABCDEFG", "0123456789ABCDEG", "' OR 1=1 --"):
            with self.subTest(id=bad):
                self.caller.refused("403.9", "tasklog", "gettaskbyids", id=[UNKNOWN_ID, bad])
        self.caller.refused("403.", "tasklog", "gettaskbyids", id=[5])
        self.caller.refused("403.", "tasklog", "gettaskbyids", id=UNKNOWN_ID)

    def test_a_thousand_ids_may_be_asked_and_no_more(self):
        ids = [f"{n:016X}" for n in range(1001)]
        self.assertEqual(len(self.by_ids(*ids[:1000])["missing"]), 1000)
        self.caller.refused("403.", "tasklog", "gettaskbyids", id=ids)


class Listing(Tasks):
    def send_apart(self, *args, **ins):
        """Sends, and lets the clock go on by some milliseconds, so that newest first is unequivocal."""
        task_id = self.send_async(self.caller, *args, **ins)["id"]
        then = time.time() + 0.005
        while time.time() < then:
            time.sleep(0.001)
        return task_id

    def ids(self, **filters):
        return [task["id"] for task in self.caller.tasks(**filters)]

    def test_tasks_are_listed_newest_first(self):
        sent = [self.send_apart("10.9.9.9") for _ in range(6)]
        self.assertEqual(self.ids(), sent[::-1])

    def test_tasks_are_listed_by_agent_app_func_type_and_status(self):
        self.agent(self.house, IP)
        sync = self.send_sync(self.caller, app="one", func="f")["id"]
        later = self.send_async(self.caller, app="two", func="f")["id"]
        away = self.send_async(self.caller, "10.9.9.9", app="two", func="g")["id"]
        for task_id in (sync, later, away):
            self.wait_final(self.caller, task_id)
        for filters, found in (({"agentip": IP}, {sync, later}), ({"agentip": "10.9.9.9"}, {away}),
                               ({"app": "two"}, {later, away}), ({"func": "f"}, {sync, later}),
                               ({"type": "rt"}, {sync}), ({"type": "async"}, {later, away}), ({"type": "cron"}, set()),
                               ({"status": "done"}, {sync, later}), ({"status": "undelivered"}, {away}),
                               ({"app": "two", "agentip": IP}, {later}), ({"app": "none"}, set()),
                               ({"cron_id": UNKNOWN_ID}, set()), ({"agentip": "", "app": ""}, {sync, later, away})):
            with self.subTest(filters=filters):
                self.assertEqual(set(self.ids(**filters)), found)

    def test_tasks_are_listed_by_time(self):
        task = self.send_async(self.caller, "10.9.9.9")["id"]
        hour = 3600
        now = time.time()
        self.assertEqual(self.ids(since=wall_time(now - hour)), [task])
        self.assertEqual(self.ids(since=wall_time(now + hour)), [])
        self.assertEqual(self.ids(until=wall_time(now + hour)), [task])
        self.assertEqual(self.ids(until=wall_time(now - hour)), [])
        self.assertEqual(self.ids(since=wall_time(now - hour), until=wall_time(now + hour)), [task])

    def test_a_filter_that_is_no_time_or_no_ip_is_refused(self):
        self.assertIn("since", self.caller.refused("403.", "tasklog", "listtasks", since="yesterday"))
        self.assertIn("agentip", self.caller.refused("403.1", "tasklog", "listtasks", agentip="there"))
        self.caller.refused("403.9", "tasklog", "listtasks", cron_id="12")

    def test_the_list_comes_in_pages_that_miss_none_and_double_none(self):
        sent = [self.send_apart("10.9.9.9") for _ in range(7)]
        found, sizes, after = [], [], {}
        while True:
            page = self.caller.ok("tasklog", "listtasks", agentip="10.9.9.9", limit=3, **after)
            found += [task["id"] for task in page["info"]]
            sizes.append(len(page["info"]))
            if "next" not in page:
                break
            after = {"after": page["next"]}
        self.assertEqual(sizes, [3, 3, 1])
        self.assertEqual(found, sent[::-1])

    def test_tasks_that_come_while_one_pages_do_not_double_what_one_has_seen(self):
        sent = [self.send_apart("10.9.9.9") for _ in range(4)]
        first = self.caller.ok("tasklog", "listtasks", limit=2)
        self.send_apart("10.9.9.9")
        second = self.caller.ok("tasklog", "listtasks", limit=2, after=first["next"])
        self.assertEqual([t["id"] for t in first["info"] + second["info"]], sent[::-1])

    def test_an_empty_list_has_no_next(self):
        reply = self.caller.ok("tasklog", "listtasks")
        self.assertEqual(reply["info"], [])
        self.assertNotIn("next", reply)


class Output(Tasks):
    def ask(self, task_id, **more):
        return self.caller.ok("tasklog", "gettaskoutput", id=task_id, **more)

    def test_what_a_worker_prints_can_be_read_while_it_runs(self):
        agent = self.agent(self.house, IP, lambda call: RUN)
        task = self.send_async(self.caller)["id"]
        agent.output(task, 0, "hello ")
        agent.output(task, 6, "world")
        reply = eventually(lambda: (r := self.ask(task))["output"] == "hello world" and r)
        self.assertEqual(int(reply["size"]), 11)
        self.assertEqual(self.ask(task, offset=6)["output"], "world")
        self.assertEqual(self.ask(task, offset="0", limit=5)["output"], "hello")
        self.assertEqual(self.ask(task, offset=11)["output"], "")

    def test_stderr_and_exit_code_of_a_result_are_kept(self):
        self.agent(self.house, IP, lambda call: Result(0, "bad", stderr="it hurts\n", exit_code=3))
        task = self.send_async(self.caller)["id"]
        self.wait_status(self.caller, task, "failed")
        reply = self.ask(task)
        self.assertIn("it hurts", reply["stderr"])
        self.assertEqual(int(reply["exit_code"]), 3)

    def test_an_unknown_or_malformed_id_is_refused(self):
        self.caller.refused("416.1", "tasklog", "gettaskoutput", id=UNKNOWN_ID)
        self.caller.refused("403.9", "tasklog", "gettaskoutput", id="12")

    def test_output_from_a_connection_that_is_not_the_agents_is_dropped(self):
        self.agent(self.house, IP, lambda call: RUN)
        task = self.send_async(self.caller)["id"]
        self.caller.cast("tasklog", "output", id=task, offset=0, data="forged")
        other = self.agent(self.house, "10.0.0.2")
        other.output(task, 0, "forged")
        other.call("elves", "ping")
        self.caller.ok("elves", "ping")
        self.assertEqual(self.ask(task)["output"], "")


class Results(Tasks):
    sections = {"tasklog": {"lost_after": 1}}

    def running(self, **more):
        agent = self.agent(self.house, IP, lambda call: RUN, **more)
        return agent, self.send_async(self.caller)["id"]

    def test_a_result_is_taken_from_the_tasks_own_agent_and_nobody_else(self):
        agent, task = self.running()
        other = self.agent(self.house, "10.0.0.2")
        forged = {"id": task, "info": Result(1, "forged").info()}
        for who in (self.caller, other):
            reply = who.call("tasklog", "agentasynclog", **forged)
            self.assertEqual(reply["flag"], "false")
            self.error_in(reply["error_info"], "401.6")
        self.assertEqual(self.caller.task(task)["status"], "running")
        agent.finish(task, Result(1, "genuine"))
        self.assertEqual(self.wait_status(self.caller, task, "done")["worker_message"], "genuine")

    def test_a_firing_of_another_agents_job_is_refused(self):
        job = self.caller.ok("cron", "setcronbyip", agentip=IP, cron_type="self", rule="0 0 2 * * ?",
                             ins={"mode": "NP", "app": "demo", "func": "work"})["id"]
        other = self.agent(self.house, "10.0.0.2")
        reply = other.call("tasklog", "agentasynclog", id=UNKNOWN_ID, info=Result().info(), cron_id=job,
                           fire_time=wall_time(), ins={"mode": "NP", "app": "demo", "func": "work"})
        self.error_in(reply["error_info"], "401.6")
        self.assertEqual(self.caller.tasks(cron_id=job), [])

    def test_a_firing_that_is_not_what_its_job_runs_goes_to_no_processor(self):
        processor = self.processor()
        for app in ("demo", "billing"):
            self.caller.ok("supervisor", "setapp", appname=app, appip="127.0.0.1", appport=str(processor.port))
        ins = {"mode": "P", "app": "demo", "func": "work"}
        job = self.caller.ok("cron", "setcronbyip", agentip=IP, cron_type="self", rule="0 0 2 * * ?", ins=ins)["id"]
        agent = self.agent(self.house, IP)
        made_up = [(UNKNOWN_ID, ins), (job, {**ins, "app": "billing"}), (job, {**ins, "func": "other"})]
        for number, (cron_id, said) in enumerate([*made_up, (job, ins)], 1):
            reply = agent.call("tasklog", "agentasynclog", id=f"{number:016X}", info=Result(1, "paid").info(), cron_id=cron_id,
                               fire_time=wall_time(time.time() - 60 * number), ins=said)
            self.assertEqual(reply["flag"], "true", reply)
        call = processor.wait_calls(f"{4:016X}")[0]
        self.assertEqual((call["agentip"], call["ins"]["app"]), (IP, "demo"))
        for number in (1, 2, 3):
            task = self.caller.task(f"{number:016X}")
            self.assertEqual((task["status"], task["mode"].upper()), ("done", "NP"))
            self.assertEqual(processor.calls_of(f"{number:016X}"), [])

    def test_a_result_for_an_unknown_or_malformed_id_is_refused(self):
        agent = self.agent(self.house, IP)
        for task_id, code in ((UNKNOWN_ID, "416.1"), ("12", "403.9")):
            reply = agent.call("tasklog", "agentasynclog", id=task_id, info=Result().info())
            self.assertEqual(reply["flag"], "false")
            self.error_in(reply["error_info"], code)

    def test_both_names_of_the_report_are_understood(self):
        agent, first = self.running()
        agent.report_async = False
        second = self.send_async(self.caller)["id"]
        for task, name in ((first, "agentAsyncLog"), (second, "agentAsyncResult")):
            reply = agent.call("tasklog", name, id=task, info=Result(1, name).info())
            self.assertEqual((reply["flag"], reply["mqf"]), ("true", name))
            self.assertEqual(self.wait_status(self.caller, task, "done")["worker_message"], name)

    def test_a_confirmed_result_is_on_disk(self):
        agent, task = self.running()
        agent.report_async = False
        agent.finish(task, Result(1, "kept"))
        self.assertEqual(agent.report_now(task)["flag"], "true")
        self.house.kill9()
        self.house.start()
        self.caller = self.client(self.house)
        record = self.caller.task(task)
        self.assertEqual((record["status"], record["worker_message"]), ("done", "kept"))

    def test_a_second_result_is_confirmed_and_changes_nothing(self):
        agent, task = self.running()
        agent.finish(task, Result(1, "first"))
        before = self.wait_status(self.caller, task, "done")
        for second in (Result(1, "first"), Result(0, "second"), Result(-1, "third", stderr="x", exit_code=9)):
            reply = agent.call("tasklog", "agentasynclog", id=task, info=second.info())
            self.assertEqual((reply["flag"], reply["error_info"]), ("true", ""))
            self.assertEqual(self.caller.task(task), before)

    def test_a_second_result_for_a_sync_task_changes_nothing(self):
        agent = self.agent(self.house, IP, lambda call: Result(1, "first"))
        task = self.send_sync(self.caller)["id"]
        before = self.wait_status(self.caller, task, "done")
        reply = agent.call("tasklog", "agentasynclog", id=task, info=Result(0, "second").info())
        self.assertEqual(reply["flag"], "true")
        self.assertEqual(self.caller.task(task), before)

    def test_a_malformed_result_is_refused_and_the_task_goes_on(self):
        agent, task = self.running()
        for info in (None, "done", [], 5):
            with self.subTest(info=info):
                reply = agent.call("tasklog", "agentasynclog", id=task, info=info)
                self.assertEqual(reply["flag"], "false")
                self.assertIn("[403.", reply["error_info"])
        self.assertEqual(self.caller.task(task)["status"], "running")

    def test_the_agents_time_of_the_result_is_kept(self):
        agent, task = self.running()
        agent.finish(task, Result(1, "x", callback_time="2026-01-02 03:04:05"))
        self.assertEqual(self.wait_status(self.caller, task, "done")["agent_callback_time"], "2026-01-02 03:04:05")


class Returning(Tasks):
    """`agent.status`, asked on every new link."""

    sections = {"tasklog": {"lost_after": 1}}

    def back_with(self, status, **ins):
        """A running task whose agent comes back and says `status` of it; returns (agent, id)."""
        agent = self.agent(self.house, IP, lambda call: RUN)
        agent.report_async = False
        task = self.send_async(self.caller, **ins)["id"]
        agent.drop()
        if status == "unknown":
            agent.journal.clear()
        elif status != "running":
            agent.finish(task, Result(1 if status == "done" else 0, "while away"))
        agent.start()
        self.assertIn(task, agent.wait_call("status")["id"])
        return agent, task

    def test_a_task_that_the_agent_does_not_know_is_lost(self):
        _, task = self.back_with("unknown")
        self.assertEqual(self.wait_status(self.caller, task, "lost")["result_flag"], "false")

    def test_a_task_that_is_done_is_done(self):
        _, task = self.back_with("done")
        record = self.wait_status(self.caller, task, "done")
        self.assertEqual((record["result_flag"], record["worker_message"]), ("true", "while away"))

    def test_a_task_that_failed_has_failed(self):
        _, task = self.back_with("failed")
        record = self.wait_status(self.caller, task, "failed")
        self.assertEqual((record["result_flag"], record["worker_message"]), ("false", "while away"))

    def test_a_task_that_still_runs_goes_on(self):
        agent, task = self.back_with("running")
        agent.call("elves", "ping")
        self.assertEqual(self.caller.task(task)["status"], "running")
        agent.report_async = True
        agent.finish(task, Result(1, "in the end"))
        self.assertEqual(self.wait_status(self.caller, task, "done")["worker_message"], "in the end")

    def test_a_task_asked_for_and_reported_at_once_is_recorded_once(self):
        agent = self.agent(self.house, IP, lambda call: RUN)
        task = self.send_async(self.caller)["id"]
        agent.drop()
        agent.finish(task, Result(1, "both ways"))
        agent.start()
        before = self.wait_status(self.caller, task, "done")
        self.assertEqual(agent.report_now(task)["flag"], "true")
        self.assertEqual(self.caller.task(task), before)

    def test_an_agent_is_not_asked_for_what_is_over(self):
        agent = self.agent(self.house, IP)
        over = self.send_async(self.caller)["id"]
        self.wait_status(self.caller, over, "done")
        agent.on_instruct = lambda call: RUN
        open_one = self.send_async(self.caller)["id"]
        agent.drop()
        agent.start()
        self.assertEqual(agent.wait_call("status")["id"], [open_one])

    def test_a_task_whose_agent_never_comes_back_is_lost_in_the_end(self):
        agent = self.agent(self.house, IP, lambda call: RUN)
        task = self.send_async(self.caller, timeout=1)["id"]
        agent.drop()
        self.assertEqual(self.wait_status(self.caller, task, "lost")["result_flag"], "false")

    def test_a_task_long_overdue_on_an_old_link_is_asked_for(self):
        agent = self.agent(self.house, IP, lambda call: RUN,
                           on_status=lambda call: {"info": [{"id": i, "status": "unknown"} for i in call["id"]]})
        task = self.send_async(self.caller, timeout=1)["id"]
        self.assertIn(task, agent.wait_call("status")["id"])
        self.wait_status(self.caller, task, "lost")

    def test_a_task_long_overdue_of_which_the_agent_says_nothing_is_lost(self):
        agent = self.agent(self.house, IP, lambda call: RUN, on_status=lambda call: DEAF)
        task = self.send_async(self.caller, timeout=1)["id"]
        self.assertIn(task, agent.wait_call("status")["id"])
        self.wait_status(self.caller, task, "lost", patience=40)

    def test_a_result_that_comes_after_lost_fills_what_is_empty_and_leaves_the_status(self):
        agent = self.agent(self.house, IP, lambda call: RUN)
        task = self.send_async(self.caller, timeout=1)["id"]
        agent.drop()
        early = self.wait_status(self.caller, task, "lost")
        agent.finish(task, Result(1, "after all"))
        agent.start()
        agent.wait_confirmed(task)
        late = self.caller.task(task)
        self.assertEqual(late["worker_message"], "after all")
        for kept in ("status", "result_flag", "endtime"):
            self.assertEqual(late[kept], early[kept])

    def test_a_result_is_repeated_until_it_is_confirmed_and_recorded_once(self):
        agent = self.agent(self.house, IP, lambda call: RUN, repeat_every=0.2)
        agent.deaf_to_confirms = True
        task = self.send_async(self.caller)["id"]
        agent.finish(task, Result(1, "again and again"))
        before = self.wait_status(self.caller, task, "done")
        agent.wait_until(lambda: sum(1 for m in agent.seen if m.get("mqt") == "back"
                                     and m.get("mqf") == "agentasynclog" and m.get("flag") == "true") >= 3)
        self.assertEqual(self.caller.task(task), before)
        self.assertIn(before["status"], FINAL)
        self.assertEqual(len(self.caller.tasks()), 1)


if __name__ == "__main__":
    unittest.main()
