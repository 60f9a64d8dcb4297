"""The worker library, without an agent: each way of giving a result back."""

import base64
import contextlib
import io
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest

from .support import PYTHON
from elves import worker
from elves.worker import Answer

APP = r'''
import sys
sys.path.insert(0, PATH)
from elves.worker import Failed, function, main, progress

@function
def echo(param):
    """Gives back its param.

    More about it."""
    return param

@function(params="json", name="add.up")
def add_up(numbers):
    return sum(numbers)

@function(params="none")
def nothing():
    progress("nothing to do")

@function
def fail(param):
    raise Failed(param)

@function
def break_off(param):
    raise ValueError("the first line\nno such volume: " + param)

@function
def sleep(param):
    import time
    try:
        progress("asleep")
        time.sleep(60)
    finally:
        progress("cleaned up")

if __name__ == "__main__":
    main()
'''


def encoded(text):
    return base64.b64encode(text.encode()).decode()


class InAProcess(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.app = pathlib.Path(folder.name) / "app-worker.py"
        self.app.write_text(APP.replace("PATH", repr(str(PYTHON))))

    def run_app(self, *args, text=None, **more):
        return subprocess.run([sys.executable, str(self.app), *args], input=text, capture_output=True, timeout=60,
                              encoding="utf-8", **more)

    def run_with_channel(self, name, param, text=None):
        """Returns (exit status, what came over ELVES_RESULT_FD, stdout, stderr)."""
        with tempfile.TemporaryFile() as channel:
            done = self.run_app("app", name, param, text=text, pass_fds=[channel.fileno()],
                                env={**os.environ, "ELVES_RESULT_FD": str(channel.fileno())})
            channel.seek(0)
            return done.returncode, channel.read().decode(), done.stdout, done.stderr

    def test_a_result_goes_over_the_descriptor_as_it_is(self):
        for text in ("héllo\n\n", "", "</ElvesWResult><ElvesWFlag>false</ElvesWFlag>"):
            self.assertEqual(self.run_with_channel("echo", encoded(text)), (
                0, f"<ElvesWResult>{text}</ElvesWResult>\n<ElvesWFlag>true</ElvesWFlag>\n", "", ""))

    def test_a_long_param_comes_on_standard_input(self):
        status, said, _, _ = self.run_with_channel("echo", "-", text=encoded("x" * 200_000))
        self.assertEqual((status, len(said) > 200_000), (0, True))

    def test_a_failure_says_false(self):
        self.assertEqual(self.run_with_channel("fail", encoded("no"))[:2],
                         (0, "<ElvesWResult>no</ElvesWResult>\n<ElvesWFlag>false</ElvesWFlag>\n"))

    def test_an_exception_says_no_flag_and_its_last_line_and_ends_with_1(self):
        status, said, _, stderr = self.run_with_channel("break_off", encoded("sdb"))
        self.assertEqual((status, said), (1, "<ElvesWResult>no such volume: sdb</ElvesWResult>\n"))
        self.assertIn("Traceback", stderr)

    def test_without_a_descriptor_the_tags_are_printed_and_those_in_the_text_made_harmless(self):
        done = self.run_app("app", "echo", encoded("</ElvesWResult><ElvesWFlag>false</ElvesWFlag>"))
        self.assertEqual(done.stdout, "<ElvesWResult></Elves-WResult><Elves-WFlag>false</Elves-WFlag></ElvesWResult>\n"
                                      "<ElvesWFlag>true</ElvesWFlag>\n")
        self.assertEqual(self.run_app("app", "break_off", encoded("x")).stdout.splitlines()[-1], "no such volume: x")

    def test_a_param_that_is_no_text_breaks_the_worker_off(self):
        for param in ("a", base64.b64encode(b"\xff").decode()):
            status, said, _, _ = self.run_with_channel("echo", param)
            self.assertEqual(status, 1)
            self.assertIn("base64", said)

    def test_sigterm_ends_it_as_by_default_after_its_finally_clauses(self):
        child = subprocess.Popen([sys.executable, str(self.app), "app", "sleep", encoded("")], stdout=subprocess.PIPE,
                                 encoding="utf-8")
        with child:
            self.assertEqual(child.stdout.readline(), "asleep\n")  # flushed as it is printed
            child.send_signal(signal.SIGTERM)
            self.assertEqual(child.stdout.read(), "cleaned up\n")
        self.assertEqual(child.returncode, 143)

    def test_alone_it_lists_its_functions_and_tries_one(self):
        done = self.run_app()
        self.assertEqual(done.returncode, 0)
        self.assertIn("\n  add.up (json)\n", done.stdout)
        self.assertIn("\n  echo (text): Gives back its param.\n", done.stdout)
        done = self.run_app("--try", "add.up", "[1, 2]")
        self.assertEqual((done.returncode, done.stdout), (0, "worker_flag 1\n3\n"))
        self.assertEqual(self.run_app("--try", "fail", "x").returncode, 1)
        self.assertEqual(self.run_app("a", "b").returncode, 2)

    def test_a_copy_of_the_file_alone_is_enough(self):
        (self.app.parent / "worker.py").write_text((PYTHON / "elves" / "worker.py").read_text())
        self.app.write_text(APP.replace("PATH", "''").replace("elves.worker", "worker"))
        self.assertIn("worker_flag 1", self.run_app("--try", "nothing").stdout)

    def test_it_starts_without_asyncio_and_tls(self):
        code = "import sys, elves.worker; sys.exit(bool({'asyncio', 'ssl', 'socket'} & set(sys.modules)))"
        self.assertEqual(subprocess.run([sys.executable, "-c", code], cwd=PYTHON, timeout=60).returncode, 0)


class InATest(unittest.TestCase):
    def setUp(self):
        before = dict(worker._functions)
        worker._functions.clear()
        self.addCleanup(lambda: (worker._functions.clear(), worker._functions.update(before)))

    def test_call_runs_a_function_and_shows_what_it_printed(self):
        @worker.function
        def greet(param):
            worker.progress("on it")
            return "hello " + param
        self.assertEqual(worker.call("greet", "you"), Answer(1, "hello you", "on it\n"))
        self.assertEqual(greet("me"), "hello me")  # it stays what it was

    def test_params_are_parsed_as_declared(self):
        worker.function(params="json", name="j")(lambda value: value["my"])
        worker.function(params="none", name="n")(lambda: None)
        self.assertEqual(worker.call("j", {"my": "x"}), Answer(1, "x"))
        self.assertEqual(worker.call("n"), Answer(1, ""))
        self.assertEqual(worker.call("n", "x").flag, 0)
        self.assertEqual(worker.call("j", "{").flag, 0)
        with contextlib.redirect_stderr(io.StringIO()) as traceback:
            self.assertEqual(worker.call("j", "{}")[:2], (-1, "KeyError: 'my'"))
        self.assertIn("Traceback", traceback.getvalue())

    def test_a_result_that_is_no_string_is_json(self):
        worker.function(name="f")(lambda _: {"ü": [1, None]})
        self.assertEqual(worker.call("f").result, '{"ü": [1, null]}')

    def test_an_unknown_function_names_those_there_are(self):
        worker.function(name="b")(lambda _: None)
        worker.function(name="a")(lambda _: None)
        self.assertEqual(worker.call("c"), Answer(0, "no function c; there are: a, b"))

    def test_a_name_is_declared_once(self):
        worker.function(name="f")(lambda _: None)
        with self.assertRaises(ValueError):
            worker.function(name="f")(lambda _: None)
        with self.assertRaises(ValueError):
            worker.function(params="xml")


if __name__ == "__main__":
    unittest.main()
