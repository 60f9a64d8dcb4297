"""How long a server's event loop is held at a time, by the processor time of its thread (turns/loop_turns.cpp)."""

import os
import struct

from contestants import BIN

NUMBERS = struct.Struct("<6Q")  # count, longest in ns, over 1 ms, over 5 ms, longest not running in ns, that in all


class LoopTurns:
    """For a server that is started with `environment`."""

    def __init__(self, path):
        self.path = path
        path.write_bytes(bytes(NUMBERS.size))
        self.environment = {**os.environ, "LD_PRELOAD": str(BIN / "elves-loop-turns.so"), "ELVES_LOOP_TURNS": str(path)}

    def restart(self):
        with open(self.path, "r+b") as file:
            file.write(bytes(NUMBERS.size))

    def read(self):
        count, longest, over_1ms, over_5ms, longest_off, off = NUMBERS.unpack(self.path.read_bytes())
        return {"turns": count, "longest_ms": longest / 1e6, "over_1ms": over_1ms, "over_5ms": over_5ms,
                "longest_off_ms": longest_off / 1e6, "off_s": off / 1e9}
