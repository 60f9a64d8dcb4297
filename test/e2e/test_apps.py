"""The shipped apps on a real agent: each function with right and wrong input, and what [agent] allow lets run.

systemctl is one of this test's own, on the agent's PATH, as is apt-get where it would install something: the machine of a
test has no systemd, and is left as it is."""

import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import unittest

from house import HouseTest

APPS = ("host", "service", "package", "file", "process", "shell")
IP = "10.1.0.1"

SYSTEMCTL = r'''#!/bin/sh
shift 2
for unit; do :; done
case $1-$unit in
show-nosuch.service) echo LoadState=not-found ;;
show-*) printf 'Id=%s\nLoadState=loaded\nActiveState=%s\nResult=success\n' "$unit" "$(cat FOLDER/state)" ;;
stop-*) echo inactive > FOLDER/state ;;
*) echo active > FOLDER/state ;;
esac
'''
APT_GET = r'''#!/bin/sh
case $* in
*--simulate*) exec REAL "$@" ;;
*) echo "$*" >> FOLDER/apt; echo "Setting up a package" ;;
esac
'''


class Apps(HouseTest):
    deadline = 120

    def setUp(self):
        super().setUp()
        self.house = self.server()
        self.caller = self.client(self.house)

    def start_agent(self, **agent):
        """With the shipped apps, and this test's programs before the machine's."""
        worker = self.real_agent(self.house, IP, **agent)
        for app in APPS:
            worker.app_from_tree(app)
        self.programs = self.folder("bin")
        for name, text in (("systemctl", SYSTEMCTL), ("apt-get", APT_GET)):
            text = text.replace("FOLDER", str(self.programs)).replace("REAL", shutil.which("apt-get") or "false")
            (self.programs / name).write_text(text)
            (self.programs / name).chmod(0o755)
        (self.programs / "state").write_text("active")
        before = os.environ["PATH"]
        self.addCleanup(os.environ.__setitem__, "PATH", before)
        # A system's own interpreter: that of a version manager finds out by the environment what it is.
        os.environ["PATH"] = f"{self.programs}:/usr/bin:/bin:{before}"
        worker.start()
        self.online(self.caller, IP)
        return worker

    def call(self, name, param=""):
        app, func = name.split(".")
        return self.send_sync(self.caller, IP, app, func, param=param if isinstance(param, str) else json.dumps(param))

    def done(self, name, param=""):
        info = self.call(name, param)
        self.assertEqual(str(info["worker_flag"]), "1", info)
        return json.loads(info["worker_result"]) if info["worker_result"].startswith("{") else info["worker_result"]

    def failed(self, name, param=""):
        """The text of a task that the app has failed."""
        info = self.call(name, param)
        self.assertEqual(str(info["worker_flag"]), "0", info)
        return info["worker_result"]

    def refused(self, name, code, param=""):
        """The text of a task that the agent did not start."""
        said = json.dumps(self.call(name, param))
        self.assertIn(code, said)
        return said

    def test_without_allow_what_reads_runs_and_what_changes_something_is_refused_with_the_setting(self):
        self.start_agent()
        self.done("host.uptime")
        self.done("service.status", "nginx")
        for name, param in (("service.restart", "nginx"), ("package.install", "jq"), ("package.upgrade", ""), ("shell.run", "id"),
                            ("file.put", "{}"), ("process.signal", "{}"), ("shell.script", "{}"), ("service.stop", "x")):
            with self.subTest(name=name):
                said = self.refused(name, "[401.6]", param)
                self.assertIn(f"do not name {name}", said)
                self.assertIn("[agent]", said)

    def test_a_glob_of_apps_names_none_and_a_name_does(self):
        self.start_agent(allow="*, shell.run")
        self.assertEqual(self.done("shell.run", "echo hello"), "hello")
        self.refused("shell.script", "[401.6]", '{"script": "id"}')
        self.refused("service.restart", "[401.6]", "nginx")
        self.done("host.load")

    def test_host(self):
        self.start_agent()
        self.assertEqual(self.done("host.facts")["kernel"], os.uname().release)
        self.assertEqual(self.done("host.disk", "/")["disks"][0]["mount"], "/")
        self.assertGreater(self.done("host.memory")["total"], 0)
        self.assertGreater(self.done("host.load")["cpus"], 0)
        self.assertGreater(self.done("host.uptime")["seconds"], 0)
        self.assertIn(self.house.port, [row["port"] for row in self.done("host.ports")["ports"]])
        self.assertIn("`path` is", self.failed("host.disk", "nosuch"))
        self.refused("host.uptime", "[403.2]", "x")
        self.refused("host.nosuch", "[403.7]")

    def test_service(self):
        self.start_agent(allow="*, service")
        self.assertEqual(self.done("service.status", "nginx")["active"], "active")
        for verb, then in (("stop", "inactive"), ("start", "active"), ("restart", "active"), ("reload", "active")):
            self.assertEqual(self.done(f"service.{verb}", {"name": "nginx"})["active"], then)
            self.assertIn("no such unit", self.failed(f"service.{verb}", "nosuch"))
            self.assertIn("`name` is", self.failed(f"service.{verb}", "--force"))
        self.refused("service.restart", "[403.2]", "x" * 2000)

    @unittest.skipUnless(shutil.which("apt-get"), "this machine has no apt")
    def test_package(self):
        self.start_agent(allow="*, package")
        self.assertEqual(self.done("package.installed", "dpkg")["count"], 1)
        self.assertIn("packages", self.done("package.upgradable"))
        self.assertIn("Unable to locate", self.failed("package.install", {"names": "no-such-package", "simulate": True}))
        self.assertEqual(self.done("package.install", {"names": ["jq"], "update": True}), {"changed": []})
        self.assertEqual(self.done("package.upgrade", "jq"), {"changed": []})
        calls = (self.programs / "apt").read_text().splitlines()
        self.assertEqual([line.split("--force-confold ")[1] for line in calls],
                         ["update", "install -- jq", "install --only-upgrade -- jq"])
        for name in ("install", "upgrade"):
            self.assertIn("`names` is", self.failed(f"package.{name}", "-y"))
        self.assertIn("`name` is", self.failed("package.installed", "A B"))
        self.refused("package.upgradable", "[403.2]", "x")

    def test_file(self):
        self.start_agent(allow="*, file.put")
        path = self.folder() / "settings"
        path.write_text("old\n")
        path.chmod(0o640)
        content, digest = "new\n" * 30_000, hashlib.sha256(("new\n" * 30_000).encode()).hexdigest()  # by standard input
        answer = self.done("file.put", {"path": str(path), "content": content, "sha256": digest})
        self.assertEqual((path.read_text(), path.stat().st_mode & 0o777), (content, 0o640))
        self.assertEqual(pathlib.Path(answer["backup"]).read_text(), "old\n")
        self.assertEqual(self.done("file.checksum", str(path))["sha256"], digest)
        self.assertEqual(self.done("file.get", str(path))["content"], content)
        self.assertEqual(self.done("file.tail", {"path": str(path), "lines": 2}), "new\nnew\n")
        for name in ("checksum", "get", "tail"):
            self.assertIn("not a regular file", self.failed(f"file.{name}", "/dev/null"))
        self.assertIn("`content` has ", self.failed("file.put", {"path": str(path), "content": "x", "sha256": digest}))
        self.refused("file.put", "[403.2]", "no JSON")

    def test_process(self):
        worker = self.start_agent(allow="*, process")
        child = subprocess.Popen(["sleep", "300"])
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        (row,) = [row for row in self.done("process.list", "sleep")["processes"] if row["pid"] == child.pid]
        self.done("process.signal", {"pid": child.pid, "name": "sleep", "started": row["started"]})
        self.assertEqual(child.wait(10), -15)
        self.assertIn("started it", self.failed("process.signal", {"pid": worker.process.pid, "name": "elves-agent"}))
        self.assertIn("`limit` is", self.failed("process.list", {"limit": -1}))
        self.assertIn("`signal` is", self.failed("process.signal", {"pid": 9999, "name": "x", "signal": "NO"}))

    def test_shell_over_a_run_of_elvesctl(self):
        self.start_agent(allow="*, shell")
        done = self.ctl(self.house, "run", IP, "--yes", "1", "--", "shell", "run", "echo $((40 + 2)); exit 0")
        self.assertEqual(done.code, 0, done)
        self.assertIn("42", done.out)
        self.assertIn("exit status 3", self.failed("shell.run", "exit 3"))
        self.assertEqual(self.done("shell.script", {"script": "echo $1", "args": ["$(id)"]}), "$(id)")
        self.assertIn("`script` is missing", self.failed("shell.script", "{}"))
        self.assertIn("no command line", self.failed("shell.run", ""))

    def test_an_app_leaves_nothing_in_its_folder(self):
        worker = self.start_agent()
        self.done("host.uptime")
        self.assertEqual(sorted(path.name for path in (worker.apps / "host").iterdir()),
                         ["app-worker.py", "app.json", "appkit.py", "worker.py"])


if __name__ == "__main__":
    unittest.main()
