"""Those who mean harm to a server, each in a process of its own: what it opens and sends until it is killed."""

import contextlib
import ctypes
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
    """200 that ask for large answers and never read one; from 127.0.0.1, for a stranger gets no large answer."""
    socks = [socket.create_connection(("127.0.0.1", port), 5) for _ in range(200)]
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


def colliding_names(count):
    """Names whose FNV-1a hash, as Boost.JSON's objects use it, ends in the same 16 bits for a table at an address that ends
    in 0x0020, as all large ones of mimalloc do."""
    alphabet = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

    def step(state, char):
        return ((state ^ char) * 0x01B3) & 0xFFFF

    endings = {}  # by the state before them, those that lead to state 0
    back = pow(0x01B3, -1, 1 << 16)
    for a in alphabet:
        for b in alphabet:
            for c in alphabet:
                state = 0
                for char in (c, b, a):
                    state = ((state * back) & 0xFFFF) ^ char
                endings.setdefault(state, bytes((a, b, c)))
    names, start = [], (0xCBF29CE484222325 + 0x0020) & 0xFFFF
    for a in alphabet:
        for b in alphabet:
            for c in alphabet:
                state = step(step(step(start, a), b), c)
                if state in endings:
                    names.append(bytes((a, b, c)) + endings[state])
                    if len(names) == count:
                        return names
    return names


def again(port, texts):
    """Sends each text as a frame of its own, again and again, on a new connection where the old one was closed."""
    while True:
        with contextlib.suppress(OSError), connect(port) as sock:
            sock.settimeout(60)
            while True:
                for text in texts:
                    sock.sendall(HEAD.pack(len(text)) + text)
                    head = sock.recv(4, socket.MSG_WAITALL)
                    if len(head) < 4:
                        raise ConnectionError
                    sock.recv(HEAD.unpack(head)[0], socket.MSG_WAITALL)
                yield
        yield


def colliding_keys(port):
    """One that sends objects of 65,536 names that collide in a hash table."""
    names = colliding_names(65_536)
    yield from again(port, [b"{" + b",".join(b'"%s":1' % name for name in names) + b"}"])


def deep_and_wide(port):
    """One that sends frames of 4 MiB of empty lists, and of lists in lists."""
    wide = b'{"a":[' + b",".join([b"[]"] * 1_390_000) + b"]}"
    deep = b'{"a":[' + b",".join([b"[" * 28 + b"]" * 28] * 70_000) + b"]}"
    yield from again(port, [wide, deep])


def wide_16k(port):
    """One that sends frames of 16 KiB of empty lists."""
    yield from again(port, [b'{"mqt":"call","mqs":"elves","mqf":"ping","a":[' + b",".join([b"[]"] * 5_000) + b"]}"])


class RawTls:
    """OpenSSL's client by hand: what Python's ssl does not do."""

    def __init__(self, port, source):
        self.lib = lib = ctypes.CDLL("libssl.so.3")
        crypto = ctypes.CDLL("libcrypto.so.3")
        for name in ("TLS_client_method", "SSL_CTX_new", "SSL_new"):
            getattr(lib, name).restype = ctypes.c_void_p
        crypto.BIO_s_mem.restype = crypto.BIO_new.restype = ctypes.c_void_p
        crypto.BIO_ctrl_pending.restype = ctypes.c_size_t
        self.crypto = crypto
        self.ssl = ctypes.c_void_p(lib.SSL_new(ctypes.c_void_p(lib.SSL_CTX_new(ctypes.c_void_p(lib.TLS_client_method())))))
        self.into, self.out = (ctypes.c_void_p(crypto.BIO_new(ctypes.c_void_p(crypto.BIO_s_mem()))) for _ in range(2))
        lib.SSL_set_bio(self.ssl, self.into, self.out)
        lib.SSL_set_connect_state(self.ssl)
        self.sock = connect(port, source)
        while lib.SSL_do_handshake(self.ssl) != 1:
            self.sock.sendall(self.to_wire())
            answer = self.sock.recv(65536)
            crypto.BIO_write(self.into, answer, len(answer))
        self.sock.sendall(self.to_wire())

    def to_wire(self):
        size = self.crypto.BIO_ctrl_pending(self.out)
        buffer = ctypes.create_string_buffer(max(size, 1))
        self.crypto.BIO_read(self.out, buffer, size)
        return buffer.raw[:size]

    def updates(self, count):
        for _ in range(count):
            self.lib.SSL_key_update(self.ssl, 1)
            self.lib.SSL_do_handshake(self.ssl)
        return self.to_wire()


def key_updates(port):
    """40 TLS connections that ask for new keys as fast as they can, and do not read."""
    socks = {}
    while True:
        for number in range(40):
            with contextlib.suppress(OSError):
                if number not in socks:
                    socks[number] = RawTls(port, number)
                    socks[number].sock.setblocking(False)
                    socks[number].left = b""
                one = socks[number]
                one.left = one.left or one.updates(500)
                with contextlib.suppress(BlockingIOError):
                    one.left = one.left[one.sock.send(one.left):]
                continue
            socks.pop(number, None)
        yield


def delayed_logins(port):
    """150 connections with as many wrong logins on their way as the server takes."""
    many = attempt() * 200
    socks = {}
    while True:
        for number in range(150):
            with contextlib.suppress(BlockingIOError):
                try:
                    if number not in socks:
                        socks[number] = connect(port, number)
                        socks[number].setblocking(False)
                    socks[number].send(many)
                except BlockingIOError:
                    raise
                except OSError:
                    socks.pop(number, None)
        yield
        time.sleep(0.05)


def log_flood(port):
    """One that begins a broken TLS handshake on a new connection each time, for the log's sake."""
    while True:
        with contextlib.suppress(OSError), connect(port, 0) as sock:
            sock.send(b"\x16\x03\x01\x00\x05hello")
            sock.settimeout(0.05)
            sock.recv(64)
        yield


# Name, how many of it at once, whether it has to stand back for others (as its harm is not in its rate).
ATTACKERS = [(slow_senders, 1, True), (slow_readers, 1, True), (half_open, 1, True), (half_handshakes, 1, True), (flood, 4, False),
             (rubbish, 4, False), (wrong_keys, 1, False), (idle, 1, True), (colliding_keys, 1, False), (deep_and_wide, 1, False),
             (wide_16k, 1, False), (key_updates, 1, False), (delayed_logins, 1, True), (log_flood, 1, False)]
