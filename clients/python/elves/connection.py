"""One connection to a server: calls in parallel, replies matched by `mqid`, everything bounded. Runs on asyncio."""

import asyncio
import hashlib
import ssl
from typing import Any, Dict, Mapping, NamedTuple, Optional

from . import frames, trust
from .errors import AnswerTimeout, ConnectionFailed, ElvesError, ProtocolError, Refused, UnprovenServer, refusal
from .settings import Settings

#: While calls wait and nothing is heard, the server is asked this often whether it is still there.
WATCH_EVERY = 15.0
_SECRETS = ("auth", "token", "join_token")


class _Call(NamedTuple):
    reply: "asyncio.Future[Dict[str, Any]]"
    service: str
    method: str
    size: int


class Connection:
    """Made by `open`. Ends with the first fault; `is_open` is then false and every waiting call has raised."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, settings: Settings,
                 unproven: Optional[str]) -> None:
        self._reader, self._writer, self._settings = reader, writer, settings
        self._unproven = unproven
        self._waiting: Dict[int, _Call] = {}
        self._last_id = 0
        self._failure: Optional[ElvesError] = None
        self._room = asyncio.Semaphore(settings.max_inflight)
        self._write_lock = asyncio.Lock()
        self._loop = asyncio.get_running_loop()
        self._heard = self._loop.time()
        self._tasks = [self._loop.create_task(self._read()), self._loop.create_task(self._watch())]

    @classmethod
    async def open(cls, settings: Settings) -> "Connection":
        """Connects, checks the server's certificate, and logs in where there is a key."""
        try:
            connection = await asyncio.wait_for(cls._dial(settings), settings.connect_timeout)
        except asyncio.TimeoutError:
            raise ConnectionFailed(f"{settings.address} does not answer within {settings.connect_timeout:g} s") from None
        except ssl.SSLError as why:
            raise ConnectionFailed(f"no TLS with {settings.address}: {why}") from why
        except (OSError, UnicodeError) as why:
            raise ConnectionFailed(f"cannot connect to {settings.address}: {why}") from why
        try:
            await connection._log_in()
        except BaseException:
            connection.close()
            raise
        return connection

    @classmethod
    async def _dial(cls, settings: Settings) -> "Connection":
        address = settings.address
        users = trust.server_users(settings.server_user)
        if address.socket:
            reader, writer = await asyncio.open_unix_connection(address.socket)
            return cls(reader, writer, settings,
                       trust.fault_of_socket(address.socket, writer.get_extra_info("socket"), users))
        if settings.tls is not None:
            reader, writer = await asyncio.open_connection(address.host, address.port, ssl=settings.tls.context(),
                                                           server_hostname=address.host)
            _check_pins(writer, settings)
            return cls(reader, writer, settings, None)
        before = trust.tcp_listeners(address.port)
        reader, writer = await asyncio.open_connection(address.host, address.port)
        peer = writer.get_extra_info("peername")
        if peer is None:  # it has closed the connection already
            writer.transport.abort()
            raise ConnectionResetError("it closed the connection at once")
        ip = str(peer[0])
        if settings.plain:
            unproven = None
        elif trust.is_loopback(ip):
            unproven = trust.fault_of_loopback(ip, address.port, before, users)
        else:
            unproven = "anybody in between can read what travels in plain text; give tls_ca or tls_pin, or plain=True" \
                       " to send it all the same"
        return cls(reader, writer, settings, unproven)

    async def _log_in(self) -> None:
        if self._settings.credentials is None:
            return
        known = self._settings.credentials()
        reply = await self.call("supervisor", "login", {"key": known.key, "token": known.token},
                                self._settings.answer_timeout)
        if reply.get("flag") != "true":
            raise refusal("supervisor", "login", reply)

    @property
    def is_open(self) -> bool:
        return self._failure is None

    def close(self) -> None:
        self._fail(ConnectionFailed("the connection was closed by this side"))

    # ---- calls ----
    async def call(self, service: str, method: str, fields: Mapping[str, Any], limit: float) -> Dict[str, Any]:
        """Sends a call and returns the reply as it is. `limit`: seconds until the reply, then AnswerTimeout; a server
        that is silent for `answer_timeout` is left. Raises ConnectionFailed with `was_sent` true where the call may
        have reached the server."""
        until = self._loop.time() + limit
        try:
            if self._room.locked():
                await asyncio.wait_for(self._room.acquire(), limit)
            else:
                await self._room.acquire()
        except asyncio.TimeoutError:
            raise AnswerTimeout(f"{self._settings.max_inflight} calls (max_inflight) were waiting for {limit:g} s",
                                service=service, method=method) from None
        try:
            return await self._exchange(service, method, fields, max(0.0, until - self._loop.time()))
        finally:
            self._room.release()

    async def cast(self, service: str, method: str, fields: Mapping[str, Any]) -> None:
        """Sends a call that is never answered."""
        frame = self._frame("cast", service, method, fields)
        try:
            await asyncio.wait_for(self._send(frame), self._settings.answer_timeout)
        except asyncio.TimeoutError:
            raise self._fail(ConnectionFailed("the server does not read what is sent")) from None

    async def _exchange(self, service: str, method: str, fields: Mapping[str, Any], limit: float) -> Dict[str, Any]:
        self._last_id += 1
        mqid = self._last_id
        frame = self._frame("call", service, method, fields, mqid)
        call = _Call(self._loop.create_future(), service, method, len(frame))
        self._waiting[mqid] = call
        began = self._loop.time()

        async def send_and_wait() -> Dict[str, Any]:
            await self._send(frame)
            return await call.reply

        try:
            return await asyncio.wait_for(send_and_wait(), limit)
        except asyncio.TimeoutError:
            if self._loop.time() - max(self._heard, began) >= self._settings.answer_timeout:
                self._fail(ConnectionFailed("the server does not answer", was_sent=True))
            raise AnswerTimeout(f"no answer within {limit:g} s", service=service, method=method) from None
        finally:
            self._waiting.pop(mqid, None)
            if call.reply.done() and not call.reply.cancelled():
                call.reply.exception()  # it was seen
            call.reply.cancel()

    def _frame(self, kind: str, service: str, method: str, fields: Mapping[str, Any], mqid: Optional[int] = None) -> bytes:
        self._require_open(service, method)
        if self._unproven is not None and any(name in fields for name in _SECRETS):
            raise UnprovenServer(f"key and token are not sent to {self._settings.address}: {self._unproven}")
        message: Dict[str, Any] = {"mqt": kind, "mqs": service, "mqf": method}
        if mqid is not None:
            message["mqid"] = mqid
        message.update((name, value) for name, value in fields.items() if name not in message)
        return frames.pack(message)

    def _require_open(self, service: str = "", method: str = "") -> None:
        why = self._failure
        if isinstance(why, Refused):
            raise type(why)(why.text, why.code, service, method, why.reply)
        if why is not None:
            raise ConnectionFailed(f"the connection is closed: {why.text}", service=service, method=method)

    async def _send(self, frame: bytes) -> None:
        """Waits until what was written before has left: of what a server does not read, one frame is kept."""
        async with self._write_lock:
            self._require_open()
            try:
                await self._writer.drain()
                self._writer.write(frame)
            except OSError as why:
                raise self._fail(ConnectionFailed(f"the connection was lost: {why}", was_sent=True)) from why

    # ---- replies ----
    async def _read(self) -> None:
        try:
            while True:
                header = await self._reader.readexactly(frames.HEADER_BYTES)
                body = await self._reader.readexactly(frames.length_of(header, self._settings.max_frame))
                self._heard = self._loop.time()
                self._take(frames.unpack(body))
        except asyncio.IncompleteReadError:
            self._fail(ConnectionFailed("the server closed the connection", was_sent=True))
        except ElvesError as why:
            self._fail(why)
        except (OSError, ssl.SSLError) as why:
            self._fail(ConnectionFailed(f"the connection was lost: {why}", was_sent=True))

    def _take(self, message: Mapping[str, Any]) -> None:
        mqid = frames.reply_id(message)
        if mqid is None:
            if message.get("mqt") == "back" and message.get("flag") == "false":
                self._take_refusal(refusal("", "", message))
            return  # not for this side
        call = self._waiting.pop(mqid, None) if isinstance(mqid, int) else None
        if call is not None and not call.reply.done():
            call.reply.set_result(dict(message))

    def _take_refusal(self, why: Refused) -> None:
        """The server could not read a frame, or does not take this connection; it does not say which call it was."""
        largest = max(self._waiting.values(), key=lambda call: call.size, default=None)
        if why.code == "400.2" and largest is not None and not largest.reply.done():
            largest.reply.set_exception(why)
            self._fail(ConnectionFailed("the server closed the connection: a frame was too large", was_sent=True))
        else:
            self._fail(why)

    async def _watch(self) -> None:
        """Finds a server that has fallen silent while calls wait that may take long."""
        while self.is_open:
            await asyncio.sleep(WATCH_EVERY)
            if self._waiting and self._loop.time() - self._heard >= WATCH_EVERY:
                try:
                    await self._exchange("elves", "ping", {}, self._settings.answer_timeout)
                except ElvesError:
                    pass  # it has ended the connection

    def _fail(self, why: ElvesError) -> ElvesError:
        """Ends the connection; the first reason counts. Returns `why`."""
        if self._failure is not None:
            return why
        self._failure = why
        self._writer.transport.abort()
        for call in self._waiting.values():
            if not call.reply.done():
                call.reply.set_exception(_copy(why, call))
        self._waiting.clear()
        current = asyncio.current_task(self._loop) if self._loop.is_running() else None
        for task in self._tasks:
            if task is not current:
                task.cancel()
        return why


def _copy(why: ElvesError, call: _Call) -> ElvesError:
    """One exception for each call: they are raised in different places."""
    if isinstance(why, Refused):
        return type(why)(why.text, why.code, call.service, call.method, why.reply)
    if isinstance(why, ProtocolError):
        return ProtocolError(why.text, service=call.service, method=call.method, was_sent=True)
    return ConnectionFailed(why.text, service=call.service, method=call.method, was_sent=True)


def _check_pins(writer: asyncio.StreamWriter, settings: Settings) -> None:
    assert settings.tls is not None
    shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    fingerprint = hashlib.sha256(shown or b"").hexdigest()
    if settings.tls.pins and fingerprint not in settings.tls.pins:
        writer.transport.abort()
        raise ConnectionFailed(f"{settings.address} shows another certificate than tls_pin says: {fingerprint}")
