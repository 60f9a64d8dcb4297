"""Loads an app of etc/apps as its worker is started: by its own copies of the worker library and of appkit."""

import contextlib
import importlib.util
import io
import json
import os
import pathlib
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
APPS = ROOT / "etc" / "apps"


def load(app):
    """The app's module; `module.library` is its worker library."""
    folder = str(APPS / app)
    for name in ("worker", "appkit"):
        sys.modules.pop(name, None)
    sys.path.insert(0, folder)
    had_bytecode = sys.dont_write_bytecode
    try:
        spec = importlib.util.spec_from_file_location(f"{app}_app", f"{folder}/app-worker.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        module.library = sys.modules["worker"]
        return module
    finally:
        sys.path.remove(folder)
        sys.dont_write_bytecode = had_bytecode


class AppTest(unittest.TestCase):
    app = ""

    @classmethod
    def setUpClass(cls):
        cls.module = load(cls.app)

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name).resolve()

    def call(self, name, param=""):
        return self.module.library.call(name, param)

    def done(self, name, param=""):
        """The result of a call that has to be done, parsed where it is JSON."""
        answer = self.call(name, param)
        self.assertEqual(answer.flag, 1, answer)
        return json.loads(answer.result) if answer.result.startswith("{") else answer.result

    def failed(self, name, param=""):
        """The text of a call that has to be refused: by the app, not by an exception that nobody thought of."""
        with contextlib.redirect_stderr(io.StringIO()):
            answer = self.call(name, param)
        self.assertEqual(answer.flag, 0, answer)
        return answer.result

    def program(self, name, text):
        """Puts a script on PATH, before what is there."""
        (self.folder / "bin").mkdir(exist_ok=True)
        path = self.folder / "bin" / name
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(0o755)
        if not os.environ["PATH"].startswith(f"{path.parent}:"):
            before = os.environ["PATH"]
            self.addCleanup(os.environ.__setitem__, "PATH", before)
            os.environ["PATH"] = f"{path.parent}:{before}"

    def called(self, name):
        """How such a script was called, one call a line, if it writes `$*` to calls."""
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []
