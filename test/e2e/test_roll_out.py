"""Apps are rolled out: pushed in pieces, deployed by runs, rolled back; and whatever happens to an agent, its app's
folder is the old one or the new one, whole."""

import base64
import hashlib
import os
import pathlib
import random
import sqlite3
import subprocess
import time
import unittest

from house import HouseTest, eventually, run

APP = "greet"
WORKER = "#!/bin/sh\n. \"$(dirname \"$0\")/lib/words.sh\"\necho \"<ElvesWFlag>true</ElvesWFlag><ElvesWResult>$WORDS</ElvesWResult>\"\n"


class Rolled(HouseTest):
    """A server, agents that take deployments, and an app in two versions."""
    deadline = 120

    def setUp(self):
        super().setUp()
        self.house = self.server(heartbeat={"interval": 1, "offline_after": 10})
        self.caller = self.client(self.house)

    def deploying(self, ip="10.1.0.1", accept="yes", signers=None, **agent):
        """A real agent, online."""
        program = self.real_agent(self.house, ip, **agent)
        program.sections["deploy"] = {"accept": accept, "signers": signers}
        program.settings()
        program.start()
        self.online(self.caller, ip)
        return program

    def app_folder(self, words, ballast=0, name=APP):
        """The app's folder, ready to be pushed: it answers with `words`, and has so many bytes that don't shrink."""
        folder = self.folder("source") / name
        (folder / "lib").mkdir(parents=True)
        (folder / "app-worker.sh").write_text(WORKER)
        (folder / "lib" / "words.sh").write_text(f"WORDS={words}\n")
        if ballast:
            (folder / "ballast").write_bytes(random.Random(words).randbytes(ballast))
        return folder

    def push(self, version, *more, words=None, ballast=0, name=APP):
        done = self.ctl(self.house, "app", "push", self.app_folder(words or version, ballast, name), "--version", version, *more)
        self.assertEqual(done.code, 0, done.err)
        return done.out

    def deploy(self, version, target="all", hosts=1, name=APP, **more):
        """Returns when the run has ended: elvesctl's exit code and its output."""
        options = [word for key, value in more.items() for word in (f"--{key.replace('_', '-')}", str(value))]
        return self.ctl(self.house, "app", "deploy", f"{name}@{version}", target, "--yes", hosts, *options, patience=90)

    def rollback(self, target="all", hosts=1):
        return self.ctl(self.house, "app", "rollback", APP, target, "--yes", hosts, patience=60)

    def says(self, ip="10.1.0.1"):
        return self.send_sync(self.caller, ip, APP, "words")["worker_result"]

    def version_at_server(self, ip="10.1.0.1"):
        return self.caller.ok("heartbeat", "getinfobyip", agentip=ip)["apps"].get(APP)

    def answers(self):
        """What the hosts of the newest run answered, by address."""
        newest = self.caller.ok("run", "listruns", limit=1)["runs"][0]["id"]
        hosts = self.caller.ok("run", "listrunhosts", id=newest)["hosts"]
        return {host["agentip"]: (host["state"], host["answer"]) for host in hosts}


