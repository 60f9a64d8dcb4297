"""The Elves wire protocol from the outside: frames, a client, an agent and an app's processor.

Written from docs/protocol.md alone; nothing here knows how the server is built. Nothing waits without a limit:
every wait takes a number of seconds and ends in `Slow`.
"""

import json
import re
import secrets
import select
import socket
import ssl
import struct
import threading
import time
from dataclasses import dataclass, field

PATIENCE = 20.0  # seconds that one reply may take, unless a call says otherwise


class Slow(AssertionError):
    """Nothing came in the time given."""


class LinkClosed(AssertionError):
    """The other side closed the connection."""


class Refused(AssertionError):
    """A call that should have gone well came back with `flag` `"false"`."""


def pack(message):
    """One frame: 4 bytes of big-endian length, then the text. Takes bytes as they are, anything else as JSON."""
    body = message if isinstance(message, bytes) else json.dumps(message, ensure_ascii=False).encode()
    return struct.pack(">I", len(body)) + body


class FrameSplitter:
    """Bytes in, whole bodies out. No I/O."""

    def __init__(self):
        self._bytes = bytearray()

    def put(self, data):
        self._bytes += data

    def next(self):
        """The next whole body, or None."""
        if len(self._bytes) < 4:
            return None
        (length,) = struct.unpack_from(">I", self._bytes)
        if len(self._bytes) < 4 + length:
            return None
        body = bytes(self._bytes[4:4 + length])
        del self._bytes[:4 + length]
        return body

    @property
    def pending(self):
        return len(self._bytes)


_CODE = re.compile(r"\[(\d{3}\.\d+)\] \S")


def code_in(text):
    """`403.1` of `[403.1] text`; "" where no code stands in front, None where it is badly formed."""
    if text == "":
        return ""
    found = _CODE.match(text) if isinstance(text, str) else None
    return found.group(1) if found else None


def code_of(reply):
    return code_in(reply.get("error_info"))


def dial(address, patience=PATIENCE):
    """A connected socket. `address` is (host, port); a host that begins with / is a Unix socket's path."""
    if not address[0].startswith("/"):
        return socket.create_connection(address, timeout=patience)
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(patience)
    try:
        sock.connect(address[0])
    except OSError:
        sock.close()
        raise
    return sock


class Link:
    """A TCP or Unix connection that carries frames. Each method is for one thread at a time; sending has a lock."""

    def __init__(self, sock):
        self.sock = sock
        if self.sock.family != socket.AF_UNIX:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._splitter = FrameSplitter()
        self._send_lock = threading.Lock()

    def send_bytes(self, data, patience=PATIENCE):
        with self._send_lock:
            try:
                self.sock.settimeout(patience)
                self.sock.sendall(data)
            except socket.timeout:
                raise Slow(f"{len(data)} bytes could not be sent in {patience} s") from None
            except OSError as why:
                raise LinkClosed(f"while sending: {why}") from None

    def send(self, message, patience=PATIENCE):
        self.send_bytes(pack(message), patience)

    def receive_body(self, patience=PATIENCE):
        """The next frame's bytes. Raises Slow or LinkClosed."""
        until = time.monotonic() + patience
        while True:
            body = self._splitter.next()
            if body is not None:
                return body
            left = until - time.monotonic()
            try:
                kept = isinstance(self.sock, ssl.SSLSocket) and self.sock.pending()
                ready = left > 0 and (kept or select.select([self.sock], [], [], left)[0])
                if not ready:
                    raise Slow(f"no frame in {patience} s ({self._splitter.pending} bytes of one)")
                data = self.sock.recv(1 << 16)
            except (OSError, ValueError) as why:  # ValueError: closed by another thread
                raise LinkClosed(f"while receiving: {why}") from None
            if not data:
                raise LinkClosed(f"the other side closed ({self._splitter.pending} bytes of a frame left over)")
            self._splitter.put(data)

    def receive(self, patience=PATIENCE):
        body = self.receive_body(patience)
        message = json.loads(body)
        if not isinstance(message, dict):
            raise AssertionError(f"a frame that is no object: {body[:200]!r}")
        return message

    def close(self):
        """Says goodbye and closes; a thread that waits in `receive` wakes up."""
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()

    def reset(self):
        """Closes as a crashed machine would: with RST, without a word."""
        self.hang_up()
        self.sock.close()

    def hang_up(self):
        """Ends the reading, and makes the next `close` a reset. A thread that waits in `receive` wakes up; close
        alone would not wake it, and the socket would stay open until it does."""
        try:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.sock.shutdown(socket.SHUT_RD)
        except OSError:
            pass


