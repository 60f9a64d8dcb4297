#!/usr/bin/env python3
"""Kills elvesd at each write, fsync, truncation and removal of its data file in turn, or elves-agent at each of its journal,
starts it again, and checks that what was acknowledged is there and that every task ends as it should.

    crash_points.py [--every N] [--of server|agent] [--how before,torn,power,chance,error] [--jobs N]
                    [--without-syncs]

`error`: it is not killed, but that one call fails. `power`: writes that no fsync has followed are lost with it; `chance`: some of them. With --without-syncs every fsync is
swallowed: then something must be found. $ELVES_BIN: the folder of the binaries.
"""

import argparse
import concurrent.futures
import pathlib
import shutil
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from agent_scenario import AgentScenario  # noqa: E402
from server_scenario import ServerScenario  # noqa: E402

SCENARIOS = {"server": ServerScenario, "agent": AgentScenario}


def sweep_point(kind, how, number, options):
    """Returns (whether it died there, what was found)."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="elves-crash-"))
    scenario = SCENARIOS[kind](folder, options.without_syncs)
    try:
        died = scenario.run(number, how)
        found = scenario.check()
    except Exception as why:  # whatever it is, it is told of, and the sweep goes on
        died, found = True, [f"{type(why).__name__}: {why}"]
    finally:
        scenario.close()
    if found and not options.without_syncs:
        print(f"{kind} {how} {number}: its folder is {folder}", flush=True)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return died, found


def sweep(kind, how, pool, options):
    """All points of one kind, until the scenario comes to its end alive. Returns (points, findings)."""
    points, findings, number, waiting = 0, [], 1, {}
    over = False
    while waiting or not over:
        while not over and len(waiting) < options.jobs:
            waiting[pool.submit(sweep_point, kind, how, number, options)] = number
            number += options.every
        done, _ = concurrent.futures.wait(waiting, return_when=concurrent.futures.FIRST_COMPLETED)
        for one in done:
            at = waiting.pop(one)
            died, found = one.result()
            points += died
            over = over or not died
            findings += [f"{kind} {how} {at}: {line}" for line in found]
            for line in found:
                print(f"{kind} {how} {at}: {line}", flush=True)
    return points, findings


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every N-th point")
    parser.add_argument("--of", default="server,agent", help="server, agent or both (the default)")
    parser.add_argument("--how", default="before,torn,power,chance,error",
                        help="ways to die (before,torn,power,chance), or an error")
    parser.add_argument("--jobs", type=int, default=3, metavar="N", help="points at a time (3)")
    parser.add_argument("--without-syncs", action="store_true", help="swallow every fsync: must find something")
    parser.add_argument("--one", type=int, metavar="POINT", help="only this point")
    options = parser.parse_args()
    total, findings, began = 0, [], time.monotonic()
    with concurrent.futures.ProcessPoolExecutor(options.jobs) as pool:
        for kind in options.of.split(","):
            for how in options.how.split(","):
                if options.one:
                    died, found = sweep_point(kind, how, options.one, options)
                    points, found = int(died), [f"{kind} {how} {options.one}: {line}" for line in found]
                    print("\n".join(found))
                else:
                    points, found = sweep(kind, how, pool, options)
                print(f"{kind}, {how}: {points} crash points, {len(found)} findings", flush=True)
                total, findings = total + points, findings + found
    seconds = time.monotonic() - began
    print(f"{total} crash points in {seconds:.0f} s ({total / seconds:.1f} a second), {len(findings)} findings")
    if options.without_syncs:
        return 0 if findings else 1
    return 1 if findings or not total else 0


if __name__ == "__main__":
    sys.exit(main())
