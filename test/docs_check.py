#!/usr/bin/env python3
"""Holds docs/ against the programs and the sources. Prints what is missing or wrong; ends with 1 where anything is.

    test/docs_check.py        $ELVES_BIN: the folder of the binaries; without it build/release/bin

What the binaries say of themselves counts: methods from elves.methods of a started elvesd, settings and their ranges
from the errors of --check. The Python programs in docs/protocol.md, and the commands of docs/tutorial.md and docs/apps.md,
are run as they are printed, but for port and folder.
"""

import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "clients" / "python"))

from elves import Elves  # noqa: E402

BIN = pathlib.Path(os.environ.get("ELVES_BIN") or ROOT / "build" / "release" / "bin")
PATIENCE = 30.0
faults = []


def check(well, what):
    if not well:
        faults.append(what)


def text_of(path):
    return (ROOT / path).read_text(encoding="utf-8")


def blocks(text, language):
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```$", text)


def section(text, heading):
    """What stands under that heading of the second level."""
    found = re.search(rf"(?ms)^## {re.escape(heading)}\b.*?(?=^## |\Z)", text)
    return found.group(0) if found else ""


# ---- the server ----
def start_server(folder):
    config, log = folder / "elves.conf", folder / "elvesd.log"
    config.write_text(f"[server]\nlisten = 127.0.0.1:0\n[store]\npath = {folder}/elves.db\n")
    with open(log, "wb") as out:
        server = subprocess.Popen([BIN / "elvesd", "--config", config], stderr=out)

    def listening():
        if server.poll() is not None:
            sys.exit(f"elvesd ended with {server.returncode}: {log.read_text()}")
        return re.search(r"listening on \S+:(\d+)", log.read_text())
    return server, int(eventually(listening, "elvesd to listen").group(1))


def eventually(look, what):
    until = time.monotonic() + PATIENCE
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > until:
            sys.exit(f"waited in vain for {what}")
        time.sleep(0.05)


# ---- docs/protocol.md ----
def frames(text):
    """The frames in the text blocks, each put together again from its lines."""
    whole = []
    for block in blocks(text, "text"):
        going_on = False
        for line in block.splitlines():
            begins = re.match(r"(?:(?:agent|server|processor) *)?[<>] (\{.*)", line)
            if begins:
                whole.append(begins.group(1))
            elif going_on and line.startswith("  "):
                whole[-1] += line.strip()
            going_on = bool(begins) or going_on and line.startswith("  ")
    return whole


def check_frames(text):
    for frame in frames(text):
        if frame.endswith("…"):  # said to be its beginning
            continue
        try:
            json.loads(frame)
        except ValueError as why:
            check(False, f"docs/protocol.md: a frame that is no JSON ({why}): {frame[:100]}")


def check_methods(text, services):
    shown = {(found.group(1), found.group(2).lower())
             for found in (re.search(r'"mqs":"(\w+)","mqf":"(\w+)"', frame) for frame in frames(text)) if found}
    for service in services:
        name = service["service"]
        about = section(text, name)
        check(about, f"docs/protocol.md has no section {name}")
        for method in service["methods"]:
            full = f"{name}.{method['method']}"
            for called in [method["method"], *method["also"]]:
                check(re.search(rf"`[^`]*\b{called}\b", about, re.I), f"docs/protocol.md, {name}: no word of {called}")
            check((name, method["method"]) in shown, f"docs/protocol.md shows no frame of {full}")
            for field in method["fields"]:
                check(re.search(rf"\b{field['name']}\b", text), f"docs/protocol.md: no word of {full}'s field {field['name']}")


def check_agent_methods(text):
    about = section(text, "On the agent's link")
    declared = re.findall(r'table\.(call|cast)<\w+>\("(\w+)"', text_of("src/agent/instruct_service.cpp"))
    check(declared, "src/agent/instruct_service.cpp declares no methods in a way that this script can read")
    for kind, method in declared:
        check(f"`{kind} agent.{method} " in about, f"docs/protocol.md, On the agent's link: no `{kind} agent.{method} …`")


def check_codes(text):
    codes = re.findall(r'\{"(\d{3}\.\d+)"\}', text_of("include/elves/error.hpp"))
    check(codes, "include/elves/error.hpp has no codes that this script can read")
    about = section(text, "Codes")
    for code in codes:
        check(f"\n| {code} |" in about, f"docs/protocol.md, Codes: no row for {code}")
    for code in re.findall(r"(?m)^\| (\d{3}\.\d+) \|", about):
        check(code in codes, f"docs/protocol.md, Codes: {code} is not in include/elves/error.hpp")


def check_programs(text, folder, port, elves):
    programs = blocks(text, "python")
    if len(programs) != 2:
        return check(False, f"docs/protocol.md has {len(programs)} Python programs, not a client and an agent")
    for name, program, most in zip(("client", "agent"), programs, (20, 40)):
        lines = len(program.splitlines())
        check(lines <= most, f"docs/protocol.md: the Python {name} has {lines} lines; at most {most} are said")
        check(program.count("7788") == 1, f"docs/protocol.md: the Python {name} should name port 7788 once")
        (folder / f"{name}.py").write_text(program.replace("7788", str(port)), encoding="utf-8")
    agent = subprocess.Popen([sys.executable, folder / "agent.py"])
    try:
        ip = "10.0.0.9"
        eventually(lambda: elves.getstatbyip(ip)["status"] == "online", "docs' Python agent")
        task = elves.sendasync(ip, "greet", "hello", "me")["info"]["id"]
        (record,) = elves.wait(task, PATIENCE)
        check((record["status"], record["worker_message"]) == ("done", "hello me"),
              f"docs/protocol.md: the Python agent reported {record}")
        client = subprocess.run([sys.executable, folder / "client.py"], capture_output=True, encoding="utf-8",
                                timeout=PATIENCE)
        check(client.returncode == 0, f"docs/protocol.md: the Python client ended with {client.returncode}: {client.stderr}")
        check("'worker_result': 'hello you'" in client.stdout,
              f"docs/protocol.md: the Python client got no answer of the Python agent's: {client.stdout}")
        check(agent.poll() is None, "docs/protocol.md: the Python agent ended by itself")
    finally:
        agent.kill()
        agent.wait()


def check_commands(text):
    """`$ elvesctl …` that needs no server prints what stands below it."""
    shown = [(command, printed) for block in blocks(text, "text")
             for command, printed in re.findall(r"(?m)^\$ (elvesctl .*)\n((?:[^$].*\n)*)", block)]
    check(shown, "docs/protocol.md has no `$ elvesctl …` that this script can read")
    for command, printed in shown:
        done = subprocess.run([BIN / "elvesctl", *shlex.split(command)[1:]], capture_output=True, encoding="utf-8",
                              timeout=PATIENCE)
        check(done.stdout == printed, f"docs/protocol.md: {command} prints {done.stdout!r} {done.stderr}")


# ---- docs/modules.md ----
def check_module(text):
    module = text_of("test/loadable/guestbook.cpp")
    check(module in blocks(text, "cpp"), "docs/modules.md does not show test/loadable/guestbook.cpp as it is")
    version = re.search(r"module_api_version = (\d+)", text_of("include/elves/module.hpp")).group(1)
    check(f"`module_api_version`, now {version})" in text, f"docs/modules.md does not say that the API version is {version}")


def check_module_build(text, folder):
    """Runs the commands as they are printed, but for folder and port."""
    about = section(text, "Build it, load it, call it")
    scripts, printed = blocks(about, "sh"), blocks(about, "text")
    start = "build/release/bin/elvesd --config /tmp/guestbook/elves.conf"
    if len(scripts) != 2 or len(printed) != 1 or not scripts[0].endswith(start + "\n"):
        return check(False, "docs/modules.md, Build it: two sh blocks, the first of which starts elvesd, and a text block")
    home = folder / "guestbook"
    build = scripts[0].removesuffix(start + "\n").replace("/tmp/guestbook", str(home)).replace(":7790", ":0")
    built = subprocess.run(["bash", "-e", "-c", build], cwd=ROOT, capture_output=True, encoding="utf-8")
    if built.returncode != 0:
        return check(False, f"docs/modules.md: the commands that build the module fail: {built.stderr}")
    log = home / "elvesd.log"
    with open(log, "wb") as out:
        server = subprocess.Popen([BIN / "elvesd", "--config", home / "elves.conf"], stderr=out)
    try:
        def listening():
            return server.poll() is not None or re.search(r"listening on \S+:(\d+)", log.read_text())
        port = eventually(listening, "elvesd to listen")
        if port is True:
            return check(False, f"docs/modules.md: elvesd does not start with the module: {log.read_text()}")
        call = scripts[1].replace("build/release/bin", str(BIN)).replace(":7790", f":{port.group(1)}")
        called = subprocess.run(["bash", "-c", call], cwd=ROOT, capture_output=True, encoding="utf-8", timeout=PATIENCE)
        check(called.stdout == printed[0], f"docs/modules.md: the module's call prints {called.stdout!r} {called.stderr}")
    finally:
        server.terminate()
        check(server.wait(PATIENCE) == 0, f"docs/modules.md: elvesd with the module ends with {server.returncode}")


# ---- docs/settings.md ----
def complaint(program, folder, settings):
    """What --check says of these settings; "" where all is well."""
    path = folder / "check.conf"
    path.write_text("".join(f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())
                            for name, keys in settings.items()))
    done = subprocess.run([BIN / program, "--config", path, "--check"], capture_output=True, encoding="utf-8",
                          timeout=PATIENCE)
    return done.stderr if done.returncode else ""


