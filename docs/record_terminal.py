#!/usr/bin/env python3
"""Records a real run of elvesctl against the fleet of ./dev demo, as an animated SVG.

    docs/record_terminal.py [--bin build/release/bin] [--out docs/run.svg]

Each command of SESSION runs in a pseudo-terminal, as typed there; answers are typed when the program asks. What it writes is kept
with its times, and drawn as it stood on the screen. The typing is drawn at a steady pace; pauses are cut to MAX_PAUSE.
A viewer that plays no animation sees the last screen."""

import argparse
import html
import os
import pathlib
import pty
import re
import select
import shlex
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
COLUMNS = 120
MAX_PAUSE, TYPING, AFTER_COMMAND = 1.2, 0.035, 0.9  # seconds: a silence that is kept, a typed character, at the end of each
LIMIT = 60  # seconds for one command
CELL, LINE, MARGIN = 8.4, 19, 16  # pixels
COLORS = {31: "#ff7b72", 32: "#7ee787", 33: "#e3b341"}
# (command, answer to its question). FIX clears the disk that the demo filled.
SESSION = [
    ("elvesctl hosts 'env=prod' --by role", None),
    ("elvesctl run 'env=prod and role=web' --waves 1,4,100% --max-fail 1 -- shop deploy 1.3", "12"),
    ("FIX", None),
    ("elvesctl runs retry RUN", None),
]


class Screen:
    """Lines of (character, style), and what elvesctl does to them: colours, \\r, one line up, and clearing."""

    def __init__(self):
        self.lines, self.row, self.column, self.style = [[]], 0, 0, ""

    def feed(self, text):
        at = 0
        while at < len(text):
            escape = re.compile(r"\x1b\[([0-9;]*)([A-Za-z])").match(text, at)
            if escape:
                self.control(escape.group(1), escape.group(2))
                at = escape.end()
                continue
            self.put(text[at])
            at += 1

    def put(self, char):
        if char == "\r":
            self.column = 0
        elif char == "\n":
            self.row += 1
            while len(self.lines) <= self.row:
                self.lines.append([])
        else:
            line = self.lines[self.row]
            line += [(" ", "")] * (self.column + 1 - len(line))
            line[self.column] = (char, self.style)
            self.column += 1

    def control(self, number, kind):
        if kind == "m":
            code = int(number or 0)
            self.style = "" if code == 0 else "bold" if code == 1 else COLORS.get(code, "")
        elif kind == "K":
            del self.lines[self.row][self.column:]
        elif kind == "A":
            self.row = max(0, self.row - int(number or 1))
        else:
            sys.exit(f"the recording has a control that is not known: ESC [ {number} {kind}")

    def rows(self):
        return [tuple(line) for line in self.lines]


class Recording:
    """What was on the screen when."""

    def __init__(self):
        self.screen, self.now, self.states = Screen(), 0.0, []

    def write(self, text, after=0.0):
        self.now += after
        self.screen.feed(text)
        self.states.append((self.now, self.screen.rows()))

    def prompt(self, command):
        self.write("\x1b[1m$ \x1b[0m", AFTER_COMMAND if self.states else 0.3)
        for piece in re.findall(r".{1,3}", command):
            self.write(piece, TYPING * len(piece))
        self.write("\r\n", 0.3)

    def run(self, argv, answer, environment):
        """Runs it in a terminal of its own; returns what it wrote."""
        child, terminal = pty.fork()
        if child == 0:
            os.execvpe(argv[0], argv, environment)
        whole, last, until = "", time.monotonic(), time.monotonic() + LIMIT
        try:
            while time.monotonic() < until:
                if not select.select([terminal], [], [], 1)[0]:
                    continue
                try:
                    piece = os.read(terminal, 65536).decode("utf-8", "replace")
                except OSError:  # it has ended
                    break
                if not piece:
                    break
                self.write(piece, min(MAX_PAUSE, time.monotonic() - last))
                whole, last = whole + piece, time.monotonic()
                if answer and whole.rstrip(" ").endswith((":", "?")):
                    self.now += 1.0
                    os.write(terminal, answer.encode() + b"\n")
                    answer = None
            else:
                sys.exit(f"{shlex.join(argv)} has not ended within {LIMIT} s")
        finally:
            os.close(terminal)
            os.waitpid(child, 0)
        if answer:
            sys.exit(f"{shlex.join(argv)} asked nothing: {whole}")
        return whole


