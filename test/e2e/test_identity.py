"""One identity for each machine: who may take over an agent's address, by what a new agent recognizes its server, whose settings
and modules a program takes, and what an agent may report. The real programs."""

import json
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import threading
import time
import unittest

from elves_wire import Client, Link, LinkClosed, Result, Slow, wall_time
from house import BIN, HouseTest, binary, eventually, run

IP = "127.1.0.1"
HASH = "0" * 64
as_root = unittest.skipUnless(os.geteuid() == 0, "needs root")


class From(Client):
    """A client that comes from an address of its own."""

    def __init__(self, server, address, auth=None):
        self.patience, self.auth, self._last_id, self._early = 20, auth, 0, {}
        self.link = Link(socket.create_connection(server.address, timeout=20, source_address=(address, 0)))


class TakeOver(HouseTest):
    def setUp(self):
        super().setUp()
        self.house = self.server_down(auth={"mode": "keys"}, heartbeat={"interval": 1, "offline_after": 3},
                                      audit={"param": "none"})
        self.root = self.house.init_admin()
        self.house.start()
        self.admin = self.client(self.house, auth=self.root)
        self.range_key = self.key("127.0.0.0/8")
        self.agent = Held(self, "127.0.0.5", self.range_key)

    def key(self, *ranges):
        made = self.admin.ok("supervisor", "setkey", role="agent", apps=["*"], iplist=list(ranges), name="web-agents")
        return {"key": made["key"], "token": made["token"]}

    def come(self, address, auth):
        client = From(self.house, address, auth)
        self.addCleanup(client.close)
        return client

    def rows(self, **filters):
        return self.admin.ok("elves", "listaudit", method="heartbeat.register", **filters)["rows"]

    def test_another_host_of_a_range_key_does_not_become_an_online_agent_whatever_it_says_of_itself(self):
        thief = self.come("127.0.0.66", self.range_key)
        for said in ({}, {"asset": "web-1"}, {"asset": "web-1", "os": "linux", "hw_config": "{}", "starttime": wall_time()}):
            text = thief.refused("401.6", "heartbeat", "register", agentip=IP, **said)
            self.assertIn("online with another key or from another address", text)
            self.assertIn("heartbeat.offline_after (3 s)", text)
        self.assertEqual(thief.call("heartbeat", "register", agentip=IP)["held"], "true")
        self.assertEqual(self.admin.status_of(IP), "online")
        self.assertEqual(self.send_sync(self.admin, IP)["worker_result"], "the first")
        eventually(lambda: f"agent.register_refused agent={IP} peer=127.0.0.66:" in self.house.log())
        line, = (line for line in self.house.log().splitlines() if "agent.register_refused" in line)  # one for four tries
        self.assertIn(f"key={self.range_key['key']} held_by_peer=127.0.0.5:", line)
        denied = eventually(lambda: self.rows(denied=True))
        self.assertTrue(denied)
        self.assertEqual((denied[-1]["agentip"], denied[-1]["key"], denied[-1]["result"]), (IP, self.range_key["key"], "401.6"))
        self.assertTrue(denied[-1]["address"].startswith("127.0.0.66:"))
        # What it does not hold it does not report for either.
        thief.refused("401.6", "tasklog", "agentasynclog", id="0" * 16,
                      info={"worker_flag": 1, "worker_result": "", "worker_costtime": 1})

    def test_e18_two_machines_that_claim_one_address_are_named_in_log_and_stats(self):
        other = self.come("127.0.0.66", self.range_key)
        for _ in range(3):
            other.refused("401.6", "heartbeat", "register", agentip=IP, asset="web-2")
        line = eventually(lambda: [line for line in self.house.log().splitlines() if "agent.contested" in line])[0]
        warnings = self.admin.ok("elves", "stats")["stats"]["warnings"]
        said = next(text for text in warnings if "agent.contested" in text)
        for text in (line, said):
            self.assertIn(f"agent={IP}", text)
            self.assertIn("127.0.0.66 (web-2)", text)
            self.assertIn("127.0.0.5 (", text)
        self.assertIn(" warning ", line)
        findings = self.admin.ok("elves", "doctor")["findings"]
        self.assertIn("heartbeat.contested", [finding["check"] for finding in findings])

    def test_e15_what_no_machine_can_have_is_no_agents_address(self):
        client = self.come("127.0.0.66", self.key("*"))
        for ip in ("0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255", "::ffff:0.0.0.0", "::ffff:239.1.1.1"):
            with self.subTest(ip=ip):
                client.refused("403.1", "heartbeat", "register", agentip=ip)
                client.refused("403.1", "supervisor", "join", agentip=ip, hash=HASH)
                worker = self.real_agent(self.house, ip)
                done = run(binary("elves-agent"), "--config", str(worker.conf_path), "--check")
                self.assertEqual(done.code, 1, done)
                self.assertIn("[agent] ip", done.err)

    def test_another_key_from_the_same_address_does_not_either(self):
        for key in (self.key(IP), self.key("*"), self.root):
            self.come("127.0.0.5", key).refused("401.6", "heartbeat", "register", agentip=IP, asset="web-1")
        self.assertEqual(self.send_sync(self.admin, IP)["worker_result"], "the first")

    def test_the_same_machine_is_back_at_once_while_its_old_connection_still_looks_alive(self):
        again = Held(self, "127.0.0.5", self.range_key, "again")
        self.agent.wait_closed()
        self.assertEqual(self.send_sync(self.admin, IP)["worker_result"], "again")
        again.link.close()
        eventually(lambda: self.admin.status_of(IP) == "offline")
        Held(self, "127.0.0.5", self.range_key, "and again")
        self.assertEqual(self.send_sync(self.admin, IP)["worker_result"], "and again")
        self.assertEqual(self.rows(), [])

    def test_after_offline_after_another_one_is_taken_and_the_audit_row_names_both_addresses(self):
        self.agent.silent = True
        thief = self.come("127.0.0.66", self.range_key)
        thief.refused("401.6", "heartbeat", "register", agentip=IP)
        eventually(lambda: thief.call("heartbeat", "register", agentip=IP)["flag"] == "true", 20)
        row = eventually(lambda: [row for row in self.rows() if row["result"] == "ok"])[0]
        self.assertEqual((row["id"], row["agentip"], row["key"]), ("127.0.0.5", IP, self.range_key["key"]))
        self.assertTrue(row["address"].startswith("127.0.0.66:"))
        thief.close()
        own = self.key(IP)
        eventually(lambda: self.admin.status_of(IP) == "offline")
        self.house.restart()  # where it came from is known afterwards, too
        self.admin = self.client(self.house, auth=self.root)
        Held(self, "127.0.0.66", own)
        row = eventually(lambda: [row for row in self.rows() if row["key"] == own["key"]])[0]
        self.assertEqual(row["id"], f"127.0.0.66 {self.range_key['key']}")
        self.assertEqual(self.ctl(self.house, "audit", "verify", auth=self.root).code, 0)

    def test_keys_for_more_than_one_address_are_warned_of_by_name(self):
        single = self.key(IP)
        for _ in range(6):
            self.key("127.1.0.0/16", "127.2.0.0/16")
        warning, = (line for line in self.admin.ok("elves", "stats")["stats"]["warnings"] if "agent keys" in line)
        self.assertIn("and 2 more", warning)
        self.assertIn("(web-agents)", warning)
        self.assertNotIn(single["key"], warning)
        doctor = self.ctl(self.house, "doctor", auth=self.root)
        self.assertEqual(doctor.code, 0, doctor)
        self.assertIn(f"{self.range_key['key']} (web-agents)", doctor.out)
        self.assertNotIn(single["key"], doctor.out)
        self.house.restart()
        self.assertIn("exposure.warning agent keys that cover more than one address", self.house.log(whole=False))
        self.admin = self.client(self.house, auth=self.root)
        for key in self.admin.ok("supervisor", "listkeys")["keys"]:
            if key["role"] == "agent" and key["key"] != single["key"]:
                self.admin.ok("supervisor", "setkey", key=key["key"], enabled="false")
        self.assertEqual([line for line in self.admin.ok("elves", "stats")["stats"]["warnings"] if "agent keys" in line], [])


