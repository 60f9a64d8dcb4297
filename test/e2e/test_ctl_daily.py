"""elvesctl in a working day: addresses, Ctrl-C, terminals, times, files of hosts and params, completion, manual."""

import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import termios
import time
import unittest

from elves_wire import RUN, Result
from house import HouseTest, binary, eventually, run

IP, IP2, IP3 = "10.0.0.1", "10.0.0.2", "10.0.0.3"
UNKNOWN_ID = "0123456789ABCDEF"
WELL, TASK_FAILED, USAGE, REFUSED, INTERRUPTED = 0, 1, 2, 3, 130
OFFSET = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?[+-]\d\d:\d\d"


class Daily(HouseTest):
    def setUp(self):
        super().setUp()
        self.house = self.server()
        self.caller = self.client(self.house)

    def says(self, *args, code=WELL, **more):
        done = self.typed(*args, **more)
        self.assertEqual(done.code, code, f"elvesctl {args}: {done}")
        return done

    def typed(self, *args, text=None, environment=None):
        """With standard input, and variables beside those of this process."""
        done = subprocess.run([binary("elvesctl"), "--server", self.house.text, *map(str, args)], capture_output=True,
                              input=text, encoding="utf-8", timeout=30, env={**os.environ, **(environment or {})},
                              **({} if text is not None else {"stdin": subprocess.DEVNULL}))
        return type("Done", (), {"code": done.returncode, "out": done.stdout, "err": done.stderr,
                                 "__repr__": lambda self: f"{self.code}: {self.out!r} {self.err!r}"})()

    def on_terminal(self, columns, *args, **environment):
        """Its whole output, where stdout and stderr are a terminal that is so wide."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        child = subprocess.Popen([binary("elvesctl"), "--server", self.house.text, *map(str, args)], stdin=slave,
                                 stdout=slave, stderr=slave, env={**os.environ, "TERM": "xterm", "NO_COLOR": "", **environment})
        os.close(slave)
        shown = b""
        while True:
            try:
                piece = os.read(master, 65536)
            except OSError:
                break
            if not piece:
                break
            shown += piece
        os.close(master)
        child.wait(20)
        return shown.decode().replace("\r\n", "\n")

    def lines_on(self, columns, *args, **environment):
        shown = re.sub(r"\x1b\[\d*[mK]", "", self.on_terminal(columns, *args, **environment))
        return [line for line in shown.split("\n") if not line.startswith("elvesctl:")]


class Addresses(Daily):
    def test_a_word_that_looks_like_an_address_is_not_taken_for_an_app(self):
        for words in (("127.0.0.1", "127.0.0.256", "s", "run"), (IP, "10.0.0", "s", "run"), (IP, "fe80::zz", "s", "run"),
                      ("127.0.0.256", "s", "run"), (IP, "10.0.0.1,10.0.0.2", "s", "run"), (IP, "10.0.0.0/24", "s", "run"),
                      (IP, "1234", "run"), (IP, "s", "10.0.0.2"), (IP, "s", "fe80::1", "x")):
            with self.subTest(words=words):
                done = self.says("exec", *words, code=USAGE)
                self.assertIn("looks like an address", done.err)
                self.assertEqual(len(done.err.strip().splitlines()), 1)
        self.assertEqual(self.caller.tasks(), [])

    def test_a_param_may_look_like_anything(self):
        agent = self.agent(self.house, IP)
        for param in ("10.0.0.256", "a:b", "1.5", "[1,2]"):
            self.says("exec", IP, "demo", "work", param)
            self.assertEqual(agent.calls_seen("instruct")[-1]["ins"]["param"], param)

    def test_hosts_may_come_from_a_file_or_from_standard_input(self):
        agents = [self.agent(self.house, ip) for ip in (IP, IP2, IP3)]
        text = f"\ufeff# web\r\n{IP}\r\n\r\n  {IP2}  # two\r\n{IP}\n"
        path = self.folder() / "hosts"
        path.write_text(text, encoding="utf-8")
        self.says("exec", "--hosts", path, "demo", "work")
        self.assertEqual([len(agent.calls_seen("instruct")) for agent in agents], [1, 1, 0])
        done = self.says("--json", "exec", IP3, "--hosts", "-", "demo", "work", text=text)
        self.assertEqual(json.loads(done.out)["counts"]["done"], "3")

    def test_a_bad_list_of_hosts_is_refused_with_its_line_and_nothing_is_sent(self):
        path = self.folder() / "hosts"
        for text, said in ((f"{IP}\n10.0.0.256\n", "line 2"), (f"{IP}\nweb-1\n", "line 2"), ("# none\n", "names no agent"),
                           (f"{IP} {IP2}\n", "line 1"), ("".join(f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}\n"
                                                                 for i in range(100_001)), "100000")):
            path.write_text(text)
            self.assertIn(said, self.says("exec", "--hosts", path, "demo", "work", code=USAGE).err)
        self.assertIn("can't be read", self.says("exec", "--hosts", "/nonexistent", "demo", "work", code=USAGE).err)
        self.assertIn("can't be read", self.says("exec", "--hosts", self.folder(), "demo", "work", code=USAGE).err)
        self.says("exec", "--hosts", "-", "demo", "work", "-", code=USAGE, text=IP + "\n")
        self.assertEqual(self.caller.tasks(), [])

    def test_a_param_may_come_from_a_file_or_from_standard_input(self):
        agent = self.agent(self.house, IP)
        path = self.folder() / "param"
        large = "x" * 1024 * 1024
        for typed, text, param in (("-", "from stdin\n", "from stdin\n"), (f"@{path}", large, large), ("@@home", None, "@home"),
                                   ("@@@", None, "@@"), ("-", "", "")):
            path.write_text(large)
            self.says("exec", IP, "demo", "work", typed, text=text)
            self.assertEqual(agent.calls_seen("instruct")[-1]["ins"].get("param", ""), param)
        path.write_text(large + "x")
        self.assertIn("at most 1048576", self.says("exec", IP, "demo", "work", f"@{path}", code=USAGE).err)
        path.write_bytes(b"\xff\xfe")
        self.assertIn("not UTF-8", self.says("exec", IP, "demo", "work", f"@{path}", code=USAGE).err)
        for bad in ("@", "@/nonexistent"):
            self.says("exec", IP, "demo", "work", bad, code=USAGE)
        path.write_text("for cron")
        self.says("cron", "set", IP, "0 0 3 * * ?", "demo", "work", f"@{path}")
        self.assertEqual(self.caller.ok("cron", "getcronlistbyip", agentip=IP)["cron_list"][0]["ins"]["param"], "for cron")
        self.assertIn('"flag":"true"', self.says("call", "elves", "ping", "-", text="{}").out)


class Interrupted(Daily):
    def interrupt(self, *args, started):
        """Types Ctrl-C when `started` agents have a task. Returns exit code, stdout, stderr and the tasks' ids."""
        agents = [self.agent(self.house, ip, lambda call: RUN) for ip in (IP, IP2, IP3)]
        child = subprocess.Popen([binary("elvesctl"), "--server", self.house.text, *args, IP, IP2, IP3, "demo", "work", "p"],
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")
        eventually(lambda: sum(len(agent.calls_seen("instruct")) for agent in agents) == started)
        time.sleep(0.3)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=20)
        ids = [call["id"] for agent in agents for call in agent.calls_seen("instruct")]
        return child.returncode, out, err, ids

    def test_ctrl_c_shows_the_ids_and_the_one_command_that_cancels_them(self):
        other = self.agent(self.house, "10.0.0.9", lambda call: RUN)
        for ip in ("10.0.0.9", IP):
            self.send_async(self.caller, ip, ttl=60)
        other.wait_instruct()
        code, out, err, ids = self.interrupt("exec", started=4)
        ids = ids[1:] if len(ids) == 4 else ids  # the first one of IP is another caller's
        self.assertEqual(code, INTERRUPTED)
        self.assertNotIn("connection was lost", out + err)
        (command,) = re.findall(r"elvesctl cancel (.*)", err)
        words = command.split()
        self.assertEqual(sorted(words[:3]), sorted(ids))
        self.assertEqual(words[3:], ["--server", self.house.text])
        for task in ids:
            self.assertIn(task, out)
        done = run(binary("elvesctl"), "cancel", *words)
        self.assertEqual(done.code, WELL, done)
        for task in ids:
            self.assertEqual(self.wait_final(self.caller, task)["status"], "canceled")

    def test_ctrl_c_finds_the_tasks_of_a_key_and_of_a_local_admin(self):
        self.house = self.server(auth={"mode": "open"})
        key = self.client(self.house).ok("supervisor", "setkey", name="ops", role="operator", apps=["*"], iplist=["*"])
        for words in (("--key", key["key"], "--token", key["token"]), ("--server", f"unix:{self.house.socket}")):
            with self.subTest(words=words):
                agent = self.agent(self.house, IP, lambda call: RUN)
                at = () if "--server" in words else ("--server", self.house.text)
                child = subprocess.Popen([binary("elvesctl"), *at, *words, "exec", IP, "demo", "work"], stderr=subprocess.PIPE,
                                         stdout=subprocess.DEVNULL, encoding="utf-8")
                task = agent.wait_instruct()["id"]
                child.send_signal(signal.SIGINT)
                _, err = child.communicate(timeout=20)
                self.assertIn(f"elvesctl cancel {task} --server", err)
                self.assertNotIn(key["token"], err)
                agent.stop()

    def test_ctrl_c_names_what_was_not_sent(self):
        code, out, err, ids = self.interrupt("--json", "exec", "--parallel", "1", started=1)
        self.assertEqual(code, INTERRUPTED)
        results = json.loads(out)["results"]
        self.assertEqual([result["end"] for result in results], ["unknown", "unsent", "unsent"])
        self.assertEqual(results[0]["id"], ids[0])
        self.assertIn("elvesctl cancel " + ids[0], err)

    def test_ctrl_c_while_output_is_followed_names_the_tasks_too(self):
        code, out, err, ids = self.interrupt("exec", "--output", started=3)
        self.assertEqual(code, INTERRUPTED)
        (command,) = re.findall(r"elvesctl cancel ((?:[0-9A-F]{16} ?)+)", err)
        self.assertEqual(sorted(command.split()), sorted(ids))

    def test_cancel_takes_many_ids_and_says_which_it_does_not_know(self):
        ids = [self.send_async(self.caller, IP, ttl=60)["id"] for _ in range(2)]
        done = self.says("cancel", ids[0], UNKNOWN_ID, ids[1], code=REFUSED)
        self.assertIn(f"{ids[1]}  canceled", done.out)
        self.assertEqual({self.caller.task(task)["status"] for task in ids}, {"canceled"})
        told = json.loads(self.says("--json", "cancel", *ids).out)
        self.assertEqual([row["status"] for row in told["results"]], ["canceled", "canceled"])


