"""What a byte from somebody without a key costs the server, counted by callgrind: frames of the same length that differ only
in how they are made, and the shortest frames that there are beside a ping."""

import pathlib
import re
import socket
import struct
import subprocess
import tempfile
import time

from attackers import colliding_names
from contestants import Elvesd

SIZE = 16 * 1024  # the longest frame of a stranger
HEAD = b'{"mqt":"call","mqs":"elves","mqf":"ping","mqid":1,"x":'


def filled(item, before=b"[", after=b"]", join=b","):
    """A ping of SIZE bytes at most, with as many of `item` as fit."""
    count = (SIZE - len(HEAD) - len(before) - len(after) - 1) // (len(item) + len(join))
    return HEAD + before + join.join([item] * count) + after + b"}"


def members(names):
    text = b"{" + b",".join(b'"%s":1' % name for name in names) + b"}"
    return HEAD + text + b"}"


LONG = {
    "one string": HEAD + b'"' + b"x" * (SIZE - len(HEAD) - 3) + b'"}',
    "strings of one letter": filled(b'"x"'),
    "escapes": filled(rb"\u00e9", b'"', b'"', b""),
    "empty lists": filled(b"[]"),
    "empty objects": filled(b"{}"),
    "lists in lists": filled(b"[" * 20 + b"]" * 20),
    "whole numbers": filled(b"1"),
    "fractions": filled(b"1.7e-300"),
    "null": filled(b"null"),
    "1,024 members": members(b"name%d" % n for n in range(1024)),
    "1,024 names that collide": members(colliding_names(1024)),
}
PING = b'{"mqt":"call","mqs":"elves","mqf":"ping","mqid":1}'
SHORT = {
    "a ping": PING,
    "an empty object": b"{}",
    "no service": b'{"mqt":"call","mqid":1}',
    "another service": b'{"mqt":"call","mqs":"x","mqf":"y","mqid":1}',
    "a method that needs a key": b'{"mqt":"call","mqs":"cron","mqf":"getcronlistbyip","mqid":1}',
    "an answer that nobody waits for": b'{"mqt":"back","mqid":1}',
    "a cast of nothing": b'{"mqt":"cast"}',
}
TIMES_LONG, TIMES_SHORT = 100, 1000


class Counting(Elvesd):
    """One server under callgrind, which tells what it has done since it was last asked."""

    def command(self):
        command = super().command()
        with open(self.folder / "elves.conf", "a") as file:
            file.write("[auth]\nmode = keys\n")
        return ["valgrind", "--tool=callgrind", f"--callgrind-out-file={self.folder}/callgrind.out", *command]

    def instructions(self):
        before = set(self.folder.glob("callgrind.out.*"))
        subprocess.run(["callgrind_control", "-d", str(self.pid)], check=True, capture_output=True, timeout=60)
        while not (new := set(self.folder.glob("callgrind.out.*")) - before):
            time.sleep(0.05)
        total = re.search(r"^(?:summary|totals): (\d+)", new.pop().read_text(), re.MULTILINE)
        return int(total.group(1))


def send(port, text, times):
    """So many of that frame, some at a time, and a ping at the end of each, whose answer says that they were handled."""
    frame, ping = (struct.pack("!I", len(one)) + one for one in (text, PING.replace(b":1}", b':"end"}')))
    with socket.create_connection(("127.0.0.1", port)) as sock, sock.makefile("rb") as replies:
        for _ in range(times // 10):
            sock.sendall(frame * 10 + ping)
            while b'"mqid":"end"' not in replies.read(struct.unpack("!I", replies.read(4))[0]):
                pass


def costs():
    """Instructions a byte of each long frame, and for each short one."""
    with tempfile.TemporaryDirectory(prefix="elves-hostile-frames-") as folder:
        server = Counting("elvesd")
        server.start(pathlib.Path(folder))
        try:
            send(server.port, PING, 200)
            server.instructions()
            found = {}
            for frames, times in ((LONG, TIMES_LONG), (SHORT, TIMES_SHORT)):
                for name, text in frames.items():
                    send(server.port, text, times)
                    found[name] = server.instructions() / times / (len(text) if frames is LONG else 1)
        finally:
            server.stop()
    return {name: found[name] for name in LONG}, {name: found[name] for name in SHORT}
