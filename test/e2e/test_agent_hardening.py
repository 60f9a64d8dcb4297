"""What the agent keeps from its server, from its apps, and from others on its host."""

import os
import pathlib
import pwd
import re
import shutil
import sqlite3
import subprocess
import tempfile
import unittest

from house import ROOT, WORKER, HouseTest, binary, eventually, run

IP = "10.1.0.1"
AGENT_USER, APP_USER = "nobody", "daemon"  # every Debian has them
GROUP_MATE = "sync"  # of AGENT_USER's group
RIGHTS = "+setuid,+setgid,+kill"
# What the systemd unit gives the agent.
AS_UNIT = ("setpriv", "--reuid", AGENT_USER, "--regid", str(pwd.getpwnam(AGENT_USER).pw_gid), "--clear-groups",
           "--inh-caps", RIGHTS, "--ambient-caps", RIGHTS, "--bounding-set", "-all," + RIGHTS, "--no-new-privs")
needs_setpriv = unittest.skipUnless(shutil.which("setpriv"), "needs setpriv")
as_root = unittest.skipUnless(os.geteuid() == 0, "becoming others needs root")
DONE = "\necho '<ElvesWFlag>true</ElvesWFlag>'\n"


def shell(script):
    """An app's text that answers with what the script prints. Every user can run sh; not so each python3."""
    return f"#!/bin/sh\necho \"<ElvesWResult>$({script})</ElvesWResult>\"{DONE}"


class HardeningTest(HouseTest):
    def setUp(self):
        super().setUp()
        self.house = self.server(tasklog={"lost_after": 2}, heartbeat={"interval": 1, "offline_after": 5})
        self.caller = self.client(self.house)
        self.worker = self.real_agent(self.house, IP)

    def begin_work(self, *before, sections=None, user=None, **agent):
        """Starts the agent, as `user`, or by the words of `before`, once it is online."""
        self.worker.sections.update(sections or {})
        self.worker.settings(**agent)
        more = {}
        if user or before:
            self.hand_over(user or AGENT_USER)
        if user:
            entry = pwd.getpwnam(user)
            more = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        self.worker.spawn(*before, binary("elves-agent"), "--config", str(self.worker.conf_path), **more)
        self.online(self.caller, IP)

    def hand_over(self, user):
        """The agent's folder to that user, and a way to it for all."""
        entry = pwd.getpwnam(user)
        self._folder.chmod(0o711)
        self.worker.folder.chmod(0o711)
        for path in (self.worker.folder, self.worker.conf_path):
            os.chown(path, entry.pw_uid, entry.pw_gid)

    def open_ways(self):
        """For apps that run as others."""
        self._folder.chmod(0o711)
        self.worker.folder.chmod(0o711)

    def sync(self, **ins):
        return self.send_sync(self.caller, IP, **ins)

    def refused(self, *words, **ins):
        """A task that the agent does not take; returns its record."""
        info = self.sync(**ins)
        self.assertEqual((info["agent_sync_flag"], info["worker_flag"]), ("false", -1), info)
        for word in words:
            self.assertIn(word, info["agent_sync_error"])
        task = self.wait_final(self.caller, info["id"])
        self.assertEqual((task["status"], task["agent_sync_error"]), ("failed", info["agent_sync_error"]))
        return task

    def check_says(self, *words, sections=None, **agent):
        """The agent does not start, nor does --check call it well, in one line with these words."""
        self.worker.sections.update(sections or {})
        self.worker.settings(**agent)
        self.starts_not(*words)

    def starts_not(self, *words):
        for more in ([], ["--check"]):
            done = run(binary("elves-agent"), "--config", str(self.worker.conf_path), *more)
            self.assertEqual((done.code, done.err.count("\n")), (1, 1), done)
            for word in words:
                self.assertIn(word, done.err)


