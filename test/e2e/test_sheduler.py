"""sheduler: handing tasks to agents, and every way in which that can go wrong."""

import json
import time
import unittest

from elves_wire import DEAF, RUN, TAKE_DEAF, Later, Refuse, Result, code_in
from house import DIGITS, FINAL, HouseTest, eventually

IP = "10.0.0.1"
MIB = 1 << 20
UNKNOWN_ID = "0123456789ABCDEF"


class Sending(HouseTest):
    sections = {}

    def setUp(self):
        super().setUp()
        self.house = self.server(**self.sections)
        self.caller = self.client(self.house)

    def ends(self, task_id, status, flag):
        task = self.wait_status(self.caller, task_id, status)
        self.assertEqual(task["result_flag"], flag)
        return task


class SendSync(Sending):
    def test_the_workers_answer_comes_back(self):
        self.agent(self.house, IP, lambda call: Result(1, "toryzen", 12))
        info = self.send_sync(self.caller, param="hello")
        self.is_id(info["id"])
        self.assertEqual((info["agent_sync_flag"], info["agent_sync_error"]), ("true", ""))
        self.assertRegex(info["agent_sync_costtime"], DIGITS)
        self.assertEqual((info["worker_flag"], info["worker_result"], info["worker_costtime"]), (1, "toryzen", 12))
        task = self.ends(info["id"], "done", "true")
        self.assertIn("toryzen", task["worker_message"])

    def test_a_worker_that_says_no_or_cannot_run_is_a_failed_task(self):
        for flag in (0, -1):
            with self.subTest(flag=flag):
                self.agent(self.house, IP, lambda call, flag=flag: Result(flag, "broken"))
                info = self.send_sync(self.caller)
                self.assertEqual((info["agent_sync_flag"], info["worker_flag"], info["worker_result"]),
                                 ("true", flag, "broken"))
                self.ends(info["id"], "failed", "false")

    def test_the_agent_is_told_what_to_run(self):
        agent = self.agent(self.house, IP)
        info = self.send_sync(self.caller, app="demo", func="do.it-now_2", param="a b", timeout="17",
                              proxy="python3|sub/main.py", mode="NP")
        call = agent.wait_instruct(info["id"])
        self.assertEqual((call["mqt"], call["type"], call["id"]), ("call", "rt", info["id"]))
        self.assertIn("mqid", call)
        ins = call["ins"]
        self.assertEqual((ins["app"], ins["func"], ins["param"], int(ins["timeout"]), ins["proxy"]),
                         ("demo", "do.it-now_2", "a b", 17, "python3|sub/main.py"))

    def test_nothing_runs_that_the_log_does_not_know_of(self):
        watcher = self.client(self.house)
        known = []

        def on_instruct(call):
            known.append((call["id"], watcher.task(call["id"])))
            return Result()

        self.agent(self.house, IP, on_instruct)
        sync, later = self.send_sync(self.caller)["id"], self.send_async(self.caller)["id"]
        self.wait_final(self.caller, later)
        self.assertEqual([task_id for task_id, _ in known], [sync, later])
        for task_id, record in known:
            self.assertIsNotNone(record, f"{task_id} ran before it was in the log")
            self.assertNotIn(record["status"], FINAL)

    def test_two_hundred_calls_at_once_each_get_their_own_answer(self):
        self.agent(self.house, IP, lambda call: Result(1, "for " + call["ins"]["param"]))
        calls = {self.caller.begin("sheduler", "sendsync", agentip=IP,
                                   ins={"app": "demo", "func": "work", "param": f"p{n}"}): n for n in range(200)}
        ids = set()
        for mqid, n in calls.items():
            info = self.caller.finish(mqid)["info"]
            self.assertEqual((info["worker_flag"], info["worker_result"]), (1, f"for p{n}"))
            ids.add(info["id"])
        self.assertEqual(len(ids), 200)

    def test_an_agent_that_was_never_seen_cannot_be_reached(self):
        info = self.send_sync(self.caller, "10.9.9.9")
        self.assertEqual((info["agent_sync_flag"], info["worker_flag"]), ("false", -1))
        self.error_in(info["agent_sync_error"], "410.1")
        task = self.ends(self.is_id(info["id"]), "undelivered", "false")
        self.assertEqual((task["agentip"], task["instruct"], task["agent_sync_flag"]),
                         ("10.9.9.9", "demo.work", "false"))
        self.assertEqual(code_in(task["agent_sync_error"]), "410.1")

    def test_an_agent_that_went_offline_cannot_be_reached(self):
        self.agent(self.house, IP).drop()
        eventually(lambda: self.caller.status_of(IP) == "offline")
        info = self.send_sync(self.caller)
        self.error_in(info["agent_sync_error"], "410.1")
        self.ends(info["id"], "undelivered", "false")

    def test_when_the_timeout_is_over_the_caller_is_answered_and_a_late_result_fills_what_is_empty(self):
        agent = self.agent(self.house, IP, lambda call: RUN)
        before = time.monotonic()
        info = self.send_sync(self.caller, timeout=1)
        took = time.monotonic() - before
        self.assertEqual((info["agent_sync_flag"], info["worker_flag"]), ("true", -1))
        self.assertGreaterEqual(took, 0.9)
        self.assertLess(took, 15)
        early = self.ends(info["id"], "timeout", "false")
        agent.finish(info["id"], Result(1, "better late"))
        late = eventually(lambda: (t := self.caller.task(info["id"])) and "better late" in t["worker_message"] and t)
        for kept in ("status", "result_flag", "endtime"):
            self.assertEqual(late[kept], early[kept])

    def test_a_late_result_that_comes_on_a_new_link_is_taken_too(self):
        agent = self.agent(self.house, IP, lambda call: RUN)
        info = self.send_sync(self.caller, timeout=1)
        early = self.ends(info["id"], "timeout", "false")
        agent.drop()
        agent.finish(info["id"], Result(1, "from the new link"))
        agent.start()
        agent.wait_confirmed(info["id"])
        late = self.caller.task(info["id"])
        self.assertIn("from the new link", late["worker_message"])
        for kept in ("status", "result_flag", "endtime"):
            self.assertEqual(late[kept], early[kept])

    def test_a_sync_result_is_confirmed_once_it_is_on_disk(self):
        agent = self.agent(self.house, IP)
        info = self.send_sync(self.caller)
        agent.wait_confirmed(info["id"])
        self.assertEqual(self.caller.task(info["id"])["status"], "done")

    def test_a_link_lost_during_a_call_may_come_back_with_the_result(self):
        agent = self.agent(self.house, IP, lambda call: RUN)
        mqid = self.caller.begin("sheduler", "sendsync", agentip=IP, ins={"app": "demo", "func": "w", "timeout": 30})
        task = agent.wait_instruct()["id"]
        agent.drop()
        eventually(lambda: self.caller.status_of(IP) == "offline")
        agent.finish(task, Result(1, "done while away"))
        agent.start()
        info = self.caller.finish(mqid)["info"]
        self.assertEqual((info["id"], info["worker_flag"], info["worker_result"]), (task, 1, "done while away"))
        self.ends(task, "done", "true")

    def test_a_link_lost_during_a_call_may_come_back_with_the_worker_still_running(self):
        agent = self.agent(self.house, IP, lambda call: RUN)
        mqid = self.caller.begin("sheduler", "sendsync", agentip=IP, ins={"app": "demo", "func": "w", "timeout": 30})
        task = agent.wait_instruct()["id"]
        agent.drop()
        eventually(lambda: self.caller.status_of(IP) == "offline")
        agent.start()
        asked = agent.wait_call("status")
        self.assertIn(task, asked["id"])
        agent.finish(task, Result(1, "finished afterwards"))
        info = self.caller.finish(mqid)["info"]
        self.assertEqual((info["worker_flag"], info["worker_result"]), (1, "finished afterwards"))

    def test_a_link_lost_for_good_is_answered_with_minus_one_by_the_timeout(self):
        agent = self.agent(self.house, IP, lambda call: RUN)
        mqid = self.caller.begin("sheduler", "sendsync", agentip=IP, ins={"app": "demo", "func": "w", "timeout": 3})
        agent.wait_instruct()
        agent.drop()
        info = self.caller.finish(mqid)["info"]
        self.assertEqual(info["worker_flag"], -1)

    def test_an_agent_that_comes_back_without_memory_makes_the_task_lost(self):
        agent = self.agent(self.house, IP, lambda call: RUN)
        mqid = self.caller.begin("sheduler", "sendsync", agentip=IP, ins={"app": "demo", "func": "w", "timeout": 5})
        task = agent.wait_instruct()["id"]
        agent.stop()
        self.agent(self.house, IP)
        self.ends(task, "lost", "false")
        self.assertEqual(self.caller.finish(mqid)["info"]["worker_flag"], -1)

    def test_a_caller_that_leaves_does_not_stop_its_task(self):
        agent = self.agent(self.house, IP, lambda call: RUN)
        leaver = self.wire_client(self.house)
        leaver.begin("sheduler", "sendsync", agentip=IP, ins={"app": "demo", "func": "work"})
        task = agent.wait_instruct()["id"]
        leaver.close()
        agent.finish(task, Result(1, "nobody listens"))
        self.assertIn("nobody listens", self.ends(task, "done", "true")["worker_message"])


