"""Those who mean harm to a server, each in a process of its own: what it opens and sends until it is killed."""

import contextlib
import json
import os
import random
import selectors
import socket
import struct
import time

HEAD = struct.Struct("!I")


def frame(fields):
    body = json.dumps(fields).encode()
    return HEAD.pack(len(body)) + body


PING = frame({"mqt": "call", "mqs": "elves", "mqf": "ping"})
LARGE_ANSWER = frame({"mqt": "call", "mqs": "elves", "mqf": "methods"})
DEEP = b'{"a":' * 2000 + b"1" + b"}" * 2000
RUBBISH = [b"\0\0\0\0", b"\xff\xff\xff\xff" + b"x" * 64, HEAD.pack(len(DEEP)) + DEEP, HEAD.pack(64) + os.urandom(64),
           os.urandom(512), b"GET / HTTP/1.1\r\n\r\n", HEAD.pack(3) + b"[1]"]


def connect(port, source=0):
    """`source`: one of several loopback addresses, as one has too few ports for many connections."""
    sock = socket.socket()
    sock.bind((f"127.0.1.{source % 8 + 1}", 0))
    sock.settimeout(5)
    sock.connect(("127.0.0.1", port))
    return sock


def hold(port, count):
    return [connect(port, number) for number in range(count)]


def slow_senders(port):
    """1,000 that send a frame a byte a second."""
    socks = hold(port, 1000)
    yield
    for turn in range(1 << 30):
        began = time.monotonic()
        for sock in socks:
            sock.send(PING[turn % len(PING):][:1])
        time.sleep(max(0, 1 - (time.monotonic() - began)))
        yield


def slow_readers(port):
    """200 that ask for large answers and never read one."""
    socks = hold(port, 200)
    for sock in socks:
        sock.setblocking(False)
    yield
    while True:
        for sock in socks:
            with contextlib.suppress(BlockingIOError, ConnectionError):
                sock.send(LARGE_ANSWER * 20)
        time.sleep(0.1)
        yield


def half_open(port):
    """2,000 that connect and say nothing."""
    held = hold(port, 2000)
    while held:
        yield
        time.sleep(0.1)


def half_handshakes(port):
    """500 that begin a TLS handshake and stop in the middle."""
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + os.urandom(40)
    held = hold(port, 500)
    for sock in held:
        sock.send(hello)
    while True:
        yield
        time.sleep(0.1)


def flood(port):
    """One that connects and leaves, as fast as it can."""
    while True:
        with contextlib.suppress(OSError):
            connect(port, random.randrange(8)).close()
        yield


def rubbish(port):
    """One that sends what is no frame, or no call, on a new connection each time."""
    while True:
        with contextlib.suppress(OSError), connect(port, random.randrange(8)) as sock:
            sock.send(random.choice(RUBBISH))
            sock.settimeout(0.05)
            sock.recv(4096)
        yield


def wrong_keys(port):
    """50 connections that try one key after the other, as fast as they are told no."""
    ready = selectors.DefaultSelector()
    for sock in hold(port, 50):
        ready.register(sock, selectors.EVENT_READ)
        sock.send(attempt())
    while True:
        for key, _ in ready.select(0.1):
            with contextlib.suppress(ConnectionError):
                key.fileobj.recv(65536)
                key.fileobj.send(attempt())
        yield


def attempt():
    return frame({"mqt": "call", "mqs": "supervisor", "mqf": "login", "key": "root", "token": os.urandom(16).hex()})


def idle(port):
    """10,000 that made one call each, and are idle since."""
    held = hold(port, 10_000)
    for sock in held:
        sock.send(PING)
        sock.recv(4096)
    while True:
        yield
        time.sleep(0.1)


# Name, how many of it at once, whether it has to stand back for others (as its harm is not in its rate).
ATTACKERS = [(slow_senders, 1, True), (slow_readers, 1, True), (half_open, 1, True), (half_handshakes, 1, True), (flood, 4, False),
             (rubbish, 4, False), (wrong_keys, 1, False), (idle, 1, True)]
