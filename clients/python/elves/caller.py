"""Calls over a connection that is made again when it is lost."""

import asyncio
import dataclasses
import random
from typing import Any, Dict, Mapping, Optional

from .connection import Connection
from .errors import AnswerTimeout, ConnectionFailed, ElvesError, ProtocolError, ShuttingDown, UnprovenServer, refusal
from .settings import Credentials, Settings

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0
#: A call that waited so long for its reply before the connection was lost begins with all of `retry_for` again.
_LASTING = 5.0


class Caller:
    """For one event loop at a time. A connection is made by the first call."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._loop: Optional[asyncio.AbstractEventLoop] = None
        self._dialing: Optional[asyncio.Lock] = None
        self._connection: Optional[Connection] = None
        self._was_connected = False
        self._is_closed = False

    async def call(self, service: str, method: str, fields: Mapping[str, Any], limit: Optional[float] = None,
                   repeat: bool = False) -> Dict[str, Any]:
        """Returns a reply whose `flag` is `"true"`; raises ElvesError otherwise. With `repeat`, a call whose
        connection is lost is sent again, for up to `retry_for` seconds; without it only a call that was never sent
        is. `limit`: seconds for one attempt; default `answer_timeout`."""
        loop = asyncio.get_running_loop()
        pause, lost_at = _FIRST_PAUSE, None
        while True:
            began = loop.time()
            try:
                return await self._once(service, method, fields, limit)
            except (ProtocolError, UnprovenServer):
                raise
            except (ConnectionFailed, ShuttingDown) as why:
                was_sent = why.was_sent if isinstance(why, ConnectionFailed) else True
                now = loop.time()
                if lost_at is None or now - began > _LASTING:
                    lost_at, pause = now, _FIRST_PAUSE
                is_over = now - lost_at >= self._settings.retry_for
                if self._is_closed or not self._was_connected or is_over or (was_sent and not repeat):
                    raise
            await asyncio.sleep(pause * (0.5 + random.random()))
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _once(self, service: str, method: str, fields: Mapping[str, Any], limit: Optional[float]) -> Dict[str, Any]:
        connection = await self._connected()
        reply = await connection.call(service, method, fields, self._settings.answer_timeout if limit is None else limit)
        if reply.get("flag") != "true":
            raise refusal(service, method, reply)
        return reply

    async def cast(self, service: str, method: str, fields: Mapping[str, Any]) -> None:
        await (await self._connected()).cast(service, method, fields)

    async def connect(self) -> None:
        """Connects and logs in now, not with the first call."""
        await self._connected()

    def use_key(self, credentials: Credentials) -> None:
        """Connections log in with that key from now on."""
        self._settings = dataclasses.replace(self._settings, credentials=lambda: credentials)

    @property
    def settings(self) -> Settings:
        return self._settings

    @property
    def is_closed(self) -> bool:
        return self._is_closed

    def mark_closed(self) -> None:
        """Further calls raise. For a caller whose event loop is gone."""
        self._is_closed = True

    async def close(self) -> None:
        self._is_closed = True
        if self._connection is not None and self._loop is asyncio.get_running_loop():
            self._connection.close()
            await asyncio.sleep(0)  # the connection's tasks end
        self._connection = None

    async def _connected(self) -> Connection:
        if self._is_closed:
            raise ElvesError("this client is closed")
        loop = asyncio.get_running_loop()
        if self._loop is not loop or self._dialing is None:
            self._loop, self._dialing, self._connection = loop, asyncio.Lock(), None
        async with self._dialing:
            if self._connection is None or not self._connection.is_open:
                self._connection = None
                self._connection = await self._open()
                self._was_connected = True
            return self._connection

    async def _open(self) -> Connection:
        """What was sent meanwhile was the login, not the call."""
        try:
            return await Connection.open(self._settings)
        except ConnectionFailed as why:
            why.was_sent = False
            raise
        except (AnswerTimeout, ShuttingDown) as why:
            raise ConnectionFailed(why.text, why.code, why.service, why.method) from why