class SendAsync(Sending):
    def test_the_answer_comes_when_the_agent_has_taken_the_task(self):
        agent = self.agent(self.house, IP, lambda call: RUN)
        info = self.send_async(self.caller)
        self.assertEqual((info["agent_sync_flag"], info["agent_sync_error"]), ("true", ""))
        self.assertRegex(info["agent_sync_costtime"], DIGITS)
        for name in ("worker_flag", "worker_result", "worker_costtime"):
            self.assertNotIn(name, info)
        self.assertEqual(agent.wait_instruct(self.is_id(info["id"]))["type"], "async")
        task = self.wait_status(self.caller, info["id"], "running")
        self.assertEqual(task["result_flag"], "")
        agent.finish(info["id"], Result(1, "it ran"))
        self.assertIn("it ran", self.ends(info["id"], "done", "true")["worker_message"])
        agent.wait_confirmed(info["id"])

    def test_a_worker_that_says_no_is_a_failed_task(self):
        for flag in (0, -1):
            self.agent(self.house, IP, lambda call, flag=flag: Result(flag, "no"))
            self.ends(self.send_async(self.caller)["id"], "failed", "false")

    def test_a_result_that_comes_with_the_taking_is_not_lost(self):
        self.agent(self.house, IP, lambda call: Result(1, "instantly"))
        for _ in range(20):
            self.ends(self.send_async(self.caller)["id"], "done", "true")

    def test_an_agent_that_is_not_there_cannot_be_reached(self):
        info = self.send_async(self.caller, "10.9.9.9")
        self.assertEqual(info["agent_sync_flag"], "false")
        self.error_in(info["agent_sync_error"], "410.1")
        self.ends(self.is_id(info["id"]), "undelivered", "false")

    def test_an_agent_that_refuses_leaves_no_task_open(self):
        self.agent(self.house, IP, lambda call: Refuse())
        reply = self.caller.call("sheduler", "sendasync", agentip=IP, ins={"app": "demo", "func": "work"})
        self.assertEqual(reply["info"]["agent_sync_flag"], "false")
        self.assertEqual(self.wait_final(self.caller, reply["info"]["id"])["result_flag"], "false")


