"""A data file of each schema that was ever released (test/data/stores, made by make_store.py) is brought up to date, and
loses nothing; one of a newer program, or a damaged one, is refused and left as it is."""

import pathlib
import shutil
import signal
import sqlite3
import time
import unittest

from house import HouseTest, binary

STORES = sorted((pathlib.Path(__file__).resolve().parents[1] / "data" / "stores").glob("*.db"))
OPEN = {"waiting", "running"}
MANY = 60_000


def rows(path, sql):
    with sqlite3.connect(path) as db:
        return db.execute(sql).fetchall()


class Upgrade(HouseTest):
    deadline = 120

    def old_house(self, store):
        house = self.server_down()
        self.data = house.folder / "elves.db"
        shutil.copy(store, self.data)
        self.data.chmod(0o600)  # as a server makes it
        return house

    def test_every_stored_file_is_brought_up_to_date_and_loses_nothing(self):
        self.assertTrue(STORES)
        for store in STORES:
            with self.subTest(store=store.name):
                before = dict(rows(store, "SELECT id, status FROM tasks"))
                caller = self.client(self.old_house(store).start())
                after = {task["id"]: task["status"] for task in caller.tasks(limit=1000)}
                for task, status in before.items():
                    if status not in OPEN:
                        self.assertEqual(after[task], status)
                    self.assertEqual(caller.ok("tasklog", "gettaskstory", id=task)["status"], after[task])
                self.assertEqual(set(before.values()) - OPEN,
                                 {"done", "failed", "canceled", "expired", "lost", "skipped", "undelivered"})
                self.assertEqual(len(caller.ok("cron", "getcronlistbyip", agentip="10.0.0.1")["cron_list"]), 2)
                self.assertEqual(caller.ok("cmdbproxy", "getcmdbinfobyip", agentip="10.0.0.1")["sn"], "S1")
                self.assertEqual(caller.status_of("10.0.0.1"), "offline")
                self.assertEqual(caller.ok("supervisor", "listkeys")["keys"][0]["name"], "viewer")
                caller.ok("supervisor", "join", agentip="10.0.0.9", hash="0" * 64)
                caller.ok("supervisor", "acceptjoin", agentip="10.0.0.9")

    def test_what_was_open_in_an_old_file_still_comes_to_its_end(self):
        for store in STORES:
            with self.subTest(store=store.name):
                waiting = rows(store, "SELECT id FROM tasks WHERE status = 'waiting'")[0][0]
                house = self.old_house(store).start()
                caller = self.client(house)
                self.agent(house, "10.0.0.2")
                self.assertEqual(self.wait_final(caller, waiting)["status"], "done")
                self.agent(house, "10.0.0.1")  # knows nothing of what the old one ran
                for (task,) in rows(store, "SELECT id FROM tasks WHERE status = 'running'"):
                    self.assertEqual(self.wait_final(caller, task)["status"], "lost")

    def test_the_audit_trail_of_an_old_file_is_there_whole_and_goes_on(self):
        for store in STORES:
            if not rows(store, "SELECT 1 FROM sqlite_schema WHERE name = 'audit'"):
                continue
            with self.subTest(store=store.name):
                before = rows(store, "SELECT seq, hash FROM audit ORDER BY seq")
                house = self.old_house(store).start()
                caller = self.client(house)
                caller.ok("cmdbproxy", "setcmdbinfo", agentip="10.0.0.1", sn="new")
                caller.ok("cmdbproxy", "setcmdbinfo", agentip="10.0.0.1", sn="newer")
                shown = caller.ok("elves", "listaudit", order="oldest", limit=1000)["rows"]
                self.assertEqual([(row["seq"], row["hash"]) for row in shown[:len(before)]], before)
                self.assertEqual([row["seq"] for row in shown], list(range(1, len(before) + 3)))
                newest = caller.ok("elves", "listaudit", limit=1000)["rows"]
                self.assertEqual(newest, shown[::-1])
                head = "{seq}:{hash}".format(**shown[len(before) - 1])
                done = self.ctl(house, "audit", "verify", "--head", head)
                self.assertEqual(done.code, 0, done)
                self.assertEqual(self.ctl(house, "doctor").out.count("audit."), 0)
                house.terminate()
                self.assertEqual(rows(self.data, "SELECT seq, hash FROM audit ORDER BY seq"), before)
                self.assertEqual(rows(self.data, "SELECT sum(last - first + 1) FROM audit_pages"), [(len(shown) - len(before),)])

    def test_the_audit_trail_of_a_file_that_was_not_brought_up_to_date_is_verified(self):
        self.old_house(STORES[-1])
        done = self.ctl(None, "audit", "verify", "--store", self.data)
        self.assertEqual(done.code, 0, done)
        self.assertIn("19 rows follow from 0:", done.out)

    def test_the_doctor_says_of_an_old_file_what_it_cannot_check_yet(self):
        for store in STORES:
            with self.subTest(store=store.name):
                self.old_house(store)
                done = self.ctl(None, "doctor", "--store", self.data)
                self.assertIn("module tasklog: its tables have version ", done.out)
                self.assertIn("start the server on this file once", done.out)
                self.assertNotIn("WRONG tasklog", done.out)
                self.assertNotIn("could not be asked", done.out)

    def test_a_migration_that_is_stopped_halfway_goes_on_at_the_next_start(self):
        for stop in (signal.SIGTERM, signal.SIGKILL):
            with self.subTest(stop=stop.name):
                house = self.old_house(STORES[-1])
                known = dict(rows(self.data, "SELECT id, status FROM tasks"))
                self.multiply_tasks(MANY)
                house.spawn(binary("elvesd"), "--config", str(house.conf_path))
                until = time.monotonic() + 60
                while self.moved_up_to() <= 0:
                    self.assertLess(time.monotonic(), until, "no rows were moved")
                    time.sleep(0.005)
                house.signal(stop)
                house.wait()
                moved = self.moved_up_to()
                self.assertGreater(moved, 0)
                self.assertLess(moved, MANY, "it was over too soon")
                done = self.ctl(None, "doctor", "--store", self.data)
                self.assertEqual(done.code, 1, done)
                self.assertIn("WRONG store.migration: the tables of module tasklog are half in their new form", done.out)
                caller = self.client(house.start(60))
                self.assertEqual(rows(self.data, "SELECT count(*) FROM tasks"), [(MANY + len(known),)])
                for task, status in known.items():
                    if status not in OPEN:
                        self.assertEqual(caller.task(task)["status"], status)
                self.assertEqual(house.terminate(), 0)
                found = self.ctl(None, "doctor", "--store", self.data).out
                self.assertNotIn("WRONG tasklog", found)
                self.assertNotIn("WRONG store", found)

    def multiply_tasks(self, count):
        """That many finished tasks more."""
        with sqlite3.connect(self.data) as db:
            columns = [row[1] for row in db.execute("PRAGMA table_info(tasks)")]
            values = ", ".join({"seq": "NULL", "id": "printf('%016X', 1 << 56 | n)", "dedup": "NULL"}.get(name, name)
                               for name in columns)
            db.execute(f"WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {count}) "
                       f"INSERT INTO tasks SELECT {values} FROM c, (SELECT * FROM tasks WHERE status = 'done' AND mode = 'NP' "
                       "AND cron_id IS NULL LIMIT 1)")
        db.close()

    def moved_up_to(self):
        """The last row of a migration that is under way; 0 where none is."""
        try:
            return rows(self.data, "SELECT max(after) FROM module_move")[0][0] or 0
        except sqlite3.OperationalError:
            return 0

    def refused(self, house, *words):
        before = self.data.read_bytes()
        with self.assertRaises(RuntimeError) as refusal:
            house.start()
        for word in words:
            self.assertIn(word, str(refusal.exception))
        self.assertEqual(self.data.read_bytes(), before)

    def test_a_file_of_a_newer_program_is_refused_and_left_as_it_is(self):
        house = self.old_house(STORES[-1])
        db = sqlite3.connect(self.data, isolation_level=None)
        db.execute("PRAGMA journal_mode = WAL")  # as a server leaves it
        db.execute("UPDATE module_version SET version = 99 WHERE module = 'cron'")
        db.close()
        self.refused(house, "newer program", "cron", "99")

    def test_a_file_that_is_no_database_is_refused_with_what_to_do(self):
        house = self.old_house(STORES[-1])
        self.data.write_bytes(b"not a database at all" * 100)
        self.refused(house, str(self.data), "backup")

    def test_a_damaged_file_is_refused_with_what_to_do(self):
        schema, tasks = 1, rows(STORES[-1], "SELECT rootpage FROM sqlite_schema WHERE name = 'tasks'")[0][0]
        for page in (schema, tasks):
            with self.subTest(page=page):
                house = self.old_house(STORES[-1])
                content = bytearray(self.data.read_bytes())
                start = max(100, (page - 1) * 4096)  # behind the file's own header
                content[start:page * 4096] = b"\xff" * (page * 4096 - start)
                self.data.write_bytes(content)
                with self.assertRaises(RuntimeError) as refusal:
                    house.start()
                for word in (str(self.data), "elvesctl restore", "malformed"):
                    self.assertIn(word, str(refusal.exception))


if __name__ == "__main__":
    unittest.main()
