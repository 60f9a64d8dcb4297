"""What methods return: the fields of their replies as they are on the wire, without the envelope.

Numbers and truth values are strings there (`"12"`, `"true"`), a value that is not known is `""`; only what is written
here as `int` is a number. `to_int` and `is_true` read them. docs/protocol.md says what each field means.

A class that ends in `More` has the fields that are not always there."""

from typing import Any, Dict, List, Optional, TypedDict, Union

#: What `param` may be: a string is handed on as it is, anything else as its JSON text.
Json = Union[None, bool, int, float, str, List[Any], Dict[str, Any]]


def to_int(text: Union[str, int]) -> Optional[int]:
    """A number of a reply; None for `""`."""
    return None if text == "" else int(text)


def is_true(text: Union[str, bool]) -> bool:
    """A truth value of a reply. Not known (`""`) is not true."""
    return text is True or text == "true"


class InsMore(TypedDict, total=False):
    mode: str
    param: Json
    timeout: Union[int, str]
    proxy: str
    ttl: Union[int, str]


class Ins(InsMore):
    """What a cron job runs."""
    app: str
    func: str


# ---- sheduler ----
class SendInfo(TypedDict):
    id: str
    status: str
    agent_sync_flag: str
    agent_sync_error: str
    agent_sync_costtime: str


class SyncInfo(SendInfo):
    worker_flag: int
    worker_result: str
    worker_costtime: int


class SendAsync(TypedDict):
    info: SendInfo


class SendSync(TypedDict):
    info: SyncInfo


class CancelTask(TypedDict):
    id: str
    status: str


# ---- heartbeat ----
class Status(TypedDict):
    status: str


class StatusList(TypedDict):
    status: List[str]


class AgentInfoMore(TypedDict, total=False):
    draining: str
    claimed_from: str
    claimed_time: str
    left_out: str


class AgentInfo(AgentInfoMore):
    status: str
    asset: str
    os: str
    version: str
    agent_starttime: str
    last_hb_time: str
    hw_config: str
    cronlist: List[str]
    apps: Dict[str, str]


class OnlineStatMore(TypedDict, total=False):
    left_out: str


class OnlineStat(OnlineStatMore):
    """`stat` also has `<os>online` for each other system."""
    stat: Dict[str, str]


class OnlineCount(TypedDict):
    time: str
    online: str
    known: str


class OnlineHistory(TypedDict):
    """`counts`: oldest first; steps in which the server did not run are missing."""
    step: str
    counts: List[OnlineCount]


class AgentChange(TypedDict):
    time: str
    status: str


class AgentHistory(TypedDict):
    """`before`: what it was at `since`, or `unknown`."""
    since: str
    before: str
    changes: List[AgentChange]


class AgentMore(TypedDict, total=False):
    draining: str


class Agent(AgentMore):
    agentip: str
    status: str
    asset: str
    os: str
    version: str
    agent_starttime: str
    last_hb_time: str
    apps: Dict[str, str]


class Page(TypedDict, total=False):
    """`next` is the next page's `after`, and absent at the end. `left_out` `"true"`: the list is cut to the key."""
    next: str
    left_out: str


class Agents(Page):
    agents: List[Agent]


# ---- supervisor ----
class CallbackInfo(TypedDict):
    appip: str
    appport: str


class Quota(TypedDict):
    waiting_tasks: str
    waiting_bytes: str
    workers: str
    cron_jobs: str
    bytes_per_day: str


class Usage(TypedDict):
    waiting_tasks: str
    waiting_bytes: str
    cron_jobs: str
    bytes_today: str


class KeyMore(TypedDict, total=False):
    expires: str
    used_time: str
    used_from: str
    old_token_until: str


class Key(KeyMore):
    key: str
    name: str
    role: str
    apps: List[str]
    iplist: List[str]
    enabled: str
    files: str
    run_hosts: str
    create_time: str
    quota: Quota
    usage: Usage


class GetAuth(TypedDict):
    auth: Key


class SetKeyMore(TypedDict, total=False):
    token: str
    warning: str


class SetKey(SetKeyMore):
    key: str


class DelKeyMore(TypedDict, total=False):
    warning: str


class DelKey(DelKeyMore):
    waiting: str
    cron_jobs: str


class DeletedKey(TypedDict):
    key: str
    usage: Usage


class KeysMore(Page, total=False):
    deleted: List[DeletedKey]


class Keys(KeysMore):
    keys: List[Key]


class App(TypedDict):
    appname: str
    appip: str
    appport: str


class Apps(Page):
    apps: List[App]


class JoinMore(TypedDict, total=False):
    key: str
    why: str


class JoinStatus(JoinMore):
    status: str


JoinFrom = TypedDict("JoinFrom", {"from": str})


