#!/usr/bin/env python3
"""Runs a function on all hosts of a target in waves, says what happens, and tries those again that failed.

    rollout.py TARGET APP FUNC [PARAM]       connects as elvesctl does ($ELVES_SERVER, $ELVES_AUTH_FILE)
"""
import sys
from elves import Elves, ElvesError

TRIES = 3


def follow(run):
    for host in run.watch(timeout=3600):
        print(f"  {host['agentip']}  {host['state']}")
    for answer in run.answers():
        print(f"  {answer['count']} x {answer['state']}: {answer['text'].strip()[:60]!r}")
    return run.counts().get("done") == run.count


def main(target, app, func, param=""):
    with Elves() as elves:
        plan = elves.planrun(target, {"app": app, "func": func, "param": param})
        print(f"{plan['count']} hosts, {plan['offline']} of them away")
        run = elves.run(target, app, func, param, waves="1,50%", max_fail="100%", digest=plan["digest"])
        for attempt in range(1, TRIES + 1):
            print(f"run {run.id}, attempt {attempt}, {run.count} hosts")
            if follow(run):
                return 0
            if run.state == "paused":  # nobody of a wave is done: those behind it are not tried
                run.stop("rollout.py gives up")
                return f"rollout.py: run {run.id} paused: {run.why}"
            if attempt < TRIES:
                run = run.retry()
    return f"rollout.py: not all hosts are done after {TRIES} attempts"


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]) if len(sys.argv) in (4, 5) else __doc__)
    except ElvesError as why:
        sys.exit(f"rollout.py: {why}")