class Held:
    """An agent's link from an address of its own, beating, which answers each instruction with one text."""

    def __init__(self, test, address, auth, text="the first"):
        self.link = Link(socket.create_connection(test.house.address, timeout=20, source_address=(address, 0)))
        test.addCleanup(self.link.close)
        self.silent, self.text, self.closed = False, text, threading.Event()
        self.link.send({"mqt": "call", "mqs": "heartbeat", "mqf": "register", "mqid": 1, "agentip": IP, "asset": "web-1",
                        "auth": auth})
        reply = self.link.receive()
        test.assertEqual(reply["flag"], "true", reply)
        threading.Thread(target=self.serve, args=(auth,), daemon=True).start()

    def wait_closed(self):
        assert self.closed.wait(20)

    def serve(self, auth):
        try:
            while True:
                try:
                    call = self.link.receive(0.5)
                except Slow:
                    if not self.silent:
                        self.link.send({"mqt": "cast", "mqs": "heartbeat", "mqf": "beat", "auth": auth})
                    continue
                if call.get("mqt") == "call" and not self.silent:
                    self.link.send({"mqt": "back", "flag": "true", "error_info": "",
                                    **{name: call[name] for name in ("mqs", "mqf", "mqid")},
                                    **Result(1, self.text).fields()})
        except LinkClosed:
            self.closed.set()


