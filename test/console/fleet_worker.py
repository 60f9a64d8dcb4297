#!/usr/bin/env python3
# The worker of every app of fleet.py: what it does is its function's name.
import base64
import os
import sys
import time

app, func, coded = sys.argv[1:4]
param = base64.b64decode(sys.stdin.read() if coded == "-" else coded).decode()


def answer(text, flag="true"):
    with os.fdopen(int(os.environ["ELVES_RESULT_FD"]), "w", encoding="utf-8") as result:
        result.write(f"<ElvesWFlag>{flag}</ElvesWFlag><ElvesWResult>{text}</ElvesWResult>")
    sys.exit(0)


def say(text, stream=sys.stdout):
    print(text, file=stream, flush=True)


# Nobody here is told which host it is; the folder is the agent's own.
place = int("".join(letter for letter in os.getcwd().split("/agent")[-1].split("/")[0] if letter.isdigit()) or 0)

if func == "reload":
    say("checking the configuration\nsyntax is ok\nreloading")
    answer("reloaded, 4 workers")
elif func == "sleep":
    end = time.monotonic() + float(param)
    while time.monotonic() < end:
        say(f"{end - time.monotonic():.0f} s to go")
        time.sleep(1)
    answer(f"slept {param} s")
elif func == "full" and param == "disk":
    say("reading /srv\nwriting /backup/srv.tar")
    say("tar: /backup/srv.tar: Wrote only 4096 of 10240 bytes", sys.stderr)
    say("tar: Error is not recoverable: exiting now", sys.stderr)
    answer("no space left on /backup", "false")
elif func == "full":
    say("reading /srv\nwriting /backup/srv.tar")
    answer("saved 12 files")
elif func == "vacuum":
    answer("3 tables")
elif func == "check":
    used = 40 + place * 7 % 50
    answer(f"{used} % used", "true" if used <= int(param) else "false")
elif func == "apply":
    say(f"fetching {param}\nunpacking\nmigrating")
    if place % 3 == 1:
        say("migration 0042: column \"region\" does not exist", sys.stderr)
        answer("migration 0042 failed", "false")
    answer(f"{param} is live")
elif func == "colours":
    for code in [*range(30, 38), *range(90, 98)]:
        say(f"\033[{code}mcolour {code}\033[0m and \033[1;{code}mbold\033[0m, \033[{code + 10}mbehind\033[0m")
    say("a window's title: \033]0;stolen\007, and the cursor up: \033[3A")
    answer("16 colours")
elif func == "hostile":
    say("<script>window.stolen = 1</script>")
    say("<img src=x onerror=\"window.stolen = 1\"><svg onload=window.stolen=1>")
    say("\033[2J\033[H\033]8;;javascript:window.stolen=1\007a link\033]8;;\007")
    say("user\u202egnp.exe \u2066isolated\u2069 \u200fmark")
    say("bell \007 backspace \b\b\b, return\rover, nul \0, c1 \u009b31m")
    say("\033[31m" * 2000 + "many colours" + "\033[0m")
    say("a long line: " + "x" * 100_000)
    answer("<script>window.stolen = 1</script> \u202etxt.exe", "false")
elif func == "large":
    size, line = int(param), 0
    while size > 0:
        text = f"line {line:07d} of a log that goes on and on and on and on and on and on and on and on and on"
        if line == 9_000:
            text += " needle"
        say(text)
        size -= len(text) + 1
        line += 1
    answer(f"{line} lines")
answer(f"no function {func}", "false")
