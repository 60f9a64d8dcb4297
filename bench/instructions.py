#!/usr/bin/env python3
"""./dev instructions: how many instructions the server needs for one request, counted by callgrind. Unlike a rate, that
does not depend on how fast the machine is, or on what else runs there. Ends with 1 where a scenario needs more than is stored
in bench/instructions.json, and its tolerance.

Each scenario runs twice, for so many requests and for three times as many; the difference leaves out start and end. The event
loop's thread and the store's writer are shown apart; the sum, with the threads that read, is what is compared.
"""

import argparse
import collections
import json
import pathlib
import re
import sys
import tempfile

from contestants import Elvesd, elves_bench
from hostile_frames import costs

MOST_TIMES = 10  # a stranger's most expensive frame, of the cheapest of its length
FIRST_THREAD = ".out-01"  # the event loop's
STORED = pathlib.Path(__file__).parent / "instructions.json"


class Counted(Elvesd):
    def command(self):
        return ["valgrind", "--tool=callgrind", "--separate-threads=yes",
                f"--callgrind-out-file={self.folder}/callgrind.out", *super().command()]

    def count(self):
        """Of its whole life, by thread: the loop, and the writer, which does the most of the others. It has ended."""
        threads = {}
        for path in self.folder.glob("callgrind.out-*"):
            found = re.search(r"^totals: (\d+)", path.read_text(), re.M)
            threads[path.suffix] = int(found.group(1)) if found else 0
        if not threads.get(FIRST_THREAD):
            raise RuntimeError(f"valgrind has counted nothing: {(self.folder / 'log').read_text()}")
        loop = threads.pop(FIRST_THREAD)
        return collections.Counter(loop=loop, writer=max(threads.values(), default=0), all=loop + sum(threads.values()))


def whole_run(scenario, answers):
    with tempfile.TemporaryDirectory(prefix="elves-instructions-") as folder:
        server = Counted("elvesd")
        server.start(pathlib.Path(folder))
        try:
            elves_bench(*server.load(scenario, "--answers", answers, "--warmup", 0.001))
        finally:
            server.stop()
        return server.count()


def of_one_request(scenario):
    """By thread, and in all."""
    few, many = scenario["answers"], 3 * scenario["answers"]
    more, less = whole_run(scenario, many), whole_run(scenario, few)
    return {thread: (more[thread] - less[thread]) / (many - few) for thread in more}


def hostile():
    """What is too expensive of a stranger's frames."""
    worse = []
    for name, (cost, ping) in costs().items():
        print(f"stranger, {name}: {cost:,.0f} instructions a frame, {cost / ping:.1f} times a ping of its length", flush=True)
        if cost > MOST_TIMES * ping:
            worse.append(f"a stranger's frame ({name}) costs {cost / ping:.0f} times a ping of its length")
    return worse


def main():
    parser = argparse.ArgumentParser(prog="./dev instructions", description=__doc__.partition("\n")[0])
    parser.add_argument("scenario", nargs="*", help="default: all, and a stranger's frames; a name's beginning is enough")
    parser.add_argument("--store", action="store_true", help="what is counted now is what counts from now on")
    args = parser.parse_args()
    scenarios = json.loads(STORED.read_text())
    worse = []
    for name, scenario in scenarios.items():
        if args.scenario and not any(name.startswith(word) for word in args.scenario):
            continue
        threads = of_one_request(scenario)
        counted = threads["all"]
        most = scenario["instructions"] * (1 + scenario["tolerance"])
        print(f"{name}: {counted:,.0f} instructions a request (loop {threads['loop']:,.0f}, writer {threads['writer']:,.0f}), "
              f"{scenario['instructions']:,} stored", flush=True)
        if counted > most:
            worse.append(f"{name} needs {counted:,.0f}; at most {most:,.0f}")
        if args.store:
            scenario["instructions"] = round(counted)
    if not args.scenario:
        worse += hostile()
    if args.store:
        lines = (f' "{name}": {json.dumps(scenario)}' for name, scenario in scenarios.items())
        STORED.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    elif worse:
        sys.exit("; ".join(worse) + ". If that has to be: ./dev instructions --store, and say why in the commit")


if __name__ == "__main__":
    main()
