"""What workers print: plain scripts, both streams live, nothing lost, cuts that are said, process groups that end."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import time

from house import WORKER, HouseTest, binary, eventually

IP = "10.1.0.1"

# The parameter is a shell script.
SHELL = """
import base64, os, sys
app, func, coded = sys.argv[1:4]
script = base64.b64decode(sys.stdin.read() if coded == "-" else coded).decode()
os.execvp("sh", ["sh", "-c", script])
"""


def of_group(text):
    """Processes whose command line has that text."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().decode(errors="replace").split("\0")
            with open(f"/proc/{pid}/stat") as file:
                state = file.read().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if text in words and state not in "ZX":
            found.append(int(pid))
    return found


class OutputTest(HouseTest):
    sections = {}

    def setUp(self):
        super().setUp()
        self.house = self.server(**{"heartbeat": {"interval": 1, "offline_after": 5}, **self.sections})
        self.caller = self.client(self.house)
        self.worker = self.real_agent(self.house, IP)
        self.worker.app("s", SHELL)

    def begin_work(self, **agent):
        self.worker.settings(**agent)
        self.worker.start()
        self.online(self.caller, IP)

    def sync(self, script, **ins):
        return self.send_sync(self.caller, IP, app="s", func="run", param=script, **ins)

    def start_task(self, script, **ins):
        return self.send_async(self.caller, IP, app="s", func="run", param=script, **ins)["id"]

    def output(self, task, **fields):
        return self.caller.ok("tasklog", "gettaskoutput", id=task, **fields)

    def whole_output(self, task):
        """Read page by page."""
        text, size = "", None
        while True:
            page = self.output(task, offset=len(text.encode()), limit=60_000)
            if not page["output"]:
                self.assertEqual(len(text.encode()), int(page["size"]))
                return text
            text += page["output"]

    def reconnect(self):
        self.caller = self.client(self.house)
        self.online(self.caller, IP)

    def exec_(self, *words, patience=40, **more):
        argv = [binary("elvesctl"), "--server", self.house.text, *map(str, words)]
        return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=patience, text=True, **more)


class PlainScripts(OutputTest):
    def test_a_script_without_tags_is_judged_by_its_exit_status(self):
        self.worker.app("plain", "#!/bin/sh\necho one; echo two\n", "app-worker.sh")
        self.begin_work()
        info = self.send_sync(self.caller, IP, app="plain", func="f")
        self.assertEqual((info["worker_flag"], info["worker_result"]), (1, "one\ntwo"))
        self.assertEqual(self.wait_final(self.caller, info["id"])["status"], "done")
        long = self.sync("head -c 70000 /dev/zero | tr '\\0' a; echo b; echo")
        self.assertEqual((long["worker_flag"], len(long["worker_result"])), (1, 65_536))
        self.assertTrue(long["worker_result"].endswith("ab\n"))
        bad = self.sync("echo said; exit 4")
        self.assertEqual(bad["worker_flag"], -1)
        self.assertIn("exit status 4", bad["worker_result"])
        lie = self.sync("echo '<ElvesWFlag>true</ElvesWFlag>'; exit 3")
        self.assertEqual(lie["worker_flag"], -1)
        self.assertIn("exit status 3", lie["worker_result"])

    def test_exec_shows_exit_code_stderr_and_id_of_what_failed(self):
        self.begin_work()
        done = self.exec_("exec", IP, "s", "run", "echo cannot open >&2; exit 2")
        self.assertEqual(done.returncode, 1, done)
        self.assertIn("exit code 2", done.stdout)
        self.assertIn("cannot open", done.stdout)
        self.assertRegex(done.stdout, r"\b[0-9A-F]{16}\b")
        told = json.loads(self.exec_("--json", "exec", IP, "s", "run", "echo out; echo cannot open >&2; exit 2").stdout)
        one = told["results"][0]
        self.is_id(one["id"])
        self.assertEqual((one["output"], one["stderr"], one["exit_code"]), ("out\n", "cannot open\n", "2"))

    def test_json_of_a_followed_task_has_both_streams(self):
        self.begin_work()
        told = json.loads(self.exec_("--json", "exec", "--output", IP, "s", "run",
                                     "echo a; echo b >&2; sleep 1; echo c; echo d >&2").stdout)
        one = told["results"][0]
        self.assertEqual((one["end"], one["output"], one["stderr"], one["exit_code"]), ("done", "a\nc\n", "b\nd\n", "0"))
        self.is_id(one["id"])