class Join(JoinFrom):
    """Also has `from`, the address that asked."""
    agentip: str
    fingerprint: str
    status: str
    asset: str
    version: str
    first_time: str
    last_time: str


class Joins(Page):
    joins: List[Join]


class AcceptJoin(TypedDict):
    agentip: str
    fingerprint: str
    key: str
    replaced: List[str]


class RejectJoin(TypedDict):
    rejected: str


class JoinTokenMore(TypedDict, total=False):
    pin: str


class NewJoinToken(JoinTokenMore):
    id: str
    token: str
    expires: str


class JoinToken(TypedDict):
    id: str
    name: str
    cidr: str
    create_time: str
    expires: str
    used_time: str
    used_ip: str


class JoinTokens(TypedDict):
    tokens: List[JoinToken]


# ---- cmdbproxy ----
class CmdbInfo(TypedDict):
    sn: str
    iplist: str
    idc: str
    main_cat: str
    sub_cat: str
    app_info: str
    manager: str


class CmdbRecord(CmdbInfo):
    agentip: str


class CmdbFieldsOrRefusal(TypedDict, total=False):
    sn: str
    iplist: str
    idc: str
    main_cat: str
    sub_cat: str
    app_info: str
    manager: str
    flag: str
    error_info: str


class CmdbEntry(CmdbFieldsOrRefusal):
    """A record, or `flag` `"false"` and `error_info` where there is none."""
    agentip: str


class CmdbEntries(TypedDict):
    info: List[CmdbEntry]


class CmdbFields(TypedDict, total=False):
    sn: str
    iplist: str
    idc: str
    main_cat: str
    sub_cat: str
    app_info: str
    manager: str


class NewCmdbRecord(CmdbFields):
    agentip: str


class CmdbWritten(TypedDict):
    written: str
    unchanged: str


class CmdbRecords(Page):
    info: List[CmdbRecord]


# ---- cron ----
class NextTime(TypedDict):
    fire_time: str
    due: str
    local: str


class CronJobMore(TypedDict, total=False):
    last_exec_time: str
    last_exec_result: str
    next_times: List[NextTime]


class CronJob(CronJobMore):
    cron_id: str
    agent_ip: str
    cron_type: str
    ins: Ins
    param: str
    rule: str
    create_time: str
    cron_flag: str
    next_time: str
    timezone: str
    misfire: str
    overlap: str
    jitter: str
    name: str
    start_date: str
    end_date: str
    refused: str
    agent_told: str
    by: str
    by_deleted: str
    watch: str


class CronJobs(Page):
    cron_list: List[CronJob]


class RuleTime(TypedDict):
    fire_time: str
    local: str


class RuleTimes(TypedDict):
    timezone: str
    times: List[RuleTime]


class AgentTold(TypedDict, total=False):
    """`agent_told` is there for `self` jobs only."""
    agent_told: str


class SetCron(AgentTold):
    id: str
    warnings: List[str]


class RunCron(TypedDict):
    id: str
    cron_id: str
    fire_time: str
    status: str
    agent_sync_flag: str
    agent_sync_error: str
    agent_sync_costtime: str


# ---- tasklog ----
class LatestFailure(TypedDict):
    id: str
    agentip: str
    status: str
    endtime: str
    message: str


class FailureCount(TypedDict):
    """`counts`: by status."""
    app: str
    func: str
    count: str
    counts: Dict[str, str]
    latest: LatestFailure


class FailureCountsMore(TypedDict, total=False):
    left_out: str


class FailureCounts(FailureCountsMore):
    """`since`: from then on all are counted."""
    since: str
    failures: List[FailureCount]


class ProcessorInfoMore(TypedDict, total=False):
    processor_sync_error: str
    processor_sync_costtime: Union[int, str]
    processor_message: str


class ProcessorInfo(ProcessorInfoMore):
    processor_sync_flag: Union[bool, str]


TaskFrom = TypedDict("TaskFrom", {"from": str})


class TaskMore(TypedDict, total=False):
    queued: str
    truncated: str


class Task(TaskMore, TaskFrom):
    """Also has `from`, the address that asked."""
    id: str
    agentip: str
    type: str
    mode: str
    status: str
    by: str
    instruct: str
    proxy: str
    param: str
    starttime: str
    agent_sync_flag: str
    agent_sync_error: str
    agent_sync_costtime: str
    agent_callback_time: str
    worker_message: str
    module_sync_flag: str
    module_sync_error: str
    module_sync_costtime: str
    module_callback_time: str
    processor_message: str
    processor_costtime: str
    endtime: str
    result_flag: str
    cron_id: str
    fire_time: str
    last_fire_time: str
    run: str
    count: str


class TasksByIdMore(TypedDict, total=False):
    denied: List[str]


class TasksById(TasksByIdMore):
    info: List[Task]
    missing: List[str]


class Tasks(Page):
    info: List[Task]


