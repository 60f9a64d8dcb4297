"""The promises, each a function from evidence to the lines that name where it was broken."""

from collections import Counter, defaultdict

from cron_times import broken_cron

FINAL = {"done", "failed", "timeout", "canceled", "expired", "undelivered", "skipped", "lost"}
NEVER_STARTED = {"expired", "undelivered", "skipped"}
RANK = {"waiting": 0, "sent": 1, "running": 2}
MISSING = "missing"


def findings(evidence):
    """Every broken promise, in a line of its own."""
    lines = list(evidence.damage)
    for promise in (acknowledged_is_kept, every_task_ends, end_never_changes, never_twice, nothing_runs_unknown,
                    end_is_true, agents_remember, replies_were_true, cancels_were_true, dedup_is_one_task, processors_hear,
                    confirmed_is_kept, records_are_kept, broken_cron):
        lines += promise(evidence)
    return lines


def of(evidence, what):
    return [entry for entry in evidence.history if entry["what"] == what]


def is_sent(param):
    """It is the token of one send."""
    return param.startswith("t-")


def acknowledged_is_kept(evidence):
    for what in ("send", "cancel", "saw", "delivered"):
        gone = {entry["id"] for entry in of(evidence, what)} - evidence.tasks.keys()
        for task in sorted(gone):
            yield f"task {task}: a client was told of it ({what}), and the store does not know it"
    for task in sorted({entry["id"] for entry in of(evidence, "saw") if entry["status"] == MISSING}):
        yield f"task {task}: was missing when it was asked for"


def every_task_ends(evidence):
    for task, row in evidence.tasks.items():
        if row["status"] not in FINAL:
            yield f"task {task}: still {row['status']} when all was up again"
        elif row["end_time"] is None:
            yield f"task {task}: {row['status']}, and without an end time"


def end_never_changes(evidence):
    highest = {}
    for seen in of(evidence, "saw"):
        task, status = seen["id"], seen["status"]
        if status == MISSING:
            continue
        before = highest.get(task)
        if before in FINAL and status != before:
            yield f"task {task}: was seen as {before}, then as {status}"
        elif RANK.get(status, 9) < RANK.get(before, -1):
            yield f"task {task}: went back from {before} to {status}"
        highest[task] = status
    for task, status in highest.items():
        row = evidence.tasks.get(task)
        if row and status in FINAL and row["status"] != status:
            yield f"task {task}: was seen as {status}, and the store says {row['status']}"


def never_twice(evidence):
    # All firings of a cron job have the same token.
    starts = Counter(line["token"] if is_sent(line["token"]) else line["id"]
                     for line in evidence.workers if line["event"] == "start")
    for name, count in starts.items():
        if count > 1:
            yield f"task {name}: started {count} times"
    of_token = Counter(row["param"] for row in evidence.tasks.values() if is_sent(row["param"]))
    for token, count in of_token.items():
        if count > 1:
            yield f"task of {token}: sent once, and {count} times in the store"


def nothing_runs_unknown(evidence):
    for task in sorted({line["id"] for line in evidence.workers} - evidence.tasks.keys()):
        yield f"task {task}: ran, and the store does not know it"


def end_is_true(evidence):
    said = {line["id"]: line["flag"] for line in evidence.workers if line["event"] == "end"}
    started = {line["id"] for line in evidence.workers if line["event"] == "start"}
    for task, row in evidence.tasks.items():
        status, flag = row["status"], row["worker_flag"]
        if status in NEVER_STARTED and task in started:
            yield f"task {task}: {status}, and its worker was started ({row['sync_error']})"
        if flag in (0, 1) and said.get(task) != flag:
            yield f"task {task}: worker_flag {flag} in the store, and its worker said {said.get(task)}"
        if status == "done" and flag != 1:
            yield f"task {task}: done, with worker_flag {flag}"
        if flag == 1 and status in ("failed", "undelivered", "expired"):
            yield f"task {task}: {status}, with worker_flag 1"
        if flag in (0, 1) and row["worker_result"] != f"did {row['param']}":
            yield f"task {task}: the result of {row['param']} is {row['worker_result']!r}"


def agents_remember(evidence):
    started = {line["id"] for line in evidence.workers if line["event"] == "start"}
    taken = {sent["id"] for sent in of(evidence, "send")
             if sent["method"] == "sendasync" and sent["info"]["agent_sync_flag"] == "true"}
    for task, row in evidence.tasks.items():
        if row["status"] == "lost" and "does not know the task" in row["sync_error"] and task in started | taken:
            yield f"task {task}: lost, for its agent has forgotten what it had {'started' if task in started else 'taken'}"