AUTO = object()


class Client:
    """A caller. `call` gives every call an `mqid` of its own, so replies may overtake each other;
    with `_mqid=None` it sends none, and the replies come in order."""

    _is_known = False  # a key was shown on this connection

    def __init__(self, host, port, patience=PATIENCE, auth=None):
        self.patience = patience
        self.auth = auth
        self.link = Link(dial((host, port), patience))
        self._last_id = 0
        self._early = {}

    @classmethod
    def connect(cls, host, port, **more):
        return cls(host, port, **more)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.link.close()

    # ---- raw ----
    def send(self, message):
        self.link.send(message)

    def send_bytes(self, data):
        self.link.send_bytes(data)

    def receive(self, patience=None):
        """The next frame, whatever it is."""
        return self.link.receive(self.patience if patience is None else patience)

    def expect_closed(self, patience=None):
        """Returns when the server has closed; a frame that comes instead is an error."""
        try:
            frame = self.receive(patience)
        except LinkClosed:
            return
        raise AssertionError(f"expected the connection to be closed, got {frame}")

    # ---- calls ----
    def begin(self, service, method, /, *, _mqid=AUTO, **fields):
        """Sends a call and returns its mqid without waiting."""
        message = {"mqt": "call", "mqs": service, "mqf": method}
        if _mqid is AUTO:
            self._last_id += 1
            _mqid = f"c{self._last_id}"
        if _mqid is not None:
            message["mqid"] = _mqid
        if self.auth is not None:
            message["auth"] = self.auth
        message.update(fields)
        self._be_known_for(message)
        self.send(message)
        return _mqid

    def _be_known_for(self, message):
        """Shows the key in a small call first: without one no frame over 16 KiB is taken."""
        if self.auth is None or self._is_known or len(json.dumps(message)) < 16_000:
            return
        self._is_known = True
        self.ok("elves", "ping")

    def finish(self, mqid, patience=None):
        """Waits for the reply to `begin`."""
        until = time.monotonic() + (self.patience if patience is None else patience)
        while mqid not in self._early:
            reply = self.receive(max(0.0, until - time.monotonic()))
            if reply.get("mqt") == "back":
                self._early[reply.get("mqid")] = reply
        return self._early.pop(mqid)

    def call(self, service, method, /, *, _mqid=AUTO, _patience=None, **fields):
        """Sends and waits. Returns the reply as it is, well or ill."""
        mqid = self.begin(service, method, _mqid=_mqid, **fields)
        return self.finish(mqid, _patience)

    def ok(self, service, method, /, **fields):
        """A call that must go well."""
        reply = self.call(service, method, **fields)
        if reply.get("flag") != "true" or reply.get("error_info") != "":
            raise Refused(f"{service}.{method} {fields}: {reply}")
        return reply

    def refused(self, code, service, method, /, **fields):
        """A call that must be refused with that code (`"403."` means: any of them). Returns the text."""
        reply = self.call(service, method, **fields)
        got = code_of(reply)
        well = got is not None and (got == code or (code.endswith(".") and got.startswith(code)))
        if reply.get("flag") != "false" or not well:
            raise AssertionError(f"expected [{code}] for {service}.{method} {fields}, got {reply}")
        return reply["error_info"]

    def cast(self, service, method, /, **fields):
        message = {"mqt": "cast", "mqs": service, "mqf": method}
        if self.auth is not None:
            message["auth"] = self.auth
        message.update(fields)
        self.send(message)

    # ---- what many tests ask ----
    def status_of(self, ip):
        return self.ok("heartbeat", "getstatbyip", agentip=ip)["status"]

    def task(self, task_id):
        """One task's record, or None where the log does not know it."""
        reply = self.ok("tasklog", "gettaskbyids", id=[task_id])
        if task_id in reply.get("missing", []):
            return None
        return next(info for info in reply["info"] if info["id"] == task_id)

    def tasks(self, **filters):
        return self.ok("tasklog", "listtasks", **filters)["info"]