class TaskOutputMore(TypedDict, total=False):
    left_out: str


class TaskOutput(TaskOutputMore):
    id: str
    output: str
    stderr: str
    exit_code: str
    size: str
    stderr_size: str
    truncated: str


class TaskEvent(TypedDict):
    time: str
    gap: str
    what: str


class TaskStory(TypedDict):
    id: str
    status: str
    story: List[TaskEvent]


# ---- elves ----
class FieldDeclared(TypedDict):
    name: str
    type: str
    required: str


class MethodDeclared(TypedDict):
    method: str
    mqt: str
    right: str
    audited: str
    fields: List[FieldDeclared]
    also: List[str]
    help: str


class ServiceDeclared(TypedDict):
    service: str
    methods: List[MethodDeclared]


class MethodsDeclared(TypedDict):
    services: List[ServiceDeclared]


class Largest(TypedDict):
    key: str
    name: str
    held: str


class StoreSpace(TypedDict, total=False):
    file_bytes: str
    wal_bytes: str
    free_bytes: str
    last_backup: str


class StatsMore(TypedDict, total=False):
    largest: Dict[str, Largest]
    store: StoreSpace


class StatsOfServer(StatsMore):
    version: str
    uptime: str
    connections: str
    calls: str
    auth_mode: str
    timezone: str
    store_path: str
    listen: List[str]
    tls: str
    warnings: List[str]


class Stats(TypedDict):
    stats: StatsOfServer


class Finding(TypedDict):
    check: str
    what: str
    advice: str


class Doctor(TypedDict):
    findings: List[Finding]
    reports: List[str]
    checked: str


class ConsoleLink(TypedDict):
    link: str
    ttl: str


class AuditRowMore(TypedDict, total=False):
    proxy: str


class AuditRow(AuditRowMore):
    seq: int
    time: str
    time_ms: int
    key: str
    address: str
    method: str
    agentip: str
    app: str
    func: str
    id: str
    param: str
    allowed: str
    changed: str
    result: str
    more: int
    hash: str


class AuditRows(Page):
    rows: List[AuditRow]


class AuditFault(TypedDict):
    seq: Union[int, str]
    kind: str
    what: str


class AuditVerifiedMore(TypedDict, total=False):
    found: AuditFault


class AuditVerified(AuditVerifiedMore):
    checked: str
    start: str
    at: str
    more: str
    pruned: str


# ---- fleet ----
class FoundAgentMore(TypedDict, total=False):
    draining: str
    asset: str
    os: str
    version: str
    agent_starttime: str
    last_hb_time: str
    apps: Dict[str, str]


class FoundAgent(FoundAgentMore):
    """As `Agent`, without its fields where the host has an inventory record alone (status `unknown`)."""
    agentip: str
    status: str
    labels: Dict[str, str]
    facts: Dict[str, str]


class FoundAgents(Page):
    agents: List[FoundAgent]
    count: str
    undecided: str
    undecided_by: List[str]
    digest: str


class HostCount(TypedDict):
    value: str
    online: str
    offline: str


class HostCountsMore(TypedDict, total=False):
    other: HostCount
    left_out: str


class HostCounts(HostCountsMore):
    counts: List[HostCount]
    count: str
    undecided: str
    undecided_by: List[str]


class TargetPart(TypedDict):
    text: str
    match: str
    value: str


class ExplainTarget(TypedDict):
    match: str
    parts: List[TargetPart]


class SetLabels(TypedDict):
    count: str
    changed: str


class Group(TypedDict):
    name: str
    target: str
    note: str
    count: str
    by: str
    time: str


class GroupsMore(TypedDict, total=False):
    left_out: str


class Groups(GroupsMore):
    groups: List[Group]


class ForgottenAgent(TypedDict):
    """What there was of a machine; counts are how many."""
    agentip: str
    status: str
    asset: str
    last_hb_time: str
    keys: List[str]
    cron_jobs: str
    inventory: str
    labels: str


class ForgetAgents(TypedDict):
    agents: List[ForgottenAgent]


# ---- run ----
class Wave(TypedDict):
    hosts: str
    first: List[str]


class PlanWindow(TypedDict):
    """A window that is closed when the run starts. `hosts`: how many it holds back."""
    name: str
    hosts: str
    first: List[str]
    until: str
    note: str


class RunPlanMore(TypedDict, total=False):
    left_out: str


class RunPlan(RunPlanMore):
    """What a run would be. `worst`: the most hosts that can have failed when it pauses."""
    waves: List[Wave]
    count: str
    online: str
    offline: str
    undecided: str
    undecided_by: List[str]
    rests_on_facts: str
    worst: str
    offline_hosts: List[str]
    windows: List[PlanWindow]
    digest: str


class StartRun(TypedDict):
    id: str
    state: str
    count: str
    digest: str


