"""elvesctl doctor, backup and restore, against real servers and files."""

import json
import sqlite3
import threading
import unittest

from elves_wire import RUN, Result
from house import HouseTest, eventually

IP = "10.0.0.1"
INS = {"app": "demo", "func": "work"}
WELL, WRONG, USAGE, REFUSED = 0, 1, 2, 3


class Store(HouseTest):
    def setUp(self):
        super().setUp()
        self.house = self.server()
        self.caller = self.client(self.house)
        self.data = self.house.folder / "elves.db"

    def says(self, *args, code=WELL, server=True):
        done = self.ctl(self.house if server else None, *args)
        self.assertEqual(done.code, code, f"elvesctl {args}: {done}")
        return done

    def break_a_task(self, task):
        """As no server would leave it."""
        self.house.terminate()
        with sqlite3.connect(self.data) as db:
            db.execute("UPDATE task_outcomes SET end_after = NULL WHERE key = (SELECT key FROM tasks WHERE id = ?)", (task,))
        db.close()


class Doctor(Store):
    def test_all_is_well_on_a_running_server_and_in_its_file(self):
        self.agent(self.house)
        self.send_sync(self.caller)
        for args in (("doctor",), ("doctor", "--store", self.data)):
            done = self.says(*args)
            self.assertIn("all is well", done.out)
            self.assertIn("the data file: ", done.out)
            reply = json.loads(self.says("--json", *args).out)
            self.assertEqual((reply["flag"], reply["findings"]), ("true", []))
            self.assertGreater(int(reply["checked"]), 10)

    def test_what_is_wrong_is_named_with_what_to_do(self):
        self.agent(self.house)
        task = self.send_sync(self.caller)["id"]
        self.break_a_task(task)
        done = self.says("doctor", "--store", self.data, code=WRONG, server=False)
        self.assertIn(f"WRONG tasklog.end: task {task} is done, and has no end time", done.out)
        self.assertIn("elvesctl why", done.out)
        self.house.start()
        reply = json.loads(self.says("--json", "doctor", code=WRONG).out)
        self.assertEqual([finding["check"] for finding in reply["findings"]], ["tasklog.end"])

    def test_unfinished_tasks_are_told_with_their_age(self):
        self.agent(self.house, IP, lambda call: RUN)
        task = self.send_async(self.caller)["id"]
        self.wait_status(self.caller, task, "running")
        self.assertRegex(self.says("doctor").out, rf"unfinished tasks: 1 running; the oldest, {task}, for \d+ s")

    def test_a_damaged_file_is_found(self):
        self.house.terminate()
        content = bytearray(self.data.read_bytes())
        content[4096 * 3:4096 * 4] = b"\xff" * 4096
        self.data.write_bytes(content)
        done = self.says("doctor", "--store", self.data, code=WRONG, server=False)
        self.assertIn("store.integrity", done.out)
        self.assertIn("restore", done.out)

    def test_only_an_admin_is_answered(self):
        key = self.caller.ok("supervisor", "setkey", name="o", role="operator", apps=["*"], iplist=["*"])
        done = self.ctl(self.house, "doctor", auth=key)
        self.assertEqual(done.code, REFUSED)
        self.assertIn("401.6", done.err)


class Backup(Store):
    def test_a_backup_under_load_restores_to_what_was_acknowledged_before_it(self):
        self.agent(self.house, IP, lambda call: Result(1, "well"))
        early = [self.send_async(self.caller)["id"] for _ in range(20)]
        for task in early:
            self.wait_status(self.caller, task, "done")
        stop = threading.Event()
        late = []

        def load():
            with self.client(self.house) as caller:
                while not stop.is_set():
                    late.append(self.send_async(caller)["id"])

        loader = threading.Thread(target=load)
        loader.start()
        eventually(lambda: len(late) > 50)
        copy = self.folder("backups") / "copy.db"
        self.says("backup", copy)
        stop.set()
        loader.join()
        self.caller.ok("cmdbproxy", "setcmdbinfo", agentip=IP, sn="after")
        self.says("doctor", "--store", copy)

        self.house.terminate()
        self.says("restore", copy, "--store", self.data, server=False)
        self.house.start()
        caller = self.client(self.house)
        for task in early:
            self.assertEqual(caller.task(task)["status"], "done")
        caller.refused("415.1", "cmdbproxy", "getcmdbinfobyip", agentip=IP)
        self.says("doctor")
        kept = next(self.house.folder.glob("elves.db.before-*Z"))
        self.says("doctor", "--store", kept, server=False)

    def test_what_ran_since_the_backup_is_not_started_again_after_it_is_restored(self):
        started = []
        agent = self.agent(self.house, IP, lambda call: started.append(call["id"]) or RUN)
        task = self.send_async(self.caller)["id"]
        self.wait_status(self.caller, task, "running")
        copy = self.folder("backups") / "copy.db"
        self.says("backup", copy)
        agent.finish(task, Result(1, "well"))
        self.wait_status(self.caller, task, "done")
        self.house.terminate()
        agent.wait_closed()
        self.says("restore", copy, "--store", self.data, server=False)
        self.house.start()
        agent.start_patiently()
        caller = self.client(self.house)
        self.assertIn(self.wait_final(caller, task)["status"], ("done", "lost"))
        self.assertEqual(started, [task])

    def test_a_running_server_s_file_is_not_replaced(self):
        copy = self.folder("backups") / "copy.db"
        self.says("backup", copy)
        done = self.says("restore", copy, "--store", self.data, code=REFUSED)
        self.assertIn("is in use by process", done.err)
        self.assertIn("there already", self.says("backup", copy, code=REFUSED).err)

    def test_a_backup_needs_no_server_and_a_wrong_one_is_not_restored(self):
        self.house.terminate()
        copy = self.folder("backups") / "copy.db"
        self.says("backup", copy, "--store", self.data, server=False)
        before = self.data.read_bytes()
        wrong = copy.with_name("wrong.db")
        wrong.write_bytes(b"no database" * 1000)
        self.assertIn("wrong.db", self.says("restore", wrong, "--store", self.data, code=REFUSED, server=False).err)
        self.assertEqual(self.data.read_bytes(), before)
        self.assertFalse(list(self.house.folder.glob("elves.db.*Z")))

    def test_a_data_file_that_is_not_on_this_machine_has_to_be_named(self):
        self.data.rename(self.data.with_name("elsewhere.db"))
        done = self.says("backup", self.folder() / "copy.db", code=USAGE)
        self.assertIn("--store", done.err)

    def test_without_a_server_and_a_file_there_is_no_backup(self):
        done = self.ctl("127.0.0.1:1", "backup", self.folder() / "copy.db")
        self.assertEqual(done.code, REFUSED)
        self.assertIn("127.0.0.1:1", done.err)


class Keeping(HouseTest):
    def test_what_failed_is_kept_for_longer_than_what_went_well(self):
        house = self.server(tasklog={"keep": 1, "keep_failed": 3600})
        caller = self.client(house)
        self.agent(house, IP, lambda call: Result(int(call["ins"]["func"] == "well"), "over"))
        well = [self.send_sync(caller, func="well")["id"] for _ in range(5)]
        ill = self.send_sync(caller, func="ill")["id"]
        eventually(lambda: not caller.tasks(status="done"), what="what went well to be gone")
        self.assertEqual(caller.ok("tasklog", "gettaskbyids", id=[*well, ill])["missing"], well)
        self.assertEqual(caller.task(ill)["status"], "failed")


if __name__ == "__main__":
    unittest.main()