def known(said):
    """The names in "…; known are a, b"; none where there are none."""
    found = re.search(r"known are (.*)", said)
    return found.group(1).split(", ") if found else []


def settings_of(program, folder, given):
    """(section, key) of every setting that the program knows."""
    unheard = "zzzzzzzzzzzzzzzz"
    sections = known(complaint(program, folder, {**given, unheard: {}}))
    check(sections, f"{program} --check does not list its sections")
    for name in sections:
        for key in known(complaint(program, folder, {**given, name: {**given.get(name, {}), unheard: "1"}})):
            yield name, key


def check_settings(text, program, config, folder, given):
    """Each has a row in docs/settings.md with its range, and a line in the sample of the settings."""
    rows = [line for line in section(text, f"Settings of {program}").splitlines() if line.startswith("| `[")]
    sample = text_of(config)
    keys = list(settings_of(program, folder, given))
    for name, key in keys:
        row = next((row for row in rows if row.startswith(f"| `[{name}] {key}` |")), None)
        check(row, f"docs/settings.md, Settings of {program}: no row for `[{name}] {key}`")
        about = re.search(rf"(?ms)^\[{name}\]$.*?(?=^\[|\Z)", sample)
        check(about and re.search(rf"(?m)^(# ?)?{key} =", about.group(0)), f"{config}: no line for [{name}] {key}")
        said = complaint(program, folder, {**given, name: {**given.get(name, {}), key: "§"}})
        span = re.search(r"give (\d+) to (\d+)", said)
        if row and span:
            check(" to ".join(span.groups()) in row, f"docs/settings.md: [{name}] {key} is {' to '.join(span.groups())}")
        choices = re.search(r"give one of (.*)", said)
        for choice in choices.group(1).split(", ") if row and choices else []:
            check(f"`{choice}`" in row, f"docs/settings.md: [{name}] {key} may be {choice}")
    for row in rows:
        name, key = re.match(r"\| `\[(\w+)\] (\w+)` \|", row).groups()
        check((name, key) in keys, f"docs/settings.md, Settings of {program}: [{name}] {key} is not known to it")


