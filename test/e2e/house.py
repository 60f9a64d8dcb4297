"""The real binaries, started in folders of their own, with one deadline for each test.

$ELVES_BIN names the folder of elvesd, elves-agent and elvesctl; without it: build/release/bin of this tree.
"""

import atexit
import collections
import faulthandler
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

from elves_wire import Agent, Client, Processor
from library_client import LibraryClient

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("ELVES_BIN") or ROOT / "build" / "release" / "bin").resolve()
FINAL = {"done", "failed", "timeout", "canceled", "expired", "undelivered", "skipped", "lost"}
TASK_ID = re.compile(r"[0-9A-F]{16}\Z")
TIME_OF_DAY = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\Z")
DIGITS = re.compile(r"\d+\Z")

_children = set()


@atexit.register
def _kill_all():
    for child in list(_children):
        if child.poll() is None:
            child.kill()


def binary(name):
    path = BIN / name
    if not path.exists():
        raise AssertionError(f"{path} is not there; build it, or set ELVES_BIN")
    return str(path)


def has_console():
    """Whether elvesd was built with the console: -DELVES_CONSOLE=OFF leaves it out."""
    return re.search(rb"/console/app\.[0-9a-f]+\.js", pathlib.Path(binary("elvesd")).read_bytes()) is not None


def eventually(look, patience=15.0, what=""):
    """Asks again and again until the answer is true, and returns it. An AssertionError from `look` counts as no."""
    until = time.monotonic() + patience
    pause = 0.01
    while True:
        last = None
        try:
            last = look()
            if last:
                return last
        except AssertionError as why:
            last = why
        if time.monotonic() > until:
            raise AssertionError(f"not within {patience} s: {what or look}; last answer: {last!r}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.2)


def ini(sections):
    """{"server": {"listen": …}} as INI text. A key whose value is None is left out."""
    lines = []
    for section, keys in sections.items():
        lines.append(f"[{section}]")
        lines += [f"{key} = {value}" for key, value in keys.items() if value is not None]
    return "\n".join(lines) + "\n"


def dig(tree, name):
    """The first value under that key, however deep; None where there is none."""
    if isinstance(tree, dict):
        if name in tree:
            return tree[name]
        tree = list(tree.values())
    if isinstance(tree, list):
        for branch in tree:
            found = dig(branch, name)
            if found is not None:
                return found
    return None


Done = collections.namedtuple("Done", "code out err")


def run(*argv, patience=30, **more):
    """Runs a program to its end. Returns its exit code, stdout, stderr."""
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8",
                          errors="replace", timeout=patience, **more)
    return Done(done.returncode, done.stdout, done.stderr)


class Program:
    """A child process with its stderr and stdout in one file."""

    def __init__(self, name, folder):
        self.name = name
        self.folder = pathlib.Path(folder)
        self.log_path = self.folder / f"{name}.log"
        self.process = None
        self._log_from = 0

    def spawn(self, *argv, **more):
        assert self.process is None or self.process.poll() is not None, f"{self.name} is already running"
        self._log_from = self.log_path.stat().st_size if self.log_path.exists() else 0
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            cwd=self.folder, **more)
        _children.add(self.process)

    def log(self, whole=True):
        """What it has written; with `whole` false: since it was last started."""
        if not self.log_path.exists():
            return ""
        with open(self.log_path, "rb") as log:
            log.seek(0 if whole else self._log_from)
            return log.read().decode(errors="replace")

    @property
    def alive(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, patience=20):
        code = self.process.wait(timeout=patience)
        _children.discard(self.process)
        return code

    def kill9(self):
        if self.alive:
            self.process.kill()
        if self.process is not None:
            self.wait()

    def end(self):
        """After a test: killed. Where coverage is counted it is stopped first: a killed program has counted nothing."""
        if self.alive and "ELVES_COVERAGE" in os.environ:
            self.process.terminate()
            try:
                self.wait(5)
            except subprocess.TimeoutExpired:
                pass
        self.kill9()

    def terminate(self, patience=20):
        """SIGTERM; returns the exit code."""
        if self.alive:
            self.process.terminate()
        return self.wait(patience)


