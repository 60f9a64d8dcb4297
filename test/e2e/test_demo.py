"""./dev demo works from a tree however it was unpacked, says why where it does not, stays up with --keep, and is what the
README's picture is recorded from."""

import os
import re
import shutil
import sys
import unittest
import xml.dom.minidom

from house import BIN, ROOT, HouseTest, eventually, run


class Demo(HouseTest):
    deadline = 120

    def tree(self):
        """As `git archive` and tar as root leave it."""
        root = self.folder("tree")
        shutil.copytree(ROOT / "etc", root / "etc")
        for path in (root, *root.rglob("*")):
            path.chmod(0o775 if path.is_dir() or os.access(path, os.X_OK) else 0o664)
        return root

    def demo(self, root, binaries, *options):
        temporary = self.folder("tmp")
        return run("bash", "-c", f"umask 002; exec bash etc/demo.sh {binaries} {' '.join(options)}", cwd=root, patience=100,
                   env={**os.environ, "TMPDIR": str(temporary)})

    def test_e21_group_writable_folders_and_a_lax_umask_do_no_harm(self):
        root = self.tree()
        done = self.demo(root, BIN)
        self.assertEqual(done.code, 0, done)
        self.assertEqual((root / "etc" / "apps").stat().st_mode & 0o777, 0o775, "the tree itself is left alone")

    def test_it_shows_a_run_in_waves_with_a_failure_a_retry_and_a_schedule(self):
        done = self.demo(self.tree(), BIN)
        self.assertEqual((done.code, done.err), (0, ""), done)
        self.assertIn("20 hosts\n", done.out)
        self.assertIn("wave 3 of 3", done.out)
        self.assertIn("11 done, 1 failed", done.out)
        self.assertIn("1x failed: no space left on /srv\n    127.0.0.9\n", done.out)
        retried = done.out[done.out.index("$ elvesctl runs retry"):]
        self.assertRegex(retried, r"shop\.deploy  done, wave 1 of 1: 1 done")
        self.assertRegex(retried, r"done +4 +shop +backup")
        self.assertIn("all have stopped", done.out)

    def test_with_keep_it_stays_up_and_what_it_says_to_try_works(self):
        done = self.demo(self.tree(), BIN, "--keep")
        self.assertEqual(done.code, 0, done)
        stop = re.search(r"Stop it with: (.*)", done.out).group(1)
        pids = [int(pid) for pid in run("bash", "-c", f"echo {stop.removeprefix('kill ')}").out.split()]
        try:
            self.assertEqual(len(pids), 21)
            environment = re.search(r"(?m)^  (export .*)$", done.out).group(1)
            for words in re.findall(r"(?m)^  (elvesctl .*)$", done.out[done.out.index("all of it stays up"):]):
                words = words.replace(" -- ", " --yes 12 -- ").replace("sleep 5", "sleep 0.1")
                tried = run("bash", "-c", f"{environment}; {words}")
                self.assertEqual(tried.code, 0, f"{words}: {tried}")
        finally:
            run("bash", "-c", stop)
        eventually(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), 20, "all programs to end")

    def test_the_recording_of_the_readme_is_made_from_its_fleet(self):
        picture = self.folder() / "run.svg"
        done = run(sys.executable, str(ROOT / "docs" / "record_terminal.py"), "--bin", str(BIN), "--out", str(picture),
                   patience=100)
        self.assertEqual(done.code, 0, done)
        shown = xml.dom.minidom.parse(str(picture)).getElementsByTagName("text")
        # What stays to the end is visible where nothing is animated.
        last = [self.text_of(line) for line in shown if line.getAttribute("visibility") == "visible"]
        self.assertIn("1x failed: no space left on /srv", last)
        self.assertRegex(last[-2], r"1x done: shop 1\.3 is up")
        passing = [self.text_of(line) for line in shown if line.getAttribute("visibility") == "hidden"]
        self.assertTrue([line for line in passing if "running, wave" in line], passing)

    @staticmethod
    def text_of(line):
        parts = [node.firstChild if node.nodeName == "tspan" else node for node in line.childNodes]
        return "".join(part.data for part in parts if part is not None and part.nodeType == part.TEXT_NODE).replace("\u00a0", " ")

    def test_e21_a_step_that_fails_shows_the_reason(self):
        fake = self.folder("bin")
        for name in ("elvesd", "elvesctl"):
            (fake / name).symlink_to(BIN / name)
        agent = fake / "elves-agent"
        agent.write_text("#!/bin/sh\necho 'elves-agent: the moon is in the wrong house' >&2\nexit 1\n")
        agent.chmod(0o755)
        done = self.demo(self.tree(), fake)
        self.assertEqual(done.code, 1, done)
        self.assertIn("the agents' registration did not happen", done.err)
        self.assertIn("the moon is in the wrong house", done.err)


if __name__ == "__main__":
    unittest.main()
