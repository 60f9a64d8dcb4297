"""One method for each method of the server that a client calls, by its name on the wire.

`blocking_methods.py` is made from this file by `../make_blocking.py`; to add a method, add it here, and its reply to
`replies.py`. The tests compare both with what a running server says of itself (`elves.methods`).

An argument that is None is not sent. What an agent calls over its own link (`AGENT_METHODS`) has no method here; `call`
reaches it."""

import asyncio
import secrets
import time
from typing import Any, AsyncIterator, Dict, List, Mapping, Optional, Sequence, Type, TypeVar, Union, cast

from .async_runs import AsyncRun
from .errors import AnswerTimeout, NotFound, ProtocolError
from .replies import (AcceptJoin, Agent, AgentHistory, AgentInfo, Agents, AgentTold, App, Apps, AppVersion,
                      AppVersions, Assignments, AuditRow, AuditRows, AuditVerified, BeginPush, CallbackInfo,
                      CancelTask, Caps, CmdbEntries, CmdbInfo, CmdbRecord, CmdbRecords, CmdbWritten, ConsoleLink,
                      CronJob, CronJobs, DelKey, Doctor, ExplainTarget, FailureCounts, ForgetAgents, FoundAgent,
                      FoundAgents, GetAuth, GetRun, Groups, HostCounts, Ins, Join, Joins, JoinStatus, JoinTokens,
                      Json, Key, Keys, ListedRun, MethodsDeclared, NewAssignment, NewCmdbRecord, NewJoinToken,
                      OnlineHistory, OnlineStat, ProcessorInfo, PushPiece, RejectJoin, RetryRun, RuleTimes,
                      RunAnswer, RunAnswers, RunCron, RunHost, RunHosts, RunPlan, RunsPage, ScheduleId, ScheduleOn,
                      SchedulesPage, SendAsync, SendSync, SetCron, SetKey, SetLabels, SetSchedule, StartRun, Stats,
                      Status, StatusList, SteerRun, Task, TaskOutput, Tasks, TasksById, TaskStory, WatchRun, Windows)

T = TypeVar("T")

#: The states that a task never leaves.
FINAL = frozenset({"done", "failed", "timeout", "canceled", "expired", "undelivered", "skipped", "lost"})
#: What an agent calls over its own link.
AGENT_METHODS = frozenset({("heartbeat", "register"), ("heartbeat", "time"), ("heartbeat", "beat"),
                           ("tasklog", "agentasynclog"), ("tasklog", "queued"), ("tasklog", "output"),
                           ("apps", "readpiece")})
_LONGEST_TASK = 86400.0
_PAGE = 1000