class Live(OutputTest):
    def test_both_streams_are_there_while_the_worker_runs(self):
        self.begin_work()
        task = self.start_task("echo out; echo err >&2; sleep 30")
        eventually(lambda: self.output(task)["output"] == "out\n")
        eventually(lambda: self.output(task)["stderr"] == "err\n")
        self.assertEqual(self.caller.task(task)["status"], "running")
        page = self.output(task, stderr_offset=1)
        self.assertEqual((page["stderr"], page["stderr_size"], page["size"]), ("rr\n", "4", "4"))
        self.caller.ok("sheduler", "canceltask", id=task)

    def test_exec_breaks_no_line_that_the_worker_did_not_break(self):
        self.begin_work()
        done = self.exec_("exec", "--output", IP, "s", "run", "printf a; sleep 1; printf 'b\\n'; echo no >&2")
        lines = done.stdout.splitlines()
        self.assertEqual(lines[0], "ab", done.stdout)
        self.assertTrue(lines[1].startswith(f"{IP}  done"), lines)
        self.assertEqual(done.stderr.splitlines()[0], "no")
        done = self.exec_("exec", "--output", IP, "s", "run", "seq 30000")
        lines = [line for line in done.stdout.splitlines() if line.isdigit()]
        self.assertEqual(lines, [str(i) for i in range(1, 30_001)])

    def test_what_a_canceled_worker_prints_while_it_cleans_up_is_kept(self):
        self.begin_work()
        script = "trap 'echo cleaning; sleep 0.3; echo cleaned; exit 0' TERM; echo begun; while :; do sleep 0.05; done"
        task = self.start_task(script)
        eventually(lambda: self.output(task)["output"] == "begun\n")
        self.caller.ok("sheduler", "canceltask", id=task)
        eventually(lambda: self.output(task)["output"].endswith("cleaned\n"), 10)
        info = self.sync(script, timeout=4)  # time enough for it to begin
        self.assertEqual(info["worker_flag"], -1)
        eventually(lambda: self.output(info["id"])["output"].endswith("cleaned\n"), 10)


class Cuts(OutputTest):
    def test_of_a_long_output_head_and_tail_are_kept_and_the_cut_is_said(self):
        self.begin_work()
        task = self.start_task("head -c 2000000 /dev/zero | tr '\\0' x; echo; echo LAST LINE")
        self.wait_status(self.caller, task, "done")
        text = eventually(lambda: (t := self.whole_output(task)).endswith("LAST LINE\n") and t)
        size = 2_000_000 + 1 + len("LAST LINE\n")
        self.assertEqual(re.findall(r"(?m)^\[(\d+) bytes left out\]$", text), [str(size - 1048576)])
        self.assertEqual(text.index("\n["), 524288)
        self.assertEqual(self.output(task)["truncated"], "true")
        done = self.exec_("exec", "--output", IP, "s", "run", "head -c 2000000 /dev/zero | tr '\\0' x; echo; echo LAST LINE")
        self.assertIn("LAST LINE", done.stdout)
        self.assertIn(f"[{size - 1048576} bytes left out]", done.stdout)
        self.assertIn("not complete", done.stderr)

    def test_task_shows_all_that_was_printed(self):
        self.begin_work()
        info = self.sync("seq 60000; echo THE END")
        done = self.exec_("task", info["id"])
        self.assertIn("THE END", done.stdout)
        self.assertIn("\n", done.stdout)
        told = json.loads(self.exec_("--json", "task", info["id"]).stdout)
        self.assertEqual(told["output"], "".join(f"{i}\n" for i in range(1, 60_001)) + "THE END\n")
        self.assertEqual(told["truncated"], "true")  # its result is the end of the output