class JoinToken(HouseTest):
    deadline = 120

    def setUp(self):
        super().setUp()
        self.made = self.certificate()
        self.house = self.server_down(auth={"mode": "keys"}, heartbeat={"interval": 1, "offline_after": 5},
                                      tls={"cert": self.made["cert"], "key": self.made["key"]})
        self.root = self.house.init_admin()
        self.house.start()
        self.admin = self.client(self.house, auth=self.root)

    def certificate(self):
        done = run(binary("elvesctl"), "--json", "tls", "init", str(self.folder("tls") / "made"), "127.0.0.1")
        self.assertEqual(done.code, 0, done)
        return json.loads(done.out)

    def pin_of(self, made):
        done = run("openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", made["cert"])
        return done.out.strip().split("=")[1].replace(":", "").lower()

    def newcomer(self, token, server=None, ip=IP, **tls):
        worker = self.real_agent(server or self.house, ip)
        worker.app_from_tree("apptest")
        if tls:
            worker.sections["tls"] = tls
        path = worker.folder / "join.token"
        path.write_text(token + "\n")
        path.chmod(0o600)
        worker.settings(join_token_file=str(path))
        return worker

    def test_it_carries_the_servers_fingerprint_and_an_agent_joins_over_tls_with_nothing_else_given(self):
        shown = self.ctl(self.house, "join-token", "add", auth=self.root)
        self.assertIn("fingerprint of the server's certificate", shown.out + shown.err)
        made = self.admin.ok("supervisor", "addjointoken")
        pin = self.pin_of(self.made)
        self.assertEqual(made["pin"], pin)
        self.assertRegex(made["token"], rf"\Aelvjoin_[A-Za-z0-9_-]{{43}}\.{pin}\Z")
        # Plain text is refused altogether, so that this one joined over TLS.
        self.house.settings(tls={"plain": "nowhere"})
        self.house.signal(signal.SIGHUP)
        eventually(lambda: "settings read again" in self.house.log())
        worker = self.newcomer(made["token"]).start()
        eventually(lambda: "registered as" in worker.log(), 30)
        self.assertNotIn("plain text", worker.log())
        self.assertEqual(worker.folder.joinpath("agent.key").read_text().split("\n")[2], pin)
        # The token is gone, and it still knows its server.
        (worker.folder / "join.token").unlink()
        worker.terminate()
        worker.settings(join_token_file=None)
        worker.start()
        eventually(lambda: worker.log().count("registered as") == 2, 30)
        self.assertNotIn(made["token"][:51], worker.log() + self.house.log())

    def test_the_pin_may_be_written_as_openssl_writes_it_and_a_client_may_send_the_whole_token(self):
        token = self.admin.ok("supervisor", "addjointoken")["token"]
        secret, pin = token.split(".")
        colons = ":".join(pin[at:at + 2] for at in range(0, 64, 2)).upper()
        worker = self.newcomer(f"{secret}.{colons}").start()
        eventually(lambda: "registered as" in worker.log(), 30)
        whole = self.admin.ok("supervisor", "addjointoken")["token"]
        asked = self.client(self.house).ok("supervisor", "join", agentip="127.1.0.2", hash=HASH, join_token=whole)
        self.assertEqual(asked["status"], "accepted")

    def test_a_false_server_hears_nothing_and_neither_does_a_plain_one(self):
        token = self.admin.ok("supervisor", "addjointoken")["token"]
        false = self.false_server()
        plain = self.server(auth={"mode": "open"})
        for server in (false, plain):
            worker = self.newcomer(token, server, "127.1.0.7").start()
            eventually(lambda: "the join token is only for the server whose certificate has the fingerprint " +
                       token.split(".")[1] in worker.log(), 30)
            client = self.client(server)
            self.assertEqual(client.ok("supervisor", "listjoins")["joins"], [])
            self.assertEqual(client.status_of("127.1.0.7"), "unknown")
            self.assertFalse((worker.folder / "agent.key").exists())
            self.assertTrue(worker.alive)

    def false_server(self):
        made = self.certificate()
        return self.server(auth={"mode": "open"}, tls={"cert": made["cert"], "key": made["key"]})

    def test_a_malformed_fingerprint_is_no_reason_to_join_without_one(self):
        token = self.admin.ok("supervisor", "addjointoken")["token"]
        worker = self.newcomer(token[:-1]).start()
        eventually(lambda: "is malformed: expected 64 hex digits" in worker.log(), 30)
        self.assertEqual(self.admin.ok("supervisor", "listjoins")["joins"], [])
        self.assertNotIn(token[:51], worker.log())

    def test_it_and_the_agents_own_pin_have_to_agree(self):
        token = self.admin.ok("supervisor", "addjointoken")["token"]
        worker = self.newcomer(token, pin="00" * 32).start()
        eventually(lambda: "which is none of [tls] pin" in worker.log(), 30)
        worker.terminate()
        worker.sections["tls"] = {"ca": str(pathlib.Path(self.made["cert"]).parent / "ca.pem")}
        worker.settings()
        worker.start()
        eventually(lambda: "registered as" in worker.log(), 30)

    def test_a_server_without_tls_makes_tokens_as_before(self):
        plain = self.server()
        made = self.client(plain).ok("supervisor", "addjointoken")
        self.assertRegex(made["token"], r"\Aelvjoin_[A-Za-z0-9_-]{43}\Z")
        self.assertNotIn("pin", made)