class Waiting(Daily):
    def test_wait_ends_with_the_tasks_and_says_how_they_ended(self):
        agent = self.agent(self.house, IP, lambda call: RUN)
        ids = [self.send_async(self.caller, IP, param=str(i))["id"] for i in range(2)]
        child = subprocess.Popen([binary("elvesctl"), "--server", self.house.text, "wait", *ids], stdout=subprocess.PIPE,
                                 encoding="utf-8")
        time.sleep(0.7)
        self.assertIsNone(child.poll())
        for task in ids:
            agent.finish(task)
        out, _ = child.communicate(timeout=15)
        self.assertEqual(child.returncode, WELL, out)
        for task in ids:
            self.assertRegex(out, rf"done .*{task}")
        self.says("wait", ids[0].lower(), ids[1], ids[0])

    def test_ctrl_c_ends_the_waiting_and_not_the_task(self):
        self.agent(self.house, IP, lambda call: RUN)
        task = self.send_async(self.caller, IP)["id"]
        for command in ("wait", "follow"):
            child = subprocess.Popen([binary("elvesctl"), "--server", self.house.text, command, task], stderr=subprocess.PIPE,
                                     stdout=subprocess.PIPE, encoding="utf-8")
            time.sleep(1)
            child.send_signal(signal.SIGINT)
            _, err = child.communicate(timeout=15)
            self.assertEqual(child.returncode, INTERRUPTED, err)
            self.assertEqual(err, "elvesctl: interrupted; the tasks go on\n")
        self.assertEqual(self.caller.task(task)["status"], "running")

    def test_wait_and_follow_have_the_exit_code_of_the_tasks(self):
        self.agent(self.house, IP, lambda call: Result(0 if call["ins"]["func"] == "bad" else 1, "said"))
        good, bad = (self.send_async(self.caller, IP, func=func)["id"] for func in ("good", "bad"))
        for task in (good, bad):
            self.wait_final(self.caller, task)
        for command in ("wait", "follow"):
            self.assertIn("done", self.says(command, good).out)
            self.assertIn("failed", self.says(command, good, bad, code=TASK_FAILED).out)
            self.assertIn(UNKNOWN_ID, self.says(command, good, UNKNOWN_ID, code=REFUSED).err)
            self.says(command, "nonsense", code=REFUSED)
            told = json.loads(self.says("--json", command, good, bad, code=TASK_FAILED).out)
            self.assertEqual({row["id"]: row["end"] for row in told["results"]}, {good: "done", bad: "failed"})

    def test_follow_shows_what_is_printed_as_it_is_printed(self):
        agent = self.real_agent(self.house)
        agent.app("s", "import sys, time\nprint('one', flush=True)\nprint('two', file=sys.stderr, flush=True)\n"
                       "time.sleep(1)\nprint('three')\n")
        agent.start()
        self.online(self.caller, agent.ip)
        task = self.send_async(self.caller, agent.ip, app="s", func="run")["id"]
        done = self.says("follow", task)
        self.assertIn("one\nthree\n", done.out)
        self.assertIn("two", done.err)


