"""Packages of Debian and its like: installed, upgradable, install, upgrade. The last two need to be named in
[agent] allow. Nothing is ever removed: where apt would have to, it refuses."""

import sys

sys.dont_write_bytecode = True  # the app's folder stays as it was installed

import fnmatch  # noqa: E402
import re  # noqa: E402

from appkit import Param, follow_program, on_one_line, run_program  # noqa: E402
from worker import Failed, function, main, progress  # noqa: E402

# apt takes a name that ends with `-` for a package to remove.
NAME = r"[a-z0-9][a-z0-9+.-]{0,126}(?<!-)(:[a-z0-9-]{1,20}(?<!-))?"
WANTED = re.compile(NAME + r"(=[A-Za-z0-9.+:~-]{1,128})?")
WANTED_TEXT = "names of packages, each with =VERSION where it matters, such as \"nginx\""
GLOB_TEXT = "a package's name, or a pattern with * and ?, of a-z 0-9 + . -"
MOST_ROWS = 10_000
# A settings file that was changed here stays; nothing asks; names are names and no patterns; another apt is waited for.
APT = ["apt-get", "--quiet", "--yes", "--no-remove", "-o", "APT::Cmd::Pattern-Only=true", "-o", "DPkg::Lock::Timeout=120",
       "-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold"]
ENVIRONMENT = {"DEBIAN_FRONTEND": "noninteractive", "APT_LISTCHANGES_FRONTEND": "none", "NEEDRESTART_MODE": "l",
               "LC_ALL": "C.UTF-8"}
# Inst NAME [OLD] (NEW ARCHIVE [ARCHITECTURE])
SIMULATED = re.compile(r"Inst (\S+) (?:\[([^\]]*)\] )?\((\S+)")


def installed_versions():
    """{name: version}; names of another architecture with :ARCHITECTURE."""
    done = run_program(["dpkg-query", "--show", "--showformat", "${db:Status-Abbrev}\t${binary:Package}\t${Version}\n"])
    if done.status != 0:
        raise Failed(on_one_line(done.err) or f"dpkg-query ended with {done.status}")
    rows = (line.split("\t") for line in done.out.splitlines())
    return {name: version for state, name, version in rows if state[1:2] == "i"}


def plain(name):
    return name.partition(":")[0]


@function
def installed(param):
    """Installed packages and their versions; those that fit `name`, where given."""
    fields = Param(param, main="name")
    pattern = fields.text("name", GLOB_TEXT, r"[a-z0-9*?][a-z0-9+.:*?-]{0,127}", default="*")
    fields.done()
    rows = [{"name": name, "version": version} for name, version in sorted(installed_versions().items())
            if fnmatch.fnmatchcase(name, pattern) or fnmatch.fnmatchcase(plain(name), pattern)]
    return {"packages": rows[:MOST_ROWS], "count": len(rows)}


def simulated(words):
    """What apt would install: [{name, from, to}]. Needs no rights."""
    done = run_program([*APT, "--simulate", *words], timeout=300)
    if done.status != 0:
        raise Failed(on_one_line(done.err) or f"apt-get ended with {done.status}")
    return [{"name": name, "from": old, "to": new} for name, old, new in SIMULATED.findall(done.out)]


@function(params="none")
def upgradable():
    """Packages of which apt knows a newer version."""
    rows = simulated(["--with-new-pkgs", "upgrade"])
    return {"packages": rows[:MOST_ROWS], "count": len(rows)}


def apt(words):
    progress("apt-get " + " ".join(words))
    status = follow_program([*APT, *words], ENVIRONMENT)
    if status != 0:
        raise Failed(f"apt-get {' '.join(words)} ended with {status}: the task's output says why")


def changes(before, after):
    return [{"name": name, "from": before.get(name, ""), "to": after[name]}
            for name in sorted(after) if before.get(name) != after[name]]


def carry_out(words, update, simulate):
    """Returns the packages that have changed, or with `simulate` would."""
    if simulate:
        return {"simulated": simulated(words)}
    if update:
        apt(["update"])
    before = installed_versions()
    apt(words)
    return {"changed": changes(before, installed_versions())}


@function
def install(param):
    """Installs packages, or those versions of them."""
    fields = Param(param, main="names")
    names = fields.texts("names", WANTED_TEXT, WANTED)
    update, simulate = fields.flag("update"), fields.flag("simulate")
    fields.done()
    return carry_out(["install", "--", *names], update, simulate)


@function
def upgrade(param):
    """Upgrades the packages `names`, of those that are installed; without it all."""
    fields = Param(param, main="names")
    names = fields.texts("names", WANTED_TEXT, WANTED, default=None)
    update, simulate = fields.flag("update"), fields.flag("simulate")
    fields.done()
    words = ["upgrade", "--with-new-pkgs"] if names is None else ["install", "--only-upgrade", "--", *names]
    return carry_out(words, update, simulate)


if __name__ == "__main__":
    main()
