#!/usr/bin/env python3
"""What include/elves/ declares may change only together with `module_api_version`: a module that was built before must not
be loaded. Comments and white space do not count.

    test/module_api.py          ends with 1 where it has changed and the version has not
    test/module_api.py --store  once the version is raised: what is there now is that version
"""

import hashlib
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
HEADERS = ROOT / "include" / "elves"
STORED = ROOT / "test" / "module_api.txt"
TOKEN = re.compile(r'R"sql\(.*?\)sql"|"(?:\\.|[^"\\\n])*"|//[^\n]*|/\*.*?\*/|\s+|[A-Za-z_0-9]+|.', re.S)


def declared(text):
    """Its tokens, a line each."""
    tokens = (match.group() for match in TOKEN.finditer(text))
    return "\n".join(token for token in tokens if not token.startswith(("//", "/*")) and not token.isspace())


def digest(headers):
    """Of the version itself nothing: it is what is compared."""
    sha256 = hashlib.sha256()
    for path in sorted(headers.rglob("*.hpp")):
        text = re.sub(r"module_api_version = \d+", "module_api_version", path.read_text(encoding="utf-8"))
        sha256.update(f"{path.relative_to(headers)}\n{declared(text)}\n".encode())
    return sha256.hexdigest()


def version(headers):
    return int(re.search(r"module_api_version = (\d+)", (headers / "module.hpp").read_text(encoding="utf-8")).group(1))


def fault(stored, now):
    """What is wrong, or "". Each is (version, digest)."""
    if now[1] == stored[1]:
        return "" if now[0] == stored[0] else "module_api_version has changed, and include/elves/ has not"
    if now[0] <= stored[0]:
        return (f"include/elves/ has changed since version {stored[0]}: raise module_api_version (include/elves/module.hpp, docs/modules.md) "
                f"to {stored[0] + 1}, then run test/module_api.py --store")
    return f"include/elves/ is version {now[0]} now: run test/module_api.py --store"


def main():
    now = version(HEADERS), digest(HEADERS)
    number, text = STORED.read_text(encoding="utf-8").split()
    stored = int(number), text
    if sys.argv[1:] == ["--store"]:
        if now[1] != stored[1] and now[0] <= stored[0]:
            sys.exit(fault(stored, now))
        STORED.write_text(f"{now[0]} {now[1]}\n", encoding="utf-8")
        return
    why = fault(stored, now)
    if why:
        sys.exit(why)


if __name__ == "__main__":
    main()