class Screens(Daily):
    def test_a_table_fits_the_terminal(self):
        for ip in (IP, "2001:db8:1111:2222:3333:4444:5555:6666"):
            self.agent(self.house, ip, lambda call: Result(1, "a long result " * 20), asset="a-very-long-host-name" * 4)
            self.send_sync(self.caller, ip)
        for command in ("agents", "tasks", "methods", "stat"):
            for columns in (40, 80, 200):
                lines = self.lines_on(columns, command)
                if command != "stat":
                    self.assertLessEqual(max(map(len, lines)), columns, (command, columns, lines))
        self.assertIn(IP, "\n".join(self.lines_on(40, "agents")))
        self.assertIn("--wide", self.on_terminal(40, "agents"))
        self.assertIn("a-very-long-host-name" * 4, self.on_terminal(80, "agents", "--wide"))
        self.assertIn("a-very-long-host-name" * 4, self.says("agents").out)

    def test_columns_are_chosen_by_name(self):
        self.agent(self.house, IP)
        done = self.says("agents", "--columns", "status,agentip,apps.demo")
        self.assertEqual(done.out.splitlines()[0].split(), ["status", "agentip", "apps.demo"])
        self.assertEqual(done.out.splitlines()[1].split(), ["online", IP, "1.0"])
        self.assertIn("last_hb_time", self.says("agents", "--columns", "colour", code=USAGE).err)
        self.says("agents", "--columns", "", code=USAGE)

    def test_colour_is_for_terminals_that_want_it(self):
        self.agent(self.house, IP)
        self.assertIn("\x1b[32monline", self.on_terminal(120, "agents"))
        self.assertNotIn("\x1b", self.on_terminal(120, "agents", NO_COLOR="1"))
        self.assertNotIn("\x1b", self.on_terminal(120, "agents", TERM="dumb"))
        self.assertNotIn("\x1b", self.says("agents").out)

    def test_the_report_of_a_run_is_coloured_and_what_agents_say_is_not(self):
        self.agent(self.house, IP, lambda call: Result(0, "\x1b[31mred"))
        shown = self.on_terminal(120, "run", IP, "--yes", "1", "--", "demo", "work")
        self.assertIn(f"{IP}  \x1b[31mfailed\x1b[0m\n", shown)
        self.assertIn("1x \x1b[31mfailed\x1b[0m: \\x1b[31mred\n", shown)
        self.assertNotIn("\x1b[3", self.on_terminal(120, "run", IP, "--yes", "1", "--", "demo", "work", NO_COLOR="1"))

    def test_the_progress_line_leaves_nothing_behind_in_a_narrow_terminal(self):
        for ip in (IP, IP2, IP3):
            self.agent(self.house, ip)
        shown = self.on_terminal(22, "exec", IP, IP2, IP3, "demo", "work")
        lines = re.findall(r"\r\x1b\[K([^\r\n\x1b]*answered[^\r\n\x1b]*|[^\r\n\x1b]*…)", shown)
        self.assertTrue(lines, shown)
        self.assertLess(max(map(len, lines)), 22)


