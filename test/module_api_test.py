#!/usr/bin/env python3
"""Tests of module_api.py, the last of them on the tree itself."""

import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import module_api


class ModuleApi(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="elves-api-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.headers = self.folder / "elves"
        shutil.copytree(module_api.HEADERS, self.headers)
        self.stored = 7, module_api.digest(self.headers)
        self.peer = self.headers / "peer.hpp"

    def edit(self, old, new):
        text = self.peer.read_text(encoding="utf-8")
        self.assertIn(old, text)
        self.peer.write_text(text.replace(old, new, 1), encoding="utf-8")

    def fault(self, version):
        return module_api.fault(self.stored, (version, module_api.digest(self.headers)))

    def test_what_does_not_change_is_well(self):
        self.assertEqual(self.fault(7), "")

    def test_a_comment_and_white_space_are_no_change(self):
        self.edit("namespace elves {", "// Said otherwise.\nnamespace  elves\n{ /* here */")
        self.assertEqual(self.fault(7), "")

    def test_a_declaration_needs_another_version(self):
        self.edit("virtual void close(", "virtual bool close(")
        self.assertIn("to 8", self.fault(7))
        self.assertIn("--store", self.fault(8))

    def test_a_new_header_and_one_that_is_gone_need_another_version(self):
        (self.headers / "new.hpp").write_text("#pragma once\n", encoding="utf-8")
        self.assertIn("to 8", self.fault(7))
        (self.headers / "new.hpp").unlink()
        self.peer.unlink()
        self.assertIn("to 8", self.fault(7))

    def test_a_version_without_a_change_is_told(self):
        self.assertIn("has not", self.fault(8))

    def test_the_tree_is_as_its_version_says(self):
        done = subprocess.run([sys.executable, module_api.__file__], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main()
