"""The data file under its name: that it is ours, what --check says of it, and that it is still there."""

import json
import os
import shutil
import sqlite3
import subprocess
import unittest

from house import HouseTest, binary, eventually, run

IP = "10.0.0.1"
WELL, WRONG = 0, 1


class Lost(HouseTest):
    def setUp(self):
        super().setUp()
        self.house = self.server()
        self.caller = self.client(self.house)
        self.data = self.house.folder / "elves.db"
        self.caller.ok("cmdbproxy", "setcmdbinfo", agentip=IP, sn="before")

    def noticed(self, name):
        eventually(lambda: f"store.file_lost path={self.data}: {name} was" in self.house.log(), 5, "the log")
        self.caller.refused("507.1", "cmdbproxy", "setcmdbinfo", agentip=IP, sn="after")
        self.caller.refused("507.1", "sheduler", "sendasync", agentip=IP, ins={"app": "demo", "func": "work"})
        warnings = self.caller.ok("elves", "stats")["stats"]["warnings"]
        self.assertTrue(any(str(name) in line for line in warnings), warnings)
        done = self.ctl(self.house, "doctor")
        self.assertEqual(done.code, WRONG, done)
        self.assertIn("store.file_there", done.out)
        self.assertEqual(self.house.log().count("store.file_lost"), 1)

    def test_e4_a_data_file_that_was_removed_is_noticed_while_nothing_is_written(self):
        self.data.unlink()
        self.noticed(self.data)
        self.assertEqual(self.house.terminate(), 0)

    def test_e4_what_is_written_at_that_moment_is_not_acknowledged(self):
        self.data.unlink()
        self.caller.refused("507.1", "cmdbproxy", "setcmdbinfo", agentip=IP, sn="after")
        self.noticed(self.data)

    def test_e4_a_data_file_that_was_replaced_is_noticed(self):
        shutil.copy(self.data, f"{self.data}.copy")
        os.rename(f"{self.data}.copy", self.data)
        self.noticed(self.data)

    def test_e4_its_wal_file_counts_too(self):
        wal = self.house.folder / "elves.db-wal"
        self.caller.ok("cmdbproxy", "setcmdbinfo", agentip=IP, sn="again")
        eventually(lambda: wal.exists())
        wal.unlink()
        self.noticed(wal)

    def test_e4_one_that_is_put_back_is_taken_again(self):
        away = self.house.folder / "away.db"
        self.data.rename(away)
        self.noticed(self.data)
        away.rename(self.data)
        eventually(lambda: "store.file_back" in self.house.log(), 5)
        self.caller.ok("cmdbproxy", "setcmdbinfo", agentip=IP, sn="after")
        self.assertEqual(self.ctl(self.house, "doctor").code, WELL)
        self.house.restart()
        self.assertEqual(self.client(self.house).ok("cmdbproxy", "getcmdbinfobyip", agentip=IP)["sn"], "after")