class SmallBound(OutputTest):
    sections = {"tasklog": {"max_output": 1000}}

    def test_the_servers_bound_is_the_agents_too(self):
        self.begin_work()
        info = self.sync("head -c 5000 /dev/zero | tr '\\0' x; head -c 3000 /dev/zero | tr '\\0' e >&2; echo '<ElvesWFlag>true</ElvesWFlag>'")
        out = eventually(lambda: (o := self.output(info["id"]))["output"].endswith("Flag>\n") and o)
        self.assertTrue(out["output"].startswith("x" * 500 + "\n[4030 bytes left out]\n"), out["output"])
        self.assertEqual(self.output(info["id"], stderr_offset=0)["stderr"], "e" * 500 + "\n[2000 bytes left out]\n" + "e" * 500)
        self.assertEqual(out["truncated"], "true")


class Kept(OutputTest):
    def test_nothing_is_lost_when_the_server_is_restarted(self):
        for stop in (self.house.terminate, self.house.kill9):
            with self.subTest(stop=stop.__name__):
                if not self.worker.alive:
                    self.begin_work()
                task = self.start_task("for i in $(seq 1 60); do echo line $i; echo e $i >&2; sleep 0.1; done")
                eventually(lambda: "line 5\n" in self.output(task)["output"])
                stop()
                time.sleep(1.5)
                self.house.start()
                self.reconnect()
                self.wait_status(self.caller, task, "done", patience=30)
                expected = "".join(f"line {i}\n" for i in range(1, 61))
                eventually(lambda: self.whole_output(task) == expected)
                eventually(lambda: self.output(task)["stderr"] == "".join(f"e {i}\n" for i in range(1, 61)))
                self.assertEqual(self.output(task)["truncated"], "false")

    def test_the_end_that_was_printed_without_a_server_comes_after_the_agents_restart(self):
        self.begin_work()
        task = self.start_task("echo begun; sleep 2; echo the end; echo why >&2")
        eventually(lambda: self.output(task)["output"] == "begun\n")
        self.house.kill9()
        journal = sqlite3.connect(self.worker.folder / "journal.db")
        eventually(lambda: journal.execute("SELECT stage FROM task").fetchone()[0] == "done")
        journal.close()
        self.worker.kill9()
        self.house.start()
        self.worker.start()
        self.reconnect()
        self.wait_status(self.caller, task, "done")
        eventually(lambda: self.output(task)["output"] == "begun\nthe end\n")
        self.assertEqual(self.output(task)["stderr"], "why\n")
        # Confirmed, it is no longer kept.
        journal = sqlite3.connect(self.worker.folder / "journal.db")
        eventually(lambda: journal.execute("SELECT count(*) FROM output").fetchone()[0] == 0)
        journal.close()

    def test_many_workers_print_at_once(self):
        self.begin_work(max_workers=50)
        tasks = [self.start_task(f"seq 5000; echo {i} >&2") for i in range(50)]
        expected = "".join(f"{i}\n" for i in range(1, 5001))
        for i, task in enumerate(tasks):
            self.wait_status(self.caller, task, "done", patience=40)
            eventually(lambda: self.whole_output(task) == expected)
            self.assertEqual(self.output(task)["stderr"], f"{i}\n")

    def test_bytes_that_are_no_utf8_and_a_line_without_end(self):
        self.begin_work()
        info = self.sync("head -c 300000 /dev/urandom; echo; head -c 700000 /dev/zero; echo END")
        text = eventually(lambda: (t := self.whole_output(info["id"])).endswith("END\n") and t)
        self.assertIn("\ufffd", text)


class Frames(OutputTest):
    sections = {"server": {"max_frame": 1 << 20}}

    def test_a_result_that_does_not_fit_the_servers_frame_is_cut_and_the_link_stays(self):
        self.worker.app("big", """
import sys
sys.stdout.write("<ElvesWFlag>true</ElvesWFlag><ElvesWResult>" + sys.argv[2][0] * 1048576 + "</ElvesWResult>")
""")
        self.begin_work()
        for wait in (True, False):
            if wait:
                task = self.send_sync(self.caller, IP, app="big", func="x")["id"]
            else:
                task = self.send_async(self.caller, IP, app="big", func="y")["id"]
            record = self.wait_status(self.caller, task, "done")
            self.assertGreater(len(record["worker_message"]), 500_000)
            self.assertEqual(set(record["worker_message"]), {"x" if wait else "y"})
            page = eventually(lambda: (o := self.output(task, limit=1048576))["size"] != "0" and o)
            self.assertEqual(page["truncated"], "true")
        self.assertNotIn("400.2", self.worker.log() + self.house.log())
        self.assertEqual(len(re.findall("registered as", self.worker.log())), 1)
        self.assertEqual(self.caller.ok("tasklog", "listtasks")["info"][0]["status"], "done")

    def test_a_large_param_and_a_large_result_are_in_one_reply(self):
        self.worker.app("long", WORKER + 'answer("r" * 700_000)')
        self.begin_work()
        info = self.send_sync(self.caller, IP, app="long", func="f", param="p" * 700_000)
        self.assertEqual(len(info["worker_result"]), 700_000)
        record = self.caller.task(info["id"])
        self.assertEqual(record["truncated"], "true")
        self.assertEqual(set(record["worker_message"] + record["param"]), {"r", "p"})
        self.assertGreater(len(record["worker_message"]) + len(record["param"]), 900_000)
        told = self.caller.ok("tasklog", "gettaskbyids", id=[info["id"]] * 3)["info"]
        self.assertEqual([one["truncated"] for one in told], ["true"] * 3)


