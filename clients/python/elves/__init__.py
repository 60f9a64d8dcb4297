"""A client for Elves: tasks on fleets of hosts. `Elves` waits for replies, `AsyncElves` is for asyncio.

`elves.worker` is for those who write what agents run; it needs nothing of the rest."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .async_methods import AGENT_METHODS, FINAL
    from .async_runs import RETRIED, RUN_FINAL, AsyncRun
    from .blocking_runs import Run
    from .client import AsyncElves, Elves
    from .errors import (AgentUnavailable, AnswerTimeout, Busy, Conflict, ConnectionFailed, ElvesError, Forbidden,
                         FrameRefused, InvalidField, NotAvailable, NotFound, NotNow, ProtocolError, Refused,
                         ServerFault, SettingsError, ShuttingDown, StoreUnavailable, Unauthenticated, UnprovenServer)
    from .replies import is_true, to_int

__version__ = "0.1.0"
__all__ = ["AGENT_METHODS", "AgentUnavailable", "AnswerTimeout", "AsyncElves", "AsyncRun", "Busy", "Conflict",
           "ConnectionFailed", "Elves", "ElvesError", "FINAL", "Forbidden", "FrameRefused", "InvalidField",
           "NotAvailable", "NotFound", "NotNow", "ProtocolError", "RETRIED", "RUN_FINAL", "Refused", "Run",
           "ServerFault", "SettingsError", "ShuttingDown", "StoreUnavailable", "Unauthenticated", "UnprovenServer",
           "is_true", "to_int"]


def __getattr__(name: str) -> Any:
    """Imports when it is asked for: a worker starts without asyncio and TLS."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import async_methods, async_runs, blocking_runs, client, errors, replies
    for module in (client, errors, replies, async_methods, async_runs, blocking_runs):
        if hasattr(module, name):
            globals()[name] = getattr(module, name)
            return globals()[name]
    raise AttributeError(name)
