"""Exceptions: one class for each kind of refusal, all of them `ElvesError`."""

import re
from typing import Any, Dict, Mapping, Optional, Tuple, Type

_CODED = re.compile(r"\[(\d{3}\.\d{1,2})\] ?(.*)\Z", re.DOTALL)


class ElvesError(Exception):
    """A call did not succeed.

    `code`: the server's code, such as `403.3`; "" where the server did not answer.
    `text`: what was wrong, without the code.
    `service`, `method`: the call, "" where there was none.
    `reply`: the whole reply; empty where the server did not answer.
    """

    def __init__(self, text: str, code: str = "", service: str = "", method: str = "",
                 reply: Optional[Mapping[str, Any]] = None) -> None:
        super().__init__(text)  # alone: OSError, of which some are, would take a second one for its strerror
        self.text = text
        self.code = code
        self.service = service
        self.method = method
        self.reply: Dict[str, Any] = dict(reply or {})

    def __str__(self) -> str:
        call = f"{self.service}.{self.method}: " if self.method else ""
        return call + (f"[{self.code}] " if self.code else "") + self.text


# ---- the server did not answer ----
class SettingsError(ElvesError, ValueError):
    """An argument or an environment variable is invalid. Nothing was sent."""


class ConnectionFailed(ElvesError, ConnectionError):
    """The server was not reached, or the connection was lost before the reply. Where `was_sent` is true, the call may
    have been carried out."""

    def __init__(self, text: str, code: str = "", service: str = "", method: str = "",
                 reply: Optional[Mapping[str, Any]] = None, was_sent: bool = False) -> None:
        super().__init__(text, code, service, method, reply)
        self.was_sent = was_sent


class UnprovenServer(ConnectionFailed):
    """The key was not sent, because nothing proves who listens at that address."""


class AnswerTimeout(ElvesError, TimeoutError):
    """The reply did not come in time. The call may have been carried out."""


class ProtocolError(ConnectionFailed):
    """The server sent what the protocol does not allow, or more than this client accepts. The connection is closed."""


# ---- the server refused the call ----
class Refused(ElvesError):
    """The reply has `flag` `"false"`; `code` says why."""


class FrameRefused(Refused):
    """400.x: the server could not read the frame, or it is too large."""


class Unauthenticated(Refused):
    """401.1, 401.5: no key, or an invalid key or token."""


class Forbidden(Refused):
    """401.6: the key has no right to do that."""


class InvalidField(Refused):
    """403.x: a field is missing or invalid; `text` names it."""


class NotAvailable(Refused):
    """402.1, 404.x: the server has no such service or method, or it is disabled."""


class Conflict(Refused):
    """409.x: something else is there already, or has changed."""


class AgentUnavailable(Refused):
    """410.x: the agent is not reachable or did not answer in time."""


class NotFound(Refused):
    """411.x to 417.x: no such cron job, key, app, agent, record, task, run or group."""


class NotNow(Refused):
    """423.1: a window is closed, or a cap is reached."""


class Busy(Refused):
    """429.1: a quota or a limit is reached; try again later."""


class ServerFault(Refused):
    """5xx: a fault of the server, or it is shutting down."""


class ShuttingDown(ServerFault):
    """503.1: the server is shutting down."""


class StoreUnavailable(ServerFault):
    """507.1: the server cannot write to its store."""


_BY_CODE: Dict[str, Type[Refused]] = {
    "401.6": Forbidden, "402.1": NotAvailable, "503.1": ShuttingDown, "507.1": StoreUnavailable,
}
_BY_CLASS: Dict[str, Type[Refused]] = {
    "400": FrameRefused, "401": Unauthenticated, "403": InvalidField, "404": NotAvailable, "409": Conflict,
    "410": AgentUnavailable, "411": NotFound, "413": NotFound, "414": NotFound, "415": NotFound, "416": NotFound,
    "417": NotFound, "423": NotNow, "429": Busy,
}


def split_code(error_info: str) -> Tuple[str, str]:
    """`("403.3", "text")` of `[403.3] text`; `("", error_info)` where no code stands in front."""
    found = _CODED.match(error_info)
    return (found.group(1), found.group(2)) if found else ("", error_info)


def class_of(code: str) -> Type[Refused]:
    """The exception class for a server's code; `Refused` for a code that this client does not know."""
    if code.startswith("5"):
        return _BY_CODE.get(code, ServerFault)
    return _BY_CODE.get(code, _BY_CLASS.get(code.partition(".")[0], Refused))


def refusal(service: str, method: str, reply: Mapping[str, Any]) -> Refused:
    """The exception for a reply whose `flag` is not `"true"`."""
    info = reply.get("error_info")
    code, text = split_code(info if isinstance(info, str) else "")
    return class_of(code)(text or "the server gave no reason", code, service, method, reply)