class Rules(HardeningTest):
    def setUp(self):
        super().setUp()
        self.mark = self.worker.folder / "mark"
        text = WORKER + f'open({str(self.mark)!r}, "a").write(func + "\\n"); answer(func)'
        self.worker.app("nginx", text)
        self.worker.app("nginx", text, "other.py")
        self.worker.app("backup", text)

    def ran(self):
        return self.mark.read_text().split() if self.mark.exists() else []

    def journaled(self):
        with sqlite3.connect(self.worker.folder / "journal.db") as journal:
            return {row[0] for row in journal.execute("SELECT id FROM task")}

    def test_what_its_own_settings_do_not_allow_fails_whoever_asks(self):
        self.begin_work(allow="nginx.*", deny="*.stop*")
        self.assertEqual(self.sync(app="nginx", func="reload")["worker_result"], "reload")
        denied = self.refused("[401.6]", "nginx.stop", "[agent] deny", app="nginx", func="stop")
        missing = self.refused("[401.6]", "backup.full", "[agent] allow", app="backup", func="full")
        later = self.send_async(self.caller, IP, app="nginx", func="stopall")
        self.assertEqual(self.wait_final(self.caller, later["id"])["status"], "failed")
        self.assertEqual(self.ran(), ["reload"])
        for task in (denied["id"], missing["id"], later["id"]):
            self.assertNotIn(task, self.journaled())
            self.assertRegex(self.worker.log(), rf"warning\s+task {task} is refused: this agent's own settings")

    def test_a_function_that_is_allowed_is_no_word_under_which_another_file_runs(self):
        self.begin_work(allow="nginx.status")
        self.refused("[agent] proxy", app="nginx", func="status", proxy="python3|other.py")
        self.assertEqual(self.ran(), [])

    def test_the_agents_own_jobs_are_held_to_it_too(self):
        self.begin_work(deny="backup")
        job = self.caller.ok("cron", "setcronbyip", agentip=IP, cron_type="self", rule="* * * * * ?",
                             ins={"app": "backup", "func": "full"})["id"]
        # A time may have passed before the agent had the job: that one is skipped for another reason.
        eventually(lambda: "[401.6] this agent's own settings deny backup.full" in
                   str(self.caller.tasks(cron_id=job, status="skipped")))
        self.assertEqual(self.ran(), [])
        center = self.caller.ok("cron", "setcronbyip", agentip=IP, cron_type="center", rule="* * * * * ?",
                                ins={"app": "backup", "func": "full"})["id"]
        eventually(lambda: self.caller.tasks(cron_id=center, status="failed"))
        self.assertEqual(self.ran(), [])

    def test_what_was_taken_under_other_rules_does_not_start(self):
        hold = self.worker.folder / "hold"
        self.worker.app("slow", WORKER + f'open({str(hold)!r}, "w"); time.sleep(60)')
        self.begin_work(max_workers=1)
        self.send_async(self.caller, IP, app="slow", func="first")
        eventually(hold.exists)
        waiting = self.send_async(self.caller, IP, app="backup", func="full")["id"]
        eventually(lambda: waiting in self.journaled())
        self.worker.kill9()
        self.begin_work(deny="backup.*")
        task = self.wait_status(self.caller, waiting, "failed")
        self.assertIn("[401.6] this agent's own settings deny backup.full", task["worker_message"])
        self.assertEqual(self.ran(), [])

    def test_a_rule_that_fits_nothing_ends_the_start(self):
        self.check_says("[agent] deny", "nginx:*", deny="nginx:*")


class AppsOfOthers(HardeningTest):
    def test_an_app_that_anybody_may_change_is_refused_until_it_is_mended(self):
        entry = self.worker.app("demo", WORKER + 'answer("it runs")')
        self.begin_work()
        self.assertEqual(self.sync()["worker_result"], "it runs")
        for path in (entry, entry.parent):
            path.chmod(0o777)
            info = self.sync()
            self.assertEqual(info["worker_flag"], -1)
            cure = f"chmod o-w {path}"
            self.assertIn(f"[401.6] this agent does not start the app \"demo\": {path} has mode 0777", info["worker_result"])
            self.assertTrue(info["worker_result"].endswith(cure))
            self.assertEqual(self.wait_final(self.caller, info["id"])["status"], "failed")
            subprocess.run(cure, shell=True, check=True)
            subprocess.run(f"chmod g-w {path}", shell=True, check=True)
            self.assertEqual(self.sync()["worker_result"], "it runs")

    def test_an_agent_with_an_apps_folder_of_everybodys_does_not_start(self):
        self.worker.apps.chmod(0o777)
        self.check_says("[agent] apps", f"{self.worker.apps} has mode 0777: anybody may change it; chmod o-w")

    def test_an_interpreter_that_anybody_may_change_ends_the_start_and_is_not_started_later(self):
        interpreter = self.worker.folder / "runner"
        shutil.copy(shutil.which("sh"), interpreter)
        interpreter.chmod(0o777)
        self.check_says("[agent] interpreters", f"{interpreter} has mode 0777: anybody may change it; chmod o-w {interpreter}",
                        interpreters=str(interpreter))
        interpreter.chmod(0o755)
        self.worker.app("demo", shell("echo it runs"), "main.sh")
        self.begin_work(proxy="true")
        self.assertEqual(self.sync(proxy="runner|main.sh")["worker_result"], "it runs")
        interpreter.chmod(0o777)
        self.assertIn(f"[401.6] this agent does not start the app \"demo\": {interpreter} has mode 0777",
                      self.sync(proxy="runner|main.sh")["worker_result"])

    @as_root
    def test_an_app_of_the_user_whom_it_runs_as_is_refused(self):
        entry = self.worker.app("demo", shell("id -un"), "app-worker.sh")
        self.open_ways()
        self.begin_work(sections={"run_as": {"user": APP_USER}})
        self.assertEqual(self.sync()["worker_result"], APP_USER)
        os.chown(entry, pwd.getpwnam(APP_USER).pw_uid, 0)
        self.assertIn(f"{entry} belongs to {APP_USER}", self.sync()["worker_result"])


