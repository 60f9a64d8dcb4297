"""A data file of each schema that was ever released (test/data/stores, made by make_store.py) is brought up to date, and
loses nothing; one of a newer program, or a damaged one, is refused and left as it is."""

import pathlib
import shutil
import sqlite3
import unittest

from house import HouseTest

STORES = sorted((pathlib.Path(__file__).resolve().parents[1] / "data" / "stores").glob("*.db"))
OPEN = {"waiting", "running"}


def rows(path, sql):
    with sqlite3.connect(path) as db:
        return db.execute(sql).fetchall()


class Upgrade(HouseTest):
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
