#!/usr/bin/env python3
"""Makes elves/blocking_methods.py from elves/async_methods.py, so that both clients have the same methods.

    clients/python/make_blocking.py [--check]
"""

import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent / "elves"
CHANGES = [(r"\basync (def|for)\b", r"\1"), (r"\bawait ", ""), (r"\bAsyncIterator\b", "Iterator"),
           (r"\bAsyncMethods\b", "Methods"), (r"\basyncio\.sleep\b", "time.sleep"), (r"(?m)^import asyncio\n", "")]
HEAD = '"""Made from async_methods.py by ../make_blocking.py; do not edit."""\n'


def blocking(source: str) -> str:
    text = re.sub(r'\A""".*?"""\n', lambda _: HEAD, source, flags=re.S)
    for pattern, into in CHANGES:
        text = re.sub(pattern, into, text)
    # Arguments in further lines stand under the first one.
    return re.sub(r"(?ms)^    def \w+\(.*?:\n", _aligned, text)


def _aligned(found: "re.Match[str]") -> str:
    first, *others = found.group(0).split("\n")
    column = first.index("(") + 1
    return "\n".join([first, *(line and " " * column + line.lstrip() for line in others)])


def main() -> int:
    made = blocking((HERE / "async_methods.py").read_text(encoding="utf-8"))
    path = HERE / "blocking_methods.py"
    if "--check" in sys.argv[1:]:
        if path.read_text(encoding="utf-8") == made:
            return 0
        print(f"{path.name} is not what async_methods.py makes; run clients/python/make_blocking.py", file=sys.stderr)
        return 1
    path.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
