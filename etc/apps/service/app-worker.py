"""Units of systemd: status, start, stop, restart, reload. All but `status` needs to be named in [agent] allow."""

import sys

sys.dont_write_bytecode = True  # the app's folder stays as it was installed

import re  # noqa: E402

from appkit import Param, on_one_line, run_program, shown  # noqa: E402
from worker import Failed, function, main, progress  # noqa: E402

NAME = re.compile(r"[A-Za-z0-9_@:.\\][A-Za-z0-9_@:.\\-]{0,254}")
SUFFIXES = (".service", ".socket", ".timer")
OTHER_KINDS = (".target", ".mount", ".automount", ".swap", ".path", ".slice", ".scope", ".device")
PROPERTIES = {"Id": "name", "Description": "description", "LoadState": "load", "ActiveState": "active",
              "SubState": "sub", "UnitFileState": "enabled", "Result": "result", "MainPID": "main_pid",
              "NRestarts": "restarts", "MemoryCurrent": "memory", "StateChangeTimestamp": "since"}
NUMBERS = {"main_pid", "restarts", "memory"}
STARTED = {"active", "activating", "reloading"}
CHANGE_TIMEOUT = 3600  # seconds; the task's own timeout comes first


def is_unit_name(text):
    """A service, socket or timer. A target (reboot.target) would reach the whole machine."""
    return bool(NAME.fullmatch(text)) and not text.endswith(OTHER_KINDS)


def unit_name(fields):
    name = fields.text("name", "a service, or the full name of a .service, .socket or .timer: 1 to 255 of "
                               "A-Z a-z 0-9 _ @ : . \\ -, not beginning with -", is_unit_name)
    return name if name.endswith(SUFFIXES) else name + ".service"


def systemctl(*words, timeout=60):
    return run_program(["systemctl", "--no-pager", "--no-ask-password", *words], timeout)


def value_of(name, text):
    if name not in NUMBERS:
        return text
    # "[not set]" and 2^64-1 are what systemd says where it does not count.
    return int(text) if text.isdigit() and len(text) < 19 else None


def state_of(unit):
    """Throws Failed where there is no such unit."""
    done = systemctl("show", "--property=" + ",".join(PROPERTIES), "--", unit)
    if done.status != 0:
        raise Failed(on_one_line(done.err) or f"systemctl ended with {done.status}")
    told = dict(line.split("=", 1) for line in done.out.splitlines() if "=" in line)
    state = {name: value_of(name, told[key]) for key, name in PROPERTIES.items() if key in told}
    if state.get("load") == "not-found":
        raise Failed(f"`name` is {shown(unit)}: this machine has no such unit")
    return state


def change(param, verb):
    """Throws Failed with what systemctl says, or where the unit is not in the state that the verb stands for."""
    fields = Param(param, main="name")
    unit = unit_name(fields)
    fields.done()
    state_of(unit)
    progress(f"systemctl {verb} {unit}")
    done = systemctl(verb, "--", unit, timeout=CHANGE_TIMEOUT)
    for text in (done.out, done.err):
        if text.strip():
            progress(text.rstrip())
    if done.status != 0:
        raise Failed(on_one_line(done.err) or f"systemctl {verb} {unit} ended with {done.status}")
    state = state_of(unit)
    is_started = state.get("active") in STARTED
    # A service that does its work and ends (Type=oneshot) is inactive with the result "success".
    has_succeeded = is_started or state.get("active") == "inactive" and state.get("result") == "success"
    if verb == "stop" and is_started or not has_succeeded and verb != "stop":
        raise Failed(f"{unit} is {state.get('active')} ({state.get('sub')}, {state.get('result')}) after {verb}")
    return state


@function
def status(param):
    """The unit's state. It is no failure that it does not run."""
    fields = Param(param, main="name")
    unit = unit_name(fields)
    fields.done()
    return state_of(unit)


@function
def start(param):
    """Starts the unit; fails where it does not run then."""
    return change(param, "start")


@function
def stop(param):
    """Stops the unit; fails where it still runs then."""
    return change(param, "stop")


@function
def restart(param):
    """Stops the unit and starts it."""
    return change(param, "restart")


@function
def reload(param):
    """Has the unit read its settings again."""
    return change(param, "reload")


if __name__ == "__main__":
    main()