class Ours(HouseTest):
    def setUp(self):
        super().setUp()
        self.house = self.server_down()
        self.data = self.house.folder / "elves.db"

    def made(self):
        self.house.start()
        self.house.terminate()
        self.data.chmod(0o600)

    def foreign(self):
        with sqlite3.connect(self.data) as db:
            db.execute("CREATE TABLE songs (name TEXT)")
        db.close()
        self.data.chmod(0o600)

    def journal(self):
        worker = self.real_agent("127.0.0.1:1")
        worker.start()
        eventually(lambda: "is up" in worker.log())
        worker.terminate()
        shutil.copy(worker.keys["journal"], self.data)
        self.data.chmod(0o600)

    def newer(self):
        self.made()
        with sqlite3.connect(self.data) as db:
            db.execute("UPDATE module_version SET version = 99 WHERE module = 'cron'")
        db.close()

    def damaged(self):
        self.made()
        with open(self.data, "r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * 30000)

    def check(self, *more):
        return run(binary("elvesd"), "--config", str(self.house.conf_path), *more, patience=30)

    def same_as_the_start(self, *words):
        """--check refuses it, in words of the start, and changes nothing."""
        before = {path: path.read_bytes() for path in self.house.folder.glob("elves.db*") if path.is_file()}
        checked, started = self.check("--check"), self.check()
        self.assertEqual((checked.code, started.code), (1, 1), (checked, started))
        self.assertNotIn("all is well", checked.out)
        for word in words:
            self.assertIn(word, checked.err)
            self.assertIn(word, started.err)
        self.assertEqual(len(checked.err.splitlines()), 1, checked.err)
        for path, content in before.items():
            if not path.name.endswith((".lock", "-shm")):
                self.assertEqual(path.read_bytes(), content, path)

    def doctor(self, *words):
        done = self.ctl(None, "doctor", "--store", self.data)
        self.assertEqual(done.code, WRONG, done)
        self.assertNotIn("all is well", done.out)
        for word in words:
            self.assertIn(word, done.out)
        findings = json.loads(self.ctl(None, "--json", "doctor", "--store", self.data).out)["findings"]
        self.assertEqual(len(findings), 1, findings)

    def test_e8_e9_another_programs_file(self):
        self.foreign()
        self.doctor("is not a data file of elvesd", "tables of another program")
        self.same_as_the_start("tables of another program")
        with sqlite3.connect(self.data) as db:
            self.assertEqual(db.execute("SELECT name FROM sqlite_schema").fetchall(), [("songs",)])
        db.close()

    def test_e8_e9_an_agents_journal(self):
        self.journal()
        self.doctor("is not a data file of elvesd", "journal of an elves-agent")
        self.same_as_the_start("journal of an elves-agent")

    def test_e8_e9_a_newer_versions_file(self):
        self.newer()
        self.doctor("newer program")
        self.same_as_the_start("newer program", "cron")

    def test_e8_an_empty_file_and_one_that_is_no_database(self):
        self.data.touch(mode=0o600)
        self.doctor("is not a data file of elvesd", "it is empty")
        self.assertEqual(self.check("--check").code, 0)  # a start makes a data file of it
        self.data.write_text("a love letter\n" * 100)
        self.doctor("is not a data file of elvesd")
        self.same_as_the_start("is not a database, or damaged")
        missing = self.ctl(None, "doctor", "--store", self.house.folder / "none.db")
        self.assertNotEqual(missing.code, WELL)
        self.assertEqual(len(missing.err.splitlines()), 1, missing.err)

    def test_e9_a_damaged_file_is_never_called_well(self):
        self.damaged()
        checked = self.check("--check")
        self.assertEqual(checked.code, 1, checked)
        self.assertIn("damaged", checked.err)
        self.assertEqual(self.ctl(None, "doctor", "--store", self.data).code, WRONG)

    def test_e9_a_server_that_runs_is_no_fault_and_is_named(self):
        self.house.start()
        done = self.check("--check")
        self.assertEqual(done.code, 0, done)
        self.assertIn(f"in use by process {self.house.process.pid}", done.out)

    def test_e9_a_lock_or_log_file_that_cannot_be_opened(self):
        lock = self.house.folder / "elves.db.lock"
        lock.mkdir()
        self.same_as_the_start(str(lock), "folder")
        lock.rmdir()
        lock.symlink_to("/dev/null")
        self.same_as_the_start(str(lock), "symbolic link")
        lock.unlink()

    @unittest.skipUnless(os.geteuid() == 0, "another user's files take root")
    def test_e9_another_users_lock_data_and_log_files(self):
        nobody = 65534
        data = self.folder("data")
        self._folder.chmod(0o755)
        self.house.folder.chmod(0o755)
        os.chown(data, nobody, nobody)
        self.house.settings(store={"path": str(data / "elves.db")}, log={"file": str(data / "own.log")},
                            server={"socket": None})
        for name in ("elves.db.lock", "own.log", "elves.db"):
            path = data / name
            path.touch()
            path.chmod(0o600)
            os.chown(path, 0, 0)
            with self.subTest(name=name):
                for more in (("--check",), ()):
                    done = subprocess.run([binary("elvesd"), "--config", str(self.house.conf_path), *more],
                                          capture_output=True, encoding="utf-8", user=nobody, group=nobody,
                                          extra_groups=[], timeout=20)
                    self.assertEqual(done.returncode, 1, done)
                    self.assertIn(name, done.stderr)
            path.unlink()

    @unittest.skipUnless(os.geteuid() == 0, "mounting a file system takes root")
    def test_e9_a_read_only_file_system(self):
        disk = self.folder("disk")
        if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(disk)], stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("no file system can be mounted here")
        self.addCleanup(subprocess.run, ["umount", "--lazy", str(disk)])
        self.house.settings(store={"path": str(disk / "elves.db")})
        for exists in (False, True):
            if exists:
                self.house.start()
                self.house.terminate()
            subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
            self.same_as_the_start("read-only")
            subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)

    def test_an_agent_takes_no_servers_data_file_for_its_journal(self):
        self.made()
        worker = self.real_agent("127.0.0.1:1", journal=str(self.data))
        for more in (("--check",), ()):
            done = run(binary("elves-agent"), "--config", str(worker.conf_path), *more)
            self.assertEqual(done.code, 1, done)
            self.assertIn("data file of an elvesd", done.err)


@unittest.skipUnless(os.geteuid() == 0, "mounting a file system takes root")
class Backup(HouseTest):
    def test_e16_a_backup_without_room_leaves_nothing(self):
        house = self.server()
        client = self.client(house)
        for n in range(300):
            client.ok("cmdbproxy", "setcmdbinfo", agentip=f"10.0.{n // 250}.{n % 250 + 1}", sn="x" * 4000)
        disk = self.folder("disk")
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(disk)],
                          stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("no file system can be mounted here")
        self.addCleanup(subprocess.run, ["umount", "--lazy", str(disk)])
        done = self.ctl(house, "backup", disk / "copy.db")
        self.assertNotEqual(done.code, WELL, done)
        self.assertEqual(list(disk.iterdir()), [])
        self.assertEqual(len(done.err.splitlines()), 1, done.err)
