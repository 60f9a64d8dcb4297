"""What the tests share: the tree's folders on the path, a server that does what a test says, a proxy that cuts."""

import pathlib
import random
import socket
import struct
import sys
import threading

PYTHON = pathlib.Path(__file__).resolve().parents[1]
ROOT = PYTHON.parents[1]
for folder in (PYTHON, ROOT / "test" / "e2e"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from elves_wire import Link, LinkClosed, Slow  # noqa: E402


def back(call, **fields):
    """A good reply to a call."""
    return {"mqt": "back", "mqs": call["mqs"], "mqf": call["mqf"], "mqid": call["mqid"], "flag": "true",
            "error_info": "", **fields}


def refusal(call, error_info):
    return back(call, flag="false", error_info=error_info)


def stop_listening(listener):
    """Also wakes a thread that waits in `accept`, which keeps the port open."""
    try:
        listener.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    listener.close()


class FakeServer:
    """Listens on loopback and hands each connection to `serve(link, number)`, which runs in a thread of its own."""

    def __init__(self, serve, port=0):
        self._serve = serve
        self._listener = socket.create_server(("127.0.0.1", port))
        self.text = "127.0.0.1:{}".format(self._listener.getsockname()[1])
        self.faults = []
        self._links = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            link = Link(sock)
            self._links.append(link)
            threading.Thread(target=self._run, args=(link, len(self._links)), daemon=True).start()

    def _run(self, link, number):
        try:
            self._serve(link, number)
        except (LinkClosed, Slow, OSError):
            pass
        except BaseException as why:
            self.faults.append(why)
        link.close()

    def close(self):
        stop_listening(self._listener)
        for link in self._links:
            link.close()


def answering(answer):
    """A `serve` that answers each call with what `answer(call)` returns; None: not at all."""
    def serve(link, _):
        while True:
            reply = answer(link.receive(60))
            if reply is not None:
                link.send(reply)
    return serve


class CuttingProxy:
    """Passes bytes on, and resets each connection after a random number of bytes in either direction."""

    def __init__(self, target, least, most, seed):
        self._target, self._least, self._most = target, least, most
        self._random = random.Random(seed)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.text = "127.0.0.1:{}".format(self._listener.getsockname()[1])
        self.cuts = 0
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(self._target)
            # Which direction the cut finds, and whether it is in the midst of a frame, is chance.
            left = [self._random.randint(self._least, self._most)]
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(one, other, left), daemon=True).start()

    def _pump(self, one, other, left):
        try:
            while True:
                data = one.recv(1 << 14)
                if not data:
                    break
                left[0] -= len(data)
                if left[0] <= 0:
                    self.cuts += 1
                    other.sendall(data[:left[0]] if left[0] else data)
                    break
                other.sendall(data)
        except OSError:
            pass
        for sock in (one, other):
            try:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()

    def close(self):
        stop_listening(self._listener)