@dataclass
class Result:
    """What a worker said."""
    flag: int = 1
    text: str = "fine"
    costtime: int = 5
    stderr: str | None = None
    exit_code: int | None = None
    truncated: object = None
    callback_time: str = ""

    def fields(self):
        found = {"worker_flag": self.flag, "worker_result": self.text, "worker_costtime": self.costtime}
        for name in ("stderr", "exit_code", "truncated"):
            if getattr(self, name) is not None:
                found[name] = getattr(self, name)
        return found

    def info(self):
        return {"agent_callback_time": self.callback_time or wall_time(), **self.fields()}


@dataclass
class Later:
    """A script's answer: this result, after so many seconds."""
    seconds: float
    result: Result


@dataclass
class Refuse:
    """A script's answer: does not take the task, and says so."""
    error_info: str = "[403.3] no such app here"


RUN = object()         # takes the task and runs on, until the test calls `finish`
DEAF = object()        # does not answer the instruction at all, and keeps nothing of it
TAKE_DEAF = object()   # takes it, writes it down, but does not say so


def wall_time(seconds=None):
    """A time of day as the protocol writes it; house.py runs its servers in UTC."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds))


@dataclass
class Taken:
    """One line of the agent's journal."""
    id: str
    type: str
    ins: dict
    status: str = "running"
    result: Result | None = None
    confirmed: bool = False
    starts: int = 1
    extra: dict = field(default_factory=dict)  # of a firing of its own: type, cron_id, fire_time, starttime, ins