class Handover(Sending):
    sections = {"sheduler": {"handover_timeout": 1}}

    def test_an_agent_that_does_not_take_the_task_in_time_did_not_answer(self):
        self.agent(self.house, IP, lambda call: DEAF)
        info = self.send_async(self.caller)
        self.assertEqual(info["agent_sync_flag"], "false")
        self.error_in(info["agent_sync_error"], "410.2")
        self.assertNotIn("worker_flag", info)

    def test_what_became_of_it_is_in_the_log_when_the_agent_is_heard_from(self):
        agent = self.agent(self.house, IP, lambda call: TAKE_DEAF)
        info = self.send_async(self.caller)
        self.error_in(info["agent_sync_error"], "410.2")
        agent.finish(info["id"], Result(1, "I had it all along"))
        self.assertIn("all along", self.ends(info["id"], "done", "true")["worker_message"])

    def test_an_agent_that_says_late_that_it_took_it_is_believed(self):
        agent = self.agent(self.house, IP, lambda call: TAKE_DEAF)
        info = self.send_async(self.caller)
        self.assertTrue(info["agent_sync_error"].startswith("[410.2]"), info)
        agent._back(agent._link, agent.wait_instruct(info["id"]))
        record = self.wait_status(self.caller, info["id"], "running")
        self.assertEqual((record["agent_sync_flag"], record["agent_sync_error"]), ("true", ""))

    def test_a_second_send_with_the_same_dedup_waits_for_the_agents_word_too(self):
        agent = self.agent(self.house, IP, lambda call: TAKE_DEAF)
        ins = {"app": "demo", "func": "work", "dedup": "one"}
        calls = [self.caller.begin("sheduler", "sendasync", agentip=IP, ins=ins) for _ in range(2)]
        agent._back(agent._link, agent.wait_instruct())
        first, second = (self.caller.finish(mqid)["info"] for mqid in calls)
        self.assertEqual((first["agent_sync_flag"], second["agent_sync_flag"]), ("true", "true"))
        self.assertEqual(first["id"], second["id"])

    def test_the_agents_word_may_come_while_a_second_send_is_read(self):
        agent = self.agent(self.house, IP, lambda call: TAKE_DEAF)
        for n in range(1, 51):
            ins = {"app": "demo", "func": "work", "dedup": f"word {n}"}
            first = self.caller.begin("sheduler", "sendasync", agentip=IP, ins=ins)
            instruct = agent.wait_call("instruct", n)
            second = self.caller.begin("sheduler", "sendasync", agentip=IP, ins=ins)
            agent._back(agent._link, instruct)
            for mqid in (first, second):
                info = self.caller.finish(mqid)["info"]
                self.assertEqual((info["id"], info["agent_sync_flag"]), (instruct["id"], "true"), info)

    def test_an_agent_that_comes_back_and_never_had_it_makes_it_lost(self):
        agent = self.agent(self.house, IP, lambda call: DEAF)
        info = self.send_async(self.caller)
        self.error_in(info["agent_sync_error"], "410.2")
        agent.drop()
        agent.start()
        self.wait_status(self.caller, info["id"], "lost", "undelivered")