class Deployments(Rolled):
    def test_a_version_is_pushed_deployed_in_waves_and_rolled_back(self):
        ips = [f"10.1.0.{number}" for number in (1, 2, 3)]
        agents = [self.deploying(ip) for ip in ips]
        self.push("1.0")
        self.assertEqual(self.deploy("1.0", hosts=3, waves="1,100%").code, 0)
        self.assertEqual({self.says(ip) for ip in ips}, {"1.0"})
        newest = self.caller.ok("run", "listruns", limit=1)["runs"][0]["id"]
        hosts = self.caller.ok("run", "listrunhosts", id=newest)["hosts"]
        self.assertEqual(sorted(host["wave"] for host in hosts), ["1", "2", "2"])
        self.push("1.1", ballast=3_000_000)
        self.assertEqual(self.deploy("1.1", hosts=3).code, 0)
        self.assertEqual({self.says(ip) for ip in ips}, {"1.1"})
        for ip in ips:
            eventually(lambda at=ip: self.version_at_server(at) == "1.1", what="the new version in apps{}")
        self.assertEqual(self.rollback("app.greet>=1.1", hosts=3).code, 0)
        self.assertEqual({self.says(ip) for ip in ips}, {"1.0"})
        for agent in agents:
            self.assertEqual(sorted(path.name for path in agent.apps.iterdir()), [".deploy", APP])
            for place in ("fetched", "forward", "back", "previous", "trash"):
                self.assertEqual(list((agent.apps / ".deploy" / place).iterdir()), [], place)
        again = self.rollback("all", hosts=3)
        self.assertNotEqual(again.code, 0)
        self.assertIn("no version before", self.answers()[ips[0]][1])

    def test_what_is_deployed_already_is_not_deployed_again(self):
        agent = self.deploying()
        self.push("1.0")
        self.push("1.1")
        for version in ("1.0", "1.1", "1.1"):
            self.assertEqual(self.deploy(version).code, 0)
        self.assertIn("is there already", self.answers()[agent.ip][1])
        self.assertEqual(self.rollback().code, 0)
        self.assertEqual(self.says(), "1.0", "the version before is the one before")

    def test_the_same_folder_gives_the_same_package_and_another_one_is_refused(self):
        first, again = self.push("1.0"), self.push("1.0")
        self.assertIn("is pushed", first)
        self.assertIn("is there already", again)
        other = self.ctl(self.house, "app", "push", self.app_folder("changed"), "--version", "1.0")
        self.assertNotEqual(other.code, 0)
        self.assertIn("[409.3]", other.err)
        listed = self.caller.ok("apps", "listversions")["versions"]
        self.assertEqual([(each["app"], each["version"]) for each in listed], [(APP, "1.0")])
        self.assertEqual(self.ctl(self.house, "app", "unpush", f"{APP}@1.0").code, 0)
        self.assertEqual(self.caller.ok("apps", "listversions")["versions"], [])
        with sqlite3.connect(f"file:{self.house.folder}/elves.db?mode=ro", uri=True) as data:
            eventually(lambda: data.execute("SELECT count(*) FROM app_piece").fetchone()[0] == 0, what="no piece is left")

    def test_an_upload_whose_bytes_are_not_those_of_its_hash_leaves_nothing(self):
        data = b"x" * 1000
        begun = self.caller.ok("apps", "beginpush", app=APP, version="1", sha256="0" * 64, size=len(data))
        self.caller.ok("apps", "pushpiece", upload=begun["upload"], offset=0, data=base64.b64encode(data).decode())
        self.caller.refused("403.10", "apps", "endpush", upload=begun["upload"])
        self.assertEqual(self.caller.ok("apps", "listversions")["versions"], [])
        self.caller.refused("413.2", "apps", "endpush", upload=begun["upload"])

    def test_an_upload_goes_on_where_it_is_and_nowhere_else(self):
        data = os.urandom(1000)
        fields = {"app": APP, "version": "1", "sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
        upload = self.caller.ok("apps", "beginpush", **fields)["upload"]
        coded = base64.b64encode(data[:500]).decode()
        self.caller.refused("403.10", "apps", "pushpiece", upload=upload, offset=500, data=coded)
        self.assertEqual(self.caller.ok("apps", "pushpiece", upload=upload, offset=0, data=coded)["offset"], "500")
        self.caller.refused("403.10", "apps", "endpush", upload=upload)
        rest = base64.b64encode(data[500:]).decode()
        self.caller.ok("apps", "pushpiece", upload=upload, offset=500, data=rest)
        self.assertEqual(self.caller.ok("apps", "endpush", upload=upload)["sha256"], fields["sha256"])
        piece = self.caller.ok("apps", "readpiece", app=APP, version="1", offset=400, limit=200)
        self.assertEqual(base64.b64decode(piece["data"]), data[400:600])

    def test_uploads_are_bounded_and_end_with_the_server(self):
        fields = {"app": APP, "sha256": "1" * 64, "size": 100}
        for number in range(64):
            self.caller.ok("apps", "beginpush", version=str(number), **fields)
        self.caller.refused("429.1", "apps", "beginpush", version="99", **fields)
        self.caller.refused("403.10", "apps", "beginpush", app=APP, version="9", sha256="1" * 64, size=64 * 1024 * 1024 + 1)
        self.house.restart()
        caller = self.client(self.house)
        caller.ok("apps", "beginpush", version="99", **fields)
        with sqlite3.connect(f"file:{self.house.folder}/elves.db?mode=ro", uri=True) as data:
            eventually(lambda: data.execute("SELECT count(*) FROM app_package").fetchone()[0] == 1, what="the others are gone")


class Refusals(Rolled):
    """The old version stays, and the run names host and reason."""

    def setUp(self):
        super().setUp()
        self.push("1.0")
        self.push("1.1")

    def old_stays(self, agent, reason):
        done = self.deploy("1.1")
        self.assertNotEqual(done.code, 0)
        state, answer = self.answers()[agent.ip]
        self.assertEqual(state, "failed")
        self.assertIn(reason, answer)
        self.assertEqual(self.says(agent.ip), "1.0")

    def test_of_an_agent_that_takes_no_deployments(self):
        agent = self.deploying(accept="no")
        done = self.deploy("1.0")
        self.assertNotEqual(done.code, 0)
        self.assertIn("takes no deployments", self.answers()[agent.ip][1])
        self.assertFalse((agent.apps / APP).exists())
        self.assertFalse((agent.apps / ".deploy").exists())

    def test_of_an_agent_whose_settings_do_not_allow_the_app(self):
        agent = self.deploying(allow="demo, other.*")
        self.assertNotEqual(self.deploy("1.0").code, 0)
        self.assertIn("do not allow the app greet", self.answers()[agent.ip][1])
        self.assertFalse((agent.apps / APP).exists())

    def test_of_a_package_that_was_changed_in_the_store(self):
        agent = self.deploying()
        self.assertEqual(self.deploy("1.0").code, 0)
        with sqlite3.connect(f"{self.house.folder}/elves.db", timeout=10) as data:
            (package,) = data.execute("SELECT package FROM app_version WHERE version = '1.1'").fetchone()
            (bytes_,) = data.execute("SELECT bytes FROM app_piece WHERE package = ?", (package,)).fetchone()
            changed = bytes_[:-1] + bytes([bytes_[-1] ^ 1])
            data.execute("UPDATE app_piece SET bytes = ? WHERE package = ?", (changed, package))
        self.old_stays(agent, "SHA-256")

    def test_of_a_host_that_is_named_by_nobody_who_may(self):
        agent = self.deploying()
        root = self.caller.ok("supervisor", "setkey", name="root", role="admin", apps=["*"], iplist=["*"])
        only_elves = self.caller.ok("supervisor", "setkey", name="a", role="operator", apps=["elves"], iplist=["*"],
                                    auth={"key": root["key"], "token": root["token"]})
        ins = {"app": "elves", "func": "rollback", "param": {"app": APP}}
        auth = {"key": only_elves["key"], "token": only_elves["token"]}
        for service, method, where in (("run", "startrun", {"target": "all"}), ("sheduler", "sendasync", {"agentip": agent.ip})):
            refused = self.caller.refused("401.6", service, method, ins=ins, auth=auth, **where)
            self.assertIn("no rights on app greet", refused)

    def test_of_what_is_no_deployment(self):
        for code, ins in (("403.7", {"func": "reboot", "param": {}}), ("403.2", {"func": "deploy", "param": {"app": APP}}),
                          ("403.2", {"func": "rollback", "param": "text"}), ("403.2", {"func": "rollback", "param": {"app": "elves"}}),
                          ("403.10", {"func": "rollback", "param": {"app": APP}, "proxy": "sh|x"})):
            with self.subTest(ins=ins):
                self.caller.refused(code, "sheduler", "sendasync", agentip="10.1.0.1", ins={"app": "elves", **ins})

    def test_of_a_package_that_none_of_the_agents_signers_has_signed(self):
        keys = self.folder("keys")
        for name in ("ours", "theirs"):
            made = run("openssl", "genpkey", "-algorithm", "ed25519", "-out", str(keys / name))
            self.assertEqual(made.code, 0, made.err)
        done = self.push("2.0", "--sign", keys / "ours")
        signer = next(line for line in done.splitlines() if line.startswith("signed by ")).split()[-1]
        self.push("2.1", "--sign", keys / "theirs")
        agent = self.deploying(signers=signer)
        self.assertEqual(self.deploy("2.0").code, 0)
        for version, reason in (("2.1", "none of this agent's [deploy] signers"), ("1.1", "not signed")):
            self.assertNotEqual(self.deploy(version).code, 0)
            state, answer = self.answers()[agent.ip]
            self.assertEqual(state, "failed")
            self.assertIn(reason, answer)
            self.assertEqual(self.says(), "2.0")


class Crashes(Rolled):
    """The app's folder is one of two versions, whole, whenever the agent is killed."""
    deadline = 240

    def setUp(self):
        super().setUp()
        self.random = random.Random(25)
        self.trees = {}
        for version in ("1.0", "1.1"):
            folder = self.app_folder(version, ballast=2_000_000)
            for number in range(60):
                (folder / "lib" / f"part-{number}").write_bytes(self.random.randbytes(3000))
            done = self.ctl(self.house, "app", "push", folder, "--version", version)
            self.assertEqual(done.code, 0, done.err)
            self.trees[version] = {**tree_of(folder), "VERSION": digest(f"{version}\n".encode())}

    def begin(self, version):
        (row,) = self.caller.ok("apps", "listversions", app=APP, version=version)["versions"]
        param = {name: row[name] for name in ("app", "version", "sha256", "size")}
        ins = {"app": "elves", "func": "deploy", "param": param, "timeout": 60}
        return self.caller.ok("run", "startrun", target="all", ins=ins)["id"]

    def whole(self, agent):
        """Which version is there, whole."""
        tree = tree_of(agent.apps / APP)
        tree.pop(".deployed", None)
        found = [version for version, expected in self.trees.items() if tree == expected]
        self.assertEqual(len(found), 1, f"neither version: {sorted(tree)}")
        return found[0]

    def staged(self, agent):
        folder = agent.apps / ".deploy" / "forward"
        return any(folder.iterdir()) if folder.exists() else False

    def left(self, agent):
        return [path for place in ("fetched", "forward", "back", "trash") for path in (agent.apps / ".deploy" / place).iterdir()]

    def kill_somewhere(self, agent):
        """At any moment of a deployment; every other time while the new folder is there already."""
        if self.random.random() < 0.6:
            until = time.monotonic() + 10
            while not self.staged(agent) and time.monotonic() < until:
                time.sleep(0.0005)
            time.sleep(self.random.random() * 0.06)
        else:
            time.sleep(self.random.random() * 0.25)
        agent.kill9()

    def test_a_killed_agent_has_the_old_version_or_the_new_one(self):
        agent = self.deploying()
        self.assertEqual(self.deploy("1.0").code, 0)
        seen = set()
        for number in range(24):
            old = self.whole(agent)
            new = "1.1" if old == "1.0" else "1.0"
            run_ = self.begin(new)
            self.kill_somewhere(agent)
            seen.add(self.whole(agent) == new)
            agent.start()
            self.online(self.caller, agent.ip)
            self.whole(agent)
            self.caller.call("run", "steerrun", id=run_, do="cancel")
            eventually(lambda at=run_: self.caller.ok("run", "getrun", id=at)["run"]["end_time"], 30, "the run to end")
            # The run has ended once it is canceled; the agent stops fetching a moment later.
            eventually(lambda: not self.left(agent), 15, f"round {number}: nothing to be left of a deployment")
        self.assertIn(False, seen, "no kill came before the switch")
        # And it still works.
        old = self.whole(agent)
        new = "1.1" if old == "1.0" else "1.0"
        self.assertEqual(self.deploy(new).code, 0)
        self.assertEqual(self.rollback().code, 0)
        self.assertEqual(self.whole(agent), old)

    def test_an_agent_that_is_killed_in_a_roll_back_has_done_it_or_can_do_it_again(self):
        agent = self.deploying()
        for number in range(8):
            for version in ("1.0", "1.1"):
                self.assertEqual(self.deploy(version).code, 0, f"round {number}")
            ins = {"app": "elves", "func": "rollback", "param": {"app": APP}, "timeout": 60}
            run_ = self.caller.ok("run", "startrun", target="all", ins=ins)["id"]
            time.sleep(self.random.random() * 0.08)
            agent.kill9()
            self.whole(agent)
            agent.start()
            self.online(self.caller, agent.ip)
            self.caller.call("run", "steerrun", id=run_, do="cancel")
            eventually(lambda at=run_: self.caller.ok("run", "getrun", id=at)["run"]["end_time"], 30, "the run to end")
            if self.whole(agent) == "1.1":
                self.assertEqual(self.rollback().code, 0, f"round {number}")
            self.assertEqual(self.whole(agent), "1.0")

    def test_a_package_that_is_being_fetched_is_fetched_on_after_a_restart_of_the_server(self):
        folder = self.app_folder("2.0", ballast=40_000_000)
        self.assertEqual(self.ctl(self.house, "app", "push", folder, "--version", "2.0", patience=90).code, 0)
        agent = self.deploying()
        self.assertEqual(self.deploy("1.0").code, 0)
        run_ = self.begin("2.0")
        fetched = agent.apps / ".deploy" / "fetched"

        def is_under_way():
            return any(path.stat().st_size > 200_000 for path in fetched.iterdir())
        eventually(is_under_way, 20, "some of the package to be there")
        self.house.restart()
        self.caller = self.client(self.house)
        eventually(lambda: self.caller.ok("run", "getrun", id=run_)["run"]["end_time"], 60, "the run to end")
        self.assertEqual(self.caller.ok("run", "getrun", id=run_)["run"]["state"], "done", agent.log()[-2000:])
        self.assertEqual(self.says(), "2.0")


@unittest.skipUnless(os.geteuid() == 0, "mounting a file system takes root")
class FullDisk(Rolled):
    def setUp(self):
        super().setUp()
        self.agent_ = self.real_agent(self.house, "10.1.0.1")
        mount = ["mount", "-t", "tmpfs", "-o", "size=3m,mode=0755", "tmpfs", str(self.agent_.apps)]
        if subprocess.run(mount, stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("no file system can be mounted here")
        self.addCleanup(subprocess.run, ["umount", "--lazy", str(self.agent_.apps)])
        self.agent_.sections["deploy"] = {"accept": "yes"}
        self.agent_.settings()
        self.agent_.start()
        self.online(self.caller, "10.1.0.1")

    def test_a_full_disk_leaves_the_old_version_and_no_rest_of_the_new_one(self):
        self.push("1.0")
        self.push("1.1", ballast=1_800_000)  # there is room for the package, and none to unpack it
        self.push("1.2", ballast=4_000_000)
        self.assertEqual(self.deploy("1.0").code, 0)
        for version in ("1.1", "1.2"):
            with self.subTest(version=version):
                self.assertNotEqual(self.deploy(version).code, 0)
                state, answer = self.answers()["10.1.0.1"]
                self.assertEqual(state, "failed")
                self.assertIn("No space left", answer)
                self.assertEqual(self.says(), "1.0")
                for place in ("fetched", "forward", "previous"):
                    self.assertEqual(list((self.agent_.apps / ".deploy" / place).iterdir()), [], place)


class DesiredState(Rolled):
    def test_hosts_that_match_get_the_version_when_they_register(self):
        self.push("1.0")
        self.push("1.1")
        done = self.ctl(self.house, "app", "assign", f"{APP}@1.0", "all", "--note", "for all")
        self.assertEqual(done.code, 0, done.err)
        self.deploying()
        eventually(lambda: self.version_at_server() == "1.0", 20, "the assigned version")
        self.assertEqual(self.says(), "1.0")
        shown = self.ctl(self.house, "app", "assigned", "--json")
        (row,) = self.caller.ok("apps", "listassignments")["assignments"]
        self.assertEqual((row["current"], row["failing"]), ("1", "0"))
        self.assertIn(row["id"], shown.out)
        self.caller.refused("409.3", "apps", "delversion", app=APP, version="1.0")
        self.assertEqual(self.ctl(self.house, "app", "assign", f"{APP}@1.1", "all").code, 0)
        eventually(lambda: self.version_at_server() == "1.1", 20, "the other version, without a registration")
        self.assertEqual(len(self.caller.ok("apps", "listassignments")["assignments"]), 1)
        self.assertEqual(self.ctl(self.house, "app", "unassign", row["id"]).code, 0)
        self.assertEqual(self.caller.ok("apps", "listassignments")["assignments"], [])

    def test_a_group_that_an_assignment_names_cannot_be_deleted(self):
        self.push("1.0")
        self.caller.ok("fleet", "setgroup", name="canary", target="all")
        self.assertEqual(self.ctl(self.house, "app", "assign", f"{APP}@1.0", "@canary").code, 0)
        for _ in range(2):
            said = self.caller.refused("409.4", "fleet", "delgroup", name="canary")
            self.assertIn(f"the assignment of {APP}@1.0 to @canary", said)
            self.house.restart()
            self.caller = self.client(self.house)
        (row,) = self.caller.ok("apps", "listassignments")["assignments"]
        self.caller.ok("apps", "delassignment", id=row["id"])
        self.caller.ok("fleet", "delgroup", name="canary")

    def test_a_host_that_refuses_is_shown_and_left_alone_for_a_while(self):
        self.push("1.0")
        agent = self.deploying(accept="no")
        self.assertEqual(self.ctl(self.house, "app", "assign", f"{APP}@1.0", "all").code, 0)
        row = eventually(lambda: [each for each in self.caller.ok("apps", "listassignments")["assignments"]
                                  if each["failing"] == "1"], 20, "a failure")[0]
        self.assertEqual(row["failures"][0]["agentip"], agent.ip)
        self.assertIn("takes no deployments", row["failures"][0]["error"])
        time.sleep(3)
        tasks = [task for task in self.caller.ok("tasklog", "listtasks")["info"] if task["instruct"].startswith("elves.")]
        self.assertEqual(len(tasks), 1)
        self.assertIn("takes no deployments", self.ctl(self.house, "app", "assigned").out)


def digest(data):
    return hashlib.sha256(data).hexdigest()


def tree_of(folder):
    """Each file's digest, by its path."""
    return {str(path.relative_to(folder)): digest(path.read_bytes())
            for path in sorted(pathlib.Path(folder).rglob("*")) if path.is_file()}


if __name__ == "__main__":
    unittest.main()