class Times(Daily):
    def setUp(self):
        HouseTest.setUp(self)
        self.house = self.server(server={"timezone": "Asia/Kolkata"})
        self.caller = self.client(self.house)

    def test_every_time_has_its_zone(self):
        self.agent(self.house, IP, starttime="2026-11-24 21:33:28")
        task = self.send_sync(self.caller, IP)["id"]
        self.wait_final(self.caller, task)
        self.says("cron", "set", IP, "0 0 3 * * ?", "demo", "work", "2026-11-24 21:33:28")
        for command in (("tasks",), ("agents",), ("why", task), ("task", task), ("agent", IP), ("cron", "list", IP),
                        ("cron", "list", "--all"), ("audit",)):
            for words in (command, ("--json", *command)):
                out = self.says(*words).out
                with self.subTest(words=words):
                    bare = [found for found in re.findall(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?!\.\d|[\d+-]).{0,6}", out)
                            if not found.startswith("2026-11-24 21:33:28")]
                    if command[0] != "why":
                        self.assertEqual(bare, [])
                    self.assertRegex(out, OFFSET)
                    self.assertIn("+05:30", out)
        self.assertEqual(json.loads(self.says("--json", "agent", IP).out)["agent_starttime"], "2026-11-24 21:33:28+05:30")
        jobs = json.loads(self.says("--json", "cron", "list", IP).out)["cron_list"]
        self.assertEqual(jobs[0]["param"], "2026-11-24 21:33:28")

    def test_since_understands_durations_dates_and_iso(self):
        task = self.send_async(self.caller, IP, ttl=60)["id"]
        now = time.time()
        wall = lambda form, at, zone=19_800: time.strftime(form, time.gmtime(at + zone))
        near = ("1h", "90s", "1h30m", "2d", "1w", wall("%Y-%m-%d", now), wall("%Y-%m-%d %H:%M", now - 300),
                wall("%Y-%m-%dT%H:%M:%S", now - 60), wall("%Y-%m-%dT%H:%M:%SZ", now - 60, 0),
                wall("%Y-%m-%d %H:%M:%S+01:00", now - 60, 3600), wall("%Y-%m-%dT%H:%M:%S.123-0300", now - 60, -10_800))
        for since in near:
            with self.subTest(since=since):
                self.assertIn(task, self.says("tasks", "--since", since).out)
        for since in (wall("%Y-%m-%dT%H:%M:%SZ", now + 120, 0), wall("%Y-%m-%d %H:%M:%S", now + 120)):
            self.assertNotIn(task, self.says("tasks", "--since", since).out)
        self.assertIn(task, self.says("tasks", "--until", wall("%Y-%m-%d", now)).out)
        self.assertNotIn(task, self.says("tasks", "--until", "1h").out)
        for bad in ("yesterday", "1y", "h", "-1h", "2026-13-01", "2026-02-30", "2026-11-29T25:00:00Z", "1h ",
                    "2026-11-29T21:20:00+99:00", "99999999999999999999h"):
            done = self.says("tasks", f"--since={bad}", code=USAGE)
            self.assertIn("duration", done.err)
            self.assertEqual(len(done.err.strip().splitlines()), 1)
        self.says("audit", "--since", "1h")


