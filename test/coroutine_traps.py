#!/usr/bin/env python3
"""Finds what GCC 12 compiles wrongly in coroutines: see the table in docs/modules.md. Values are destroyed twice, without a
warning, and only some paths show it.

    coroutine_traps.py [FOLDER...]     src, modules and include where none is named
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
NOISE = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.DOTALL)
STATEMENT = re.compile(r"[^;{}]*\bco_await\b[^;{}]*[;{]")
TRAPS = [
    (re.compile(r"\?[^;]*\bco_await\b"), "in a conditional expression; write an if"),
    (re.compile(r"co_await\b[^;]*\[[^\]\[]*\]\s*(?:\(|mutable|$)", re.DOTALL), "with a closure as an argument; name it and move it"),
    (re.compile(r"co_await\b[^;]*[(,]\s*[\w:]+\{$"), "with an aggregate as an argument; name it"),
]


def traps(text):
    """(line, what is wrong) of each statement with co_await in it that is compiled wrongly."""
    bare = NOISE.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
    for statement in STATEMENT.finditer(bare):
        line = bare.count("\n", 0, statement.start() + len(statement[0]) - len(statement[0].lstrip())) + 1
        for pattern, why in TRAPS:
            if pattern.search(statement[0]):
                yield line, why


def self_test():
    """It must be able to find them."""
    bad = ["auto x = is_there ? a : co_await f();", "co_await write([=](Db& db) { run(db); });", "co_await put(Record{a, b});"]
    good = ["auto x = co_await f(a ? b[1] : c);", "// a ? b : co_await c\nco_await f();", "if (co_await f()) {"]
    assert all(list(traps(text)) for text in bad), bad
    assert not any(list(traps(text)) for text in good), good


def main():
    self_test()
    folders = sys.argv[1:] or ["src", "modules", "include"]
    found = 0
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.[ch]pp")):
            for line, why in traps(path.read_text(encoding="utf-8")):
                print(f"{path.relative_to(ROOT)}:{line}: co_await {why}")
                found += 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
