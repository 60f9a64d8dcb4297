"""Who runs: the server, the floors under it, and its peers. Each is started on loopback for one turn, in an empty folder."""

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

BIN = pathlib.Path(os.environ["ELVES_BIN"])
BENCH = BIN / "elves-bench"


def elves_bench(*args):
    """Runs elves-bench to its end; gives the object that it printed."""
    done = subprocess.run([BENCH, *map(str, args)], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"elves-bench {' '.join(map(str, args))}: it says above why it ended")
    return json.loads(done.stdout)


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def descendant(pid, name):
    """The process of that name among the children of `pid`, and theirs."""
    for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        if pathlib.Path(f"/proc/{child}/comm").read_text().strip() == name:
            return int(child)
        if found := descendant(child, name):
            return found
    return None


class Contestant:
    """One that is started for a turn, loaded, and stopped. `asks` maps what a scenario asks to its own words for it."""

    dialect = ""
    settings = ""
    environment = None  # ours
    patience = 30  # seconds to start, and to stop

    def __init__(self, name):
        self.name = name
        self.process = None

    def question(self, scenario_question):
        return scenario_question

    def start(self, folder):
        self.folder = folder
        self.port = free_port()
        self.log = open(folder / "log", "w")
        self.process = subprocess.Popen([str(word) for word in self.command()], stdout=self.log, stderr=self.log, cwd=folder,
                                        env=self.environment)
        self.pid = self.process.pid  # of the one that does the work
        begun = time.monotonic()
        self._eventually(self.is_up)
        self.start_seconds = time.monotonic() - begun
        self.to = f"127.0.0.1:{self.port}"
        self.workers_at = self.to
        self.after_start()

    def command(self):
        raise NotImplementedError

    def is_up(self):
        return accepts(self.port)

    def after_start(self):
        pass

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(self.patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def load(self, scenario, *more):
        """The arguments with which elves-bench loads it as `scenario` says."""
        args = ["load", "--dialect", self.dialect, "--ask", self.question(scenario["ask"]), "--to", self.to,
                "--workers-at", self.workers_at, "--connections", scenario["connections"],
                "--in-flight", scenario["in_flight"], "--watch", self.pid]
        if self.works(scenario):
            args += ["--workers", scenario["agents"]]
        if "rate" in scenario:
            args += ["--rate", scenario["rate"]]
        return [str(arg) for arg in args + list(more)]

    def works(self, scenario):
        """Does it need somebody to do the work?"""
        return scenario.get("agents", 0) > 0

    def rss(self):
        """Bytes of memory that the process has for itself."""
        text = pathlib.Path(f"/proc/{self.pid}/smaps_rollup").read_text()
        return sum(int(kib) for kib in re.findall(r"^Private_(?:Clean|Dirty): +(\d+)", text, re.M)) * 1024

    def _eventually(self, holds):
        end = time.monotonic() + self.patience
        while not holds():
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{self.name} does not start:\n{(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.001)


class Elvesd(Contestant):
    dialect = "elves"
    settings = "defaults, [auth] mode open, log level warning"

    def command(self):
        (self.folder / "elves.conf").write_text(
            f"[server]\nlisten = 127.0.0.1:{self.port}\n[store]\npath = elves.db\n[log]\nlevel = warning\n"
            "[auth]\nmode = open\n")
        return [BIN / "elvesd", "--config", "elves.conf"]

    def is_up(self):
        """It answers: its port is open before it has read its file."""
        text = b'{"mqt":"call","mqs":"elves","mqf":"ping"}'
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as sock:
                sock.settimeout(self.patience)
                sock.sendall(len(text).to_bytes(4, "big") + text)
                return len(sock.recv(4)) == 4
        except OSError:
            return False


class Echo(Contestant):
    """A plain Asio echo of the same frames."""
    dialect = "frames"
    settings = "one io_context, async_read_some, async_write, 4 KiB a connection"

    def command(self):
        return [BENCH, "echo"]

    def is_up(self):
        return self._said()

    def after_start(self):
        said = self._said()
        self.to = said[1]
        self.workers_at = said[2] or said[1]

    def works(self, scenario):
        return False

    def _said(self):
        return re.search(r"listening on (\S+)(?: workers on (\S+))?\n", (self.folder / "log").read_text())


class Relay(Echo):
    """A plain Asio relay: the same hops, nothing kept."""
    settings = "one io_context, frames cut and passed on, one write a connection and turn"

    def command(self):
        return [BENCH, "relay"]

    def works(self, scenario):
        return True


class Floor:
    """Measured alone: what the disk, or SQLite on it, can do."""

    def __init__(self, name, settings, *args):
        self.name, self.settings, self.args = name, settings, args

    def start(self, folder):
        self.folder = folder

    def stop(self):
        pass

    def measure(self, seconds):
        return elves_bench(*self.args, "--folder", self.folder, "--seconds", seconds)


class Peer(Contestant):
    """A server of others', from its Debian package."""
    package = ""

    def __init__(self, name):
        super().__init__(name)
        self.asked = name.partition(":")[2]

    def question(self, scenario_question):
        return self.asked

    def install(self):
        state = subprocess.run(["dpkg-query", "-W", "-f", "${Status}", self.package], capture_output=True, text=True)
        if "ok installed" in state.stdout:
            return
        print(f"installing {self.package}")
        root = [] if os.getuid() == 0 else ["sudo"]
        # RUNLEVEL=1: the package's own service is not started.
        subprocess.run([*root, "env", "RUNLEVEL=1", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-qq",
                        "--no-install-recommends", self.package], check=True, stdout=subprocess.DEVNULL)

    def works(self, scenario):
        return False

    @property
    def version(self):
        done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", self.package], capture_output=True, text=True)
        return done.stdout


class Redis(Peer):
    package = "redis-server"
    dialect = "redis"

    def __init__(self, name):
        super().__init__(name)
        keeps = "lpush" in self.asked
        self.words = ["--save", "", "--appendonly", "yes", "--appendfsync", "always"] if keeps else ["--save", "", "--appendonly", "no"]
        self.settings = "save \"\", " + ("appendonly yes, appendfsync always" if keeps else "appendonly no")

    def question(self, scenario_question):
        get, _, push = self.asked.partition("+")
        return push if push and scenario_question.startswith("send") else get

    def command(self):
        return ["redis-server", "--bind", "127.0.0.1", "--port", self.port, "--maxclients", 20000, "--dir", self.folder, *self.words]


class Beanstalkd(Peer):
    package = "beanstalkd"
    dialect = "beanstalk"

    @property
    def settings(self):
        return "-b, -f 0 (fsync each write); nobody takes the jobs" if self.asked == "put" else "in memory"

    def command(self):
        return ["beanstalkd", "-l", "127.0.0.1", "-p", self.port, *(["-b", self.folder, "-f", "0"] if self.asked == "put" else [])]


class Gearmand(Peer):
    package = "gearman-job-server"
    dialect = "gearman"

    @property
    def settings(self):
        return "--queue-type=libsqlite3, its own defaults; nobody takes the jobs" if self.asked == "background" else "in memory"

    def command(self):
        queue = ["--queue-type=libsqlite3", f"--libsqlite3-db={self.folder}/queue.db"] if self.asked == "background" else []
        return ["gearmand", "--listen=127.0.0.1", f"--port={self.port}", "--log-file=stderr", "--file-descriptors=15000", *queue]

    def works(self, scenario):
        return self.asked == "foreground"


class Nats(Peer):
    package = "nats-server"
    dialect = "nats"
    settings = "core NATS: keeps nothing"

    def command(self):
        return ["nats-server", "--addr", "127.0.0.1", "--port", self.port]

    def works(self, scenario):
        return True


class RabbitMq(Peer):
    package = "rabbitmq-server"
    dialect = "amqp"
    patience = 120

    @property
    def settings(self):
        if self.asked == "direct-reply-to":
            return "transient queue, direct reply-to"
        return f"durable {self.asked} queue, persistent messages, publisher confirms; nobody takes the messages"

    def start(self, folder):
        # Erlang's port mapper would stay behind as a daemon: here it is our own, on a port of its own.
        epmd_port = str(free_port())
        self.epmd = subprocess.Popen(["epmd", "-address", "127.0.0.1", "-port", epmd_port])
        self.environment = {
            **os.environ, "HOME": str(folder), "ERL_EPMD_PORT": epmd_port, "RABBITMQ_NODENAME": "bench@localhost",
            "RABBITMQ_MNESIA_BASE": str(folder), "RABBITMQ_LOG_BASE": str(folder), "RABBITMQ_LOGS": "-",
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"), "RABBITMQ_CONFIG_FILE": str(folder / "none"),
            "RABBITMQ_DIST_PORT": str(free_port()), "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1"}
        try:
            super().start(folder)
        except BaseException:
            self.epmd.kill()
            raise

    def command(self):
        self.environment["RABBITMQ_NODE_PORT"] = str(self.port)
        return ["/usr/lib/rabbitmq/bin/rabbitmq-server"]

    def after_start(self):
        # The script waits for the one that does the work.
        self.pid = descendant(self.process.pid, "beam.smp")

    def stop(self):
        os.kill(self.pid, signal.SIGTERM)
        super().stop()
        self.epmd.terminate()
        self.epmd.wait()

    def works(self, scenario):
        return self.asked == "direct-reply-to"


PEERS = {"redis": Redis, "beanstalkd": Beanstalkd, "gearmand": Gearmand, "nats": Nats, "rabbitmq": RabbitMq}


def floor(name):
    """`echo`, `relay`, `disk`, `sqlite:ROWS`, `sqlite-life:ROWS`."""
    kind, _, rows = name.partition(":")
    if kind == "echo":
        return Echo(name)
    if kind == "relay":
        return Relay(name)
    if kind == "disk":
        return Floor(name, "4 KiB appended and fdatasync", "disk")
    if kind == "sqlite":
        return Floor(name, f"SQLite alone, WAL, FULL: {rows} small rows a commit", "sqlite", "--rows", rows)
    if kind == "sqlite-life":
        return Floor(name, f"SQLite alone, WAL, FULL: {rows} tasks a commit as tasklog writes them: one insert, two updates",
                     "sqlite", "--whole-life", "--rows", rows)
    raise ValueError(f"no floor {name}")


def contestants(scenario, peers):
    """The server first; then the floors; then those of the scenario's peers that were asked for."""
    found = [Elvesd("elvesd"), *map(floor, scenario["floors"])]
    for name in scenario.get("peers", []):
        kind = name.partition(":")[0]
        if kind in peers or ("all" in peers and kind in PEERS):
            peer = PEERS[kind](name)
            peer.install()
            found.append(peer)
    return found


def fresh(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