def down_after(evidence):
    """The number of times that the server went down after each entry of the history, by the entry's place."""
    downs, counts = 0, []
    for entry in reversed(evidence.history):
        downs += entry["what"] == "down"
        counts.append(downs)
    return counts[::-1]


def replies_were_true(evidence):
    downs = down_after(evidence)
    for at, sent in enumerate(evidence.history):
        if sent["what"] != "send":
            continue
        row, info = evidence.tasks.get(sent["id"]), sent["info"]
        if not row:
            continue
        about = f"task {sent['id']}: {sent['method']} was answered "
        if row["param"] != sent["token"] or row["agent"] != sent["agent"]:
            yield about + f"for {sent['token']} on {sent['agent']}; it is {row['param']} on {row['agent']}"
        expected = {1: "done", 0: "failed"}.get(info.get("worker_flag"))
        # After a crash a cancel may come before the agent has repeated the result that the caller was told.
        crossed = row["status"] == "canceled" and downs[at] and row["worker_flag"] == info.get("worker_flag")
        if expected and row["status"] != expected and not crossed:
            yield about + f"worker_flag {info['worker_flag']}, and the store says {row['status']} ({row['sync_error']})"
        if expected and row["worker_result"] != info["worker_result"]:
            yield about + f"{info['worker_result']!r}, and the store says {row['worker_result']!r}"
        if info.get("worker_result", "").startswith("no result within") and row["status"] != "timeout":
            yield about + f"with a timeout, and the store says {row['status']}"
        if info["agent_sync_flag"] == "true" and row["status"] in NEVER_STARTED:
            yield about + f"as handed to the agent, and the store says {row['status']}"
        if info["agent_sync_error"].startswith("[410.1]") and row["status"] not in NEVER_STARTED:
            yield about + f"{info['agent_sync_error']!r}, and the store says {row['status']}"


def cancels_were_true(evidence):
    for cancel in of(evidence, "cancel"):
        row = evidence.tasks.get(cancel["id"])
        if row and cancel["status"] in FINAL and row["status"] != cancel["status"]:
            yield f"task {cancel['id']}: canceltask answered {cancel['status']}, and the store says {row['status']}"


def dedup_is_one_task(evidence):
    ids = defaultdict(set)
    for sent in of(evidence, "send"):
        if sent.get("dedup"):
            ids[sent["agent"], sent["dedup"]].add(sent["id"])
    for (agent, dedup), found in ids.items():
        if len(found) > 1:
            yield f"dedup {dedup} on {agent}: {len(found)} tasks, {', '.join(sorted(found))}"


def processors_hear(evidence):
    confirmed, told = set(), defaultdict(list)
    for call in of(evidence, "delivered"):
        told[call["id"]].append(call["worker_flag"])
        if call["said"]:
            confirmed.add(call["id"])
    for task, row in evidence.tasks.items():
        if row["mode"] != "P" or row["status"] not in FINAL or row["status"] == "skipped":
            continue
        if task not in confirmed:
            yield f"task {task}: {row['status']}, and its processor has confirmed nothing ({len(told[task])} calls)"
        if task in evidence.owed:
            yield f"task {task}: its result is still owed to the processor"
        for flag in told[task]:
            if flag in (0, 1) and flag != row["worker_flag"]:
                yield f"task {task}: its processor was told worker_flag {flag}, and the store says {row['worker_flag']}"


def confirmed_is_kept(evidence):
    for task in sorted(evidence.confirmed):
        row = evidence.tasks.get(task)
        if row is None:
            yield f"task {task}: its result was confirmed to the agent, and the store does not know it"
        elif row["reported_time"] is None and row["status"] != "skipped":
            yield f"task {task}: its result was confirmed to the agent, and is not in the store ({row['status']})"


def records_are_kept(evidence):
    possible = {}
    for put in of(evidence, "put"):
        name = put["kind"], put["name"]
        now, late = possible.setdefault(name, ({None}, set()))
        if put["came"] == "acked":
            now.clear()
        (late if put["came"] == "late" else now).add(put["value"])
    for (kind, name), (now, late) in possible.items():
        found = evidence.records.get((kind, name))
        if found not in now | late:
            yield f"{kind} {name}: is {found!r}; what was acknowledged: {', '.join(map(repr, now))}"
