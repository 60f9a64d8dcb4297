"""The sources: what is made of others is current, the syntax is that of Python 3.9, and the types hold."""

import ast
import re
import shutil
import subprocess
import sys
import unittest

from .support import PYTHON, ROOT
import elves
from elves import async_methods, blocking_methods


class Source(unittest.TestCase):
    def test_the_blocking_methods_are_made_from_the_asyncio_ones(self):
        done = subprocess.run([sys.executable, str(PYTHON / "make_blocking.py"), "--check"], capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual({name for name in vars(async_methods.AsyncMethods) if name[0] != "_"},
                         {name for name in vars(blocking_methods.Methods) if name[0] != "_"})

    def test_it_is_python_3_9(self):
        for path in PYTHON.glob("elves/*.py"):
            ast.parse(path.read_text(encoding="utf-8"), str(path), feature_version=(3, 9))

    def test_only_the_standard_library_is_imported(self):
        for path in PYTHON.glob("elves/*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else \
                    [node.module or ""] if isinstance(node, ast.ImportFrom) and node.level == 0 else []
                for name in names:
                    self.assertIn(name.split(".")[0], sys.stdlib_module_names if sys.version_info >= (3, 10) else name)

    def test_its_version_is_the_servers(self):
        for path, pattern in ((PYTHON / "pyproject.toml", r'(?m)^version = "(.*)"'),
                              (ROOT / "CMakeLists.txt", r"(?s)project\(\w+\s+VERSION ([\d.]+)")):
            self.assertEqual(re.search(pattern, path.read_text(encoding="utf-8")).group(1), elves.__version__, path)

    def test_every_public_name_is_there(self):
        for name in elves.__all__:
            self.assertIsNotNone(getattr(elves, name), name)
        with self.assertRaises(AttributeError):
            elves.nothing

    @unittest.skipUnless(shutil.which("mypy"), "mypy is not installed")
    def test_mypy_finds_nothing(self):
        done = subprocess.run(["mypy", "--strict", "--python-version", "3.9", "--cache-dir",
                               "/dev/null", "elves", "make_blocking.py"], cwd=PYTHON, capture_output=True, encoding="utf-8")
        self.assertEqual(done.returncode, 0, done.stdout)


if __name__ == "__main__":
    unittest.main()
