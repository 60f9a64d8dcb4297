#!/usr/bin/env python3
"""Makes elves/blocking_*.py from elves/async_*.py, so that both clients have the same methods.

    clients/python/make_blocking.py [--check]
"""

import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent / "elves"
CHANGES = [(r"\basync (def|for)\b", r"\1"), (r"\bawait ", ""), (r"\bAsyncIterator\b", "Iterator"),
           (r"\bAsync(Methods|Run)\b", r"\1"),
           (r"\basync_(methods|runs)\b", r"blocking_\1"), (r"\basyncio\.sleep\b", "time.sleep"), (r"(?m)^import asyncio\n", "")]
HEAD = '"""Made from {} by ../make_blocking.py; do not edit."""\n'
MADE = {"async_methods.py": "blocking_methods.py", "async_runs.py": "blocking_runs.py"}


def blocking(source: str, name: str) -> str:
    text = re.sub(r'\A""".*?"""\n', "", source, flags=re.S)
    for pattern, into in CHANGES:
        text = re.sub(pattern, into, text)
    # Arguments in further lines stand under the first one.
    return HEAD.format(name) + re.sub(r"(?ms)^    def \w+\(.*?:\n", _aligned, text)


def _aligned(found: "re.Match[str]") -> str:
    first, *others = found.group(0).split("\n")
    column = first.index("(") + 1
    return "\n".join([first, *(line and " " * column + line.lstrip() for line in others)])


def main() -> int:
    is_check, stale = "--check" in sys.argv[1:], False
    for source, target in MADE.items():
        made = blocking((HERE / source).read_text(encoding="utf-8"), source)
        path = HERE / target
        if not is_check:
            path.write_text(made, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != made:
            print(f"{target} is not what {source} makes; run clients/python/make_blocking.py", file=sys.stderr)
            stale = True
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