def spans(line):
    """Runs of one style in a line, as tspans."""
    out, at = [], 0
    while at < len(line):
        end = at
        while end < len(line) and line[end][1] == line[at][1]:
            end += 1
        # Viewers differ in what they do with several blanks: none does anything to those that do not break.
        text, style = html.escape("".join(char for char, _ in line[at:end])).replace(" ", "\u00a0"), line[at][1]
        look = "" if not style else ' font-weight="bold"' if style == "bold" else f' fill="{style}"'
        out.append(f"<tspan{look}>{text}</tspan>" if look else text)
        at = end
    return "".join(out)


def stays(states):
    """(row, line, from, until) of each line of the screen; `until` None: to the end."""
    shown, found = {}, []
    for moment, rows in states:
        for row in range(max(len(rows), len(shown))):
            line = rows[row] if row < len(rows) else ()
            before = shown.get(row)
            if before and before[0] == line:
                continue
            if before and before[0]:
                found.append((row, before[0], before[1], moment))
            shown[row] = (line, moment)
    found += [(row, line, since, None) for row, (line, since) in shown.items() if line]
    return sorted(found, key=lambda stay: (stay[2], stay[0]))


def drawn(recording, title):
    states = recording.states
    height = 2 * MARGIN + LINE * max(len([*filter(None, rows)]) for _, rows in states)
    width = round(2 * MARGIN + CELL * COLUMNS)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">',
           f"<title>{html.escape(title)}</title>", f'<rect width="{width}" height="{height}" rx="8" fill="#0d1117"/>',
           '<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14" fill="#c9d1d9">']
    for row, line, since, until in stays(states):
        # Without animation only what stays to the end is seen.
        seen = "hidden" if until else "visible"
        change = (f'<set attributeName="visibility" to="visible" begin="{since:.2f}s" end="{until:.2f}s"/>' if until else
                  f'<set attributeName="visibility" to="hidden" begin="0s" end="{since:.2f}s"/>' if since else "")
        out.append(f'<text x="{MARGIN}" y="{MARGIN + LINE * row + 14}" visibility="{seen}" textLength="{CELL * len(line):.1f}">'
                   f"{spans(line)}{change}</text>")
    return "\n".join([*out, "</g>", "</svg>", ""])


def start_demo(binaries, folder):
    """Returns (its server's address, its folder, its processes)."""
    done = subprocess.run(["bash", str(ROOT / "etc" / "demo.sh"), str(binaries), "--keep"], capture_output=True,
                          encoding="utf-8", env={**os.environ, "TMPDIR": folder}, timeout=120)
    if done.returncode != 0:
        sys.exit(f"the demo failed: {done.stdout}{done.stderr}")
    place = re.search(r"ELVES_SERVER=(\S+)", done.stdout).group(1)
    own = pathlib.Path(re.search(r"kill \$\(cat (\S+)/pids\)", done.stdout).group(1))
    return place, own, [int(pid) for pid in (own / "pids").read_text().split()]


def record(binaries, place, full):
    environment = {"PATH": f"{binaries}:/usr/bin:/bin", "TERM": "xterm-256color", "ELVES_SERVER": place, "LANG": "C.UTF-8",
                   "COLUMNS": str(COLUMNS), "LINES": "40", "HOME": "/"}
    recording, run = Recording(), ""
    for command, answer in SESSION:
        if command == "FIX":
            full.unlink()
            continue
        command = command.replace("RUN", run)
        recording.prompt(command)
        argv = shlex.split(command)
        said = recording.run(["sh", "-c", f"stty cols {COLUMNS} rows 40; exec \"$@\"", "sh", *argv], answer, environment)
        found = re.search(r"run ([0-9A-F]{16})", said)
        run = found.group(1) if found else run
    return recording


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build" / "release" / "bin", help="folder of the programs")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "docs" / "run.svg")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="elves-recording-") as folder:
        place, own, programs = start_demo(options.bin.resolve(), folder)
        try:
            full = own / "agents" / "127.0.0.9" / "apps" / "shop" / "full"
            full.touch()
            recording = record(options.bin.resolve(), place, full)
        finally:
            for program in reversed(programs):
                os.kill(program, signal.SIGTERM)
            time.sleep(2)  # they write in the folder until they have ended
    options.out.write_text(drawn(recording, "A run in waves with elvesctl, a failure, and its retry"), encoding="utf-8")
    print(f"{options.out}: {len(recording.states)} states, {recording.now:.0f} s")


if __name__ == "__main__":
    main()
