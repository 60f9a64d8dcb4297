"""One pair of eyes on the tasks while all goes on: what state each was seen in, in the order in which it was."""

import random
import threading

from elves_wire import LinkClosed, Slow
from load import Caller


class Watch:
    def __init__(self, world, seed):
        self.world = world
        self.chance = random.Random(f"{seed} watch")
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.live, daemon=True)
        self.ids = []
        self.read = 0  # entries of the history

    def start(self):
        self.thread.start()

    def stop(self):
        self.over.set()
        self.thread.join(60)

    def live(self):
        while not self.over.is_set():
            try:
                with self.world.client() as client:
                    caller = Caller(client, self.world.history)
                    while not self.over.wait(0.3):
                        self.look(caller)
            except (OSError, LinkClosed, Slow, AssertionError):
                self.over.wait(0.2)

    def look(self, caller):
        """At the newest, and at some old ones."""
        entries = self.world.history.entries
        until = len(entries)
        self.ids += [entry["id"] for entry in entries[self.read:until] if entry["what"] == "send"]
        self.read = until
        chosen = self.ids[-60:] + self.chance.sample(self.ids, min(20, len(self.ids)))
        if chosen:
            caller.look(list(dict.fromkeys(chosen)))