class RetryRun(TypedDict):
    id: str
    count: str
    of: str


class SteerRun(TypedDict):
    state: str
    why: str


class RunFieldsMore(TypedDict, total=False):
    schedule: str
    fire_time: str
    strict: str
    pause: str
    order: str
    ttl: str
    silent: str
    at: str
    late: str
    deadline: str
    digest: str
    dedup: str
    note: str


RunFrom = TypedDict("RunFrom", {"from": str})


class RunHead(RunFieldsMore, RunFrom):
    """What was asked for, and how far it is. Also has `from`, the address that asked. Fields that have their default
    are not there."""
    id: str
    target: str
    ins: Ins
    waves: str
    parallel: str
    max_fail: str
    state: str
    why: str
    by: str
    of: str
    create_time: str
    start_time: str
    end_time: str
    wave: str
    count: str
    worst: str


class RunCounts(TypedDict, total=False):
    counts: Dict[str, str]


class ListedRun(RunHead, RunCounts):
    """A run without its param. `counts`, as in RunRecord, are there for keys of all addresses."""


class RunRecord(RunHead):
    """`counts`: how many hosts are in each state; states that no host is in are not there."""
    wave_count: str
    counts: Dict[str, str]


class GetRunMore(TypedDict, total=False):
    left_out: str


class GetRun(GetRunMore):
    run: RunRecord


class RunsPage(Page):
    runs: List[ListedRun]


class RunHost(TypedDict):
    agentip: str
    asset: str
    wave: str
    state: str
    task: str
    exit_code: str
    costtime: str
    answer: str


class RunHosts(Page):
    hosts: List[RunHost]


class RunAnswer(TypedDict):
    """An answer that `count` hosts gave alike, and the first ten of them."""
    count: str
    state: str
    exit_code: str
    text: str
    hosts: List[str]


class RunAnswers(Page):
    answers: List[RunAnswer]


class EndedHost(TypedDict):
    agentip: str
    state: str


class WatchRunMore(TypedDict, total=False):
    left_out: str


class WatchRun(WatchRunMore):
    """What is newer than `since`: the hosts that have ended. `seq` is the next call's `since`."""
    seq: str
    state: str
    why: str
    wave: str
    wave_count: str
    counts: Dict[str, str]
    ended: List[EndedHost]


class SetSchedule(TypedDict):
    id: str
    next_time: str


class ScheduleId(TypedDict):
    id: str


class ScheduleOn(TypedDict):
    id: str
    on: str


class Schedule(RunFieldsMore, RunFrom):
    """What each of its runs has, and when. Also has `from`, the address that set it."""
    id: str
    target: str
    ins: Ins
    waves: str
    parallel: str
    max_fail: str
    rule: str
    timezone: str
    misfire: str
    overlap: str
    jitter: str
    on: str
    by: str
    create_time: str
    next_time: str
    next_times: List[NextTime]


class SchedulesPage(Page):
    schedules: List[Schedule]


WindowFrom = TypedDict("WindowFrom", {"from": str})


class Window(WindowFrom):
    """`closed` is `true` or `false`; `until`: when that changes. Also has `from`."""
    name: str
    target: str
    apps: List[str]
    rule: str
    lasts: str
    to: str
    timezone: str
    note: str
    by: str
    time: str
    closed: str
    until: str


class Windows(TypedDict):
    windows: List[Window]


class Cap(TypedDict):
    """`running`: how many tasks it counts now."""
    name: str
    target: str
    apps: List[str]
    most: str
    per: str
    by: str
    time: str
    running: str


class Caps(TypedDict):
    caps: List[Cap]


class BeginPushMore(TypedDict, total=False):
    upload: str
    offset: str
    piece: str
    known: str


class BeginPush(BeginPushMore):
    """`known` `true`: the version is there. Otherwise `upload`, the `offset` of the first byte that is to be sent, and the
    most bytes of a `piece`."""


class PushPiece(TypedDict):
    """`offset`: of the next piece."""
    offset: str


class AppVersion(TypedDict):
    app: str
    version: str
    size: str
    sha256: str
    signature: str
    by: str
    time: str


class AppVersions(Page):
    versions: List[AppVersion]


class NewAssignment(TypedDict):
    id: str


class AssignmentFailure(TypedDict):
    """`next`: seconds until it is tried again."""
    agentip: str
    failures: str
    next: str
    error: str


class Assignment(TypedDict):
    """How many hosts have the version (`current`), are about to get it, fail, are away; `failures`: the first ten."""
    id: str
    app: str
    version: str
    target: str
    note: str
    by: str
    time: str
    current: str
    waiting: str
    failing: str
    offline: str
    error: str
    failures: List[AssignmentFailure]


class AssignmentsMore(TypedDict, total=False):
    left_out: str


class Assignments(AssignmentsMore):
    assignments: List[Assignment]