class Rules(Sending):
    """The table of `ins`."""

    def setUp(self):
        super().setUp()
        self.worker = self.agent(self.house, IP)

    def refused_ins(self, code, method="sendasync", **ins):
        ins = {"app": "demo", "func": "work", **ins}
        reply = self.caller.call("sheduler", method, agentip=IP, ins={k: v for k, v in ins.items() if v is not ...})
        self.assertEqual(reply["flag"], "false", f"{ins}"[:300])
        if code.endswith("."):
            self.assertRegex(reply["error_info"], rf"\A\[{code[:-1]}\.\d+\] \S")
        else:
            self.error_in(reply["error_info"], code)
        self.assertEqual(reply["info"]["agent_sync_error"], reply["error_info"])
        return reply["error_info"]

    def agent_saw(self, **ins):
        info = self.send_sync(self.caller, **ins)
        self.assertEqual(info["worker_flag"], 1)
        return self.worker.wait_instruct(info["id"])["ins"]

    def test_mode_may_be_np_in_any_case_or_an_older_word_or_left_out(self):
        for mode in ("NP", "np", "Np", "sanp", "SSNP", "ssnp", ""):
            self.agent_saw(mode=mode)
        self.agent_saw()

    def test_another_mode_is_refused(self):
        for mode in ("X", "PP", "N", "sync", "sap "):
            with self.subTest(mode=mode):
                self.assertIn("mode", self.refused_ins("403.4", mode=mode))
        for mode in (5, [], True):
            with self.subTest(mode=mode):
                self.assertIn("mode", self.refused_ins("403.", mode=mode))

    def test_mode_p_and_its_older_words_need_an_app_with_a_callback_address(self):
        for mode in ("P", "p", "sap", "ssp", "SAP"):
            for method in ("sendsync", "sendasync"):
                with self.subTest(mode=mode, method=method):
                    self.assertIn("demo", self.refused_ins("413.2", method, mode=mode))
        self.assertEqual(self.worker.calls_seen("instruct"), [])

    def test_app_and_func_are_names(self):
        for name in ("a", "A-b_c.9", "x" * 64, "9", "_", "a-"):
            self.agent_saw(app=name, func=name)
        for bad in ("", ".hidden", "..", "-", "-x", "--help", "a/b", "a b", "x" * 65, "é", "a\n", "a\0", "a;b", "../x"):
            with self.subTest(bad=bad):
                self.assertIn("app", self.refused_ins("403.3", app=bad))
                self.assertIn("func", self.refused_ins("403.7", func=bad))

    def test_app_and_func_are_required_and_strings(self):
        for bad in (..., 5, None, [], {}):
            with self.subTest(bad=bad):
                self.assertIn("app", self.refused_ins("403.", app=bad))
                self.assertIn("func", self.refused_ins("403.", func=bad))

    def test_a_param_that_is_a_string_is_handed_on_as_it_is(self):
        for param in ("", "plain", '{"my":"toryzen"}', "line\nline\ttab \"quoted\" \\ back", "日本 ü 😀"):
            self.assertEqual(self.agent_saw(param=param)["param"], param)

    def test_another_param_is_handed_on_as_its_json_text(self):
        for param in ({"my": "toryzen"}, ["a", 1, None], 5, -1.5, True, {"deep": {"er": ["é"]}}):
            seen = self.agent_saw(param=param)["param"]
            self.assertIsInstance(seen, str)
            self.assertEqual(json.loads(seen), param)

    def test_a_param_may_have_one_mebibyte_and_no_more(self):
        self.assertEqual(len(self.agent_saw(param="x" * MIB)["param"]), MIB)
        self.assertIn("param", self.refused_ins("403.2", param="x" * (MIB + 1)))
        self.assertIn("param", self.refused_ins("403.2", param=["x" * MIB]))

    def test_timeout_is_one_to_86400_seconds_and_90_where_not_given(self):
        for given, seen in ((1, 1), ("1", 1), (86400, 86400), ("86400", 86400), (0, 90), ("0", 90), ("", 90)):
            self.assertEqual(int(self.agent_saw(timeout=given)["timeout"]), seen)
        self.assertEqual(int(self.agent_saw()["timeout"]), 90)

    def test_another_timeout_is_refused(self):
        for bad in (-1, "-1", 86401, "86401", "soon", "1s", 10**30):
            with self.subTest(bad=bad):
                self.assertIn("timeout", self.refused_ins("403.8", timeout=bad))
        for bad in (1.5, [], {}, True):
            with self.subTest(bad=bad):
                self.assertIn("timeout", self.refused_ins("403.", timeout=bad))

    def test_the_default_timeout_is_a_setting(self):
        self.worker.stop()
        self.house.terminate()
        self.house.settings(sheduler={"default_timeout": 7})
        self.house.start()
        self.caller = self.client(self.house)
        self.worker = self.agent(self.house, IP)
        self.assertEqual(int(self.agent_saw()["timeout"]), 7)

    def test_proxy_is_a_file_inside_the_apps_folder_perhaps_with_an_interpreter(self):
        for proxy in ("", "main.py", "sub/dir/main.py", "python3|main.py", "sh|run.sh"):
            self.assertEqual(self.agent_saw(proxy=proxy)["proxy"], proxy)
        for bad in ("../main.py", "sub/../../main.py", "..", "/bin/sh", "python3|/bin/sh", "python3|../x", "-c",
                    "python3|-c", "python3|"):
            with self.subTest(bad=bad):
                self.assertIn("proxy", self.refused_ins("403.10", proxy=bad))

    def test_ttl_is_a_number_of_seconds(self):
        for bad in (-1, "long"):
            with self.subTest(bad=bad):
                self.assertIn("ttl", self.refused_ins("403.10", ttl=bad))

    def test_dedup_has_up_to_64_characters(self):
        self.agent_saw(dedup="d" * 64)
        self.assertIn("dedup", self.refused_ins("403.10", dedup="d" * 65))

    def test_ins_is_required_and_an_object(self):
        for ins in ({}, {"ins": None}, {"ins": "run"}, {"ins": []}, {"ins": 5}):
            for method in ("sendsync", "sendasync"):
                with self.subTest(ins=ins, method=method):
                    self.assertIn("ins", self.caller.refused("403.", "sheduler", method, agentip=IP, **ins))

    def test_a_bad_agentip_is_refused(self):
        self.assertIn("agentip", self.caller.refused("403.1", "sheduler", "sendsync", agentip="there",
                                                     ins={"app": "demo", "func": "work"}))

    def test_a_refused_call_leaves_no_task(self):
        self.refused_ins("403.3", app="a/b")
        self.assertEqual(self.caller.tasks(), [])
        self.assertEqual(self.worker.calls_seen("instruct"), [])