class Limits(OutputTest):
    def test_the_reply_to_register_says_what_the_server_takes(self):
        agent = self.agent(self.house, "10.0.0.1")
        reply = agent.call("heartbeat", "register", agentip="10.0.0.1")
        self.assertEqual((reply["max_frame"], reply["max_output"]), (4 << 20, 1 << 20))

    def test_a_frame_that_became_too_large_ends_one_link_and_no_more(self):
        self.worker.app("big", WORKER + 'time.sleep(3); answer("x" * 900_000)')
        self.begin_work()
        task = self.send_async(self.caller, IP, app="big", func="f")["id"]
        self.house.settings(server={"max_frame": 300_000})
        self.house.signal(signal.SIGHUP)
        eventually(lambda: "settings read again" in self.house.log())
        self.caller = self.client(self.house)
        record = self.wait_status(self.caller, task, "done", patience=30)
        self.assertGreater(len(record["worker_message"]), 200_000)
        self.assertEqual(self.output(task)["truncated"], "true")
        self.assertLessEqual(self.worker.log().count("registered as"), 3)

    def test_output_of_a_stranger_or_of_no_task_is_refused(self):
        owner, other = self.agent(self.house, "10.0.0.1"), self.agent(self.house, "10.0.0.2")
        task = self.send_async(self.caller, "10.0.0.1")["id"]
        piece = {"offset": 0, "data": "text", "stream": "stdout"}
        self.error_in(other.call("tasklog", "output", id=task, **piece)["error_info"], "401.6")
        self.error_in(owner.call("tasklog", "output", id="0" * 16, **piece)["error_info"], "416.1")
        self.error_in(owner.call("tasklog", "output", id=task, **{**piece, "stream": "x"})["error_info"], "403.10")
        for _ in range(2):
            self.assertEqual(owner.call("tasklog", "output", id=task, **piece)["flag"], "true")
        self.assertEqual(self.output(task)["output"], "text")


class Groups(OutputTest):
    def test_what_a_killed_agent_left_running_is_killed_at_its_next_start(self):
        self.begin_work()
        task = self.start_task("sleep 421.5; echo never")
        eventually(lambda: of_group("421.5"))
        daemon = self.start_task("setsid sleep 422.5 >/dev/null 2>&1 </dev/null & sleep 423.5")
        eventually(lambda: of_group("422.5") and of_group("423.5"))
        # Somebody else's process that has the same words.
        other = subprocess.Popen(["sleep", "421.5"], start_new_session=True,
                                 env={"ELVES_TASK_ID": task, "ELVES_WORKER_GROUP": "1"})
        self.addCleanup(other.wait)
        self.addCleanup(other.kill)
        try:
            self.worker.kill9()
            self.worker.start()
            eventually(lambda: of_group("421.5") == [other.pid], 20)
            eventually(lambda: not of_group("423.5"), 5)
            self.assertEqual(len(of_group("422.5")), 1)  # a session of its own goes on
            self.reconnect()
            record = self.wait_final(self.caller, task)
            self.assertNotEqual(record["status"], "done")
            self.assertNotIn("never", self.output(task)["output"])
        finally:
            for pid in of_group("422.5"):
                os.kill(pid, signal.SIGKILL)
        self.wait_final(self.caller, daemon)
