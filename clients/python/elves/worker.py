"""What an agent runs: functions that are called by name, and give back a result.

    from elves.worker import Failed, function, main

    @function
    def restart(param: str) -> str:
        ...
        return "restarted"

    if __name__ == "__main__":
        main()

This file is `app-worker.py` of an app; the agent calls it as `app-worker.py APP FUNC PARAM`. This module needs nothing
of the rest of the package, so a copy of it (`worker.py`) may also lie in the app's folder.

- What a function returns is the task's result, and the task is `done` (`worker_flag` 1).
- `Failed("why")`: the function could not do what it was asked. The task is `failed` (`worker_flag` 0).
- Any other exception: `worker_flag` -1, and its last line is the result; the traceback is in the task's stderr.
- What is printed is the task's output, line by line while the worker runs; `progress` prints, too.
- At a cancel and at the end of its time the worker gets SIGTERM, which is raised as SystemExit: `finally` clauses run.
  It is killed some seconds later.

Without an agent: `app-worker.py` lists its functions, `app-worker.py --try FUNC [PARAM]` runs one, and `call` does so in
a test."""

import base64
import binascii
import inspect
import io
import json
import os
import signal
import sys
import traceback
from contextlib import redirect_stdout
from typing import Any, Callable, Dict, List, NamedTuple, NoReturn, Optional, TextIO, TypeVar, Union, overload

__all__ = ["Answer", "Failed", "call", "function", "main", "progress"]

Function = TypeVar("Function", bound=Callable[..., Any])


class Failed(Exception):
    """The function could not do what it was asked; the text is the task's result."""


class Answer(NamedTuple):
    """What an agent would report. `flag`: 1 done, 0 failed, -1 the worker broke off."""
    flag: int
    result: str
    output: str = ""


class _Declared(NamedTuple):
    code: Callable[..., Any]
    params: str


_functions: Dict[str, _Declared] = {}


@overload
def function(code: Function) -> Function: ...
@overload
def function(*, params: str = "text", name: Optional[str] = None) -> Callable[[Function], Function]: ...


def function(code: Optional[Function] = None, *, params: str = "text",
             name: Optional[str] = None) -> Union[Function, Callable[[Function], Function]]:
    """Makes a function callable by its name, or by `name`. `params`, as in an app's manifest: `text`: it is given the
    param as it is; `json`: the value that the param's JSON text stands for; `none`: it takes no argument, and a param
    is refused. It returns the result's text; None is an empty one, anything but a string its JSON text."""
    if params not in ("text", "json", "none"):
        raise ValueError(f"params is {params!r}; expected text, json or none")

    def declare(code: Function) -> Function:
        called = name or code.__name__
        if called in _functions:
            raise ValueError(f"function {called} is declared twice")
        _functions[called] = _Declared(code, params)
        return code

    return declare if code is None else declare(code)


def progress(text: str) -> None:
    """Prints a line of the task's output, at once."""
    print(text, flush=True)


def call(name: str, param: Any = "") -> Answer:
    """Runs a function as an agent would, in this process: for tests. A `param` that is no string becomes JSON."""
    printed = io.StringIO()
    with redirect_stdout(printed):
        flag, result = _run(name, param if isinstance(param, str) else json.dumps(param))
    return Answer(flag, result, printed.getvalue())


def main(argv: Optional[List[str]] = None) -> NoReturn:
    """Does what the command line says, and ends the process."""
    arguments = sys.argv if argv is None else argv
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace", line_buffering=True)
    if len(arguments) in (3, 4) and arguments[1] == "--try":
        sys.exit(_try(arguments[2], arguments[3] if len(arguments) == 4 else ""))
    if len(arguments) != 4:
        _print_usage(arguments[0])
        sys.exit(0 if len(arguments) == 1 else 2)
    signal.signal(signal.SIGTERM, _stop)
    sys.exit(_work(arguments[2], arguments[3]))


def _stop(number: int, _: object) -> NoReturn:
    sys.exit(128 + number)


def _work(name: str, encoded: str) -> int:
    channel = _result_channel()
    try:
        text = base64.b64decode(sys.stdin.read() if encoded == "-" else encoded, validate=False).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError) as why:
        flag, result = -1, f"the param is no base64 of UTF-8 text: {why}"
    else:
        flag, result = _run(name, text)
    try:
        _give_back(channel, flag, result)
        sys.stdout.flush()
    except OSError as why:  # the agent is gone
        print(f"the result could not be written: {why}", file=sys.stderr)
        return 1
    return {1: 0, 0: 0, -1: 1}[flag]


def _try(name: str, param: str) -> int:
    flag, result = _run(name, param)
    print(f"worker_flag {flag}\n{result}")
    return 0 if flag == 1 else 1


def _run(name: str, param: str) -> "tuple[int, str]":
    try:
        declared = _functions.get(name)
        if declared is None:
            raise Failed(f"no function {name}; there are: {', '.join(sorted(_functions)) or 'none'}")
        return 1, _text_of(declared.code(*_arguments(name, declared.params, param)))
    except Failed as why:
        return 0, str(why)
    except Exception as why:  # a mistake in the function: where it is goes to stderr
        traceback.print_exc()
        return -1, "".join(traceback.format_exception_only(type(why), why)).rstrip().split("\n")[-1]


def _arguments(name: str, params: str, param: str) -> List[Any]:
    if params == "text":
        return [param]
    if params == "none":
        if param:
            raise Failed(f"{name} takes no param")
        return []
    try:
        return [json.loads(param)]
    except ValueError as why:
        raise Failed(f"the param of {name} is no JSON: {why}") from None


def _text_of(result: Any) -> str:
    if result is None:
        return ""
    return result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)


def _result_channel() -> Optional[TextIO]:
    """The descriptor that an agent gives for the result alone; None without one, as with older agents."""
    number = os.environ.pop("ELVES_RESULT_FD", "")
    if not number.isdigit():
        return None
    try:
        os.set_inheritable(int(number), False)  # what the function starts cannot write there
        return open(int(number), "w", encoding="utf-8", errors="replace", newline="")
    except OSError:
        return None


def _give_back(channel: Optional[TextIO], flag: int, result: str) -> None:
    """Without a flag the exit status decides: -1 is said so."""
    said = "" if flag == -1 else f"<ElvesWFlag>{'true' if flag == 1 else 'false'}</ElvesWFlag>\n"
    if channel is not None:
        with channel:
            channel.write(f"<ElvesWResult>{result}</ElvesWResult>\n{said}")
    elif flag == -1:
        print(result)
    else:
        # Among other output a result ends at its closing tag, so tags in it are made harmless.
        print(f"<ElvesWResult>{result.replace('ElvesW', 'Elves-W')}</ElvesWResult>\n{said}", end="")


def _print_usage(program: str) -> None:
    print(f"usage: {program} APP FUNC BASE64PARAM|-   as an agent calls it\n"
          f"       {program} --try FUNC [PARAM]       runs a function here")
    for name, declared in sorted(_functions.items()):
        about = (inspect.getdoc(declared.code) or "").split("\n")[0]
        print(f"  {name} ({declared.params})" + (f": {about}" if about else ""))