class Agent:
    """An agent that keeps to the protocol, except where its script tells it otherwise. One reading thread.

    `on_instruct(call)` answers each instruction: a Result, Later, Refuse, RUN (also None), DEAF or TAKE_DEAF.
    `journal` is a dict of Taken by id; hand the same one to a second Agent to restart it with its memory.
    Everything that the server sent stands in `seen`, in order.
    """

    def __init__(self, address, ip, on_instruct=None, journal=None, auth=None, beat_every=0.5, repeat_every=1.0,
                 on_status=None, on_cancel=None, **register):
        self.address = address
        self.ip = ip
        self.on_instruct = on_instruct or (lambda call: Result())
        self.on_status = on_status      # call -> the reply's fields; None: what the journal says; DEAF: no answer
        self.on_cancel = on_cancel      # likewise; by default the task ends with -1
        self.journal = {} if journal is None else journal
        self.auth = auth
        self.beat_every = beat_every    # None: never beats
        self.repeat_every = repeat_every
        self.register_fields = register
        self.silent = False             # hears everything, says nothing, not even beats
        self.deaf_to_confirms = False   # behaves as if confirmations were lost
        self.report_async = True        # False: keeps results to itself until `report_now`
        self.seen = []
        self.rt_calls = {}              # id -> (link, the call) whose back is still owed
        self.registered = None          # the reply to heartbeat.register
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._calls = {}                # mqid -> [reply or None]
        self._next_mqid = 0
        self._link = None
        self._threads = []
        self._down = threading.Event()
        self._timers = []

    # ---- the link ----
    def start(self, patience=PATIENCE):
        """Dials, registers, and returns when the server has said yes. May be called again after `drop`."""
        down = threading.Event()
        link = Link(dial(self.address, patience))
        with self._lock:
            self._link, self._down = link, down
        for work in (self._read, self._beat):
            thread = threading.Thread(target=work, args=(link, down), daemon=True)
            thread.start()
            self._threads.append(thread)
        fields = {"asset": "asset-" + self.ip, "os": "linux", "version": "9.9", "starttime": wall_time(),
                  "hw_config": "8 cores", "apps": {"demo": "1.0"}, **self.register_fields}
        if self.auth is not None:
            fields["auth"] = self.auth
            self.call("supervisor", "login", _patience=patience, **self.auth)  # for its reports
        self.registered = self.call("heartbeat", "register", agentip=self.ip, _patience=patience, **fields)
        if self.registered.get("flag") != "true":
            raise Refused(f"register {self.ip}: {self.registered}")
        with self._lock:
            waiting = [taken.id for taken in self.journal.values() if taken.result and not taken.confirmed]
        if self.report_async:
            for task_id in waiting:
                self.report_now(task_id)
        return self

    def start_patiently(self, patience=PATIENCE):
        """As `start`, but keeps on dialling while nobody listens."""
        until = time.monotonic() + patience
        while True:
            try:
                return self.start(patience=max(0.1, until - time.monotonic()))
            except (OSError, LinkClosed):
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)

    @property
    def up(self):
        return self._link is not None and not self._down.is_set()

    def drop(self):
        """The link breaks; the agent lives on and remembers."""
        with self._lock:
            link, self._link = self._link, None
            self.rt_calls.clear()
        self._down.set()
        if link is not None:
            link.hang_up()
            for thread in self._threads:  # the reading one closes it
                if thread is not threading.current_thread():
                    thread.join(timeout=5)
            self._threads.clear()

    def stop(self):
        for timer in self._timers:
            timer.cancel()
        self.drop()

    def wait_closed(self, patience=PATIENCE):
        if not self._down.wait(patience):
            raise Slow(f"the link of {self.ip} is still up after {patience} s")

    def _beat(self, link, down):
        next_repeat = time.monotonic() + self.repeat_every
        while not down.wait(self.beat_every or 0.5):
            try:
                if self.beat_every and not self.silent:
                    link.send({"mqt": "cast", "mqs": "heartbeat", "mqf": "beat"})
                if time.monotonic() > next_repeat:
                    next_repeat = time.monotonic() + self.repeat_every
                    with self._lock:
                        waiting = [taken.id for taken in self.journal.values()
                                   if taken.result and not taken.confirmed and taken.type != "rt"]
                    if self.report_async and not self.silent:
                        for task_id in waiting:
                            self._send_report(task_id)
            except AssertionError:
                return

    def _read(self, link, down):
        try:
            while True:
                message = link.receive(patience=3600)
                with self._changed:
                    self.seen.append(message)
                    self._changed.notify_all()
                if message.get("mqt") == "back":
                    with self._changed:
                        waiting = self._calls.get(message.get("mqid"))
                        if waiting is not None:
                            waiting[0] = message
                            self._changed.notify_all()
                elif not self.silent:
                    self._serve(link, message)
        except AssertionError:
            pass
        finally:
            down.set()
            link.sock.close()
            with self._changed:
                self._changed.notify_all()

    # ---- calls to the server ----
    def call(self, service, method, /, *, _patience=PATIENCE, **fields):
        with self._changed:
            link = self._link
            if link is None:
                raise LinkClosed(f"{self.ip} has no link")
            self._next_mqid += 1
            mqid = f"a{self._next_mqid}"
            waiting = self._calls[mqid] = [None]
            link.send({"mqt": "call", "mqs": service, "mqf": method, "mqid": mqid, **fields})
            until = time.monotonic() + _patience
            while waiting[0] is None:
                left = until - time.monotonic()
                if self._down.is_set():
                    raise LinkClosed(f"the link of {self.ip} closed under {service}.{method}")
                if left <= 0:
                    raise Slow(f"no reply to {service}.{method} of {self.ip} in {_patience} s")
                self._changed.wait(left)
            del self._calls[mqid]
            return waiting[0]

    def cast(self, service, method, /, **fields):
        link = self._link
        if link is None:
            raise LinkClosed(f"{self.ip} has no link")
        link.send({"mqt": "cast", "mqs": service, "mqf": method, **fields})

    # ---- what the server asks ----
    def _serve(self, link, message):
        if message.get("mqs") != "agent":
            return
        handler = {"instruct": self._instruct, "cancel": self._cancel, "setcrons": self._setcrons,
                   "status": self._status, "confirm": self._confirm}.get(message.get("mqf"))
        if handler is not None:
            handler(link, message)

    @staticmethod
    def _back(link, message, flag="true", error_info="", **fields):
        if message.get("mqt") != "call":
            return
        reply = {"mqt": "back", "mqs": message["mqs"], "mqf": message["mqf"]}
        if "mqid" in message:
            reply["mqid"] = message["mqid"]
        link.send({**reply, "flag": flag, "error_info": error_info, **fields})

    def _instruct(self, link, message):
        task_id, kind = message["id"], message["type"]
        with self._changed:
            known = self.journal.get(task_id)
        if known is not None:  # sent twice: never started twice
            if kind != "rt":
                self._back(link, message)
            elif known.result is not None:
                self._back(link, message, **known.result.fields())
            else:
                self.rt_calls[task_id] = (link, message)
            return
        answer = self.on_instruct(message)
        if answer is DEAF:
            return
        if isinstance(answer, Refuse):
            self._back(link, message, flag="false", error_info=answer.error_info)
            return
        with self._changed:
            self.journal[task_id] = Taken(task_id, kind, message.get("ins", {}))
            if kind == "rt":
                self.rt_calls[task_id] = (link, message)
            self._changed.notify_all()
        if kind != "rt" and answer is not TAKE_DEAF:
            self._back(link, message)
        if isinstance(answer, Later):
            timer = threading.Timer(answer.seconds, self._finish_quietly, (task_id, answer.result))
            timer.daemon = True
            self._timers.append(timer)
            timer.start()
        elif isinstance(answer, Result):
            self._finish_quietly(task_id, answer)

    def _finish_quietly(self, task_id, result):
        try:
            self.finish(task_id, result)
        except (LinkClosed, Slow):
            pass  # it is in the journal, and goes out on the next link

    def finish(self, task_id, result=None):
        """The worker is done: keeps its result and sends it, as a `back` where one is owed."""
        result = result or Result()
        with self._changed:
            taken = self.journal[task_id]
            if taken.result is not None:
                return
            taken.result = result
            taken.status = "done" if result.flag == 1 else "failed"
            owed = self.rt_calls.pop(task_id, None)
            self._changed.notify_all()
        if not self.up:
            return  # it goes out on the next link
        if owed is not None and owed[0] is self._link:
            self._back(*owed, **result.fields())
        elif self.report_async:
            self._send_report(task_id)

    def report_message(self, task_id):
        taken = self.journal[task_id]
        return {"id": task_id, "info": taken.result.info(), **taken.extra}

    def _send_report(self, task_id):
        """Reports without waiting; the reading thread must not wait for itself."""
        link = self._link
        if link is None:
            return
        thread = threading.Thread(target=self._report_and_mark, args=(task_id,), daemon=True)
        thread.start()

    def _report_and_mark(self, task_id):
        try:
            self.report_now(task_id)
        except AssertionError:
            pass

    def report_now(self, task_id, _patience=PATIENCE):
        """Sends `tasklog.agentasynclog` for a kept result and waits for the answer, which it returns."""
        reply = self.call("tasklog", "agentasynclog", _patience=_patience, **self.report_message(task_id))
        if reply.get("flag") == "true" and not self.deaf_to_confirms:
            with self._changed:
                self.journal[task_id].confirmed = True
                self._changed.notify_all()
        return reply

    def report_firing(self, cron_id, fire_time, ins, result=None, task_id=None, _patience=PATIENCE):
        """Reports a firing of its own cron table. Returns (the task's id, the server's reply)."""
        task_id = task_id or secrets.token_hex(8).upper()
        extra = {"type": "cron", "cron_id": cron_id, "fire_time": fire_time, "starttime": fire_time, "ins": ins}
        result = result or Result()
        with self._lock:
            self.journal[task_id] = Taken(task_id, "cron", ins, "done" if result.flag == 1 else "failed", result,
                                          extra=extra)
        return task_id, self.report_now(task_id, _patience)

    def output(self, task_id, offset, data):
        self.cast("tasklog", "output", id=task_id, offset=offset, data=data)

    def _cancel(self, link, message):
        scripted = self.on_cancel(message) if self.on_cancel else None
        if scripted is DEAF:
            return
        self._back(link, message, **(scripted or {}))
        if scripted is None and message["id"] in self.journal:
            self._finish_quietly(message["id"], Result(-1, "canceled"))

    def _setcrons(self, link, message):
        self._back(link, message)

    def _status(self, link, message):
        scripted = self.on_status(message) if self.on_status else None
        if scripted is DEAF:
            return
        if scripted is None:
            info = []
            with self._lock:
                for task_id in message["id"]:
                    taken = self.journal.get(task_id)
                    entry = {"id": task_id, "status": taken.status if taken else "unknown"}
                    if taken and taken.result:
                        entry.update(taken.result.info())
                    info.append(entry)
            scripted = {"info": info}
        self._back(link, message, **scripted)

    def _confirm(self, _link, message):
        with self._changed:
            for task_id in message.get("id", []):
                if task_id in self.journal and not self.deaf_to_confirms:
                    self.journal[task_id].confirmed = True
            self._changed.notify_all()

    # ---- what it saw ----
    def calls_seen(self, method):
        with self._lock:
            return [m for m in self.seen
                    if m.get("mqs") == "agent" and m.get("mqf") == method and m.get("mqt") in ("call", "cast")]

    def wait_until(self, look, patience=PATIENCE, what="what was waited for"):
        """Waits until `look()` is true; it is asked again after each frame and each change of the journal."""
        until = time.monotonic() + patience
        with self._changed:
            while True:
                found = look()
                if found:
                    return found
                left = until - time.monotonic()
                if left <= 0:
                    raise Slow(f"{self.ip} has not seen {what} in {patience} s; it saw {self.seen[-10:]}")
                self._changed.wait(min(left, 0.25))

    def wait_call(self, method, count=1, patience=PATIENCE):
        """Waits for the count-th `agent.<method>` and returns it."""
        return self.wait_until(lambda: len(self.calls_seen(method)) >= count and self.calls_seen(method)[count - 1],
                               patience, f"agent.{method} number {count}")

    def wait_instruct(self, task_id=None, patience=PATIENCE):
        def look():
            return next((m for m in self.calls_seen("instruct") if task_id in (None, m["id"])), None)
        return self.wait_until(look, patience, f"agent.instruct {task_id or ''}")

    def wait_confirmed(self, task_id, patience=PATIENCE):
        self.wait_until(lambda: task_id in self.journal and self.journal[task_id].confirmed, patience,
                        f"the confirmation of {task_id}")