# ---- docs/log-lines.md ----
def arguments(source, at):
    """The text from `at` to the bracket that closes what is open there."""
    depth, quoted, end = 1, False, at
    while depth:
        char = source[end]
        if quoted:
            end += char == "\\"
            quoted = char != '"'
        else:
            quoted = char == '"'
            depth += (char in "([{") - (char in ")]}")
        end += 1
    return source[at:end - 1]


def literals(expression):
    """Its string literals that stand in no brackets of their own, what belongs together joined; and whether it
    begins with one."""
    pieces, depth, at, joined = [], 0, 0, False
    while at < len(expression):
        if expression[at] == '"':
            found = re.compile(r'"((?:[^"\\]|\\.)*)"').match(expression, at)
            if depth == 0:
                piece = found.group(1).replace('\\"', '"')
                if joined:
                    pieces[-1] += piece
                else:
                    pieces.append(piece)
            at, joined = found.end(), depth == 0
            continue
        depth += (expression[at] in "([{") - (expression[at] in ")]}")
        joined = joined and expression[at].isspace()
        at += 1
    return pieces, expression.lstrip().startswith('"')


def log_lines():
    """(where, level, literals, begins with one) of every line at warning and error."""
    for path in sorted(p for folder in ("src", "modules", "include") for p in (ROOT / folder).rglob("*.?pp")):
        if path.name.endswith("_test.cpp"):
            continue
        source = path.read_text(encoding="utf-8")
        for found in re.finditer(r"(?:ELVES_LOG\(\s*|, log::Level::)(warning|error),", source):
            line = source.count("\n", 0, found.start()) + 1
            where = f"{path.relative_to(ROOT)}:{line}"
            pieces = literals(arguments(source, found.end()))
            if pieces[0] or str(path.relative_to(ROOT)) != "src/server/house.cpp":
                yield (where, found.group(1), *pieces)
    # What src/server/house.cpp logs as it gets it.
    source = text_of("src/server/exposure.cpp")
    for found in re.finditer(r"lines\.\w+_back\(", source):
        yield ("src/server/exposure.cpp", "warning", *literals(arguments(source, found.end())))