class Waiting(Sending):
    """`ttl`: a task waits for an agent that is not there."""

    def test_a_task_waits_and_is_delivered_when_the_agent_comes(self):
        info = self.send_async(self.caller, ttl=60, param="patience")
        self.assertEqual(info["agent_sync_flag"], "false")
        self.error_in(info["agent_sync_error"], "410.3")
        self.assertNotIn("worker_flag", info)
        task = self.caller.task(info["id"])
        self.assertEqual((task["status"], task["result_flag"]), ("waiting", ""))
        agent = self.agent(self.house, IP, lambda call: Result(1, "worth the wait"))
        self.assertEqual(agent.wait_instruct(info["id"])["ins"]["param"], "patience")
        task = self.ends(info["id"], "done", "true")
        self.assertEqual((task["agent_sync_flag"], task["agent_sync_error"]), ("true", ""))

    def test_a_task_that_has_waited_too_long_expires_and_is_not_delivered_any_more(self):
        info = self.send_async(self.caller, ttl=1)
        self.ends(info["id"], "expired", "false")
        agent = self.agent(self.house, IP)
        after = self.send_async(self.caller)
        self.ends(after["id"], "done", "true")
        self.assertEqual([call["id"] for call in agent.calls_seen("instruct")], [after["id"]])

    def test_ttl_changes_nothing_for_an_agent_that_is_there(self):
        self.agent(self.house, IP)
        info = self.send_async(self.caller, ttl="60")
        self.assertEqual(info["agent_sync_flag"], "true")
        self.ends(info["id"], "done", "true")

    def test_a_waiting_task_outlives_a_restart(self):
        info = self.send_async(self.caller, ttl=300)
        self.house.restart()
        self.caller = self.client(self.house)
        self.assertEqual(self.caller.task(info["id"])["status"], "waiting")
        self.agent(self.house, IP)
        self.ends(info["id"], "done", "true")

    def test_a_ttl_that_ran_out_while_the_server_was_down_is_over(self):
        info = self.send_async(self.caller, ttl=1)
        over = time.monotonic() + 1.1
        self.house.kill9()
        while time.monotonic() < over:  # the passing of the time is the test
            time.sleep(0.05)
        self.house.start()
        self.caller = self.client(self.house)
        self.ends(info["id"], "expired", "false")

    def test_waiting_tasks_are_all_delivered_once(self):
        ids = [self.send_async(self.caller, ttl=60)["id"] for _ in range(30)]
        agent = self.agent(self.house, IP)
        for task_id in ids:
            self.ends(task_id, "done", "true")
        self.assertCountEqual([call["id"] for call in agent.calls_seen("instruct")], ids)


