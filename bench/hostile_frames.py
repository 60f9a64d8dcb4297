"""What frames from somebody without a key cost the server, counted by callgrind: made in the most expensive ways that there are,
beside a ping of the same length."""

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
VALUES = 250  # of the 256 that such a frame may have
HEAD = b'{"mqt":"call","mqs":"elves","mqf":"ping","mqid":1,"x":'


def ping_of(size):
    return HEAD + b'"' + b"x" * (size - len(HEAD) - 3) + b'"}'


def filled(item, values=1, before=b"[", after=b"]", join=b","):
    """A ping with as many of `item`, which is so many values, as a stranger may send."""
    fit = (SIZE - len(HEAD) - len(before) - len(after) - 1) // (len(item) + len(join))
    return HEAD + before + join.join([item] * min(fit, VALUES // values if values else fit)) + after + b"}"


def members(names):
    return HEAD + b"{" + b",".join(b'"%s":1' % name for name in names) + b"}}"


FRAMES = {
    "strings of one letter": filled(b'"x"'),
    "escapes": filled(rb"\u00e9", 0, b'"', b'"', b""),
    "empty lists": filled(b"[]"),
    "empty objects": filled(b"{}"),
    "lists in lists": filled(b"[" * 20 + b"]" * 20, 20),
    "whole numbers": filled(b"1"),
    "fractions": filled(b"1.7e-300"),
    "long numbers": filled(b"9" * 60),
    "null": filled(b"null"),
    "250 members": members(b"name%d" % n for n in range(VALUES)),
    "250 names that collide": members(colliding_names(VALUES)),
}
PING = b'{"mqt":"call","mqs":"elves","mqf":"ping","mqid":1}'
SHORT = {
    "an empty object": b"{}",
    "no service": b'{"mqt":"call","mqid":1}',
    "another service": b'{"mqt":"call","mqs":"x","mqf":"y","mqid":1}',
    "a method that needs a key": b'{"mqt":"call","mqs":"cron","mqf":"getcronlistbyip","mqid":1}',
    "an answer that nobody waits for": b'{"mqt":"back","mqid":1}',
    "a cast of nothing": b'{"mqt":"cast"}',
}
TIMES = 500


class Counting(Elvesd):
    """One server under callgrind, which tells what it has done since it was last asked."""

    def command(self):
        command = super().command()
        settings = self.folder / "elves.conf"
        settings.write_text(settings.read_text().replace("mode = open", "mode = keys"))
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
    """By frame: instructions for it, and for a ping of its length, at least that of the shortest ping."""
    with tempfile.TemporaryDirectory(prefix="elves-hostile-frames-") as folder:
        server = Counting("elvesd")
        server.start(pathlib.Path(folder))

        def cost(text):
            send(server.port, text, TIMES)
            return server.instructions() / TIMES

        try:
            send(server.port, PING, 200)
            server.instructions()
            ping = cost(PING)
            return {name: (cost(text), cost(ping_of(len(text))) if name in FRAMES else ping)
                    for name, text in (FRAMES | SHORT).items()}
        finally:
            server.stop()