class Journal(HardeningTest):
    """What stands in it is run."""

    def setUp(self):
        super().setUp()
        self.journal = pathlib.Path(self.worker.keys["journal"])

    def test_one_that_others_may_use_ends_the_start(self):
        self.begin_work()
        self.worker.kill9()
        for path in sorted(self.worker.folder.glob("journal.db*")):
            if path.suffix == ".lock":
                continue
            path.chmod(0o666)
            self.starts_not(f"{path}: others than its owner may use it; chmod 600 {path}")
            path.chmod(0o600)
        self.begin_work()

    @as_root
    def test_one_of_another_user_ends_the_start(self):
        self.journal.touch(mode=0o600)
        os.chown(self.journal, pwd.getpwnam(APP_USER).pw_uid, 0)
        self.starts_not(f"{self.journal}: belongs to user {pwd.getpwnam(APP_USER).pw_uid}", f"chown 0 {self.journal}")

    def test_one_in_a_folder_where_others_may_put_another_ends_the_start(self):
        for bits in (0o777, 0o1777):
            folder = self.worker.folder / f"open{bits}"
            folder.mkdir()
            folder.chmod(bits)
            self.check_says("[agent] journal", f"{folder} has mode {bits:04o}: anybody may change it; chmod o-w {folder}",
                            journal=str(folder / "journal.db"))


class SettingsFile(HardeningTest):
    def test_a_token_that_others_may_read_ends_the_start(self):
        self.worker.settings(key="744F633ACCE98657", token="elv_secret")
        self.worker.conf_path.chmod(0o644)
        self.starts_not("there is a token in it, and anybody may read it; chmod o-r", str(self.worker.conf_path))
        self.worker.conf_path.chmod(0o622)
        self.starts_not("anybody may change it")

    @as_root
    def test_a_token_that_the_apps_user_may_read_ends_the_start(self):
        apps = pwd.getpwnam(APP_USER)
        self.worker.sections["run_as"] = {"user": APP_USER}
        self.worker.settings(key="744F633ACCE98657", token="elv_secret")
        os.chown(self.worker.conf_path, 0, apps.pw_gid)
        self.worker.conf_path.chmod(0o640)
        self.starts_not("may read it; chmod g-r")

    def test_what_the_agent_makes_is_its_users_alone_and_no_secret_is_in_its_arguments(self):
        self.worker.sections["log"] = {"file": str(self.worker.folder / "own.log")}
        before = os.umask(0)
        self.addCleanup(os.umask, before)
        self.begin_work()
        made = [path for path in self.worker.folder.iterdir() if path.name.startswith(("journal.db", "own.log"))]
        self.assertGreaterEqual(len(made), 2)
        for path in made:
            self.assertEqual(path.stat().st_mode & 0o077, 0, path)
        argv = pathlib.Path(f"/proc/{self.worker.process.pid}/cmdline").read_bytes().split(b"\0")
        self.assertEqual(argv, [binary("elves-agent").encode(), b"--config", str(self.worker.conf_path).encode(), b""])

    @as_root
    def test_an_agent_cannot_be_looked_into_by_its_own_user(self):
        script = ("look() { head -c 1 /proc/$1/environ >/dev/null 2>&1 && echo seen || echo hidden; }; sleep 60 & "
                  "echo $(look $!) $(look $PPID); kill $!")
        self.worker.app("demo", shell(script), "app-worker.sh")
        self.begin_work(user=AGENT_USER)
        own, agent = self.sync()["worker_result"].split()
        self.assertEqual(own, "seen")
        if agent != "hidden":
            self.skipTest("built with the address sanitizer, which has to look into it")

    @as_root
    def test_who_runs_apps_as_himself_is_warned_that_they_can_read_his_token(self):
        made = self.caller.ok("supervisor", "setkey", name="fleet", role="agent", apps=["*"], iplist=["10.1.0.0/24"])
        self.begin_work(user=AGENT_USER, key=made["key"], token=made["token"])
        self.assertIn("can read its token", self.worker.log())


