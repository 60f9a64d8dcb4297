"""A run, to be watched, waited for and retried."""

import time
from typing import TYPE_CHECKING, AsyncIterator, Dict, Optional, Sequence, Set, Union, cast

from .errors import AnswerTimeout
from .replies import EndedHost, RunAnswer, RunHost, RunRecord, SteerRun, WatchRun

if TYPE_CHECKING:
    from .async_methods import AsyncMethods

#: The states that a run never leaves.
RUN_FINAL = frozenset({"done", "partial", "stopped", "canceled", "expired"})
#: The states of hosts that `retry` takes where none are given: what failed, and what did not happen.
RETRIED = ("failed", "timeout", "lost", "undelivered", "expired", "canceled", "not_started")


class AsyncRun:
    """What `run` returns. It can also be made of a run's id alone.

    `id`: of the run. `count`: its hosts, where that is known. `state` and `why`: as they were told last."""

    def __init__(self, elves: "AsyncMethods", id: str, count: Optional[int] = None) -> None:
        self._elves = elves
        self.id = id
        self.count = count
        self.state = ""
        self.why = ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.id}, {self.state or 'not looked at'})"

    async def watch(self, *, through_pauses: bool = False,
                    timeout: Optional[float] = None) -> AsyncIterator[EndedHost]:
        """Each host as it ends: once, also when the server restarts. Ends when the run has ended, or is paused: then
        nothing happens until somebody resumes it. `through_pauses`: wait for that. `timeout`: seconds, then
        AnswerTimeout."""
        until = None if timeout is None else time.monotonic() + timeout
        since: Union[int, str] = 0
        seen: Set[str] = set()
        while True:
            news = await self._news(since, until)
            self.state, self.why, since = news["state"], news["why"], news["seq"]
            for host in news["ended"]:
                if host["agentip"] not in seen:
                    seen.add(host["agentip"])
                    yield host
            if self.state in RUN_FINAL or (self.state == "paused" and not through_pauses):
                return

    async def wait(self, *, through_pauses: bool = False, timeout: Optional[float] = None) -> RunRecord:
        """Wait until the run has ended, or is paused; return its record, whose `state` says which. The arguments are
        those of `watch`."""
        async for _ in self.watch(through_pauses=through_pauses, timeout=timeout):
            pass
        return await self.record()

    async def _news(self, since: Union[int, str], until: Optional[float]) -> WatchRun:
        if until is None:
            return await self._elves.watchrun(self.id, since=since)
        left = until - time.monotonic()
        if left <= 0:
            raise AnswerTimeout(f"run {self.id} has not ended in time; it is {self.state or 'not known how far it is'}")
        fields = {"id": self.id, "since": since}
        return cast(WatchRun, await self._elves.call("run", "watchrun", fields, timeout=left, repeat=True))

    async def record(self) -> RunRecord:
        """What was asked, and how far it is."""
        record = (await self._elves.getrun(self.id))["run"]
        self.state, self.why, self.count = record["state"], record["why"], int(record["count"])
        return record

    async def counts(self) -> Dict[str, int]:
        """How many hosts are in each state."""
        return {state: int(count) for state, count in (await self.record())["counts"].items()}

    async def hosts(self, *states: str) -> AsyncIterator[RunHost]:
        """The run's hosts in its order; only those in one of these states, where some are given."""
        async for host in self._elves.iter_run_hosts(self.id, state=states or None):
            yield host

    async def answers(self) -> AsyncIterator[RunAnswer]:
        """What the hosts answered, equal answers together, the most frequent first."""
        async for answer in self._elves.iter_answers(self.id):
            yield answer

    async def retry(self, states: Sequence[str] = RETRIED, *, waves: Optional[str] = None,
                    parallel: Optional[int] = None, max_fail: Union[None, int, str] = None,
                    ttl: Optional[int] = None, note: Optional[str] = None) -> "AsyncRun":
        """Start a new run of the hosts that are in these states. Raises InvalidField where there is no such host.
        `retryrun` of the client takes more arguments."""
        begun = await self._elves.retryrun(self.id, states, waves=waves, parallel=parallel, max_fail=max_fail, ttl=ttl,
                                           note=note)
        return AsyncRun(self._elves, begun["id"], int(begun["count"]))

    async def pause(self, note: Optional[str] = None) -> SteerRun:
        """Start no more hosts until `resume`."""
        return await self._steer("pause", note)

    async def resume(self, note: Optional[str] = None, *, max_fail: Union[None, int, str] = None) -> SteerRun:
        """Go on, with another limit of failures where one is given."""
        return await self._steer("resume", note, max_fail)

    async def stop(self, note: Optional[str] = None) -> SteerRun:
        """Start nothing more; what runs goes on to its end."""
        return await self._steer("stop", note)

    async def cancel(self, note: Optional[str] = None) -> SteerRun:
        """Start nothing more, and cancel what runs."""
        return await self._steer("cancel", note)

    async def _steer(self, do: str, note: Optional[str], max_fail: Union[None, int, str] = None) -> SteerRun:
        steered = await self._elves.steerrun(self.id, do, note=note, max_fail=max_fail)
        self.state, self.why = steered["state"], steered["why"]
        return steered
