"""`AsyncElves` for asyncio, `Elves` for everybody else."""

import asyncio
import concurrent.futures
import os
import threading
import weakref
from typing import Any, Coroutine, Dict, Mapping, Optional, Sequence, Type, TypeVar, Union

from .async_methods import AsyncMethods
from .blocking_methods import Methods
from .caller import Caller
from .errors import ElvesError
from .frames import DEFAULT_MAX_FRAME
from .settings import Credentials, make_settings

T = TypeVar("T")
_ENVELOPE = ("mqt", "mqs", "mqf", "mqid", "flag", "error_info")


def _fields_of(reply: Dict[str, Any]) -> Dict[str, Any]:
    for name in _ENVELOPE:
        reply.pop(name, None)
    return reply


class AsyncElves(AsyncMethods):
    """A client for asyncio. Calls may overlap; one connection carries them all, and is made again when it is lost.

    `server`: HOST:PORT, [IPv6]:PORT, unix:/PATH or /PATH. `key` and `token`, or `auth_file`, a file of two lines. TLS:
    `tls_ca` (PEM file), `tls_pin` (SHA-256 fingerprints of certificates); where both are given, both have to hold;
    `tls_cert` and `tls_key`: this client's own certificate. `server_user`, `plain`: to whom the key may be shown, as for
    `elvesctl`. What is not given comes from the environment: ELVES_SERVER, ELVES_KEY, ELVES_TOKEN, ELVES_AUTH_FILE,
    ELVES_TLS_CA, ELVES_TLS_PIN, ELVES_SERVER_USER, ELVES_PLAIN, ELVES_CONNECT_TIMEOUT, ELVES_ANSWER_TIMEOUT.

    `connect_timeout`, `answer_timeout` (10 s each). `retry_for`: seconds for which a call that may be repeated is sent
    again when its connection is lost (30; 0: never). The very first connection is not tried twice. `max_frame`: bytes
    of the largest frame that is accepted (16 MiB). `max_inflight`: calls that wait for replies (256); further ones wait.

    Raises SettingsError at once for what is invalid."""

    def __init__(self, server: Optional[str] = None, *, key: Optional[str] = None, token: Optional[str] = None,
                 auth_file: Union[str, "os.PathLike[str]", None] = None, tls_ca: Optional[str] = None,
                 tls_pin: Union[str, Sequence[str], None] = None, tls_cert: Optional[str] = None,
                 tls_key: Optional[str] = None, server_user: Optional[str] = None, plain: Optional[bool] = None,
                 connect_timeout: Optional[float] = None, answer_timeout: Optional[float] = None,
                 retry_for: float = 30.0, max_frame: int = DEFAULT_MAX_FRAME, max_inflight: int = 256) -> None:
        self._caller = Caller(make_settings(
            server, key=key, token=token, auth_file=auth_file, tls_ca=tls_ca, tls_pin=tls_pin, tls_cert=tls_cert,
            tls_key=tls_key, server_user=server_user, plain=plain, connect_timeout=connect_timeout,
            answer_timeout=answer_timeout, retry_for=retry_for, max_frame=max_frame, max_inflight=max_inflight))

    async def connect(self) -> "AsyncElves":
        """Connect now, and not with the first call."""
        await self._caller.connect()
        return self

    async def call(self, service: str, method: str, fields: Optional[Mapping[str, Any]] = None, *,
                   timeout: Optional[float] = None, repeat: bool = False) -> Dict[str, Any]:
        """Call any method, such as one of a module that this client does not know. Returns the reply's fields.
        `timeout`: seconds for the reply. `repeat`: send it again when the connection is lost before the reply; only
        for calls that may be carried out twice."""
        return _fields_of(await self._caller.call(service, method, fields or {}, timeout, repeat))

    async def cast(self, service: str, method: str, fields: Optional[Mapping[str, Any]] = None) -> None:
        """Send a call that is never answered."""
        await self._caller.cast(service, method, fields or {})

    async def close(self) -> None:
        await self._caller.close()

    async def __aenter__(self) -> "AsyncElves":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _answer_timeout(self) -> float:
        return self._caller.settings.answer_timeout

    def _use_key(self, key: str, token: str) -> None:
        self._caller.use_key(Credentials(key, token))