class TrustedFiles(HouseTest):
    """What root or the program's own user wrote, and nobody else could have."""

    def check(self, conf, *more, name="elvesd", **keys):
        return run(binary(name), "--config", str(conf), *more, **keys)

    def refused(self, house, *words):
        for more in ([], ["--check"]):
            done = self.check(house.conf_path, *more)
            self.assertEqual(done.code, 1, done)
            for word in words:
                self.assertIn(str(word), done.err)
            self.assertEqual(done.err.count("\n"), 1, done.err)

    def test_the_default_settings_file_is_no_path_of_the_current_folder(self):
        folder = self.folder()
        (folder / "etc").mkdir()
        for name, conf in (("elvesd", "elves.conf"), ("elves-agent", "agent.conf")):
            (folder / "etc" / conf).write_text("rubbish\n")
            self.assertIn(f"/etc/elves/{conf}", run(binary(name), "--help").out)
            if not pathlib.Path("/etc/elves", conf).exists():
                done = run(binary(name), "--check", cwd=folder)
                self.assertEqual(done.code, 1, done)
                self.assertIn(f"/etc/elves/{conf}", done.err)
                self.assertNotIn("rubbish", done.err)

    def test_settings_that_others_could_change_are_refused_by_file_folder_and_link(self):
        house = self.server_down(server={"socket": None})
        self.assertEqual(self.check(house.conf_path, "--check").code, 0)
        house.conf_path.chmod(0o666)
        self.refused(house, f"{house.conf_path} has mode 0666: anybody may change it; chmod o-w {house.conf_path}")
        house.conf_path.chmod(0o644)
        house.folder.chmod(0o777)
        self.refused(house, f"{house.folder} has mode 0777: anybody may change it; chmod o-w {house.folder}")
        house.folder.chmod(0o1777)  # as /tmp: nobody can replace what is another's
        self.assertEqual(self.check(house.conf_path, "--check").code, 0)
        house.folder.chmod(0o755)
        opened = self.folder("open")
        (opened / "link.conf").symlink_to(house.conf_path)
        opened.chmod(0o777)
        done = self.check(opened / "link.conf", "--check")
        self.assertEqual(done.code, 1, done)
        self.assertIn(f"{opened} has mode 0777", done.err)

    @as_root
    def test_settings_of_another_user_are_refused(self):
        house = self.server_down()
        nobody = pwd.getpwnam("nobody")
        os.chown(house.conf_path, nobody.pw_uid, -1)
        self.refused(house, f"{house.conf_path} belongs to nobody (mode 0", f"chown root {house.conf_path}")
        os.chown(house.conf_path, 0, -1)
        os.chown(house.folder, nobody.pw_uid, -1)
        self.refused(house, f"{house.folder} belongs to nobody")
        done = self.check(house.conf_path, "--init-admin", "root")
        self.assertIn("belongs to nobody", done.err)
        self.assertFalse((house.folder / "elves.db").exists())

    def test_the_agents_settings_and_the_folders_above_them_likewise(self):
        worker = self.real_agent("127.0.0.1:1")
        self.assertEqual(self.check(worker.conf_path, "--check", name="elves-agent").code, 0)
        conf = self.folder("conf") / "agent.conf"
        shutil.copy(worker.conf_path, conf)
        conf.parent.chmod(0o777)
        for more in ([], ["--check"]):
            done = self.check(conf, *more, name="elves-agent")
            self.assertEqual(done.code, 1, done)
            self.assertIn(f"{conf.parent} has mode 0777", done.err)

    def test_sighup_takes_no_settings_that_others_could_change(self):
        house = self.server()
        house.settings(log={"level": "debug"})
        house.conf_path.chmod(0o666)
        house.signal(signal.SIGHUP)
        eventually(lambda: f"settings file is not trusted: {house.conf_path} has mode 0666" in house.log())
        self.assertNotIn("settings read again", house.log())
        house.conf_path.chmod(0o644)
        house.signal(signal.SIGHUP)
        eventually(lambda: "settings read again" in house.log())

    def module(self, source=None):
        folder = self.folder("modules")
        if source is None:
            shutil.copy(BIN.parent / "loadable" / "guestbook.so", folder)
        else:
            (folder / "marker.c").write_text(source)
            subprocess.run(["cc", "-shared", "-fPIC", "-o", str(folder / "marker.so"), str(folder / "marker.c")], check=True)
            (folder / "marker.c").unlink()
        return folder

    def test_a_module_or_its_folder_that_others_could_change_is_not_loaded(self):
        folder = self.module()
        house = self.server_down(modules={"path": str(folder)})
        file = folder / "guestbook.so"
        file.chmod(0o777)
        self.refused(house, "[modules] path", f"{file} has mode 0777")
        file.chmod(0o755)
        folder.chmod(0o777)
        self.refused(house, "[modules] path", f"{folder} has mode 0777")
        folder.chmod(0o755)
        if os.geteuid() == 0:
            os.chown(file, pwd.getpwnam("nobody").pw_uid, -1)
            self.refused(house, f"{file} belongs to nobody")
            os.chown(file, 0, -1)
        house.start()

    def test_check_runs_nothing_of_a_module_and_says_which_it_would_load(self):
        mark = self.folder("mark") / "it_ran"
        folder = self.module('#include <fcntl.h>\n__attribute__((constructor)) static void run(void)'
                             f'{{ open("{mark}", O_CREAT | O_WRONLY, 0600); }}\n')
        house = self.server_down(modules={"path": str(folder)}, marker={"its": "own"})
        done = self.check(house.conf_path, "--check")
        self.assertEqual(done.code, 0, done)
        self.assertIn(f"would load {folder / 'marker.so'}", done.out)
        self.assertFalse(mark.exists())
        house.settings(modules={"enabled": "heartbeat, supervisor, marker"})
        self.assertEqual(self.check(house.conf_path, "--check").code, 0)
        house.settings(modules={"enabled": "heartbeat, marked"})
        self.assertIn('there is no module "marked"', self.check(house.conf_path, "--check").err)
        self.assertFalse(mark.exists())


