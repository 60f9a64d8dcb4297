#!/usr/bin/env python3
"""./dev bench: the server, the floors under it and its peers, in turn, several rounds, on loopback.

Ratios are of one round: what is compared ran within seconds of each other on the same machine.
"""

import argparse
import datetime
import json
import pathlib
import resource
import shutil
import sys

HERE = pathlib.Path(__file__).parent
RESULTS = HERE / "results"


def arguments():
    names = sorted(path.stem for path in (HERE / "scenarios").glob("*.json"))
    parser = argparse.ArgumentParser(prog="./dev bench", description="Measures the server beside floors and peers.",
                                     epilog="Scenarios: " + ", ".join(names))
    parser.add_argument("scenario", nargs="*", help="default: all; a name's beginning is enough")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME",
                        help="beside this one too, installed from its Debian package if need be; or: all")
    parser.add_argument("--seconds", type=float, default=3, help="measured in one turn (default 3)")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each (default 5)")
    parser.add_argument("--out", type=pathlib.Path, help="file for the result (default: bench/results/TIME.json)")
    args = parser.parse_args()
    wanted = [name for name in names if not args.scenario or any(name.startswith(word) for word in args.scenario)]
    for word in args.scenario:
        if not any(name.startswith(word) for name in names):
            parser.error(f"no scenario {word}; there are {', '.join(names)}")
    unknown = set(args.peer) - set(PEERS) - {"all"}
    if unknown:
        parser.error(f"no peer {', '.join(unknown)}; there are {', '.join(PEERS)}")
    return args, wanted


def progress(text):
    if sys.stderr.isatty():
        print(f"\r{text:60}\r", end="", file=sys.stderr, flush=True)


def run(name, args, folder):
    scenario = json.loads((HERE / "scenarios" / f"{name}.json").read_text())
    print(f"\n{name}: {scenario['about']}")
    all_of_them = contestants(scenario, args.peer)
    rounds = []
    for number in range(args.rounds):
        # Each round begins with another one: what drifts, drifts for all.
        shift = number % len(all_of_them)
        order = all_of_them[shift:] + all_of_them[:shift]
        done = {}
        for contestant in order:
            progress(f"  round {number + 1} of {args.rounds}: {contestant.name}")
            done[contestant.name] = turn(contestant, scenario, args.seconds, folder / "turn")
        rounds.append({contestant.name: done[contestant.name] for contestant in all_of_them})
    progress("")
    summed = report.summary(scenario, rounds)
    print(report.table(scenario, summed))
    settings = {one.name: one.settings + (f" ({one.version})" if isinstance(one, Peer) else "") for one in all_of_them}
    return {"scenario": scenario, "settings": settings, **summed, "rounds": rounds}


def main():
    args, wanted = arguments()
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    folder = BIN.parent / "bench-data"
    began = datetime.datetime.now().astimezone()
    result = {"time": began.isoformat(timespec="seconds"), "machine": report.machine(), "build": report.build(),
              "seconds": args.seconds, "rounds": args.rounds, "scenarios": {}}
    print("{cpu}, {cores} cores, {memory_mib} MiB, Linux {kernel}, load {load_average:.1f}".format(**result["machine"]))
    print("{commit}, {preset}, {compiler}".format(**result["build"]))
    out = args.out or RESULTS / f"{began:%Y%m%d-%H%M%S}.json"
    try:
        for name in wanted:
            result["scenarios"][name] = run(name, args, folder)
            out.write_text(json.dumps(result, indent=1) + "\n")
            report.picture(out.with_suffix(".svg"), result)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"\nmedians of {args.rounds} rounds of {args.seconds:g} s; all of it in {out}, and as a picture beside it")


if __name__ == "__main__":
    import report
    from contestants import BIN, PEERS, Peer, contestants
    from turns import turn
    try:
        main()
    except RuntimeError as problem:
        sys.exit(f"\n{problem}")