# Files with a line whose text is made elsewhere: what its row in docs/log-lines.md begins with.
MADE_ELSEWHERE = {"src/log/log.cpp": "log file FILE: ", "src/agent/own_cron.cpp": "own cron job ID: ",
                  "src/store/sqlite_error.cpp": "store: SQLite error CODE ", "src/store/store_writer.cpp": "store: data file FILE: ",
                  "src/store/store_reader.cpp": "store: data file FILE: "}


def check_log_lines(text):
    """Each line has a row that reads like it, a word in capitals for each thing that varies, and the other way round."""
    rows = set(re.findall(r"(?m)^\| (warning|error) \| `([^`]*)` \| [^|]+ \| [^|]+ \|$", text))
    told = set()
    for where, level, pieces, from_start in log_lines():
        like = re.compile(("" if from_start else "[A-Z]+") + "[A-Z]+".join(map(re.escape, pieces)) + "[A-Z]*")
        fitting = {row for row in rows if row[0] == level and like.fullmatch(row[1])}
        made = MADE_ELSEWHERE.get(where.split(":")[0], "")
        if not fitting and made.startswith("".join(pieces)):
            fitting = {row for row in rows if row[0] == level and made and row[1].startswith(made)}
        check(fitting, f"docs/log-lines.md: nothing about {where}: {level}: {' … '.join(pieces)}")
        told |= fitting
    for level, row in sorted(rows - told):
        check(False, f"docs/log-lines.md: nothing in the sources writes {level}: {row}")


# ---- docs/tutorial.md ----
def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def of_session(session):
    """The processes of that session."""
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, fields = int(stat.parent.name), stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            yield pid