class Firings(HouseTest):
    def test_a_firing_that_no_job_can_have_is_refused_by_name_and_never_an_internal_error(self):
        house = self.server()
        agent = self.agent(house)
        now = time.time()

        def report(number, **more):
            fields = {"id": f"{number:016X}", "type": "cron", "cron_id": "00000000000000AA", "fire_time": wall_time(now - number),
                      "ins": {"app": "demo", "func": "work"}, "info": Result().info(), **more}
            return agent.call("tasklog", "agentasynclog", **fields)

        self.assertEqual(report(1)["flag"], "true")
        for number in (2, 3, 4):
            error = report(number, ins={"app": "demo", "func": "work", "dedup": "word"})["error_info"]
            self.error_in(error, "403.10")
            self.assertIn("`ins.dedup`", error)
        for field in ("fire_time", "starttime"):
            for said in ("1970-01-01 00:00:00", "0", "0000-01-01 00:00:00", "9999-12-30 00:00:00", "253402214399999",
                         wall_time(now + 3 * 86_400), "1999-12-31 00:00:00"):
                error = report(5, **{field: said})["error_info"]
                self.error_in(error, "403.10")
                self.assertIn(f"`{field}`", error)
        # Fields at the ends of their ranges are taken.
        for number, info in enumerate(({"worker_costtime": 2**63 - 1}, {"exit_code": -2**63}, {"worker_result": "a\0b"},
                                       {"agent_callback_time": "0000-01-01 00:00:00"}, {"stderr": "\0"}), 10):
            self.assertEqual(report(number, info={**Result().info(), **info})["flag"], "true", info)
        # The same id twice at once, for two times.
        for second in (1, 2):
            agent.cast("tasklog", "agentasynclog", id="00000000000000F0", type="cron", cron_id="00000000000000AB",
                       fire_time=wall_time(now - second), ins={"app": "demo", "func": "work"}, info=Result().info())
        self.assertEqual(report(20)["flag"], "true")
        client = self.client(house)
        self.assertEqual(client.task("00000000000000F0")["status"], "done")
        for task in client.tasks(limit=1000):
            client.ok("tasklog", "gettaskstory", id=task["id"])
        self.assertNotIn("[500.1]", house.log())
        self.assertNotIn("internal error", house.log())
        self.assertNotIn("SQLite error", house.log())