class Timeouts(Daily):
    def test_timeout_is_the_workers_wherever_it_stands(self):
        agent = self.agent(self.house, IP)
        self.assertIn("--connect-timeout", self.says("--timeout", 17, "exec", IP, "demo", "work", code=USAGE).err)
        self.says("--timeout=17", "ping", code=USAGE)
        self.says("ping", "--timeout", 17, code=USAGE)
        self.says("exec", IP, "demo", "work", "--timeout", 17)
        self.says("exec", IP, "demo", "work", environment={"ELVES_TIMEOUT": "18"})
        self.says("ping", environment={"ELVES_TIMEOUT": "18"})
        self.assertEqual([int(call["ins"]["timeout"]) for call in agent.calls_seen("instruct")], [17, 18])

    def test_a_server_that_does_not_answer_is_given_up_in_time(self):
        self.house.signal(signal.SIGSTOP)
        try:
            begun = time.monotonic()
            done = self.says("--answer-timeout", 1, "--connect-timeout", 1, "ping", code=REFUSED)
            self.assertLess(time.monotonic() - begun, 5)
            self.assertEqual(len(done.err.strip().splitlines()), 1)
        finally:
            self.house.signal(signal.SIGCONT)
        for option in ("--connect-timeout", "--answer-timeout"):
            self.says(option, "soon", "ping", code=USAGE)
        self.says("ping", code=USAGE, environment={"ELVES_CONNECT_TIMEOUT": "0"})


