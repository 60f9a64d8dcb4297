#!/usr/bin/env python3
"""./dev instructions: how many instructions the server needs for one request, counted by callgrind. Unlike a rate, that
does not depend on how fast the machine is, or on what else runs there. Ends with 1 where a scenario needs more than is stored
in bench/instructions.json, and its tolerance.

Each scenario runs twice, for so many requests and for three times as many; the difference leaves out start and end.
"""

import argparse
import json
import pathlib
import re
import sys
import tempfile

from contestants import Elvesd, elves_bench
from hostile_frames import costs

MOST_TIMES = 10  # a stranger's most expensive frame, of the cheapest of its length
STORED = pathlib.Path(__file__).parent / "instructions.json"


class Counted(Elvesd):
    def command(self):
        return ["valgrind", "--tool=callgrind", f"--callgrind-out-file={self.folder}/callgrind.out", *super().command()]

    def count(self):
        """Of its whole life; it has ended."""
        found = re.search(r"I\s+refs:\s+([\d,]+)", (self.folder / "log").read_text())
        if not found:
            raise RuntimeError(f"valgrind has counted nothing: {(self.folder / 'log').read_text()}")
        return int(found.group(1).replace(",", ""))


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
    few, many = scenario["answers"], 3 * scenario["answers"]
    return (whole_run(scenario, many) - whole_run(scenario, few)) / (many - few)


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
    parser.add_argument("--store", action="store_true", help="what is counted now is what counts from now on")
    args = parser.parse_args()
    scenarios = json.loads(STORED.read_text())
    worse = []
    for name, scenario in scenarios.items():
        counted = of_one_request(scenario)
        most = scenario["instructions"] * (1 + scenario["tolerance"])
        print(f"{name}: {counted:,.0f} instructions a request, {scenario['instructions']:,} stored", flush=True)
        if counted > most:
            worse.append(f"{name} needs {counted:,.0f}; at most {most:,.0f}")
        if args.store:
            scenario["instructions"] = round(counted)
    worse += hostile()
    if args.store:
        lines = (f' "{name}": {json.dumps(scenario)}' for name, scenario in scenarios.items())
        STORED.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    elif worse:
        sys.exit("; ".join(worse) + ". If that has to be: ./dev instructions --store, and say why in the commit")


if __name__ == "__main__":
    main()