class Server(Program):
    """elvesd with a folder of its own. `Server(folder, auth={"mode": "keys"}, server={"max_frame": 4096})`."""

    def __init__(self, folder, **sections):
        super().__init__("elvesd", folder)
        self.conf_path = self.folder / "elves.conf"
        self.host, self.port = "127.0.0.1", 0
        self.socket = str(self.folder / "elvesd.sock")
        self.over_socket = False  # clients and elvesctl use the Unix socket, where this program's user is an admin
        self.sections = {"server": {"listen": "127.0.0.1:0", "timezone": "UTC", "socket": self.socket},
                         "store": {"path": str(self.folder / "elves.db")}}
        self.settings(**sections)

    def settings(self, **sections):
        """Adds to the settings, for the next start."""
        for section, keys in sections.items():
            self.sections.setdefault(section, {}).update(keys)
        self.conf_path.write_text(ini(self.sections))

    @property
    def tcp(self):
        return self.host, self.port

    @property
    def address(self):
        return (self.socket, 0) if self.over_socket else self.tcp

    @property
    def text(self):
        return f"unix:{self.socket}" if self.over_socket else f"{self.host}:{self.port}"

    def start(self, patience=20):
        """Returns when it listens. Its port stays the same for every later start."""
        self.spawn(binary("elvesd"), "--config", str(self.conf_path))

        def listening():
            found = re.search(r"listening on (\S+):(\d+)", self.log(whole=False))
            if not found and not self.alive:
                raise RuntimeError(f"elvesd ended with {self.process.returncode}:\n{self.log(whole=False)}")
            return found

        self.port = int(eventually(listening, patience, "elvesd to listen").group(2))
        listen = self.sections["server"]["listen"]
        if listen.endswith(":0"):
            self.settings(server={"listen": f"{listen[:-2]}:{self.port}"})
        return self

    def restart(self, patience=20):
        """Starts again on the same data and the same port; kills what still runs."""
        self.kill9()
        return self.start(patience)

    def init_admin(self, name="root"):
        """The first admin key, while the server is down: {"key": …, "token": …}, for `auth`."""
        done = run(binary("elvesd"), "--config", str(self.conf_path), "--init-admin", name)
        if done.code != 0:
            raise AssertionError(f"--init-admin ended with {done.code}: {done.err}")
        return key_and_token(done.out)


def key_and_token(text):
    """Finds what a person would find: a line or field called key, and one called token."""
    found = {}
    for name in ("key", "token"):
        # The last word of a label like `key:`, `"key": "` or `key =`.
        match = re.search(rf'(?im)(?:^|[\s"{{,]){name}"?\s*[:=]?\s*"?([\w.+/=-]{{8,}})', text)
        if not match:
            raise AssertionError(f"no {name} in: {text!r}")
        found[name] = match.group(1)
    return found


class RealAgent(Program):
    """elves-agent with an apps folder and a journal of its own."""

    def __init__(self, folder, server, ip="10.1.0.1", **agent):
        super().__init__("elves-agent", folder)
        self.ip = ip
        self.apps = self.folder / "apps"
        self.apps.mkdir(exist_ok=True)
        self.conf_path = self.folder / "agent.conf"
        self.keys = {"server": server if isinstance(server, str) else server.text, "ip": ip,
                     "apps": str(self.apps), "journal": str(self.folder / "journal.db"), **agent}
        self.sections = {"agent": self.keys}
        self.settings()

    def settings(self, **agent):
        self.keys.update(agent)
        self.conf_path.write_text(ini(self.sections))
        self.conf_path.chmod(0o600)  # there may be a token in it

    def app(self, name, text, entry="app-worker.py"):
        """Writes an app's file; `entry` may be another file in its folder."""
        path = self.apps / name / entry
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
        return path

    def app_from_tree(self, name):
        shutil.copytree(ROOT / "etc" / "apps" / name, self.apps / name)

    def start(self):
        self.spawn(binary("elves-agent"), "--config", str(self.conf_path))
        return self


# The head of a worker written in Python: what it was called with, and how it answers.
WORKER = '''
import base64, os, signal, subprocess, sys, time
app, func, coded = sys.argv[1:4]
param = base64.b64decode(sys.stdin.read() if coded == "-" else coded).decode()
def answer(text, flag="true"):
    print(f"<ElvesWFlag>{flag}</ElvesWFlag>")
    print(f"<ElvesWResult>{text}</ElvesWResult>", flush=True)
'''