class Dedup(Sending):
    def test_a_second_send_returns_the_first_task_and_starts_nothing(self):
        agent = self.agent(self.house, IP, lambda call: RUN)
        first = self.send_async(self.caller, dedup="once")["id"]
        self.assertEqual(self.send_async(self.caller, dedup="once")["id"], first)
        agent.finish(first)
        self.ends(first, "done", "true")
        self.assertEqual(self.send_async(self.caller, dedup="once")["id"], first)
        self.house.restart()
        self.caller = self.client(self.house)
        again = self.agent(self.house, IP)
        self.assertEqual(self.send_async(self.caller, dedup="once")["id"], first)
        other = self.send_async(self.caller, dedup="another")["id"]
        self.ends(other, "done", "true")
        self.assertEqual([call["id"] for call in agent.calls_seen("instruct")], [first])
        self.assertEqual([call["id"] for call in again.calls_seen("instruct")], [other])

    def test_a_second_sync_send_returns_the_first_task_too(self):
        agent = self.agent(self.house, IP)
        first = self.send_sync(self.caller, dedup="once")["id"]
        self.assertEqual(self.send_sync(self.caller, dedup="once")["id"], first)
        self.assertEqual(len(agent.calls_seen("instruct")), 1)

    def test_ten_sends_at_once_make_one_task(self):
        agent = self.agent(self.house, IP)
        calls = [self.caller.begin("sheduler", "sendasync", agentip=IP,
                                   ins={"app": "demo", "func": "work", "dedup": "once"}) for _ in range(10)]
        ids = {self.caller.finish(mqid)["info"]["id"] for mqid in calls}
        self.assertEqual(len(ids), 1)
        self.ends(ids.pop(), "done", "true")
        self.assertEqual(len(agent.calls_seen("instruct")), 1)

    def test_the_same_word_for_another_agent_is_another_task(self):
        self.agent(self.house, IP)
        self.agent(self.house, "10.0.0.2")
        self.assertNotEqual(self.send_async(self.caller, IP, dedup="once")["id"],
                            self.send_async(self.caller, "10.0.0.2", dedup="once")["id"])

    def test_an_empty_word_is_none(self):
        self.agent(self.house, IP)
        self.assertNotEqual(self.send_async(self.caller, dedup="")["id"], self.send_async(self.caller, dedup="")["id"])


