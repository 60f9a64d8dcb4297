"""Mode P: the result goes to the app's processor too, again and again until it says true."""

import pathlib
import subprocess
import sys
import unittest

from elves_wire import RUN, Result
from house import DIGITS, TIME_OF_DAY, HouseTest, eventually, free_port

IP = "10.0.0.1"
ETC = pathlib.Path(__file__).resolve().parents[2] / "etc"
UNKNOWN_ID = "0123456789ABCDEF"
SAID = {"processor_sync_flag": "true", "processor_sync_error": "", "processor_sync_costtime": "7",
        "processor_message": "put away"}


class ProcessorTest(HouseTest):
    sections = {}

    def setUp(self):
        super().setUp()
        self.house = self.server(**self.sections)
        self.caller = self.client(self.house)

    def app_at(self, port, name="demo"):
        self.caller.ok("supervisor", "setapp", appname=name, appip="127.0.0.1", appport=str(port))

    def wait_module(self, task_id, flag):
        return eventually(lambda: (t := self.caller.task(task_id))["module_sync_flag"] == flag and t, 25,
                          f"module_sync_flag {flag}")


class Delivery(ProcessorTest):
    def test_the_result_of_a_sync_and_of_an_async_task_reaches_the_processor(self):
        processor = self.processor()
        self.app_at(processor.port)
        self.agent(self.house, IP, lambda call: Result(0, "not today", 42))
        for mode, send in (("P", self.send_sync), ("sap", self.send_async)):
            with self.subTest(mode=mode):
                task = send(self.caller, mode=mode, param="what")["id"]
                call = processor.wait_calls(task)[0]
                self.assertEqual((call["mqt"], call["mqs"], call["mqf"]), ("call", "processor", "result"))
                self.assertIn("mqid", call)
                self.assertEqual((call["worker_flag"], call["worker_result"], call["worker_costtime"]),
                                 (0, "not today", 42))
                self.assertEqual((call["ins"]["app"], call["ins"]["func"], call["ins"]["param"]),
                                 ("demo", "work", "what"))
                record = self.wait_module(task, "true")
                self.assertEqual((record["module_sync_error"], record["mode"].upper()), ("", "P"))
                self.assertRegex(record["module_sync_costtime"], DIGITS)
                self.assertEqual(len(processor.calls_of(task)), 1)

    def test_a_task_of_mode_np_is_none_of_the_processors_business(self):
        processor = self.processor()
        self.app_at(processor.port)
        self.agent(self.house, IP)
        plain = self.send_sync(self.caller)["id"]
        self.wait_final(self.caller, plain)
        task = self.send_sync(self.caller, mode="P")["id"]
        processor.wait_calls(task)
        self.assertEqual(processor.calls_of(plain), [])
        self.assertNotEqual(self.caller.task(plain)["module_sync_flag"], "true")

    def test_delivery_is_repeated_until_the_processor_says_true(self):
        processor = self.processor(lambda call, number: number >= 3)
        self.app_at(processor.port)
        self.agent(self.house, IP)
        task = self.send_async(self.caller, mode="P")["id"]
        processor.wait_calls(task, 3)
        self.wait_module(task, "true")
        self.assertEqual(len(processor.calls_of(task)), 3)

    def test_a_processor_that_is_not_up_yet_gets_it_when_it_is(self):
        port = free_port()
        self.app_at(port)
        self.agent(self.house, IP)
        task = self.send_async(self.caller, mode="P")["id"]
        self.wait_final(self.caller, task)
        self.assertNotEqual(self.caller.task(task)["module_sync_flag"], "true")
        processor = self.processor(port=port)
        processor.wait_calls(task)
        self.wait_module(task, "true")

    def test_a_delivery_that_is_owed_outlives_a_crash(self):
        port = free_port()
        self.app_at(port)
        agent = self.agent(self.house, IP)
        task = self.send_async(self.caller, mode="P")["id"]
        agent.wait_confirmed(task)
        self.house.restart()
        self.caller = self.client(self.house)
        processor = self.processor(port=port)
        self.assertEqual(processor.wait_calls(task)[0]["worker_flag"], 1)
        self.wait_module(task, "true")

    def test_a_dead_processor_holds_up_nobody_else(self):
        self.app_at(free_port(), "dead")
        processor = self.processor()
        self.app_at(processor.port, "alive")
        self.agent(self.house, IP)
        for _ in range(10):
            self.send_async(self.caller, app="dead", mode="P")
        task = self.send_async(self.caller, app="alive", mode="P")["id"]
        processor.wait_calls(task, patience=5)

    def test_a_processor_that_closes_or_talks_nonsense_is_asked_again(self):
        processor = self.processor(lambda call, number: None if number == 1 else True)
        self.app_at(processor.port)
        self.agent(self.house, IP)
        task = self.send_async(self.caller, mode="P")["id"]
        processor.wait_calls(task, 1)
        for link in list(processor._links):
            link.reset()
        processor.wait_calls(task, 2)
        self.wait_module(task, "true")


