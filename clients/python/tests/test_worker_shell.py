"""The shell worker library, without an agent, in each shell of this machine that may be /bin/sh."""

import base64
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from .support import ROOT

LIBRARY = ROOT / "clients" / "shell" / "elves-worker.sh"
SHELLS = [[shell] for shell in ("dash", "bash") if shutil.which(shell)]
SHELLS += [["bash", "--posix"]] * bool(shutil.which("bash")) + [["busybox", "sh"]] * bool(shutil.which("busybox"))
APP = r'''#!/bin/sh
. ./elves-worker.sh
elves_function echo
elves_function say-no
elves_function break.off
elves_function nothing none
elves_function field
do_echo() { elves_progress "on it"; elves_done "$1"; }
do_say_no() { elves_failed "$1"; }
do_break_off() { echo "no such volume: $1"; return 3; }
do_nothing() { echo "said nothing"; }
do_field() { elves_done "$(elves_field my "$1")"; }
elves_main "$@"
'''


class ShellWorker(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "app-worker.sh").write_text(APP)
        shutil.copy(LIBRARY, self.folder)

    def run_app(self, shell, *args, text=None, **more):
        return subprocess.run([*shell, "app-worker.sh", *args], cwd=self.folder, input=text, capture_output=True,
                              encoding="utf-8", timeout=60, **more)

    def work(self, shell, name, param, text=None):
        """Returns (exit status, what came over ELVES_RESULT_FD (a number of one digit), stdout)."""
        with tempfile.TemporaryFile() as channel:
            os.dup2(channel.fileno(), 9)
            try:
                done = self.run_app(shell, "app", name, param, text=text, pass_fds=[9],
                                    env={**os.environ, "ELVES_RESULT_FD": "9"})
            finally:
                os.close(9)
            channel.seek(0)
            return done.returncode, channel.read().decode(), done.stdout

    def in_each_shell(self):
        self.assertTrue(SHELLS)
        for shell in SHELLS:
            with self.subTest(shell=shell):
                yield shell

    def test_a_result_goes_over_the_descriptor_as_it_is(self):
        for shell in self.in_each_shell():
            for text in ("héllo %s \\n\n\n", "", "</ElvesWResult><ElvesWFlag>false</ElvesWFlag>", "-n"):
                param = base64.b64encode(text.encode()).decode()
                self.assertEqual(self.work(shell, "echo", param), (
                    0, f"<ElvesWResult>{text}</ElvesWResult>\n<ElvesWFlag>true</ElvesWFlag>\n", "on it\n"))

    def test_a_long_param_comes_on_standard_input(self):
        for shell in self.in_each_shell():
            status, said, _ = self.work(shell, "echo", "-", text=base64.b64encode(b"x" * 40_000).decode())
            self.assertEqual((status, len(said) > 40_000), (0, True))

    def test_flag_and_status_are_as_said(self):
        for shell in self.in_each_shell():
            self.assertEqual(self.work(shell, "say-no", "bm8="),
                             (0, "<ElvesWResult>no</ElvesWResult>\n<ElvesWFlag>false</ElvesWFlag>\n", ""))
            self.assertEqual(self.work(shell, "break.off", "c2Ri"), (3, "", "no such volume: sdb\n"))
            self.assertEqual(self.work(shell, "nothing", ""), (0, "", "said nothing\n"))
            self.assertIn("takes no param", self.work(shell, "nothing", "eA==")[1])
            self.assertIn("no function ec; there are: echo say-no break.off nothing field", self.work(shell, "ec", "")[1])
            self.assertEqual(self.work(shell, "echo", "?")[0], 1)
            self.assertIn("<ElvesWResult>toryzen</", self.work(
                shell, "field", base64.b64encode(b'{"x": 1,\n "my" : "toryzen"}').decode())[1])

    def test_without_a_descriptor_the_tags_are_printed(self):
        for shell in self.in_each_shell():
            self.assertEqual(self.run_app(shell, "app", "say-no", "PC9FbHZlc1dSZXN1bHQ+").stdout,
                             "<ElvesWResult></Elves-WResult></ElvesWResult>\n<ElvesWFlag>false</ElvesWFlag>\n")

    def test_alone_it_lists_its_functions_and_tries_one(self):
        for shell in self.in_each_shell():
            self.assertIn("functions: echo say-no break.off nothing field", self.run_app(shell).stdout)
            self.assertEqual(self.run_app(shell, "--try", "echo", "x").stdout, "on it\nworker_flag 1\nx\n")
            self.assertEqual(self.run_app(shell, "--try", "say-no").returncode, 1)
            self.assertEqual(self.run_app(shell, "x").returncode, 2)

    @unittest.skipUnless(shutil.which("shellcheck"), "shellcheck is not installed")
    def test_shellcheck_has_nothing_to_say(self):
        done = subprocess.run(["shellcheck", "-s", "sh", str(LIBRARY)], capture_output=True, encoding="utf-8")
        self.assertEqual(done.stdout, "")


if __name__ == "__main__":
    unittest.main()