class _Loop:
    """An event loop in a thread of its own, which holds no reference to the client."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.process = os.getpid()
        self._thread = threading.Thread(target=_run, args=(self.loop,), name="elves", daemon=True)
        self._thread.start()

    def result_of(self, work: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(work, self.loop)
        try:
            while not future.done():
                concurrent.futures.wait([future], timeout=5)
                if self.loop.is_closed() and not future.done():
                    raise ElvesError("this client is closed")
            return future.result()
        except BaseException:  # also an interrupt while it waits
            future.cancel()
            raise

    def stop(self) -> None:
        if self.process != os.getpid() or self.loop.is_closed():
            return
        try:
            self.loop.call_soon_threadsafe(self.loop.stop)
        except RuntimeError:
            return
        if threading.current_thread() is not self._thread:
            self._thread.join(5)


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()


class Elves(Methods):
    __doc__ = (AsyncElves.__doc__ or "").replace(
        "A client for asyncio. Calls may overlap;", "A client whose methods wait for the reply. Threads may share it;")

    def __init__(self, server: Optional[str] = None, *, key: Optional[str] = None, token: Optional[str] = None,
                 auth_file: Union[str, "os.PathLike[str]", None] = None, tls_ca: Optional[str] = None,
                 tls_pin: Union[str, Sequence[str], None] = None, tls_cert: Optional[str] = None,
                 tls_key: Optional[str] = None, server_user: Optional[str] = None, plain: Optional[bool] = None,
                 connect_timeout: Optional[float] = None, answer_timeout: Optional[float] = None,
                 retry_for: float = 30.0, max_frame: int = DEFAULT_MAX_FRAME, max_inflight: int = 256) -> None:
        self._settings = make_settings(
            server, key=key, token=token, auth_file=auth_file, tls_ca=tls_ca, tls_pin=tls_pin, tls_cert=tls_cert,
            tls_key=tls_key, server_user=server_user, plain=plain, connect_timeout=connect_timeout,
            answer_timeout=answer_timeout, retry_for=retry_for, max_frame=max_frame, max_inflight=max_inflight)
        self._caller = Caller(self._settings)
        self._starting = threading.Lock()
        self._thread: Optional[_Loop] = None

    def connect(self) -> "Elves":
        """Connect now, and not with the first call."""
        self._result_of(self._caller.connect())
        return self

    def call(self, service: str, method: str, fields: Optional[Mapping[str, Any]] = None, *,
             timeout: Optional[float] = None, repeat: bool = False) -> Dict[str, Any]:
        """Call any method, such as one of a module that this client does not know. Returns the reply's fields.
        `timeout`: seconds for the reply. `repeat`: send it again when the connection is lost before the reply; only
        for calls that may be carried out twice."""
        return _fields_of(self._result_of(self._caller.call(service, method, fields or {}, timeout, repeat)))

    def cast(self, service: str, method: str, fields: Optional[Mapping[str, Any]] = None) -> None:
        """Send a call that is never answered."""
        self._result_of(self._caller.cast(service, method, fields or {}))

    def close(self) -> None:
        with self._starting:
            thread, self._thread = self._thread, None
        if thread is not None and thread.process == os.getpid():
            thread.result_of(self._caller.close())
            thread.stop()
        else:
            self._caller.mark_closed()

    def __enter__(self) -> "Elves":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _result_of(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            with self._starting:
                if self._caller.is_closed:
                    raise ElvesError("this client is closed")
                if self._thread is None or self._thread.process != os.getpid():  # after a fork the thread is gone
                    self._thread = _Loop()
                    weakref.finalize(self, self._thread.stop)
                thread = self._thread
        except BaseException:
            work.close()
            raise
        return thread.result_of(work)

    def _answer_timeout(self) -> float:
        return self._caller.settings.answer_timeout

    def _use_key(self, key: str, token: str) -> None:
        self._caller.use_key(Credentials(key, token))
