"""./dev demo works from a tree however it was unpacked, and says why where it does not."""

import os
import shutil
import unittest

from house import BIN, ROOT, HouseTest, run


class Demo(HouseTest):
    deadline = 120

    def tree(self):
        """As `git archive` and tar as root leave it."""
        root = self.folder("tree")
        shutil.copytree(ROOT / "etc", root / "etc")
        for path in (root, *root.rglob("*")):
            path.chmod(0o775 if path.is_dir() or os.access(path, os.X_OK) else 0o664)
        return root

    def demo(self, root, binaries):
        temporary = self.folder("tmp")
        return run("bash", "-c", f"umask 002; exec bash etc/demo.sh {binaries}", cwd=root, patience=100,
                   env={**os.environ, "TMPDIR": str(temporary)})

    def test_e21_group_writable_folders_and_a_lax_umask_do_no_harm(self):
        root = self.tree()
        done = self.demo(root, BIN)
        self.assertEqual(done.code, 0, done)
        self.assertIn("helloword", done.out)
        self.assertEqual((root / "etc" / "apps").stat().st_mode & 0o777, 0o775, "the tree itself is left alone")

    def test_e21_a_step_that_fails_shows_the_reason(self):
        fake = self.folder("bin")
        for name in ("elvesd", "elvesctl"):
            (fake / name).symlink_to(BIN / name)
        agent = fake / "elves-agent"
        agent.write_text("#!/bin/sh\necho 'elves-agent: the moon is in the wrong house' >&2\nexit 1\n")
        agent.chmod(0o755)
        done = self.demo(self.tree(), fake)
        self.assertEqual(done.code, 1, done)
        self.assertIn("the agent's registration did not happen", done.err)
        self.assertIn("the moon is in the wrong house", done.err)