class GivingUp(ProcessorTest):
    sections = {"tasklog": {"processor_give_up": 2}}

    def test_when_the_time_is_over_the_log_says_that_it_was_not_delivered(self):
        processor = self.processor(lambda call, number: False)
        self.app_at(processor.port)
        self.agent(self.house, IP)
        task = self.send_async(self.caller, mode="P")["id"]
        record = eventually(lambda: (t := self.caller.task(task))["module_sync_flag"] == "false"
                            and t["module_sync_error"] and t, 25)
        self.assertEqual(record["status"], "done")
        self.assertGreaterEqual(len(processor.calls_of(task)), 1)


class CallingBack(ProcessorTest):
    def task_of_mode_p(self):
        processor = self.processor()
        self.app_at(processor.port)
        self.agent(self.house, IP)
        task = self.send_async(self.caller, mode="P")["id"]
        self.wait_module(task, "true")
        return task

    def test_what_the_processor_reports_is_kept(self):
        task = self.task_of_mode_p()
        before = self.caller.task(task)
        self.assertEqual((before["module_callback_time"], before["processor_message"], before["processor_costtime"]),
                         ("", "", ""))
        self.caller.ok("tasklog", "appprocessorlog", id=task, info=SAID)
        self.house.restart()  # its `flag` said: on disk
        self.caller = self.client(self.house)
        record = self.caller.task(task)
        self.assertRegex(record["module_callback_time"], TIME_OF_DAY)
        self.assertEqual((record["processor_message"], record["processor_costtime"]), ("put away", "7"))
        self.assertEqual((record["status"], record["result_flag"]), ("done", "true"))

    def test_the_flag_may_come_as_the_sheet_prints_it_without_quotes(self):
        task = self.task_of_mode_p()
        for flag, text in ((1, "1"), (True, "true"), ("true", "true")):
            self.caller.ok("tasklog", "appprocessorlog", id=task, info={"processor_sync_flag": flag})
            self.assertEqual(self.caller.task(task)["processor_message"], text)

    def test_both_names_are_understood_and_costtime_may_be_a_number(self):
        task = self.task_of_mode_p()
        for name in ("appProcessorLog", "appProcessorResult"):
            self.caller.ok("tasklog", name, id=task, info={**SAID, "processor_sync_costtime": 7})
        self.assertEqual(self.caller.task(task)["processor_costtime"], "7")

    def test_an_unknown_or_malformed_id_is_refused(self):
        self.caller.refused("416.1", "tasklog", "appprocessorlog", id=UNKNOWN_ID, info=SAID)
        self.caller.refused("403.9", "tasklog", "appprocessorlog", id="12", info=SAID)

    def test_a_canceled_task_has_a_final_state_all_the_same(self):
        processor = self.processor()
        self.app_at(processor.port)
        self.agent(self.house, IP, lambda call: RUN)
        task = self.send_async(self.caller, mode="P")["id"]
        self.caller.ok("sheduler", "canceltask", id=task)
        self.wait_status(self.caller, task, "canceled")


class Sample(ProcessorTest):
    """etc/processor.py, as it is shipped."""

    def test_the_sample_processor_takes_a_result_and_tells_the_task_log(self):
        program = subprocess.Popen([sys.executable, str(ETC / "processor.py"), "--listen", "127.0.0.1:0",
                                    "--server", "{}:{}".format(*self.house.address)],
                                   stdout=subprocess.PIPE, text=True)
        self.addCleanup(program.wait)
        self.addCleanup(program.stdout.close)
        self.addCleanup(program.kill)
        self.app_at(int(program.stdout.readline().rpartition(":")[2]))
        self.agent(self.house, IP, lambda call: Result(1, "seven"))
        task = self.send_async(self.caller, mode="P")["id"]
        self.assertIn(f"task {task}: demo.work said 1: seven", program.stdout.readline())
        record = eventually(lambda: (t := self.caller.task(task))["processor_message"] and t)
        self.assertEqual(record["processor_message"], "5 characters put away")
        self.assertRegex(record["processor_costtime"], DIGITS)
        self.wait_module(task, "true")


if __name__ == "__main__":
    unittest.main()
