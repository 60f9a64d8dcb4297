"""The life of the processes: signals from the first instruction on, standard streams that are closed, PID 1."""

import fcntl
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import unittest

from house import HouseTest, binary, eventually, run

INS = {"app": "orphans", "func": "work"}


def is_program(pid, name):
    """It has become the program: exec is done."""
    try:
        return os.readlink(f"/proc/{pid}/exe").endswith(name)
    except OSError:
        return False


def holds_sighup(pid):
    """Its own code runs: before that, while the system loads its libraries, nothing of it can do anything."""
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    return any(int(line.split()[1], 16) & 1 for line in status.splitlines() if line.startswith("SigBlk:"))


def spin_until(look, patience=10):
    until = time.monotonic() + patience
    while not look():
        assert time.monotonic() < until
    return True


def children(pid):
    """(pid, state) of each child."""
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            name_end = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(name_end[1]) == pid:
            found.append((int(stat.parent.name), name_end[0]))
    return found


class Signals(HouseTest):
    deadline = 120

    def started(self, program, *argv):
        program.spawn(*argv)
        spin_until(lambda: is_program(program.process.pid, program.name) and holds_sighup(program.process.pid))
        return program

    def test_e3_sighup_at_any_moment_of_the_start_ends_nothing(self):
        house = self.server_down()
        worker = self.real_agent("127.0.0.1:1")
        for program, up in ((house, "is up"), (worker, "is up")):
            argv = (binary(program.name), "--config", str(program.conf_path))
            for wait in (0, 0.001, 0.003, 0.01, 0.02, 0.05, 0.1):
                with self.subTest(program=program.name, wait=wait):
                    self.started(program, *argv)
                    time.sleep(wait)
                    for _ in range(3):
                        program.signal(signal.SIGHUP)
                    eventually(lambda: up in program.log(whole=False), what="up")
                    eventually(lambda: "reopened" in program.log(whole=False), what="the reload")
                    self.assertTrue(program.alive, program.log(whole=False))
                    self.assertEqual(program.terminate(), 0)

    def test_e3_sighup_while_it_waits_for_the_data_file_is_a_reload_later(self):
        house = self.server_down()
        lock = house.folder / "elves.db.lock"
        with open(lock, "w") as held:
            lock.chmod(0o600)
            fcntl.flock(held, fcntl.LOCK_EX)
            self.started(house, binary("elvesd"), "--config", str(house.conf_path))
            for _ in range(10):
                time.sleep(0.05)
                house.signal(signal.SIGHUP)
            self.assertTrue(house.alive, house.log())
        eventually(lambda: "settings read again" in house.log(), what="the reload")
        self.assertEqual(house.terminate(), 0)

    def test_sigterm_at_any_moment_of_the_start_ends_it_soon(self):
        house = self.server_down()
        worker = self.real_agent("127.0.0.1:1")
        for program in (house, worker):
            for wait in (0.01, 0.03, 0.1):
                with self.subTest(program=program.name, wait=wait):
                    self.started(program, binary(program.name), "--config", str(program.conf_path))
                    time.sleep(wait)
                    self.assertIn(program.terminate(), (0, -signal.SIGTERM), program.log())

    def test_signals_while_it_stops_do_not_spoil_its_exit_status(self):
        house = self.server()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
            house.signal(number)
        while house.alive:
            try:
                house.signal(signal.SIGHUP)
            except ProcessLookupError:
                break
        self.assertEqual(house.wait(), 0)

    def test_sighups_that_never_cease_do_not_keep_it_from_ending(self):
        house = self.server()
        flood = [subprocess.Popen([sys.executable, "-c", "import os, signal, sys\nwhile True: os.kill(int(sys.argv[1]), signal.SIGHUP)",
                                   str(house.process.pid)], stderr=subprocess.DEVNULL) for _ in range(2)]
        for one in flood:
            self.addCleanup(one.wait)
            self.addCleanup(one.kill)
        eventually(lambda: house.log().count("settings") > 3)
        house.signal(signal.SIGTERM)
        self.assertEqual(house.wait(20), 0)


