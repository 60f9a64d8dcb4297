"""Counts of what was done, for the summary."""

import collections
import threading


class Tally:
    def __init__(self):
        self._counts = collections.Counter()
        self._lock = threading.Lock()

    def add(self, what, count=1):
        with self._lock:
            self._counts[what] += count

    def text(self, *names):
        """`3 kills, 0 stops`; without names: all of them."""
        with self._lock:
            return ", ".join(f"{self._counts[name]} {name}" for name in names or sorted(self._counts))
