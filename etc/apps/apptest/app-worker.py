#!/usr/bin/env python3
"""An Elves app. Copy this file to apps/<your app>/app-worker.py and write your own functions.

The agent runs it as   app-worker.py APP FUNC PARAM   in the app's folder. PARAM is base64; `-` means that it
was too long for that and the base64 is on standard input. What the worker prints is its output, and two tags
in it are its answer:

    <ElvesWFlag>true</ElvesWFlag>           it did what it was asked (or false: it did not)
    <ElvesWResult>any text</ElvesWResult>   what there is to say about it

Of several the last counts. Without a flag the exit status decides, and the output is the result; a worker that
ends with another status than 0 has never done what it was asked. The same may be written to the descriptor
ELVES_RESULT_FD instead, apart from what is printed: see "What a worker gives back" in docs/run.md.
The environment holds ELVES_TASK_ID, ELVES_APP, ELVES_FUNC and ELVES_RESULT_FD. When the time is over, SIGTERM comes, and a few
seconds later the end, for all processes that the worker has started.
"""

import base64
import json
import sys
import time
import traceback

FUNCTIONS = {}


class Failed(Exception):
    """The function could not do what it was asked; the text is the result, the flag is false."""


def function(code):
    """Makes a function callable by its name. It is given the param as text, and returns the result's text."""
    FUNCTIONS[code.__name__] = code
    return code


# ---- Your functions ------------------------------------------------------------------------------------------


@function
def helloword(param):
    """{"my": "toryzen"} -> toryzen"""
    try:
        return str(json.loads(param)["my"])
    except (ValueError, KeyError, TypeError):
        raise Failed('give a param like {"my": "toryzen"}') from None


@function
def sleep(param):
    """Sleeps that many seconds, and says so as it goes: to try out timeouts, cancelling and live output."""
    try:
        seconds = float(param)
        if not 0 <= seconds <= 86400:
            raise ValueError
    except ValueError:
        raise Failed("give a param of 0 to 86400 seconds") from None
    end = time.monotonic() + seconds
    while True:
        left = end - time.monotonic()
        if left <= 0:
            return f"slept {seconds:g} s"
        print(f"{left:.0f} s to go", flush=True)
        time.sleep(min(left, 1))


@function
def fail(param):
    """Says false: to try out what a failure looks like."""
    print("this goes to the task's stderr", file=sys.stderr)
    raise Failed(param or "failed, as asked")


# ---- From here on nothing needs a change -----------------------------------------------------------------------


def answer(flag, result):
    # A result ends at its closing tag, so one inside it is made harmless.
    text = str(result).replace("</ElvesWResult>", "<\\/ElvesWResult>")
    print(f"<ElvesWResult>{text}</ElvesWResult>")
    print(f"<ElvesWFlag>{'true' if flag else 'false'}</ElvesWFlag>", flush=True)


def main(argv):
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="replace")
    if len(argv) != 4:
        print(f"usage: {argv[0]} APP FUNC BASE64PARAM|-", file=sys.stderr)
        return 2
    _, _, name, encoded = argv
    try:
        code = FUNCTIONS.get(name)
        if code is None:
            raise Failed(f"no function {name}; there are: {', '.join(sorted(FUNCTIONS))}")
        param = base64.b64decode(sys.stdin.read() if encoded == "-" else encoded).decode("utf-8")
        answer(True, code(param))
        return 0
    except Failed as failure:
        answer(False, failure)
    except Exception as failure:  # a mistake in the function: where it is, goes to stderr
        traceback.print_exc()
        answer(False, f"{type(failure).__name__}: {failure}")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv))