class PlainText(HardeningTest):
    def test_a_server_elsewhere_that_is_spoken_to_without_tls_is_warned_of(self):
        elsewhere = "192.0.2.1:27018"  # RFC 5737: nobody's
        self.begin_work(server=f"{self.house.text}, {elsewhere}")
        self.assertIn(f"{elsewhere} is spoken to in plain text", self.worker.log())
        self.assertNotIn(f"{self.house.text} is spoken to in plain text", self.worker.log())


class RunAs(HardeningTest):
    LOOK = ("id -un; id -G; umask; grep -E '^(NoNewPrivs|CapPrm|CapEff|CapAmb|CapInh)' /proc/self/status | cut -f2 | sort -u;"
            "ls /proc/self/fd | tr '\\n' ' '; echo; cat {conf} {journal} 2>&1 | grep -c denied")  # 3 is for its result, 4 the folder that ls reads

    def look(self):
        text = self.LOOK.format(conf=self.worker.conf_path, journal=self.worker.folder / "journal.db")
        self.worker.app("demo", shell(text), "app-worker.sh")

    @as_root
    def test_an_agent_that_is_root_gives_apps_their_user_and_no_more(self):
        self.look()
        self.open_ways()
        # A descriptor that whoever started the agent has left open.
        left = os.open("/etc/shadow", os.O_RDONLY)
        self.addCleanup(os.close, left)
        os.set_inheritable(left, True)
        self.worker.sections["run_as"] = {"user": APP_USER}
        self.worker.settings()
        self.worker.spawn(binary("elves-agent"), "--config", str(self.worker.conf_path), close_fds=False)
        self.online(self.caller, IP)
        self.assertNotIn("apps run as root", self.worker.log())
        gid = pwd.getpwnam(APP_USER).pw_gid
        self.assertEqual(self.sync()["worker_result"].split("\n"),
                         [APP_USER, str(gid), "0077", "0000000000000000", "1", "0 1 2 3 4 ", "2"])

    @as_root
    def test_an_agent_that_is_root_says_so_where_apps_are_too(self):
        self.worker.app("demo", shell("id -un"), "app-worker.sh")
        self.begin_work()
        self.assertIn("apps run as root: say whom they are to run as, [run_as] user", self.worker.log())
        self.assertEqual(self.sync()["worker_result"], "root")

    @as_root
    def test_one_app_may_run_as_another_than_the_rest(self):
        for app in ("demo", "backup"):
            self.worker.app(app, shell("id -un"), "app-worker.sh")
        self.open_ways()
        self.begin_work(sections={"run_as": {"user": APP_USER, "apps": "backup:nobody"}})
        self.assertEqual(self.sync()["worker_result"], APP_USER)
        self.assertEqual(self.sync(app="backup")["worker_result"], "nobody")

    @as_root
    def test_a_plain_user_runs_apps_as_itself_and_is_not_started_for_others(self):
        self.worker.app("demo", shell("id -un"), "app-worker.sh")
        self.begin_work(user=AGENT_USER)
        self.assertEqual(self.sync()["worker_result"], AGENT_USER)
        self.worker.terminate()
        self.worker.sections["run_as"] = {"user": "root"}
        self.worker.settings()
        entry = pwd.getpwnam(AGENT_USER)
        done = run(binary("elves-agent"), "--config", str(self.worker.conf_path), "--check",
                   user=entry.pw_uid, group=entry.pw_gid, extra_groups=[])
        self.assertEqual(done.code, 1)
        self.assertIn(f"[run_as] user: an agent that runs as {AGENT_USER} can't start apps as root", done.err)

    def test_a_user_that_is_none_ends_the_start(self):
        self.check_says("[run_as] user", "no.such.user", sections={"run_as": {"user": "no.such.user"}})

    @as_root
    @needs_setpriv
    def test_a_user_of_the_agents_own_group_ends_the_start(self):
        self.worker.sections["run_as"] = {"user": GROUP_MATE}
        self.worker.settings()
        self.hand_over(AGENT_USER)
        done = run(*AS_UNIT, binary("elves-agent"), "--config", str(self.worker.conf_path), "--check")
        self.assertEqual((done.code, done.err.count("\n")), (1, 1), done)
        self.assertIn(f"[run_as] user: {GROUP_MATE} is in the agent's own group", done.err)

    @as_root
    @needs_setpriv
    def test_the_capabilities_of_the_unit_are_enough_and_are_not_handed_on(self):
        self.worker.app("family", "#!/bin/sh\ntrap '' TERM\necho $$ >&2\nwhile :; do sleep 1; done\n", "app-worker.sh")
        self.look()
        self.begin_work(*AS_UNIT, sections={"run_as": {"user": APP_USER}})
        user, _, _, *rest = self.sync()["worker_result"].split("\n")
        self.assertEqual((user, rest[:2]), (APP_USER, ["0000000000000000", "1"]))
        # It can end what runs as another, and what does dies with it.
        task = self.send_async(self.caller, IP, app="family")["id"]
        self.running_as(APP_USER)
        self.caller.ok("sheduler", "canceltask", id=task)
        self.wait_final(self.caller, task)
        eventually(lambda: not self.of_family(), 20)
        self.send_async(self.caller, IP, app="family")
        self.running_as(APP_USER)
        self.worker.kill9()
        eventually(lambda: not self.of_family())

    def of_family(self):
        """(pid, user) of the workers of that app that run."""
        found = []
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if str(self.worker.apps / "family").encode() in (folder / "cmdline").read_bytes():
                    found.append((int(folder.name), pwd.getpwuid(folder.stat().st_uid).pw_name))
            except (OSError, KeyError):
                pass
        return found

    def running_as(self, user):
        eventually(lambda: [one for _, one in self.of_family()] == [user], what=f"a worker of {user}")