class Streams(HouseTest):
    def test_e6_a_reader_of_stderr_that_goes_away_ends_nothing_and_the_log_file_goes_on(self):
        house = self.server_down(log={"level": "debug"})
        worker = self.real_agent("127.0.0.1:1")
        for program in (house, worker):
            with self.subTest(program=program.name):
                log = program.folder / "own.log"
                program.sections.setdefault("log", {})["file"] = str(log)
                program.settings()
                process = subprocess.Popen([binary(program.name), "--config", str(program.conf_path)],
                                           stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
                self.addCleanup(process.kill)
                process.stderr.readline()
                process.stderr.close()
                for turn in range(5):
                    before = log.read_text().count("reopened")
                    process.send_signal(signal.SIGHUP)
                    eventually(lambda: log.read_text().count("reopened") > before, what="a line in the log file")
                    self.assertIsNone(process.poll(), turn)
                process.terminate()
                self.assertEqual(process.wait(20), 0)

    def test_closed_standard_streams_send_the_log_into_no_other_file(self):
        house = self.server_down(log={"level": "debug"})
        closed = subprocess.Popen(["sh", "-c", 'exec "$0" --config "$1" <&- >&- 2>&-', binary("elvesd"), str(house.conf_path)])
        self.addCleanup(closed.kill)
        spin_until(lambda: is_program(closed.pid, "elvesd"))
        eventually(lambda: (house.folder / "elves.db-wal").exists())
        eventually(lambda: self.ctl(f"unix:{house.socket}", "stat").code == 0, what="an answer")
        for fd in (0, 1, 2):
            self.assertEqual(os.readlink(f"/proc/{closed.pid}/fd/{fd}"), "/dev/null")
        closed.terminate()
        self.assertEqual(closed.wait(20), 0)
        self.assertEqual((house.folder / "elves.db.lock").read_text(), f"{closed.pid}\n")
        self.assertEqual(self.ctl(None, "doctor", "--store", house.folder / "elves.db").code, 0)


@unittest.skipUnless(os.geteuid() == 0 and run("unshare", "-pf", "--mount-proc", "true").code == 0,
                     "a PID namespace takes root")
class PidOne(HouseTest):
    """As in a container without an init of its own."""

    def in_container(self, program):
        program.spawn("unshare", "-pf", "--mount-proc", "--kill-child", binary(program.name), "--config",
                      str(program.conf_path))
        eventually(lambda: [pid for pid, _ in children(program.process.pid) if is_program(pid, program.name)])
        return next(pid for pid, _ in children(program.process.pid) if is_program(pid, program.name))

    def test_e10_orphans_of_workers_are_reaped(self):
        house = self.server()
        client = self.client(house)
        worker = self.real_agent(house)
        worker.app("orphans", "for n in 1 2 3 4 5; do setsid sh -c 'exec >&- 2>&- 3>&-; sleep 0.2' & done; "
                              "echo '<ElvesWFlag>true</ElvesWFlag>'\n", entry="app-worker.sh")
        pid = self.in_container(worker)
        self.online(client, worker.ip)
        for _ in range(4):
            info = self.send_sync(client, worker.ip, app="orphans")
            self.assertEqual(info["worker_flag"], 1, info)
        eventually(lambda: children(pid) == [], what="no child is left")
        self.assertEqual(client.status_of(worker.ip), "online")

    @unittest.skipIf(re.search(rb"__[at]san_init", pathlib.Path(binary("elvesd")).read_bytes()),
                     "a sanitizer's own start comes before the program's first instruction")
    def test_sigterm_reaches_pid_one_at_any_moment_of_its_start(self):
        for program in (self.server_down(), self.real_agent("127.0.0.1:1")):
            for wait in (0.005, 0.02, 0.1):
                with self.subTest(program=program.name, wait=wait):
                    pid = self.in_container(program)
                    time.sleep(wait)
                    os.kill(pid, signal.SIGTERM)
                    program.wait(15)

    def test_elvesd_reaps_what_it_inherits(self):
        house = self.server_down()
        pid = self.in_container(house)
        eventually(lambda: "is up" in house.log())
        # Started in its namespace by somebody who has gone at once, as `docker exec` leaves it.
        run("nsenter", "-t", str(pid), "-p", "-m", "sh", "-c", "for n in 1 2 3; do setsid sleep 0.2 & done")
        eventually(lambda: children(pid) == [], what="no child is left")