def run_script(script, patience, **environment):
    """Runs it in a session of its own, which it does not outlive; returns (exit status, what it printed)."""
    with tempfile.TemporaryFile() as out:
        child = subprocess.Popen(["bash", "-m", "-e", "-o", "pipefail", "-c", script], cwd=ROOT, stdin=subprocess.DEVNULL,
                                 stdout=out, stderr=out, start_new_session=True, env={**os.environ, **environment})
        try:
            status = child.wait(patience)
        except subprocess.TimeoutExpired:
            status = "no end"
        finally:
            # With -m each background program leads a group of its own in this session.
            for pid in of_session(child.pid):
                os.kill(pid, signal.SIGKILL)
            child.wait()
        out.seek(0)
        return status, out.read().decode("utf-8", "replace")


def check_tutorial(text, folder):
    """All commands in one shell, as a reader runs them."""
    scripts = blocks(text, "sh")
    home = folder / "tutorial"
    script = "set -x\n" + "".join(scripts).replace("/tmp/elves-tutorial", str(home))
    script = script.replace("$PWD/build/demo/bin", str(BIN)).replace("7788", str(free_port()))
    status, printed = run_script(script, 120)
    end = "\n".join(printed.splitlines()[-25:])
    check(status == 0, f"docs/tutorial.md: the commands end with {status}; the last of what they print:\n{end}")
    for said in ("hello world", "1x failed: lost its voice", "1 done", "not everywhere"):
        check(said in printed, f"docs/tutorial.md: the commands do not print \"{said}\"")
    check(not home.exists(), "docs/tutorial.md: its folder is still there at the end")


# ---- docs/apps.md ----
# What the machine of this check is spared: it may have no systemd, and nothing is to be installed or signalled.
SPARED = {"systemctl": "printf 'Id=nginx.service\\nLoadState=loaded\\nActiveState=active\\nResult=success\\n'",
          "apt-get": "case $* in *--simulate*) exec /usr/bin/apt-get \"$@\" ;; esac"}


