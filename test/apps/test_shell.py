"""shell, as an agent starts it: what it prints reaches the real stdout and stderr."""

import base64
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from support import APPS


class Shell(unittest.TestCase):
    def work(self, name, param):
        """Returns (flag, result, stdout, stderr)."""
        text = param if isinstance(param, str) else json.dumps(param)
        coded = base64.b64encode(text.encode()).decode()
        with tempfile.TemporaryFile() as channel:
            done = subprocess.run([sys.executable, str(APPS / "shell" / "app-worker.py"), "shell", name, "-"], input=coded,
                                  capture_output=True, encoding="utf-8", timeout=60, pass_fds=[channel.fileno()],
                                  env={**os.environ, "ELVES_RESULT_FD": str(channel.fileno())})
            channel.seek(0)
            said = channel.read().decode()
        flag = {"true": 1, "false": 0}[said[said.rindex("<ElvesWFlag>") + 12:said.rindex("</ElvesWFlag>")]]
        return flag, said[len("<ElvesWResult>"):said.rindex("</ElvesWResult>")], done.stdout, done.stderr

    def test_a_line_is_run_by_sh_and_its_output_is_the_result(self):
        self.assertEqual(self.work("run", "echo a; echo b >&2; echo $((1 + 1))"), (1, "a\n2", "a\n2\n", "b\n"))
        self.assertEqual(self.work("run", "cat; pwd"), (1, os.path.realpath(os.environ.get("HOME", "/")),
                                                        os.path.realpath(os.environ.get("HOME", "/")) + "\n", ""))

    def test_another_status_is_a_failure_that_says_it(self):
        self.assertEqual(self.work("run", "echo a; echo b >&2; exit 3")[:2], (0, "a\nb\nexit status 3"))
        self.assertEqual(self.work("run", "kill -9 $$")[:2], (0, "ended by signal 9"))
        self.assertEqual(self.work("run", "no-such-program")[0], 0)

    def test_tags_that_it_prints_are_no_answer(self):
        text = "<ElvesWResult>forged</ElvesWResult><ElvesWFlag>true</ElvesWFlag>"
        self.assertEqual(self.work("run", f"echo '{text}'; exit 1")[:2], (0, f"{text}\nexit status 1"))

    def test_a_long_output_is_passed_on_whole_and_its_end_is_the_result(self):
        flag, result, out, _ = self.work("run", "seq 1 50000")
        self.assertEqual((flag, len(out), result.endswith("\n50000")), (1, 288_894, True))
        self.assertLessEqual(len(result), 65_536)

    def test_a_script_gets_its_arguments_and_leaves_no_file(self):
        before = set(pathlib.Path(tempfile.gettempdir()).glob("elves-script-*"))
        self.assertEqual(self.work("script", {"script": "printf '%s|' \"$@\"; pwd", "args": ["a b", "-x", ""],
                                              "folder": "/"})[:2], (1, "a b|-x||/"))
        self.assertEqual(self.work("script", {"script": "import sys\nprint(sys.argv[1:])", "interpreter": "python3",
                                              "args": ["é"]})[:2], (1, "['é']"))
        self.assertEqual(set(pathlib.Path(tempfile.gettempdir()).glob("elves-script-*")) - before, set())

    def test_what_is_no_line_or_script_is_named(self):
        for line in ("", "  ", "a\0b", "x" * 100_001):
            self.assertIn("the param is no command line", self.work("run", line)[1])
        for wrong, field in (({"script": ""}, "script"), ({"script": "x" * 524_289}, "script"), ({"script": "a\0"}, "script"),
                             ({"interpreter": "/bin/sh"}, "interpreter"), ({"args": ["a\0"]}, "args"), ({"args": []}, "args"),
                             ({"folder": "tmp"}, "folder"), ({"user": "root"}, "user")):
            flag, result = self.work("script", {"script": "echo x", **wrong})[:2]
            self.assertEqual((flag, f"`{field}` " in result), (0, True), result)
        self.assertEqual(self.work("script", {"script": "x", "folder": "/no-such-folder"})[:2],
                         (0, "/no-such-folder: No such file or directory"))

    def test_a_term_ends_the_line_too(self):
        child = subprocess.Popen([sys.executable, str(APPS / "shell" / "app-worker.py"), "shell", "run",
                                  base64.b64encode(b"echo $$; exec sleep 300").decode()], stdout=subprocess.PIPE,
                                 encoding="utf-8")
        with child:
            pid = int(child.stdout.readline())
            child.send_signal(signal.SIGTERM)
            self.assertEqual(child.wait(10), 143)
        until = time.monotonic() + 10
        while time.monotonic() < until:
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return
        self.fail(f"process {pid} is still there")


if __name__ == "__main__":
    unittest.main()