class Processor:
    """An app's processor: listens, records each `processor.result`, answers by script.

    `answer(call, number)` says True, False or None (no answer at all); numbers count from 1 per task.
    """

    def __init__(self, answer=None, host="127.0.0.1", port=0):
        self.answer = answer or (lambda call, number: True)
        self.calls = []
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._links = []
        self._listener = socket.create_server((host, port))
        self.host, self.port = self._listener.getsockname()[:2]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            link = Link(sock)
            with self._lock:
                self._links.append(link)
            threading.Thread(target=self._read, args=(link,), daemon=True).start()

    def _read(self, link):
        try:
            while True:
                message = link.receive(patience=3600)
                with self._changed:
                    self.calls.append(message)
                    number = sum(1 for call in self.calls if call.get("id") == message.get("id"))
                    self._changed.notify_all()
                said = self.answer(message, number)
                if said is not None and message.get("mqt") == "call":
                    reply = {"mqt": "back", "mqs": message.get("mqs"), "mqf": message.get("mqf"),
                             "flag": "true" if said else "false",
                             "error_info": "" if said else "[500.1] not now"}
                    if "mqid" in message:
                        reply["mqid"] = message["mqid"]
                    link.send(reply)
        except AssertionError:
            link.close()

    def calls_of(self, task_id):
        with self._lock:
            return [call for call in self.calls if call.get("id") == task_id]

    def wait_calls(self, task_id, count=1, patience=PATIENCE):
        until = time.monotonic() + patience
        with self._changed:
            while True:
                found = [call for call in self.calls if call.get("id") == task_id]
                if len(found) >= count:
                    return found
                left = until - time.monotonic()
                if left <= 0:
                    raise Slow(f"the processor saw {len(found)} calls for {task_id} in {patience} s, not {count}")
                self._changed.wait(left)

    def close(self):
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        self._thread.join(timeout=5)
        with self._lock:
            for link in self._links:
                link.close()