class Worker(HardeningTest):
    def test_no_param_is_in_a_command_line_where_the_settings_say_so(self):
        look = 'open("/proc/self/cmdline").read().split("\\0")'
        self.worker.app("demo", WORKER + f'answer(param + " " + str("{"c2VjcmV0"}" in {look}))')
        self.begin_work()
        self.assertEqual(self.sync(param="secret")["worker_result"], "secret True")
        self.worker.terminate()
        self.begin_work(sections={"worker": {"param": "input"}})
        self.assertEqual(self.sync(param="secret")["worker_result"], "secret False")

    def test_its_environment_is_these_names_and_no_other(self):
        self.worker.app("demo", WORKER + 'answer(" ".join(sorted(os.environ)))')
        self.worker.spawn("env", "SECRET_OF_THE_HOST=x", "PYTHONPATH=/nowhere", "TZ=UTC", binary("elves-agent"),
                          "--config", str(self.worker.conf_path))
        self.online(self.caller, IP)
        names = set(self.sync()["worker_result"].split())
        self.assertEqual(names - {"LC_CTYPE"},  # Python's own
                         {"PATH", "LANG", "TZ", "HOME", "USER", "LOGNAME", "ELVES_TASK_ID", "ELVES_APP", "ELVES_FUNC",
                          "ELVES_RESULT_FD", "ELVES_WORKER_GROUP"})

    def test_limits_and_umask_are_those_of_the_settings(self):
        self.worker.app("demo", WORKER + "import resource as r; answer([os.umask(0), r.getrlimit(r.RLIMIT_NOFILE), "
                        "r.getrlimit(r.RLIMIT_CORE), r.getrlimit(r.RLIMIT_AS)])")
        self.begin_work(sections={"worker": {"umask": "027"}, "limits": {"files": 99, "memory": 1 << 30}})
        self.assertEqual(self.sync()["worker_result"], f"[23, (99, 99), (0, 0), ({1 << 30}, {1 << 30})]")


class Units(unittest.TestCase):
    """The systemd units, and what docs/install.md says of them."""

    @unittest.skipUnless(shutil.which("systemd-analyze"), "needs systemd-analyze")
    def test_they_are_clean_and_as_tight_as_the_docs_say(self):
        docs = (ROOT / "docs" / "install.md").read_text()
        version = run("systemd-analyze", "--version").out.split()[1]
        for name in ("elvesd", "elves-agent"):
            said, measured_with = re.search(rf"{name}\.service +# ([\d.]+) OK, systemd (\d+)", docs).groups()
            unit = ROOT / "etc" / "systemd" / f"{name}.service"
            done = run("systemd-analyze", "security", "--offline=true", str(unit))
            found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.out).group(1)
            if version == measured_with:
                self.assertEqual(found, said)
            self.assertLess(float(found), 2.5)
            program = unit.read_text().replace(f"/usr/local/bin/{name} ", f"{binary(name)} ")
            copy = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory())) / f"{name}.service"
            copy.write_text(program)
            done = run("systemd-analyze", "verify", str(copy))
            self.assertEqual((done.code, done.err), (0, ""))
