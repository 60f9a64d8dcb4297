#!/usr/bin/env python3
"""Runs the end-to-end tests: the files in a few processes, the tests of one file one after the other.

    test/e2e/run.py [--only PATTERN] [--jobs N] [FILE...]

PATTERN is a part of a test's name, or a glob if it has a `*`. $ELVES_BIN: the folder of the binaries.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
FILE_LIMIT = 1800  # seconds for one file; each test has its own deadline besides


class Counting(unittest.TextTestResult):
    """Counts tests, not subtests."""

    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        self.passed = 0

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1

    def failed_names(self):
        names = []
        for test, _ in self.failures + self.errors:
            name = getattr(test, "test_case", test).id()  # a subtest stands for its test
            if name not in names:
                names.append(name)
        return names + [test.id() for test in self.unexpectedSuccesses]


def run_file(path, only, counts_path):
    """In a process of its own: one file's tests."""
    sys.path.insert(0, str(HERE))
    loader = unittest.TestLoader()
    if only:
        loader.testNamePatterns = [only if "*" in only else f"*{only}*"]
    suite = loader.loadTestsFromName(pathlib.Path(path).stem)
    result = unittest.TextTestRunner(verbosity=2, resultclass=Counting).run(suite)
    counts = {"passed": result.passed, "failed": result.failed_names(), "skipped": len(result.skipped)}
    pathlib.Path(counts_path).write_text(json.dumps(counts))


def run_apart(path, only, folder):
    """Starts such a process; returns (its output, its counts)."""
    counts_path = pathlib.Path(folder) / f"{path.stem}.json"
    argv = [sys.executable, str(HERE / "run.py"), "--one", str(path), "--counts", str(counts_path)]
    if only:
        argv += ["--only", only]
    child = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                             start_new_session=True)
    try:
        output = child.communicate(timeout=FILE_LIMIT)[0].decode(errors="replace")
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        output = child.communicate()[0].decode(errors="replace") + f"\n{path.name}: over {FILE_LIMIT} s, killed\n"
    finally:
        try:
            os.killpg(child.pid, signal.SIGKILL)  # servers that a broken test left behind
        except ProcessLookupError:
            pass
    if counts_path.exists():
        return output, json.loads(counts_path.read_text())
    return output, {"passed": 0, "failed": [f"{path.stem} (ended with {child.returncode} before its last test)"],
                    "skipped": 0}


def told(counts):
    """What happened in a file, as (word, number)."""
    numbers = {"passed": counts["passed"], "failed": len(counts["failed"]), "skipped": counts["skipped"]}
    return [(what, number) for what, number in numbers.items() if number]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", help="test files; all of them where none is named")
    parser.add_argument("--only", metavar="PATTERN", help="only tests whose name has this in it")
    parser.add_argument("--jobs", type=int, default=2, help="files at a time (2)")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--counts", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        run_file(options.one, options.only, options.counts)
        return 0

    paths = [HERE / pathlib.Path(name).name for name in options.files] or sorted(HERE.glob("test_*.py"))
    missing = [path.name for path in paths if not path.exists()]
    if missing:
        parser.error(f"no such file: {', '.join(missing)}")
    began = time.monotonic()
    passed, skipped, failed, outputs = 0, 0, [], []
    with tempfile.TemporaryDirectory() as folder, \
            concurrent.futures.ThreadPoolExecutor(max(1, options.jobs)) as pool:
        waiting = {pool.submit(run_apart, path, options.only, folder): path for path in paths}
        for done in concurrent.futures.as_completed(waiting):
            output, counts = done.result()
            passed, skipped, failed = passed + counts["passed"], skipped + counts["skipped"], failed + counts["failed"]
            name = waiting[done].name
            if counts["failed"]:
                outputs.append(f"==== {name}\n{output}")
            if counts["failed"] or counts["passed"] or counts["skipped"]:
                print(f"{name}: {', '.join(f'{number} {what}' for what, number in told(counts))}", flush=True)
    for output in outputs:  # Last, where whoever reads the end of a log finds them.
        print(output)
    for name in failed:
        print(f"FAILED {name}")
    print(f"{time.monotonic() - began:.0f} s")
    print(f"{passed} passed, {len(failed)} failed, {skipped} skipped")
    return 1 if failed or not (passed or skipped) else 0


if __name__ == "__main__":
    sys.exit(main())
