"""What elves_shim.so does to a program: the file through which it is told (shim/control.hpp has the same fields), and
the real programs with it under them."""

import errno
import mmap
import os
import struct

from house import BIN, RealAgent, Server

SHIM = BIN / "elves_shim.so"
FIELDS = {"clock_ms": (0, "q"), "fail_writes": (8, "i"), "fail_syncs": (12, "i"), "calls": (16, "q"),
          "at": (24, "q"), "fate": (32, "i"), "seed": (36, "I"), "failed": (40, "q")}
SIZE = 48
FATES = {"before": 0, "after": 1, "torn": 2, "power": 3, "chance": 4, "error": 5}


class Control:
    """The shim's fields as attributes: `control.clock_ms = 5000` moves the program's clock at once."""

    def __init__(self, path):
        with open(path, "w+b") as file:
            file.write(bytes(SIZE))
            file.flush()
            self.__dict__["memory"] = mmap.mmap(file.fileno(), SIZE)
        self.__dict__["path"] = path

    def __getattr__(self, name):
        at, kind = FIELDS[name]
        return struct.unpack_from(kind, self.memory, at)[0]

    def __setattr__(self, name, value):
        at, kind = FIELDS[name]
        struct.pack_into(kind, self.memory, at, value)

    def doom(self, at, fate, seed=0):
        """The at-th call from the start of the program."""
        self.fate, self.seed, self.at = FATES[fate], seed, at

    def live(self):
        self.at = 0

    def break_disk(self, writes=0, syncs=0):
        self.fail_writes, self.fail_syncs = writes, syncs

    def swallow_syncs(self):
        """Every fsync says yes and does nothing: a program without them."""
        self.break_disk(syncs=-1)

    def mend_disk(self):
        self.break_disk()


class Shimmed:
    """A Program that runs with the shim under it. `store` is the file that it writes."""

    def shim(self, store):
        self.control = Control(self.folder / f"{self.name}.shim")
        self.environment = {**os.environ, "LD_PRELOAD": str(SHIM), "ELVES_SHIM_STORE": os.path.realpath(store),
                            "ELVES_SHIM_CONTROL": str(self.control.path)}

    def spawn(self, *argv, **more):
        self.control.calls = 0
        super().spawn(*argv, env=self.environment, **more)


class ShimmedServer(Shimmed, Server):
    def __init__(self, folder, **sections):
        super().__init__(folder, **sections)
        self.shim(self.sections["store"]["path"])


class ShimmedAgent(Shimmed, RealAgent):
    def __init__(self, folder, server, ip, **agent):
        super().__init__(folder, server, ip, **agent)
        self.shim(self.keys["journal"])


NO_SPACE, IO_ERROR = errno.ENOSPC, errno.EIO
