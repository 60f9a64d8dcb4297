"""What the shipped apps share: checks of params, and programs that are run without a shell.

Each app's folder has a copy of this file, or a link to it, beside one of the worker library (worker.py)."""

import json
import os
import re
import subprocess
import threading
from collections import namedtuple

from worker import Failed

REQUIRED = object()
MAX_SHOWN = 60  # characters of a wrong value in an error
MAX_LIST = 100  # entries of a list in a param


def shown(value):
    """A value for an error text: JSON on one line, shortened."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"


class Param:
    """A function's param: a JSON object, or only the text of the field `main`. Each field is read once, with what is
    expected of it; `done` refuses those that nobody has read. Errors are `Failed` and name the field."""

    def __init__(self, text, main=None):
        self._unread = self._parse(text, main)

    @classmethod
    def of(cls, value):
        """Of a param that is parsed already."""
        if not isinstance(value, dict):
            raise Failed(f"the param is {shown(value)}: expected a JSON object with the function's fields")
        param = cls("")
        param._unread = dict(value)
        return param

    @staticmethod
    def _parse(text, main):
        if not text.strip():
            return {}
        if not text.lstrip().startswith("{"):
            if main is None:
                raise Failed("the param is no JSON object: expected {\"FIELD\": VALUE, …}")
            return {main: text}
        try:
            fields = json.loads(text)
        except (ValueError, RecursionError) as why:
            raise Failed(f"the param is no JSON: {why}") from None
        return fields

    def has(self, name):
        return name in self._unread

    def _take(self, name, default, expected):
        if name in self._unread:
            return self._unread.pop(name)
        if default is REQUIRED:
            raise Failed(f"`{name}` is missing: expected {expected}")
        return default

    @staticmethod
    def _refuse(name, value, expected):
        raise Failed(f"`{name}` is {shown(value)}: expected {expected}")

    def text(self, name, expected, fits, default=REQUIRED):
        """`fits`: a pattern for all of it, or a function."""
        value = self._take(name, default, expected)
        if value is default:
            return value
        fits = fits if callable(fits) else re.compile(fits).fullmatch
        if not is_text(value) or not fits(value):
            self._refuse(name, value, expected)
        return value

    def texts(self, name, expected, fits, default=REQUIRED):
        """One text, or a list of 1 to 100 of them; returns a list."""
        value = self._take(name, default, expected)
        if value is default:
            return value
        fits = fits if callable(fits) else re.compile(fits).fullmatch
        several = value if isinstance(value, list) else [value]
        if not 0 < len(several) <= MAX_LIST:
            raise Failed(f"`{name}` has {len(several)} entries: expected 1 to {MAX_LIST}")
        for each in several:
            if not is_text(each) or not fits(each):
                self._refuse(name, each, expected)
        return several

    def number(self, name, least, most, default=REQUIRED):
        expected = f"a whole number from {least} to {most}"
        value = self._take(name, default, expected)
        if value is default:
            return value
        if isinstance(value, str) and re.fullmatch(r"\d{1,15}", value):  # as `main`, and as replies have them
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self._refuse(name, value, expected)
        return value

    def flag(self, name, default=False):
        value = self._take(name, default, "true or false")
        if not isinstance(value, bool):
            self._refuse(name, value, "true or false")
        return value

    def choice(self, name, values, default=REQUIRED):
        expected = "one of " + ", ".join(values)
        value = self._take(name, default, expected)
        if value not in values:
            self._refuse(name, value, expected)
        return value

    def path(self, name="path", default=REQUIRED):
        """An absolute path without `.` and `..`."""
        return self.text(name, "an absolute path without . and .. in it, of up to 4096 bytes", is_path, default)

    def done(self):
        if self._unread:
            raise Failed(f"`{sorted(self._unread)[0]}` is no field of this function: leave it out")


def is_text(value):
    """A string that UTF-8 can carry: JSON also has half characters."""
    try:
        return isinstance(value, str) and value.encode() is not None
    except UnicodeEncodeError:
        return False


def is_path(text):
    return (text.startswith("/") and "\0" not in text and len(text.encode()) <= 4096
            and not {".", ".."} & set(text.split("/")))


Finished = namedtuple("Finished", "status out err")


class _Reader(threading.Thread):
    """Reads a pipe to its end, and keeps its last bytes."""

    def __init__(self, pipe, most):
        super().__init__(daemon=True)
        self.pipe, self.most, self.kept = pipe, most, b""
        self.start()

    def run(self):
        while True:
            piece = self.pipe.read1(65536)
            if not piece:
                return
            self.kept = (self.kept + piece)[-self.most:]

    def text(self):
        self.join()
        return self.kept.decode("utf-8", "replace")


def run_program(argv, timeout=60, most=16 * 1024 * 1024):
    """Runs a program to its end, without a shell, and returns its status and the last `most` bytes of its two streams."""
    try:
        child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 env={**os.environ, "LC_ALL": "C.UTF-8"})
    except OSError as why:
        raise Failed(f"{argv[0]} could not be started: {why.strerror}") from None
    with child:
        readers = _Reader(child.stdout, most), _Reader(child.stderr, most)
        try:
            status = child.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Failed(f"{argv[0]} has not ended within {timeout} s") from None
        finally:
            if child.poll() is None:
                child.kill()
        return Finished(status, *(reader.text() for reader in readers))


def follow_program(argv, environment=None):
    """Runs a program to its end; what it prints is the task's output while it runs. The task's timeout bounds it."""
    try:
        child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, env={**os.environ, **(environment or {})})
    except OSError as why:
        raise Failed(f"{argv[0]} could not be started: {why.strerror}") from None
    with child:
        try:
            return child.wait()
        finally:
            if child.poll() is None:
                child.kill()


def on_one_line(text, most=1000):
    """What a program said, for an error text."""
    return "; ".join(line.strip() for line in text.splitlines() if line.strip())[:most]
