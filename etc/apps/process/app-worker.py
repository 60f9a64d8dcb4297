"""Processes: list, signal. `signal` needs to be named in [agent] allow."""

import sys

sys.dont_write_bytecode = True  # the app's folder stays as it was installed

import os  # noqa: E402
import pwd  # noqa: E402
import signal as signals  # noqa: E402
import time  # noqa: E402

from appkit import Param, shown  # noqa: E402
from worker import Failed, function, main  # noqa: E402

SIGNALS = ("TERM", "HUP", "INT", "QUIT", "KILL", "USR1", "USR2", "STOP", "CONT")
MAX_COMMAND = 256  # characters of a command line that are shown
MOST_ROWS = 1000
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def read(path):
    with open(path, "rb") as file:
        return file.read().decode("utf-8", "replace")


def user_name(uid):
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def describe(pid):
    """A process as a row; None where it has ended."""
    try:
        stat, command = read(f"/proc/{pid}/stat"), read(f"/proc/{pid}/cmdline")
        uid = os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return None
    # The name is in brackets, and may have brackets and blanks in it.
    name, rest = stat[stat.index("(") + 1:stat.rindex(")")], stat[stat.rindex(")") + 2:].split()
    return {"pid": pid, "parent": int(rest[1]), "user": user_name(uid), "name": name, "state": rest[0],
            "memory": int(rest[21]) * PAGE, "cpu_seconds": round((int(rest[11]) + int(rest[12])) / TICKS, 2),
            "started": int(rest[19]), "command": command.replace("\0", " ").strip()[:MAX_COMMAND]}


def all_processes():
    return [row for row in (describe(int(pid)) for pid in os.listdir("/proc") if pid.isdigit()) if row]


def is_name(text):
    return 0 < len(text) <= 64 and text.isprintable()


@function(name="list")
def list_processes(param):
    """Processes, those with the most memory first; of one `name` and `user`, where given."""
    fields = Param(param, main="name")
    name = fields.text("name", "a process's name of 1 to 64 characters", is_name, default=None)
    user = fields.text("user", "a user's name of 1 to 64 characters", is_name, default=None)
    limit = fields.number("limit", 1, MOST_ROWS, default=100)
    fields.done()
    rows = [row for row in all_processes() if name in (None, row["name"]) and user in (None, row["user"])]
    rows.sort(key=lambda row: (-row["memory"], row["pid"]))
    return {"processes": rows[:limit], "count": len(rows), "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}


def own_line():
    """This worker, the agent and what started that."""
    pids, row = set(), describe(os.getpid())
    while row and row["pid"] not in pids:
        pids.add(row["pid"])
        row = describe(row["parent"])
    return pids


def open_process(pid):
    """A descriptor of the process: it stays that process's, whatever becomes of the number."""
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        raise Failed(f"`pid` is {pid}: there is no such process") from None
    except OSError as why:
        raise Failed(f"`pid` is {pid}: {why.strerror}") from None


@function(name="signal", params="json")
def send_signal(value):
    """Sends the process `pid` a signal, if it has that `name` (and `started`, where given)."""
    fields = Param.of(value)
    pid = fields.number("pid", 2, 4194304)
    name = fields.text("name", "the process's name, as `list` shows it", is_name)
    started = fields.number("started", 0, 2 ** 63 - 1, default=None)
    signal = fields.choice("signal", SIGNALS, default="TERM")
    fields.done()
    process = open_process(pid)
    try:
        row = describe(pid)
        if row is None or row["name"] != name:
            raise Failed(f"`name` is {shown(name)}: process {pid} is {shown(row['name']) if row else 'gone'}")
        if started not in (None, row["started"]):
            raise Failed(f"`started` is {started}: process {pid} of that name was started at {row['started']}")
        if pid in own_line():
            raise Failed(f"`pid` is {pid}: that is this worker, or started it; use the agent's service")
        signals.pidfd_send_signal(process, getattr(signals, "SIG" + signal))
    except OSError as why:
        raise Failed(f"`pid` is {pid}: {why.strerror}") from None
    finally:
        os.close(process)
    return {"pid": pid, "name": name, "signal": signal}


if __name__ == "__main__":
    main()