def start_agent_of_apps(folder, port, settings):
    """An agent with the shipped apps, and this check's programs before the machine's."""
    home = folder / "apps-agent"
    (home / "bin").mkdir(parents=True)
    for name, text in SPARED.items():
        (home / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
        (home / "bin" / name).chmod(0o755)
    shutil.copytree(ROOT / "etc" / "apps", home / "apps")
    (home / "agent.conf").write_text(f"[agent]\nserver = 127.0.0.1:{port}\nip = 10.0.0.5\napps = {home}/apps\n"
                                     f"journal = {home}/agent.db\n{settings}\n")
    (home / "agent.conf").chmod(0o600)
    with open(home / "agent.log", "wb") as log:
        return subprocess.Popen([BIN / "elves-agent", "--config", home / "agent.conf"], stderr=log,
                                env={**os.environ, "PATH": f"{home}/bin:/usr/bin:/bin"})


def check_apps(text, folder, port, elves):
    """Each command of the page is done by a real agent; each function of the apps is called once."""
    sleeper = subprocess.Popen(["sleep", "300"])
    agent = start_agent_of_apps(folder, port, "allow = *, service, package, file, process, shell")
    try:
        eventually(lambda: elves.getstatbyip("10.0.0.5")["status"] == "online", "the agent of the apps")
        script = "\n".join(block for block in blocks(text, "sh")).replace("/tmp/elves-motd", str(folder / "motd"))
        script = script.replace('"pid": 4711, "name": "nginx"', f'"pid": {sleeper.pid}, "name": "sleep"')
        status, printed = run_script(script, 120, ELVES_SERVER=f"127.0.0.1:{port}", PATH=f"{BIN}:{os.environ['PATH']}")
        check(status == 0, f"docs/apps.md: the commands end with {status}: {printed}")
        check((folder / "motd").exists(), "docs/apps.md: `file put` has written nothing")
        check(sleeper.wait(PATIENCE) == -signal.SIGHUP, "docs/apps.md: `process signal` has reached nothing")
    finally:
        for program in (agent, sleeper):
            program.kill()
            program.wait()
    for manifest in sorted((ROOT / "etc" / "apps").glob("*/app.json")):
        about = section(text, manifest.parent.name)
        for name in json.loads(manifest.read_text())["functions"] if about else []:
            check(re.search(rf"`{name}`", about), f"docs/apps.md, {manifest.parent.name}: no word of {name}")


# ---- docs/architecture.md ----
def check_paths(text):
    """Each file and folder of the sources that it names is there."""
    for name in re.findall(r"`((?:src|modules|include|test|etc|clients)/[\w./-]*)`", text):
        check((ROOT / name).exists(), f"docs/architecture.md: there is no {name}")


# ---- links ----
def check_dev():
    """Each `./dev NAME` of the documents, and of its own help, is one that ./dev takes."""
    script = text_of("dev")
    taken = set(re.findall(r"[\w-]+", re.search(r"^deps \|.*?\)", script, re.M).group()))
    taken |= {"test"}
    named = {name: "dev" for name in re.findall(r"^#: ([\w-]+)", script, re.M)}
    for path in ROOT.glob("**/*.md"):
        if "build" not in path.parts and "node_modules" not in path.parts:
            named |= {name: str(path.relative_to(ROOT)) for name in re.findall(r"\./dev ([a-z][\w-]*)", path.read_text())}
    for name, place in named.items():
        check(name in taken, f"{place}: there is no ./dev {name}")


def slug(heading):
    """The anchor of a heading, as the web shows it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def without_blocks(text):
    return re.sub(r"(?ms)^```.*?^```$", "", text)


def check_links():
    """Each link between the pages leads to a file, and to a heading of it; each page is in an index."""
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
    texts = {path: without_blocks(path.read_text(encoding="utf-8")) for path in pages}
    linked = set()
    for path, text in texts.items():
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if "://" in target:
                continue
            name, _, anchor = target.partition("#")
            to = (path.parent / name).resolve() if name else path
            where = f"{path.relative_to(ROOT)}: the link {target}"
            check(to.exists(), f"{where} leads to no file")
            linked.add(to)
            if anchor and to in texts:
                anchors = {slug(heading) for heading in re.findall(r"(?m)^#+ (.*)", texts[to])}
                check(anchor in anchors, f"{where} leads to no heading")
    for path in pages[3:]:
        check(path in linked, f"{path.relative_to(ROOT)}: no page has a link to it")


def main():
    protocol, modules, settings, lines = (
        text_of(f"docs/{name}.md") for name in ("protocol", "modules", "settings", "log-lines"))
    with tempfile.TemporaryDirectory(prefix="elves-docs-") as name:
        folder = pathlib.Path(name)
        server, port = start_server(folder)
        try:
            with Elves(f"127.0.0.1:{port}", answer_timeout=PATIENCE) as elves:
                check_methods(protocol, elves.methods()["services"])
                check_programs(protocol, folder, port, elves)
                check_apps(text_of("docs/apps.md"), folder, port, elves)
        finally:
            server.terminate()
            check(server.wait(PATIENCE) == 0, f"elvesd ended with {server.returncode}")
        check_module(modules)
        check_module_build(modules, folder)
        (folder / "apps").mkdir()
        check_settings(settings, "elvesd", "etc/elves.conf", folder, {"store": {"path": folder / "elves.db"}})
        check_settings(settings, "elves-agent", "etc/agent.conf", folder,
                       {"agent": {"server": "127.0.0.1:7788", "apps": folder / "apps", "journal": folder / "agent.db"}})
        check_tutorial(text_of("docs/tutorial.md"), folder)
    check_paths(text_of("docs/architecture.md"))
    check_frames(protocol)
    check_agent_methods(protocol)
    check_codes(protocol)
    check_commands(protocol)
    check_log_lines(lines)
    check_dev()
    check_links()
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
