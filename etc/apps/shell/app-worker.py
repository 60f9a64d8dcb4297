"""Command lines and scripts. They do whatever the app's user may, so each has to be named in [agent] allow."""

import sys

sys.dont_write_bytecode = True  # the app's folder stays as it was installed

import os  # noqa: E402
import subprocess  # noqa: E402
import tempfile  # noqa: E402
import threading  # noqa: E402

from appkit import MAX_LIST, Param  # noqa: E402
from worker import Failed, function, main  # noqa: E402

INTERPRETERS = ("sh", "bash", "python3", "perl")
MAX_TEXT = 512 * 1024  # bytes of a script
MAX_LINE = 100_000  # bytes of a command line: the kernel takes 128 KiB as one argument
MAX_RESULT = 64 * 1024  # bytes of standard output that are the result


class Follower(threading.Thread):
    """Passes on what a stream brings, as it comes, and keeps its last bytes."""

    def __init__(self, pipe, to):
        super().__init__(daemon=True)
        self.pipe, self.to, self.kept = pipe, to.buffer, b""
        self.start()

    def run(self):
        while True:
            piece = self.pipe.read1(65536)
            if not piece:
                return
            self.to.write(piece)
            self.to.flush()
            self.kept = (self.kept + piece)[-MAX_RESULT:]

    def text(self):
        self.join()
        return self.kept.decode("utf-8", "replace").rstrip("\n")


def home():
    folder = os.environ.get("HOME", "/")
    return folder if os.path.isdir(folder) else "/"


def follow(argv, folder):
    """Runs it; its standard output is the result, and what it prints the task's output. Failed with another status than 0."""
    try:
        child = subprocess.Popen(argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except OSError as why:
        raise Failed(f"{why.filename or argv[0]}: {why.strerror}") from None
    with child:
        try:
            out, err = Follower(child.stdout, sys.stdout), Follower(child.stderr, sys.stderr)
            said, complained = out.text(), err.text()
            status = child.wait()
        finally:
            if child.poll() is None:
                child.kill()
    if status == 0:
        return said
    ended = f"ended by signal {-status}" if status < 0 else f"exit status {status}"
    raise Failed("\n".join(filter(None, (said, complained, ended))))


def is_short(most):
    return lambda text: 0 < len(text.encode()) <= most and "\0" not in text


@function
def run(line):
    """Runs a command line by sh, in the home of the app's user."""
    if not is_short(MAX_LINE)(line) or not line.strip():
        raise Failed(f"the param is no command line: expected 1 to {MAX_LINE} bytes without NUL, such as uptime")
    return follow(["sh", "-c", line], home())


@function(params="json")
def script(value):
    """Runs a script by an interpreter, with arguments."""
    fields = Param.of(value)
    text = fields.text("script", f"a script of 1 to {MAX_TEXT} bytes without NUL", is_short(MAX_TEXT))
    interpreter = fields.choice("interpreter", INTERPRETERS, default="sh")
    arguments = fields.texts("args", f"up to {MAX_LIST} texts of up to 4096 bytes without NUL",
                             lambda each: len(each.encode()) <= 4096 and "\0" not in each, default=[])
    folder = fields.path("folder", default=home())
    fields.done()
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", newline="", prefix="elves-script-") as file:
        file.write(text)
        file.flush()
        return follow([interpreter, file.name, *arguments], folder)


if __name__ == "__main__":
    main()