class Views(Daily):
    def test_an_agent_is_shown_readably(self):
        hardware = {"cpu": {"model": "AMD EPYC", "cores": 4}, "memory": {"total": 8 * 2**30},
                    "disks": [{"mount": "/", "size": 40 * 2**30, "used": 12 * 2**30}],
                    "networks": [{"name": "eth0", "mac": "02:00:00:00:00:01", "addresses": [IP]}]}
        self.agent(self.house, IP, hw_config=json.dumps(hardware))
        out = self.says("agent", IP).out
        for words in ("4 cores, AMD EPYC", "8.0 GiB memory", "disk /: 12.0 GiB used of 40.0 GiB", f"network eth0: {IP}", " ago)"):
            self.assertIn(words, out)
        self.assertNotIn("{", out)

    def test_the_servers_state_is_shown_readably(self):
        self.agent(self.house, IP)
        out = self.says("stat").out
        self.assertRegex(out, r"agents online +1 of 1 known \(linux 1\)")
        self.assertRegex(out, r"uptime +\d+ s")
        self.assertIn("warning", out)
        self.assertNotIn("stats.", out)
        self.assertEqual(json.loads(self.says("--json", "stat").out)["stat"]["totalonline"], "1")

    def test_a_task_is_shown_readably(self):
        self.agent(self.house, IP, lambda call: Result(1, "said"))
        task = self.send_sync(self.caller, IP)["id"]
        self.wait_final(self.caller, task)
        out = self.says("task", task).out
        self.assertRegex(out, r"task +demo\.work")
        self.assertRegex(out, r"result +said")
        self.assertNotIn("module_sync", out)


