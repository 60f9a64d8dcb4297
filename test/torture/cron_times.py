"""Every time of a cron job is accounted for once: it ran, was skipped, or lies in a record of what was missed. Where the
clock of the server or of the agent was set back, times come again: none runs twice, but one that ran may also be counted in
a record of missed ones. For rules of the form `0/N * * * * ?` in UTC, N a divisor of 60."""

import calendar
import re
import time

SPAN = re.compile(r"skipped: (?:more than )?(\d+) times? from (\S+ \S+) to (\S+ \S+) passed")
EVERY = re.compile(r"0/(\d+) \* \* \* \* \?\Z")


def seconds(text):
    return calendar.timegm(time.strptime(text, "%Y-%m-%d %H:%M:%S"))


def covered(row):
    """(the times that this task accounts for, as first and last second; whether it is a run)."""
    at = row["fire_time"] // 1000
    if row["firings"] > 1:  # one after the other, none of which started
        return at, row["last_fire_time"] // 1000, False
    if row["status"] != "skipped":
        return at, at, True
    why = row["worker_result"] or row["sync_error"]
    span = SPAN.match(why)
    if not span:
        return at, at, False
    return seconds(span[2]), seconds(span[3]), False


def made_up(row):
    """The time of the run that this record promises, if it does: both stand for that time."""
    why = row["worker_result"] or row["sync_error"] or ""
    span = SPAN.match(why)
    return seconds(span[3]) if span and "runs once for them" in why else None


def broken_cron(evidence):
    by_cron = {}
    for row in evidence.tasks.values():
        if row["cron_id"]:
            by_cron.setdefault(row["cron_id"], []).append(row)
    for put in evidence.history:
        if put["what"] == "put" and put["kind"] == "cron" and put["came"] == "acked" and put["value"]:
            every = EVERY.match(put["value"])
            if every:
                yield from broken_job(evidence, put["name"], int(every[1]), by_cron.get(put["name"], []))


def broken_job(evidence, cron, every, tasks):
    times = {}
    turned_back = {put["whose"] for put in evidence.history if put["what"] == "clock set back"}
    comes_again = bool(turned_back & {"server", *(row["agent"] for row in tasks)})
    promised = {at for at in map(made_up, tasks) if at is not None}
    # A second outage before that run makes one run of two: the latest promise counts.
    latest = max(promised, default=None)
    kept = any(row["fire_time"] // 1000 == latest and made_up(row) is None for row in tasks)
    for row in tasks:
        first, last, ran = covered(row)
        for at in range(first + -first % every, last + 1, every):
            other, other_ran = times.get(at, (None, False))
            if other and at not in promised and not (comes_again and not (ran and other_ran)):
                yield (f"cron job {cron}: the time {stamp(at)} is accounted for twice, "
                       f"by {other} and {row['id']} ({row['status']})")
            times[at] = row["id"], ran or other_ran
    job = evidence.crons.get(cron)
    if job is None:
        return
    own = job["type"] == "self"
    until = evidence.own_crons.get(cron) if own else job["settled"]
    # An agent's own table begins when the agent first heard of it.
    since = min(times, default=None) if own else job["created"] // 1000 + 1
    if until is None or since is None:
        return
    for at in range(since + -since % every, until // 1000 + 1, every):
        if at not in times or (at == latest and not kept):
            yield f"cron job {cron}: the time {stamp(at)} is not accounted for"


def stamp(at):
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at))