class EndlessServer(HouseTest):
    """A server that always says that there is more."""

    def serve(self, answer):
        def work(door):
            link = Link(door.accept()[0])
            try:
                for number in range(1_000_000):
                    call = link.receive(20)
                    link.send({"mqt": "back", "flag": "true", "error_info": "", **answer(number, call),
                               **{name: call[name] for name in ("mqs", "mqf", "mqid")}})
            except (LinkClosed, Slow):
                link.close()

        door = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(door.close)
        threading.Thread(target=work, args=(door,), daemon=True).start()
        return f"127.0.0.1:{door.getsockname()[1]}"

    def ends(self, answer, *words, error="does not advance"):
        done = run(binary("elvesctl"), "--server", self.serve(answer), *words, patience=20)
        self.assertEqual(done.code, 3, done)
        self.assertIn(error, done.err)

    def test_audit_verify_ends_where_the_place_does_not_advance(self):
        at = "5:" + "a" * 64
        same = {"checked": "5", "start": "0:" + "0" * 64, "at": at, "more": "true", "pruned": "false"}
        self.ends(lambda number, call: same, "audit", "verify")
        self.ends(lambda number, call: {**same, "checked": "0", "at": f"{number + 1}:" + "a" * 64}, "audit", "verify")
        self.ends(lambda number, call: {**same, "at": f"{5 - number % 2}:" + "a" * 64}, "audit", "verify")
        self.ends(lambda number, call: {**same, "checked": "1000000"}, "audit", "verify")
        for wrong in ({"at": "x"}, {"at": ""}, {"checked": "-1"}, {"checked": "many"}, {"checked": "9" * 30}):
            self.ends(lambda number, call, wrong=wrong: {**same, **wrong}, "audit", "verify")

    def test_lists_end_where_next_comes_again(self):
        for words in (["tasks", "--limit", "1000000"], ["agents"], ["key", "list"], ["audit", "--limit", "1000000"],
                      ["--json", "audit"]):
            with self.subTest(words=words):
                self.ends(lambda number, call: {"rows": [], "next": "7"}, *words)
                self.ends(lambda number, call: {"rows": [{"a": "b"}], "next": str(number % 2)}, *words)


if __name__ == "__main__":
    unittest.main()