class Offered(Daily):
    """What completion offers for the last of the words, in bash."""

    def after(self, *words):
        script = run(binary("elvesctl"), "completion", "bash").out
        asked = script + 'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _elvesctl; printf "%s\\n" "${COMPREPLY[@]}"'
        done = run("bash", "-c", asked, "bash", binary("elvesctl"), *words, env={**os.environ, "ELVES_SERVER": self.house.text})
        self.assertEqual((done.code, done.err), (0, ""))
        return [word for word in done.out.split("\n") if word]

    def test_values_of_options(self):
        self.assertEqual(self.after("tasks", "--status", "=", "un"), ["undelivered"])
        self.assertEqual(self.after("tasks", "--status", "un"), ["undelivered"])
        self.assertEqual(self.after("tasks", "--status=un"), ["--status=undelivered"])
        self.assertIn("done", self.after("tasks", "--status", "="))
        self.assertEqual(self.after("--json", "cron", "list", "--type", "s"), ["self"])

    def test_files(self):
        folder = self.folder()
        (folder / "backup.db").touch()
        for words in (("backup", f"{folder}/b"), ("doctor", "--store", f"{folder}/b"), ("--auth-file", f"{folder}/b"),
                      ("exec", "--hosts", f"{folder}/b"), ("doctor", "--store", "=", f"{folder}/b")):
            self.assertEqual(self.after(*words), [f"{folder}/backup.db"], words)
        self.assertEqual(self.after("exec", IP, "demo", "work", f"@{folder}/b"), [f"@{folder}/backup.db"])

    def test_in_a_real_terminal_words_with_marks_are_completed(self):
        self.in_a_terminal("bash", "--norc", "--noprofile", "-i")

    @unittest.skipUnless(shutil.which("zsh"), "zsh is not installed")
    def test_in_a_real_terminal_zsh_completes_the_same(self):
        self.in_a_terminal("zsh", "-f", "-i")

    @unittest.skipUnless(shutil.which("fish"), "fish is not installed")
    def test_fish_completes_the_same(self):
        folder = self.folder()
        (folder / "plan.json").touch()
        script = folder / "elvesctl.fish"
        script.write_text(run(binary("elvesctl"), "completion", "fish").out)
        path = f"{os.path.dirname(binary('elvesctl'))}:{os.environ['PATH']}"

        def offered(line):
            done = run("fish", "--no-config", "-c", 'source $argv[1]; complete -C "$argv[2]"', str(script), line,
                       env={**os.environ, "PATH": path, "ELVES_SERVER": self.house.text})
            self.assertEqual((done.code, done.err), (0, ""))
            return [row.split("\t")[0] for row in done.out.splitlines()]

        self.assertEqual(offered("elvesctl tasks --status un"), ["undelivered"])
        self.assertEqual(offered(f"elvesctl exec {IP} a b @{folder}/pl"), [f"@{folder}/plan.json"])
        self.assertEqual(offered(f"elvesctl doctor --store {folder}/pl"), [f"{folder}/plan.json"])
        self.assertEqual(offered("elvesctl cr"), ["cron"])

    def in_a_terminal(self, *argv):
        folder = self.folder()
        (folder / "plan.json").touch()
        master, slave = pty.openpty()
        shell = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                                 env={**os.environ, "PS1": "$ ", "TERM": "dumb", "ELVES_SERVER": self.house.text,
                                      "PATH": f"{os.path.dirname(binary('elvesctl'))}:{os.environ['PATH']}"})
        os.close(slave)
        self.addCleanup(os.close, master)
        self.addCleanup(shell.wait)
        self.addCleanup(shell.kill)
        shown = ""

        def shows(text):
            nonlocal shown
            if select.select([master], [], [], 0.1)[0]:
                shown += os.read(master, 65536).decode()
            return text in shown

        os.write(master, f"source <(elvesctl completion {argv[0]}); echo so''urced\n".encode())
        eventually(lambda: shows("sourced"))
        for typed, completed in (("elvesctl tasks --status=un\t", "--status=undelivered "),
                                 (f"elvesctl exec {IP} a b @{folder}/pl\t", f"@{folder}/plan.json "),
                                 (f"elvesctl doctor --store={folder}/pl\t", f"--store={folder}/plan.json "),
                                 ("elvesctl cr\t", "elvesctl cron ")):
            os.write(master, typed.encode())
            eventually(lambda: shows(completed), what=f"{completed!r} in {shown!r}")
            os.write(master, b"\x15\n")

    def test_agents_apps_functions_and_ids_of_the_live_server(self):
        self.agent(self.house, IP, lambda call: RUN, apps={"demo": "1", "nginx": ""})
        self.agent(self.house, "fe80::1", apps={"other": ""})
        task = self.send_async(self.caller, IP, func="restart")["id"]
        job = self.caller.ok("cron", "setcronbyip", agentip=IP, rule="0 0 3 * * ?", ins={"app": "demo", "func": "x"})["id"]
        self.assertEqual(self.after("exec", "10."), [IP])
        self.assertEqual(self.after("agent", "10."), [IP])
        self.assertEqual(self.after("exec", IP, "fe80", "::", "1", "o"), ["other"])
        self.assertEqual(self.after("exec", IP, "de"), ["demo"])
        self.assertEqual(self.after("exec", IP, "demo", "re"), ["restart"])
        self.assertEqual(self.after("tasks", "--agent", "=", "10."), [IP])
        for command in ("task", "why", "cancel", "wait", "follow"):
            self.assertIn(task, self.after(command, ""))
        self.assertEqual(self.after("cron", "del", IP, ""), [job])
        self.caller.ok("sheduler", "canceltask", id=task)
        self.wait_final(self.caller, task)
        self.assertNotIn(task, self.after("cancel", ""))
        self.assertIn(task, self.after("why", ""))

    def test_without_a_server_the_words_are_offered_and_nothing_is_said(self):
        self.house.kill9()
        self.assertEqual(self.after("cron", "l"), ["list"])
        self.assertEqual(self.after("agent", "10."), [])


class Manual(HouseTest):
    def test_the_manual_page_has_what_the_help_has(self):
        page = run(binary("elvesctl"), "man").out
        self.assertTrue(page.startswith(".TH ELVESCTL 1"))
        plain = page.replace("\\-", "-").replace("\\&", "")
        for word in ("elvesctl cron set IP RULE APP FUNC", "--connect-timeout VALUE", "ELVES_CONNECT_TIMEOUT", "elvesctl follow ID...",
                     "--status waiting|sent|running", "elvesctl agents accept IP", "130"):
            self.assertIn(word, plain)
        for line in page.splitlines():
            if line.startswith((".", "'")):
                self.assertRegex(line, r"^\.(TH|SH|SS|TP|B)\b")


if __name__ == "__main__":
    unittest.main()