class Cancel(Sending):
    def cancel(self, task_id):
        return self.caller.ok("sheduler", "canceltask", id=task_id)["status"]

    def test_a_waiting_task_is_canceled_and_never_delivered(self):
        info = self.send_async(self.caller, ttl=60)
        self.cancel(info["id"])
        self.ends(info["id"], "canceled", "false")
        agent = self.agent(self.house, IP)
        after = self.send_async(self.caller)
        self.ends(after["id"], "done", "true")
        self.assertEqual([call["id"] for call in agent.calls_seen("instruct")], [after["id"]])

    def test_a_running_task_is_stopped_at_the_agent(self):
        agent = self.agent(self.house, IP, lambda call: RUN)
        info = self.send_async(self.caller)
        self.cancel(info["id"])
        self.assertEqual(agent.wait_call("cancel")["id"], info["id"])
        self.ends(info["id"], "canceled", "false")

    def test_a_result_after_the_cancel_changes_no_state(self):
        agent = self.agent(self.house, IP, lambda call: RUN, on_cancel=lambda call: {})
        info = self.send_async(self.caller)
        self.cancel(info["id"])
        early = self.ends(info["id"], "canceled", "false")
        agent.finish(info["id"], Result(1, "too late"))
        agent.wait_confirmed(info["id"])
        late = self.caller.task(info["id"])
        for kept in ("status", "result_flag", "endtime"):
            self.assertEqual(late[kept], early[kept])

    def test_a_caller_that_waits_is_answered_with_minus_one(self):
        agent = self.agent(self.house, IP, lambda call: RUN)
        mqid = self.caller.begin("sheduler", "sendsync", agentip=IP, ins={"app": "demo", "func": "work"})
        task = agent.wait_instruct()["id"]
        self.cancel(task)
        self.assertEqual(self.caller.finish(mqid)["info"]["worker_flag"], -1)
        self.assertEqual(agent.wait_call("cancel")["id"], task)
        self.ends(task, "canceled", "false")

    def test_a_cancel_and_a_result_at_the_same_moment_end_as_the_caller_was_told(self):
        agent = self.agent(self.house, IP, lambda call: RUN)
        other = self.wire_client(self.house)
        for n in range(1, 51):
            sync = self.caller.begin("sheduler", "sendsync", agentip=IP, ins={"app": "demo", "func": "work"})
            task = agent.wait_call("instruct", n)["id"]
            cancel = other.begin("sheduler", "canceltask", id=task)
            agent.finish(task, Result(1, "just in time"))
            told = self.caller.finish(sync)["info"]
            status = other.finish(cancel)["status"]
            # The worker's word may come with a cancel that was first.
            self.assertEqual(status, told["status"], told)
            self.assertIn(status, ("done", "canceled"))
            self.assertEqual(self.caller.task(task)["status"], status)

    def test_a_finished_task_stays_as_it_is(self):
        self.agent(self.house, IP)
        done = self.send_sync(self.caller)["id"]
        before = self.ends(done, "done", "true")
        self.assertEqual(self.cancel(done), "done")
        self.assertEqual(self.caller.task(done), before)
        away = self.send_async(self.caller, "10.9.9.9")["id"]
        self.assertEqual(self.cancel(away), "undelivered")
        self.assertEqual(self.caller.task(away)["status"], "undelivered")

    def test_a_task_canceled_twice_is_canceled(self):
        info = self.send_async(self.caller, ttl=60)
        self.cancel(info["id"])
        self.ends(info["id"], "canceled", "false")
        self.assertEqual(self.cancel(info["id"]), "canceled")

    def test_an_unknown_or_malformed_id_is_refused(self):
        self.caller.refused("416.1", "sheduler", "canceltask", id=UNKNOWN_ID)
        for bad in ("", "0123456789ABCDE", "0123456789ABCDEF0", "0123456789ABCDEG", "../../etc/passwd"):
            with self.subTest(id=bad):
                self.caller.refused("403.9", "sheduler", "canceltask", id=bad)
        for bad in (5, [UNKNOWN_ID], {}):
            with self.subTest(id=bad):
                self.assertIn("id", self.caller.refused("403.", "sheduler", "canceltask", id=bad))

    def test_canceling_races_with_the_result_and_one_of_them_wins(self):
        agent = self.agent(self.house, IP, lambda call: Later(0.005, Result(1, "raced")))
        for _ in range(30):
            info = self.send_async(self.caller)
            self.cancel(info["id"])
            task = self.wait_status(self.caller, info["id"], "done", "canceled")
            agent.wait_confirmed(info["id"])
            after = self.caller.task(info["id"])
            self.assertEqual((after["status"], after["endtime"]), (task["status"], task["endtime"]))


if __name__ == "__main__":
    unittest.main()