class HouseTest(unittest.TestCase):
    """A test with a house: servers, agents and clients that are torn down, and whose logs are shown on failure."""

    deadline = 60  # seconds for one test, everything included

    def setUp(self):
        self._programs = []
        self._shown_logs = []
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix="elves-e2e-"))
        self._folders = 0
        self.addCleanup(shutil.rmtree, self._folder, ignore_errors=True)
        self.addCleanup(self._keep_logs)

    def run(self, result=None):
        if result is None:
            result = self.defaultTestResult()
        before = len(result.failures) + len(result.errors)
        self._shown_logs = []

        def over(*_):
            raise AssertionError(f"the test's deadline of {self.deadline} s is over")

        old = signal.signal(signal.SIGALRM, over)
        signal.setitimer(signal.ITIMER_REAL, self.deadline)
        if hasattr(sys.__stderr__, "fileno"):  # the second net, should the first one be caught
            faulthandler.dump_traceback_later(self.deadline + 30, exit=True, file=sys.__stderr__)
        try:
            return super().run(result)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, old)
            faulthandler.cancel_dump_traceback_later()
            if len(result.failures) + len(result.errors) > before:
                for name, text in self._shown_logs:
                    print(f"---- {name}, in {self.id()} ----\n{text}", file=sys.stderr)

    def _keep_logs(self):
        signal.setitimer(signal.ITIMER_REAL, 15)  # the deadline is the test's; cleaning up has its own
        for program in self._programs:
            text = program.log()
            self._shown_logs.append((program.name, text if len(text) < 20000 else "…" + text[-20000:]))

    # ---- what a test asks for ----
    def folder(self, name="f"):
        self._folders += 1
        path = self._folder / f"{name}{self._folders}"
        path.mkdir()
        return path

    def server_down(self, **sections):
        """A server with its settings written, not started."""
        server = Server(self.folder("server"), **sections)
        self._programs.append(server)
        self.addCleanup(server.end)
        return server

    def server(self, **sections):
        return self.server_down(**sections).start()

    def server_of_admins(self, **sections):
        """A server whose clients and elvesctl are admins without a key also once there are admin keys: they use its
        Unix socket."""
        server = self.server(**sections)
        server.over_socket = True
        return server

    def client(self, server, tcp=False, **more):
        """The project's Python client. `tcp`: never over the Unix socket."""
        client = LibraryClient(server.tcp if tcp else server.address, **more)
        self.addCleanup(client.close)
        return client

    def wire_client(self, server, tcp=False, **more):
        """One that says what the test says, frame by frame."""
        client = Client.connect(*(server.tcp if tcp else server.address), **more)
        self.addCleanup(client.close)
        return client

    def agent(self, server, ip="10.0.0.1", on_instruct=None, **more):
        """A scripted agent, registered."""
        agent = Agent(server.address, ip, on_instruct, **more)
        self.addCleanup(agent.stop)
        return agent.start()

    def real_agent(self, server, ip="10.1.0.1", **agent):
        """A real one, not started: its apps come first."""
        program = RealAgent(self.folder("agent"), server, ip, **agent)
        self._programs.append(program)
        self.addCleanup(program.end)
        return program

    def processor(self, answer=None, port=0):
        processor = Processor(answer, port=port)
        self.addCleanup(processor.close)
        return processor

    def ctl(self, server, *args, patience=30, auth=None):
        """elvesctl against that server (None: without --server)."""
        argv = [binary("elvesctl")]
        if server is not None:
            argv += ["--server", server if isinstance(server, str) else server.text]
        if auth is not None:
            argv += ["--key", auth["key"], "--token", auth["token"]]
        return run(*argv, *map(str, args), patience=patience)

    # ---- what tests often say ----
    def online(self, client, ip, patience=15):
        eventually(lambda: client.status_of(ip) == "online", patience, f"{ip} to be online")

    def wait_status(self, client, task_id, *statuses, patience=20):
        """Waits until the task has one of these; returns its record."""
        def look():
            task = client.task(task_id)
            if task and task["status"] not in statuses and task["status"] in FINAL:
                raise RuntimeError(f"{task_id} ended as {task['status']}, not as {statuses}: {task}")
            return task if task and task["status"] in statuses else None
        return eventually(look, patience, f"{task_id} to be {statuses}")

    def wait_final(self, client, task_id, patience=20):
        return self.wait_status(client, task_id, *FINAL, patience=patience)

    def send_async(self, client, ip="10.0.0.1", app="demo", func="work", **ins):
        """sendasync; returns its `info`."""
        return client.ok("sheduler", "sendasync", agentip=ip, ins={"app": app, "func": func, **ins})["info"]

    def send_sync(self, client, ip="10.0.0.1", app="demo", func="work", _patience=None, **ins):
        return client.ok("sheduler", "sendsync", agentip=ip, ins={"app": app, "func": func, **ins},
                         _patience=_patience)["info"]

    def is_id(self, text):
        self.assertRegex(text, TASK_ID)
        return text

    def error_in(self, text, code):
        """`text` is an error text with that code."""
        self.assertRegex(text, rf"\A\[{re.escape(code)}\] \S")


def free_port(host="127.0.0.1"):
    """A port that nobody listens on at this moment."""
    with socket.socket() as sock:
        sock.bind((host, 0))
        return sock.getsockname()[1]