class AsyncMethods:
    async def call(self, service: str, method: str, fields: Optional[Mapping[str, Any]] = None, *,
                   timeout: Optional[float] = None, repeat: bool = False) -> Dict[str, Any]:
        raise NotImplementedError

    async def _sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def _reply(self, kind: Type[T], service: str, method: str, fields: Mapping[str, Any], repeat: bool = True,
                     timeout: Optional[float] = None) -> T:
        given = {name: value for name, value in fields.items() if value is not None}
        return cast(T, await self.call(service, method, given, repeat=repeat, timeout=timeout))

    async def _do(self, service: str, method: str, fields: Mapping[str, Any], repeat: bool = False) -> None:
        await self._reply(dict, service, method, fields, repeat)

    async def _rows(self, kind: Type[T], rows: str, service: str, method: str,
                    fields: Mapping[str, Any]) -> AsyncIterator[T]:
        """Follows `next` from page to page."""
        after: Any = fields.get("after")
        while True:
            page = await self._reply(dict, service, method, {"limit": _PAGE, **fields, "after": after})
            for row in page.get(rows) or []:
                yield cast(T, row)
            if "next" not in page:
                return
            if page["next"] == after:
                raise ProtocolError(f"the list does not go on: next is {after!r} twice", service=service, method=method)
            after = page["next"]

    # ---- sheduler ----
    async def sendsync(self, agentip: str, app: str, func: str, param: Json = "", *, timeout: Optional[int] = None,
                       mode: Optional[str] = None, proxy: Optional[str] = None, dedup: Optional[str] = None,
                       force: Optional[bool] = None, note: Optional[str] = None) -> SendSync:
        """Run a function on an agent and wait for its result. `timeout`: the worker's seconds (server: 90).

        Each send has a `dedup` of its own where you give none, so that one which is sent again after a lost connection
        is the same task. A task that failed raises nothing: look at `info`. `force`: also against windows and caps."""
        ins = _ins(app, func, param, timeout=timeout, mode=mode, proxy=proxy, dedup=dedup or secrets.token_hex(16))
        limit = float(timeout or _LONGEST_TASK) + self._answer_timeout()
        fields = {"agentip": agentip, "ins": ins, "force": force, "note": note}
        return await self._reply(SendSync, "sheduler", "sendsync", fields, timeout=limit)

    async def sendasync(self, agentip: str, app: str, func: str, param: Json = "", *, timeout: Optional[int] = None,
                        ttl: Optional[int] = None, mode: Optional[str] = None, proxy: Optional[str] = None,
                        dedup: Optional[str] = None, force: Optional[bool] = None,
                        note: Optional[str] = None) -> SendAsync:
        """Hand a task to an agent and do not wait for its result. `ttl`: seconds that it may wait for the agent.
        `dedup`, `force`: as for `sendsync`."""
        ins = _ins(app, func, param, timeout=timeout, ttl=ttl, mode=mode, proxy=proxy,
                   dedup=dedup or secrets.token_hex(16))
        # The server waits up to `sheduler.handover_timeout` (10 s) for the agent.
        limit = 20.0 + self._answer_timeout()
        fields = {"agentip": agentip, "ins": ins, "force": force, "note": note}
        return await self._reply(SendAsync, "sheduler", "sendasync", fields, timeout=limit)

    async def canceltask(self, id: str) -> CancelTask:
        """Cancel a task. Of one that has ended nothing changes."""
        return await self._reply(CancelTask, "sheduler", "canceltask", {"id": id})

    async def wait(self, ids: Union[str, Sequence[str]], timeout: Optional[float] = None) -> List[Task]:
        """Wait until all these tasks have ended; return their records in the same order. `timeout`: seconds for all of
        them (default: none), then AnswerTimeout. An unknown id raises NotFound."""
        wanted = [ids] if isinstance(ids, str) else list(ids)
        ended: Dict[str, Task] = {}
        until = None if timeout is None else time.monotonic() + timeout
        pause = 0.05
        while True:
            open_ids = [one for one in dict.fromkeys(wanted) if one not in ended]
            for at in range(0, len(open_ids), _PAGE):
                reply = await self.gettaskbyids(open_ids[at:at + _PAGE])
                unknown = reply["missing"] + reply.get("denied", [])
                if unknown:
                    raise NotFound(f"no such task: {', '.join(unknown)}", "416.1", "tasklog", "gettaskbyids")
                for task in reply["info"]:
                    if task["status"] in FINAL:
                        ended.update({one: task for one in open_ids if one.upper() == task["id"]})
            if all(one in ended for one in wanted):
                return [ended[one] for one in wanted]
            left = pause if until is None else min(pause, until - time.monotonic())
            if left <= 0:
                raise AnswerTimeout(f"{len(set(wanted) - set(ended))} tasks have not ended within {timeout:g} s")
            await self._sleep(left)
            pause = min(pause * 1.5, 2.0)

    # ---- heartbeat ----
    async def getstatbyip(self, agentip: str) -> Status:
        """Whether an agent is online."""
        return await self._reply(Status, "heartbeat", "getstatbyip", {"agentip": agentip})

    async def getinfobyip(self, agentip: str) -> AgentInfo:
        """What an agent said of itself."""
        return await self._reply(AgentInfo, "heartbeat", "getinfobyip", {"agentip": agentip})

    async def getstatbyiplist(self, iplist: Sequence[str]) -> StatusList:
        """The status of up to 10,000 agents, in the same order."""
        return await self._reply(StatusList, "heartbeat", "getstatbyiplist", {"iplist": list(iplist)})

    async def getonlinestat(self) -> OnlineStat:
        """How many agents are online."""
        return await self._reply(OnlineStat, "heartbeat", "getonlinestat", {})

    async def getonlinehistory(self, *, step: Optional[int] = None) -> OnlineHistory:
        """How many agents were online over the last 24 hours, in steps of `step` seconds."""
        return await self._reply(OnlineHistory, "heartbeat", "getonlinehistory", {"step": step})

    async def getagenthistory(self, agentip: str) -> AgentHistory:
        """When an agent came and went over the last 30 days."""
        return await self._reply(AgentHistory, "heartbeat", "getagenthistory", {"agentip": agentip})

    async def listagents(self, *, status: Optional[str] = None, os: Optional[str] = None,
                         unseen_for: Optional[int] = None, after: Optional[str] = None,
                         limit: Optional[int] = None) -> Agents:
        """One page of the agents. `unseen_for`: only those that were not heard for that many seconds."""
        fields = {"status": status, "os": os, "unseen_for": unseen_for, "after": after, "limit": limit}
        return await self._reply(Agents, "heartbeat", "listagents", fields)

    async def iter_agents(self, *, status: Optional[str] = None, os: Optional[str] = None,
                          unseen_for: Optional[int] = None) -> AsyncIterator[Agent]:
        """All agents, page by page."""
        fields = {"status": status, "os": os, "unseen_for": unseen_for}
        async for row in self._rows(Agent, "agents", "heartbeat", "listagents", fields):
            yield row

    async def forgetagents(self, iplist: Sequence[str], *, force: Optional[bool] = None,
                           plan: Optional[bool] = None) -> ForgetAgents:
        """Forget up to 1,000 machines: their records, keys, jobs and inventory. `plan`: change nothing, and return what
        there is. Not repeated after a lost connection, unless it is a plan."""
        fields = {"iplist": list(iplist), "force": force, "plan": plan}
        return await self._reply(ForgetAgents, "heartbeat", "forgetagents", fields, repeat=bool(plan))

    # ---- supervisor ----
    async def checkipauthbykey(self, agentip: str, key: str, token: str) -> Status:
        """Whether a key, proven by its token, has rights on an agent."""
        fields = {"agentip": agentip, "key": key, "token": token}
        return await self._reply(Status, "supervisor", "checkipauthbykey", fields)

    async def getappcallbackinfo(self, appname: str) -> CallbackInfo:
        """The address of an app's processor."""
        return await self._reply(CallbackInfo, "supervisor", "getappcallbackinfo", {"appname": appname})

    async def getauthbykey(self, key: str) -> GetAuth:
        """A key's rights."""
        return await self._reply(GetAuth, "supervisor", "getauthbykey", {"key": key})

    async def setkey(self, key: Optional[str] = None, *, name: Optional[str] = None, role: Optional[str] = None,
                     apps: Optional[Sequence[str]] = None, iplist: Optional[Sequence[str]] = None,
                     enabled: Optional[bool] = None, expires: Optional[str] = None, files: Optional[bool] = None,
                     run_hosts: Union[None, int, str] = None, quota: Optional[Mapping[str, Union[int, str]]] = None, rotate: Optional[bool] = None,
                     overlap: Optional[int] = None) -> SetKey:
        """Make a key, change one, or give it a new token. Not repeated after a lost connection."""
        fields = {"key": key, "name": name, "role": role, "apps": _listed(apps), "iplist": _listed(iplist),
                  "enabled": enabled, "expires": expires, "files": files, "run_hosts": run_hosts, "quota": quota, "rotate": rotate,
                  "overlap": overlap}
        return await self._reply(SetKey, "supervisor", "setkey", fields, repeat=False)

    async def delkey(self, key: str, *, cancel: Optional[bool] = None) -> DelKey:
        """Delete a key. Not repeated after a lost connection."""
        return await self._reply(DelKey, "supervisor", "delkey", {"key": key, "cancel": cancel}, repeat=False)

    async def listkeys(self, *, after: Optional[str] = None, limit: Optional[int] = None) -> Keys:
        """One page of the keys."""
        return await self._reply(Keys, "supervisor", "listkeys", {"after": after, "limit": limit})

    async def iter_keys(self) -> AsyncIterator[Key]:
        """All keys, page by page."""
        async for row in self._rows(Key, "keys", "supervisor", "listkeys", {}):
            yield row

    async def setapp(self, appname: str, appip: str, appport: int) -> None:
        """Set the address of an app's processor."""
        fields = {"appname": appname, "appip": appip, "appport": appport}
        await self._do("supervisor", "setapp", fields, repeat=True)

    async def delapp(self, appname: str) -> None:
        """Delete the address of an app's processor. Not repeated after a lost connection."""
        await self._do("supervisor", "delapp", {"appname": appname})

    async def listapps(self, *, after: Optional[str] = None, limit: Optional[int] = None) -> Apps:
        """One page of the apps that have a processor."""
        return await self._reply(Apps, "supervisor", "listapps", {"after": after, "limit": limit})

    async def iter_apps(self) -> AsyncIterator[App]:
        """All apps that have a processor, page by page."""
        async for row in self._rows(App, "apps", "supervisor", "listapps", {}):
            yield row

    async def login(self, key: str, token: str) -> None:
        """Use this key from now on, on later connections of this client too."""
        await self._do("supervisor", "login", {"key": key, "token": token}, repeat=True)
        self._use_key(key, token)

    async def join(self, agentip: str, hash: str, *, asset: Optional[str] = None, version: Optional[str] = None,
                   join_token: Optional[str] = None) -> JoinStatus:
        """Ask to join as a machine; `hash` is the SHA-256 of the token that the machine made for itself."""
        fields = {"agentip": agentip, "hash": hash, "asset": asset, "version": version, "join_token": join_token}
        return await self._reply(JoinStatus, "supervisor", "join", fields)

    async def listjoins(self, *, after: Optional[Union[int, str]] = None, limit: Optional[int] = None) -> Joins:
        """One page of the machines that ask to join."""
        return await self._reply(Joins, "supervisor", "listjoins", {"after": after, "limit": limit})

    async def iter_joins(self) -> AsyncIterator[Join]:
        """All machines that ask to join, page by page."""
        async for row in self._rows(Join, "joins", "supervisor", "listjoins", {}):
            yield row

    async def acceptjoin(self, agentip: str, *, fingerprint: Optional[str] = None,
                         replace: Optional[bool] = None) -> AcceptJoin:
        """Accept a machine. Not repeated after a lost connection."""
        fields = {"agentip": agentip, "fingerprint": fingerprint, "replace": replace}
        return await self._reply(AcceptJoin, "supervisor", "acceptjoin", fields, repeat=False)

    async def rejectjoin(self, agentip: str, *, fingerprint: Optional[str] = None) -> RejectJoin:
        """Reject a machine, or all that wait as that address. Not repeated after a lost connection."""
        fields = {"agentip": agentip, "fingerprint": fingerprint}
        return await self._reply(RejectJoin, "supervisor", "rejectjoin", fields, repeat=False)

    async def addjointoken(self, *, name: Optional[str] = None, cidr: Optional[str] = None,
                           lifetime: Optional[int] = None) -> NewJoinToken:
        """Make a token that lets machines join. Not repeated after a lost connection."""
        fields = {"name": name, "cidr": cidr, "lifetime": lifetime}
        return await self._reply(NewJoinToken, "supervisor", "addjointoken", fields, repeat=False)

    async def listjointokens(self) -> JoinTokens:
        """The join tokens, and who used which."""
        return await self._reply(JoinTokens, "supervisor", "listjointokens", {})

    async def deljointoken(self, id: str) -> None:
        """Delete a join token. Not repeated after a lost connection."""
        await self._do("supervisor", "deljointoken", {"id": id})

    # ---- cmdbproxy ----
    async def getcmdbinfobyip(self, agentip: str) -> CmdbInfo:
        """A machine's inventory record."""
        return await self._reply(CmdbInfo, "cmdbproxy", "getcmdbinfobyip", {"agentip": agentip})

    async def getcmdbinfobyiplist(self, agentiplist: Sequence[str]) -> CmdbEntries:
        """The records of up to 10,000 machines, in the same order."""
        fields = {"agentiplist": list(agentiplist)}
        return await self._reply(CmdbEntries, "cmdbproxy", "getcmdbinfobyiplist", fields)

    async def setcmdbinfo(self, agentip: str, *, sn: Optional[str] = None, iplist: Optional[str] = None,
                          idc: Optional[str] = None, main_cat: Optional[str] = None, sub_cat: Optional[str] = None,
                          app_info: Optional[str] = None, manager: Optional[str] = None) -> None:
        """Set a machine's record."""
        fields = {"agentip": agentip, "sn": sn, "iplist": iplist, "idc": idc, "main_cat": main_cat, "sub_cat": sub_cat,
                  "app_info": app_info, "manager": manager}
        await self._do("cmdbproxy", "setcmdbinfo", fields, repeat=True)

    async def setcmdbinfolist(self, records: Sequence[NewCmdbRecord]) -> CmdbWritten:
        """Set up to 1,000 records, all or none."""
        return await self._reply(CmdbWritten, "cmdbproxy", "setcmdbinfolist", {"records": list(records)})

    async def delcmdbinfo(self, agentip: str) -> None:
        """Delete a machine's record. Not repeated after a lost connection."""
        await self._do("cmdbproxy", "delcmdbinfo", {"agentip": agentip})

    async def listcmdbinfo(self, *, after: Optional[str] = None, limit: Optional[int] = None) -> CmdbRecords:
        """One page of the inventory."""
        return await self._reply(CmdbRecords, "cmdbproxy", "listcmdbinfo", {"after": after, "limit": limit})

    async def iter_cmdbinfo(self) -> AsyncIterator[CmdbRecord]:
        """All of the inventory, page by page."""
        async for row in self._rows(CmdbRecord, "info", "cmdbproxy", "listcmdbinfo", {}):
            yield row

    # ---- cron ----
    async def getcronlistbyip(self, agentip: str) -> CronJobs:
        """An agent's cron jobs."""
        return await self._reply(CronJobs, "cron", "getcronlistbyip", {"agentip": agentip})

    async def getcronlistbykey(self, by: str, *, after: Optional[str] = None, limit: Optional[int] = None) -> CronJobs:
        """One page of the cron jobs that a key has set."""
        return await self._reply(CronJobs, "cron", "getcronlistbykey", {"by": by, "after": after, "limit": limit})

    async def iter_crons_of_key(self, by: str) -> AsyncIterator[CronJob]:
        """All cron jobs that a key has set, page by page."""
        async for row in self._rows(CronJob, "cron_list", "cron", "getcronlistbykey", {"by": by}):
            yield row

    async def listcrons(self, *, agentip: Optional[str] = None, id: Optional[str] = None,
                        cron_type: Optional[str] = None, app: Optional[str] = None, func: Optional[str] = None,
                        name: Optional[str] = None, by: Optional[str] = None, cron_flag: Optional[str] = None,
                        after: Optional[str] = None, limit: Optional[int] = None,
                        times: Optional[int] = None) -> CronJobs:
        """One page of the cron jobs of all agents. `times`: how many next times of each."""
        fields = {"agentip": agentip, "id": id, "cron_type": cron_type, "app": app, "func": func, "name": name,
                  "by": by, "cron_flag": cron_flag, "after": after, "limit": limit, "times": times}
        return await self._reply(CronJobs, "cron", "listcrons", fields)

    async def iter_crons(self, *, agentip: Optional[str] = None, cron_type: Optional[str] = None,
                         app: Optional[str] = None, func: Optional[str] = None, name: Optional[str] = None,
                         by: Optional[str] = None, cron_flag: Optional[str] = None,
                         times: Optional[int] = None) -> AsyncIterator[CronJob]:
        """All cron jobs, page by page."""
        fields = {"agentip": agentip, "cron_type": cron_type, "app": app, "func": func, "name": name, "by": by,
                  "cron_flag": cron_flag, "times": times}
        async for row in self._rows(CronJob, "cron_list", "cron", "listcrons", fields):
            yield row

    async def nexttimes(self, rule: str, *, timezone: Optional[str] = None, start_date: Optional[str] = None,
                        end_date: Optional[str] = None, times: Optional[int] = None) -> RuleTimes:
        """When a rule would fire next."""
        fields = {"rule": rule, "timezone": timezone, "start_date": start_date, "end_date": end_date, "times": times}
        return await self._reply(RuleTimes, "cron", "nexttimes", fields)

    async def setcronbyip(self, agentip: str, rule: str, ins: Ins, *, cron_type: Optional[str] = None,
                          id: Optional[str] = None, timezone: Optional[str] = None, misfire: Optional[str] = None,
                          overlap: Optional[str] = None, jitter: Optional[int] = None, name: Optional[str] = None,
                          start_date: Optional[str] = None, end_date: Optional[str] = None,
                          watch: Optional[str] = None) -> SetCron:
        """Set a cron job; `id` or `name` replaces that one. With one of them the call is repeated after a lost
        connection; without, it would set the job twice."""
        fields = {"agentip": agentip, "rule": rule, "ins": ins, "cron_type": cron_type, "id": id, "timezone": timezone,
                  "misfire": misfire, "overlap": overlap, "jitter": jitter, "name": name, "start_date": start_date,
                  "end_date": end_date, "watch": watch}
        return await self._reply(SetCron, "cron", "setcronbyip", fields, repeat=bool(id or name))

    async def delcronbyipid(self, agentip: str, id: str) -> AgentTold:
        """Delete a cron job. Not repeated after a lost connection."""
        return await self._reply(AgentTold, "cron", "delcronbyipid", {"agentip": agentip, "id": id}, repeat=False)

    async def startcron(self, agentip: str, id: str) -> AgentTold:
        """Switch a cron job on."""
        return await self._reply(AgentTold, "cron", "startcron", {"agentip": agentip, "id": id})

    async def stopcron(self, agentip: str, id: str) -> AgentTold:
        """Pause a cron job."""
        return await self._reply(AgentTold, "cron", "stopcron", {"agentip": agentip, "id": id})

    async def runcron(self, agentip: str, id: str) -> RunCron:
        """Run a cron job now. Not repeated after a lost connection."""
        limit = 20.0 + self._answer_timeout()
        return await self._reply(RunCron, "cron", "runcron", {"agentip": agentip, "id": id}, repeat=False, timeout=limit)

    # ---- tasklog ----
    async def appprocessorlog(self, id: str, info: ProcessorInfo) -> None:
        """Report what an app's processor made of a result."""
        await self._do("tasklog", "appprocessorlog", {"id": id, "info": info}, repeat=True)

    async def gettaskbyids(self, id: Sequence[str]) -> TasksById:
        """The records of up to 1,000 tasks, in the same order."""
        return await self._reply(TasksById, "tasklog", "gettaskbyids", {"id": list(id)})

    async def listtasks(self, *, agentip: Optional[str] = None, app: Optional[str] = None, func: Optional[str] = None,
                        type: Optional[str] = None, cron_id: Optional[str] = None, status: Optional[str] = None,
                        by: Optional[str] = None, since: Optional[str] = None, until: Optional[str] = None,
                        after: Optional[str] = None, limit: Optional[int] = None) -> Tasks:
        """One page of the tasks, newest first."""
        fields = {"agentip": agentip, "app": app, "func": func, "type": type, "cron_id": cron_id, "status": status,
                  "by": by, "since": since, "until": until, "after": after, "limit": limit}
        return await self._reply(Tasks, "tasklog", "listtasks", fields)

    async def iter_tasks(self, *, agentip: Optional[str] = None, app: Optional[str] = None, func: Optional[str] = None,
                         type: Optional[str] = None, cron_id: Optional[str] = None, status: Optional[str] = None,
                         by: Optional[str] = None, since: Optional[str] = None,
                         until: Optional[str] = None) -> AsyncIterator[Task]:
        """All tasks, newest first, page by page."""
        fields = {"agentip": agentip, "app": app, "func": func, "type": type, "cron_id": cron_id, "status": status,
                  "by": by, "since": since, "until": until}
        async for row in self._rows(Task, "info", "tasklog", "listtasks", fields):
            yield row

    async def gettaskoutput(self, id: str, *, offset: Optional[int] = None, limit: Optional[int] = None,
                            stderr_offset: Optional[int] = None) -> TaskOutput:
        """What a task has printed so far, from `offset` on."""
        fields = {"id": id, "offset": offset, "limit": limit, "stderr_offset": stderr_offset}
        return await self._reply(TaskOutput, "tasklog", "gettaskoutput", fields)

    async def countfailures(self, *, since: Optional[str] = None) -> FailureCounts:
        """How many tasks of the last 24 hours did not end well, by app and function."""
        return await self._reply(FailureCounts, "tasklog", "countfailures", {"since": since})

    async def gettaskstory(self, id: str) -> TaskStory:
        """Everything that happened to a task, in order."""
        return await self._reply(TaskStory, "tasklog", "gettaskstory", {"id": id})

    # ---- elves ----
    async def ping(self) -> None:
        """Ask whether the server answers."""
        await self._do("elves", "ping", {}, repeat=True)

    async def methods(self) -> MethodsDeclared:
        """Every service, method and field of the server."""
        return await self._reply(MethodsDeclared, "elves", "methods", {})

    async def stats(self) -> Stats:
        """The server's version, time zone, counters and warnings."""
        return await self._reply(Stats, "elves", "stats", {})

    async def doctor(self) -> Doctor:
        """Check that what is on disk is as it must be. `findings` is empty where it is."""
        return await self._reply(Doctor, "elves", "doctor", {}, timeout=60.0 + self._answer_timeout())

    async def newlink(self) -> ConsoleLink:
        """A link that logs one browser in to the console, once."""
        return await self._reply(ConsoleLink, "console", "newlink", {})

    async def listaudit(self, *, since: Optional[str] = None, until: Optional[str] = None, key: Optional[str] = None,
                        method: Optional[str] = None, agentip: Optional[str] = None, app: Optional[str] = None,
                        id: Optional[str] = None, denied: Optional[bool] = None, order: Optional[str] = None,
                        after: Optional[Union[int, str]] = None, limit: Optional[int] = None) -> AuditRows:
        """One page of the audit trail, newest first; `order` `"oldest"`: the other way round."""
        fields = {"since": since, "until": until, "key": key, "method": method, "agentip": agentip, "app": app,
                  "id": id, "denied": denied, "order": order, "after": after, "limit": limit}
        return await self._reply(AuditRows, "elves", "listaudit", fields)

    async def iter_audit(self, *, since: Optional[str] = None, until: Optional[str] = None, key: Optional[str] = None,
                         method: Optional[str] = None, agentip: Optional[str] = None, app: Optional[str] = None,
                         id: Optional[str] = None, denied: Optional[bool] = None,
                         order: Optional[str] = None) -> AsyncIterator[AuditRow]:
        """All of the audit trail, page by page."""
        fields = {"since": since, "until": until, "key": key, "method": method, "agentip": agentip, "app": app,
                  "id": id, "denied": denied, "order": order}
        async for row in self._rows(AuditRow, "rows", "elves", "listaudit", fields):
            yield row

    async def verifyaudit(self, from_: Optional[str] = None) -> AuditVerified:
        """Follow the audit trail's chain of hashes, some 20,000 rows; `more` `"true"`: go on from `at`. (`from_` is
        `from` on the wire, a word of Python's.)"""
        return await self._reply(AuditVerified, "elves", "verifyaudit", {"from": from_})

    # ---- fleet ----
    async def findagents(self, target: str, *, after: Optional[str] = None, limit: Optional[int] = None) -> FoundAgents:
        """One page of the hosts that a target expression selects."""
        return await self._reply(FoundAgents, "fleet", "findagents", {"target": target, "after": after, "limit": limit})

    async def iter_found_agents(self, target: str) -> AsyncIterator[FoundAgent]:
        """All hosts that a target expression selects, page by page."""
        async for row in self._rows(FoundAgent, "agents", "fleet", "findagents", {"target": target}):
            yield row

    async def counthosts(self, target: str, by: str) -> HostCounts:
        """How many of a target's hosts there are for each value of a field."""
        return await self._reply(HostCounts, "fleet", "counthosts", {"target": target, "by": by})

    async def explaintarget(self, target: str, agentip: str) -> ExplainTarget:
        """Why a target selects a host, or does not."""
        return await self._reply(ExplainTarget, "fleet", "explaintarget", {"target": target, "agentip": agentip})

    async def setlabels(self, target: str, labels: Optional[Mapping[str, str]] = None, *,
                        unset: Optional[Sequence[str]] = None, digest: Optional[str] = None) -> SetLabels:
        """Set and remove labels on a target's hosts. `digest`: refuse where the hosts are not those of `findagents`."""
        fields = {"target": target, "labels": labels, "unset": _listed(unset), "digest": digest}
        return await self._reply(SetLabels, "fleet", "setlabels", fields, repeat=False)

    async def setgroup(self, name: str, target: str, *, note: Optional[str] = None) -> None:
        """Name a target expression."""
        await self._do("fleet", "setgroup", {"name": name, "target": target, "note": note}, repeat=True)

    async def delgroup(self, name: str) -> None:
        """Delete a group. Not repeated after a lost connection."""
        await self._do("fleet", "delgroup", {"name": name})

    async def getgroup(self, name: str) -> Groups:
        """A group, as a list of one."""
        return await self._reply(Groups, "fleet", "getgroup", {"name": name})

    async def listgroups(self) -> Groups:
        """All groups."""
        return await self._reply(Groups, "fleet", "listgroups", {})

    # ---- run ----
    async def run(self, target: str, app: str, func: str, param: Json = "", *, timeout: Optional[int] = None,
                  mode: Optional[str] = None, proxy: Optional[str] = None, waves: Optional[str] = None,
                  parallel: Optional[int] = None, max_fail: Union[None, int, str] = None,
                  strict: Optional[bool] = None, pause: Union[None, int, str] = None, order: Optional[str] = None,
                  ttl: Optional[int] = None, silent: Optional[str] = None, at: Optional[str] = None,
                  late: Optional[int] = None, deadline: Optional[int] = None, digest: Optional[str] = None,
                  dedup: Optional[str] = None, note: Optional[str] = None) -> AsyncRun:
        """Run a function on all hosts of a target, in waves. Returns as soon as the run is on disk: `watch`, `wait`,
        `hosts`, `answers` and `retry` of what is returned go on from there. The arguments are those of `startrun`."""
        ins: Ins = {"app": app, "func": func, "param": param}
        if timeout is not None:
            ins["timeout"] = timeout
        if mode is not None:
            ins["mode"] = mode
        if proxy is not None:
            ins["proxy"] = proxy
        started = await self.startrun(
            target, ins, waves=waves, parallel=parallel, max_fail=max_fail, strict=strict, pause=pause, order=order,
            ttl=ttl, silent=silent, at=at, late=late, deadline=deadline, digest=digest, dedup=dedup, note=note)
        return AsyncRun(self, started["id"], int(started["count"]))

    async def planrun(self, target: str, ins: Ins, *, waves: Optional[str] = None, parallel: Optional[int] = None,
                      max_fail: Union[None, int, str] = None, strict: Optional[bool] = None,
                      pause: Union[None, int, str] = None, order: Optional[str] = None, ttl: Optional[int] = None,
                      silent: Optional[str] = None, at: Optional[str] = None, late: Optional[int] = None,
                      deadline: Optional[int] = None, digest: Optional[str] = None, dedup: Optional[str] = None,
                      note: Optional[str] = None) -> RunPlan:
        """What a run would be: its waves, who is away, and how many can fail at worst. Starts nothing."""
        fields = {"target": target, "ins": ins, "waves": waves, "parallel": parallel,
                  "max_fail": max_fail, "strict": strict, "pause": pause, "order": order, "ttl": ttl,
                  "silent": silent, "at": at, "late": late, "deadline": deadline, "digest": digest, "dedup": dedup, "note": note}
        return await self._reply(RunPlan, "run", "planrun", fields)

    async def startrun(self, target: str, ins: Ins, *, waves: Optional[str] = None, parallel: Optional[int] = None,
                       max_fail: Union[None, int, str] = None, strict: Optional[bool] = None,
                       pause: Union[None, int, str] = None, order: Optional[str] = None, ttl: Optional[int] = None,
                       silent: Optional[str] = None, at: Optional[str] = None, late: Optional[int] = None,
                       deadline: Optional[int] = None, digest: Optional[str] = None, dedup: Optional[str] = None,
                       note: Optional[str] = None) -> StartRun:
        """Run a function on all hosts of a target, in waves. `digest`: refuse where the hosts are not those of a plan.

        Each run has a `dedup` of its own where you give none, so that one which is sent again after a lost connection
        is the same run."""
        dedup = dedup or secrets.token_hex(16)
        fields = {"target": target, "ins": ins, "waves": waves, "parallel": parallel,
                  "max_fail": max_fail, "strict": strict, "pause": pause, "order": order, "ttl": ttl,
                  "silent": silent, "at": at, "late": late, "deadline": deadline, "digest": digest, "dedup": dedup, "note": note}
        return await self._reply(StartRun, "run", "startrun", fields)

    async def getrun(self, id: str) -> GetRun:
        """What was asked of a run, and how far it is."""
        return await self._reply(GetRun, "run", "getrun", {"id": id})

    async def listruns(self, *, state: Optional[str] = None, by: Optional[str] = None, app: Optional[str] = None,
                       func: Optional[str] = None, agentip: Optional[str] = None, schedule: Optional[str] = None,
                       since: Optional[str] = None, until: Optional[str] = None, after: Optional[str] = None,
                       limit: Optional[int] = None) -> RunsPage:
        """One page of the runs, newest first."""
        fields = {"state": state, "by": by, "app": app, "func": func, "agentip": agentip, "schedule": schedule,
                  "since": since, "until": until, "after": after, "limit": limit}
        return await self._reply(RunsPage, "run", "listruns", fields)

    async def iter_runs(self, *, state: Optional[str] = None, by: Optional[str] = None, app: Optional[str] = None,
                        func: Optional[str] = None, agentip: Optional[str] = None, schedule: Optional[str] = None,
                        since: Optional[str] = None, until: Optional[str] = None) -> AsyncIterator[ListedRun]:
        """All runs, newest first, page by page."""
        fields = {"state": state, "by": by, "app": app, "func": func, "agentip": agentip, "schedule": schedule,
                  "since": since, "until": until}
        async for row in self._rows(ListedRun, "runs", "run", "listruns", fields):
            yield row

    async def listrunhosts(self, id: str, *, state: Optional[Sequence[str]] = None, wave: Optional[int] = None,
                           after: Union[None, int, str] = None, limit: Optional[int] = None) -> RunHosts:
        """One page of a run's hosts, in its order. `state`: only those in one of these states."""
        fields = {"id": id, "state": _listed(state), "wave": wave, "after": after, "limit": limit}
        return await self._reply(RunHosts, "run", "listrunhosts", fields)

    async def iter_run_hosts(self, id: str, *, state: Optional[Sequence[str]] = None,
                             wave: Optional[int] = None) -> AsyncIterator[RunHost]:
        """All hosts of a run, in its order, page by page."""
        fields = {"id": id, "state": _listed(state), "wave": wave}
        async for row in self._rows(RunHost, "hosts", "run", "listrunhosts", fields):
            yield row

    async def listanswers(self, id: str, *, after: Union[None, int, str] = None,
                          limit: Optional[int] = None) -> RunAnswers:
        """One page of what a run's hosts answered, equal answers together, the most frequent first."""
        return await self._reply(RunAnswers, "run", "listanswers", {"id": id, "after": after, "limit": limit})

    async def iter_answers(self, id: str) -> AsyncIterator[RunAnswer]:
        """All answers of a run's hosts, page by page."""
        async for row in self._rows(RunAnswer, "answers", "run", "listanswers", {"id": id}):
            yield row

    async def steerrun(self, id: str, do: str, *, max_fail: Union[None, int, str] = None,
                       note: Optional[str] = None) -> SteerRun:
        """Pause, resume, stop or cancel a run. Not repeated after a lost connection."""
        fields = {"id": id, "do": do, "max_fail": max_fail, "note": note}
        return await self._reply(SteerRun, "run", "steerrun", fields, repeat=False)

    async def retryrun(self, id: str, states: Sequence[str], *, ins: Optional[Ins] = None, waves: Optional[str] = None,
                       parallel: Optional[int] = None, max_fail: Union[None, int, str] = None,
                       strict: Optional[bool] = None, pause: Union[None, int, str] = None, order: Optional[str] = None,
                       ttl: Optional[int] = None, silent: Optional[str] = None, at: Optional[str] = None,
                       late: Optional[int] = None, deadline: Optional[int] = None, digest: Optional[str] = None,
                       dedup: Optional[str] = None, note: Optional[str] = None) -> RetryRun:
        """Start a new run of those hosts of an old one that are in these states. What is given here differs from the
        old run. `dedup`: as for `startrun`."""
        dedup = dedup or secrets.token_hex(16)
        fields = {"id": id, "states": list(states), "ins": ins, "waves": waves, "parallel": parallel,
                  "max_fail": max_fail, "strict": strict, "pause": pause, "order": order, "ttl": ttl,
                  "silent": silent, "at": at, "late": late, "deadline": deadline, "digest": digest, "dedup": dedup, "note": note}
        return await self._reply(RetryRun, "run", "retryrun", fields)

    async def watchrun(self, id: str, *, since: Union[None, int, str] = None) -> WatchRun:
        """Wait up to 25 s until something of a run is newer than `since` (0 at first; then the `seq` of the last
        reply)."""
        limit = 25.0 + self._answer_timeout()
        return await self._reply(WatchRun, "run", "watchrun", {"id": id, "since": since}, timeout=limit)

    async def setschedule(self, target: str, ins: Ins, rule: str, *, id: Optional[str] = None,
                          timezone: Optional[str] = None, misfire: Optional[str] = None, overlap: Optional[str] = None,
                          jitter: Optional[int] = None, waves: Optional[str] = None, parallel: Optional[int] = None,
                          max_fail: Union[None, int, str] = None, strict: Optional[bool] = None,
                          pause: Union[None, int, str] = None, order: Optional[str] = None, ttl: Optional[int] = None,
                          silent: Optional[str] = None, late: Optional[int] = None, deadline: Optional[int] = None,
                          note: Optional[str] = None) -> SetSchedule:
        """Let a run begin again at the times of a rule. Not repeated after a lost connection, unless `id` is given."""
        fields = {"target": target, "ins": ins, "rule": rule, "id": id, "timezone": timezone, "misfire": misfire,
                  "overlap": overlap, "jitter": jitter, "waves": waves, "parallel": parallel, "max_fail": max_fail,
                  "strict": strict, "pause": pause, "order": order, "ttl": ttl, "silent": silent, "late": late,
                  "deadline": deadline, "note": note}
        return await self._reply(SetSchedule, "run", "setschedule", fields, repeat=id is not None)

    async def delschedule(self, id: str) -> ScheduleId:
        """Delete a schedule; its runs go on. Not repeated after a lost connection."""
        return await self._reply(ScheduleId, "run", "delschedule", {"id": id}, repeat=False)

    async def startschedule(self, id: str) -> ScheduleOn:
        """Let a stopped schedule fire again. Not repeated after a lost connection."""
        return await self._reply(ScheduleOn, "run", "startschedule", {"id": id}, repeat=False)

    async def stopschedule(self, id: str) -> ScheduleOn:
        """Stop a schedule: it stays, and does not fire. Not repeated after a lost connection."""
        return await self._reply(ScheduleOn, "run", "stopschedule", {"id": id}, repeat=False)

    async def listschedules(self, *, id: Optional[str] = None, by: Optional[str] = None, app: Optional[str] = None,
                            func: Optional[str] = None, after: Optional[str] = None,
                            limit: Optional[int] = None, times: Optional[int] = None) -> SchedulesPage:
        """One page of the schedules."""
        fields = {"id": id, "by": by, "app": app, "func": func, "after": after, "limit": limit, "times": times}
        return await self._reply(SchedulesPage, "run", "listschedules", fields)

    async def setwindow(self, name: str, target: str, *, apps: Optional[Sequence[str]] = None,
                        rule: Optional[str] = None, lasts: Optional[int] = None, from_: Optional[str] = None,
                        to: Optional[str] = None, timezone: Optional[str] = None, note: Optional[str] = None) -> None:
        """Say when nothing of some apps starts on some hosts: by `rule` and `lasts`, or `from_` and `to`."""
        fields = {"name": name, "target": target, "apps": _listed(apps), "rule": rule, "lasts": lasts, "from": from_,
                  "to": to, "timezone": timezone, "note": note}
        await self._do("run", "setwindow", fields, repeat=True)

    async def delwindow(self, name: str) -> None:
        """Delete a window. Not repeated after a lost connection."""
        await self._do("run", "delwindow", {"name": name}, repeat=False)

    async def listwindows(self) -> Windows:
        """All windows, and which are closed now."""
        return await self._reply(Windows, "run", "listwindows", {})

    async def setcap(self, name: str, target: str, most: int, *, apps: Optional[Sequence[str]] = None,
                     per: Optional[str] = None) -> None:
        """Say how many tasks of some apps may run at once on some hosts."""
        fields = {"name": name, "target": target, "most": most, "apps": _listed(apps), "per": per}
        await self._do("run", "setcap", fields, repeat=True)

    async def delcap(self, name: str) -> None:
        """Delete a cap. Not repeated after a lost connection."""
        await self._do("run", "delcap", {"name": name}, repeat=False)

    async def listcaps(self) -> Caps:
        """All caps, and how many tasks each counts now."""
        return await self._reply(Caps, "run", "listcaps", {})

    # ---- apps ----
    async def beginpush(self, app: str, version: str, sha256: str, size: int, *,
                        signature: Optional[str] = None) -> BeginPush:
        """Begin the upload of a version of an app: a package of `size` bytes. Not repeated after a lost connection."""
        fields = {"app": app, "version": version, "sha256": sha256, "size": size, "signature": signature}
        return await self._reply(BeginPush, "apps", "beginpush", fields, repeat=False)

    async def pushpiece(self, upload: str, offset: int, data: str) -> PushPiece:
        """The next piece of an upload, in base64. Not repeated after a lost connection."""
        fields = {"upload": upload, "offset": offset, "data": data}
        return await self._reply(PushPiece, "apps", "pushpiece", fields, repeat=False)

    async def endpush(self, upload: str) -> AppVersion:
        """End an upload: the version is there once its bytes have the SHA-256 that was said. Not repeated after a lost
        connection."""
        return await self._reply(AppVersion, "apps", "endpush", {"upload": upload}, repeat=False)

    async def listversions(self, *, app: Optional[str] = None, version: Optional[str] = None,
                           after: Optional[str] = None, limit: Optional[int] = None) -> AppVersions:
        """The versions of apps that were pushed; one page."""
        fields = {"app": app, "version": version, "after": after, "limit": limit}
        return await self._reply(AppVersions, "apps", "listversions", fields)

    async def iter_versions(self, *, app: Optional[str] = None,
                            version: Optional[str] = None) -> AsyncIterator[AppVersion]:
        """The same, all pages."""
        fields = {"app": app, "version": version}
        async for row in self._rows(AppVersion, "versions", "apps", "listversions", fields):
            yield row

    async def delversion(self, app: str, version: str) -> None:
        """Delete a version; hosts that have it keep it. Not repeated after a lost connection."""
        await self._do("apps", "delversion", {"app": app, "version": version}, repeat=False)

    async def setassignment(self, app: str, version: str, target: str, *, note: Optional[str] = None) -> NewAssignment:
        """Say which hosts are to have which version: those that have another one get it when they register."""
        fields = {"app": app, "version": version, "target": target, "note": note}
        return await self._reply(NewAssignment, "apps", "setassignment", fields, repeat=True)

    async def delassignment(self, id: str) -> None:
        """Delete an assignment; hosts keep what they have. Not repeated after a lost connection."""
        await self._do("apps", "delassignment", {"id": id}, repeat=False)

    async def listassignments(self, *, app: Optional[str] = None) -> Assignments:
        """The assignments, and how far their hosts are."""
        return await self._reply(Assignments, "apps", "listassignments", {"app": app})

    # ---- for the class that makes the calls ----
    def _answer_timeout(self) -> float:
        raise NotImplementedError

    def _use_key(self, key: str, token: str) -> None:
        raise NotImplementedError


def _listed(given: Optional[Sequence[str]]) -> Optional[List[str]]:
    return None if given is None else list(given)


def _ins(app: str, func: str, param: Json, **more: Any) -> Dict[str, Any]:
    return {"app": app, "func": func, "param": param, **{name: value for name, value in more.items() if value is not None}}
