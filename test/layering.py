#!/usr/bin/env python3
"""The arrows of the tree: modules -> include/elves <- src. Prints each include that points the wrong way; ends with 1
where there is one. Includes are followed through the project's own headers, as a compiler does."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
INCLUDE = re.compile(r'^#include ([<"])([^>"]+)[>"]', re.M)
faults = []


def sources(folder):
    return sorted(path for path in (ROOT / folder).rglob("*.?pp"))


def includes(path):
    """(line number, name) of each #include."""
    text = path.read_text(encoding="utf-8")
    return [(text.count("\n", 0, found.start()) + 1, found.group(2)) for found in INCLUDE.finditer(text)]


def header(name, of):
    """The project's file that `name` stands for, or None."""
    for folder in (of.parent, ROOT / "include", ROOT / "src", ROOT / "modules"):
        if (folder / name).is_file():
            return (folder / name).resolve()
    return None


def reached(path, seen=None):
    """Every name that is included by `path`, directly or through headers of the project: {name: through}."""
    seen = {} if seen is None else seen
    for _, name in includes(path):
        if name in seen:
            continue
        seen[name] = path
        below = header(name, path)
        if below:
            reached(below, seen)
    return seen


def wrong(path, line, name, rule):
    faults.append(f"{path.relative_to(ROOT)}:{line}: {name}\nlayering: {rule}")


def forbid(rule, pattern, paths):
    """No file of `paths` includes what matches, itself."""
    for path in paths:
        for line, name in includes(path):
            if re.match(pattern, name):
                wrong(path, line, name, rule)


def forbid_all_the_way(rule, pattern, paths):
    """No file of `paths` includes what matches, itself or through a header of the project."""
    for path in paths:
        for name, through in reached(path).items():
            if re.match(pattern, name):
                wrong(path, 0, f"{name} (through {through.relative_to(ROOT)})", rule)
                break


def main():
    for folder in sorted((ROOT / "modules").iterdir()):
        rule = f"modules/{folder.name} includes something of src/ or of another module"
        for path in sources(folder):
            if path.name.endswith("_test.cpp"):
                continue
            text = path.read_text(encoding="utf-8")
            for found in re.finditer(r'^#include "([^"]+)"', text, re.M):
                name = found.group(1)
                # The console is files for the HTTP port, and no module that the host makes.
                is_console = folder.name == "console" and name == "http/console_files.hpp"
                allowed = is_console or name.startswith("elves/") or name == f"{folder.name}_schema.hpp" or (folder / name).is_file()
                if not allowed:
                    wrong(path, text.count("\n", 0, found.start()) + 1, name, rule)
    # As found on disk: a folder of src/ that is new is covered, too.
    inner = "|".join(sorted(path.name for path in (ROOT / "src").iterdir() if path.is_dir()))
    public = sources("include")
    core = sources("src/core")
    everything = [path for folder in ("include", "src", "modules") for path in sources(folder)]
    forbid("include/elves/ includes something of src/ or modules/", rf"({inner}|modules)/", public)
    forbid_all_the_way("src/core includes Boost.Asio where it need not", r"boost/asio|elves/asio\.hpp",
                       [path for path in core if path.name not in CORE_WITH_ASIO])
    for name in sorted(CORE_WITH_ASIO - {path.name for path in core}):
        faults.append(f"layering: test/layering.py lists {name}, which is not in src/core")
    for name in CORE_WITH_ASIO & {path.name for path in core}:
        if not any(re.match(r"boost/asio", one) for one in reached(ROOT / "src/core" / name)):
            faults.append(f"layering: test/layering.py lists {name}, which no longer includes Boost.Asio")
    forbid("only src/store includes sqlite3.h", r"sqlite3\.h$",
           [path for path in everything if "src/store" not in str(path)])
    forbid("only src/log includes Boost.Log", r"boost/log/", [path for path in everything if "src/log" not in str(path)])
    for fault in faults:
        print(fault)
    return 1 if faults else 0


# What in src/core implements an interface of include/elves/ that names a coroutine, a connection or the store. The
# rest can be used, tested and fuzzed without a loop.
CORE_WITH_ASIO = {"app_globs.cpp", "caller.cpp", "cron_fields.cpp", "field_type.cpp", "method_table.cpp", "pruner.cpp",
                  "short_name.cpp", "worker_report.cpp"}


if __name__ == "__main__":
    sys.exit(main())
