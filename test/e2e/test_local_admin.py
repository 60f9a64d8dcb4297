"""No authority by address: who is an administrator on the server's own machine, over loopback and over the Unix socket,
what SIGHUP changes of that, and to whom elvesctl shows a token."""

import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import unittest

from elves_wire import Client, Link, code_of
from house import HouseTest, binary, eventually, free_port, run

IP = "10.0.0.1"
STRANGER = 4242  # a uid that nobody has
PYTHON = shutil.which("python3", path="/usr/bin:/usr/local/bin") or sys.executable  # others may run it
OPEN_TO_LOCAL_USERS = "no admin key exists: any local user can administer this server over loopback"
needs_root = unittest.skipUnless(os.geteuid() == 0, "only root can become another user")


def as_user(uid, gid=None, groups=()):
    """For Popen: what the child does before it becomes its program."""
    def become():
        os.setgroups(list(groups))
        os.setresgid(*[gid or uid] * 3)
        os.setresuid(*[uid] * 3)
    return become


def run_as(uid, code, *argv, gid=None, groups=()):
    """Runs Python code as another user; returns its stdout."""
    done = subprocess.run([PYTHON, "-c", code, *map(str, argv)], capture_output=True, encoding="utf-8", timeout=30,
                          preexec_fn=as_user(uid, gid, groups))
    return done.stdout.strip() or done.stderr


# Connects to the Unix socket argv[1]; prints each reply to the calls in argv[2:], one a line.
CALLS = """
import json, socket, struct, sys
sock = socket.socket(socket.AF_UNIX)
try:
    sock.connect(sys.argv[1])
except OSError as why:
    sys.exit(print(type(why).__name__))
stream = sock.makefile("rwb")
for text in sys.argv[2:]:
    stream.write(struct.pack(">I", len(text.encode())) + text.encode())
    stream.flush()
    reply = json.loads(stream.read(struct.unpack(">I", stream.read(4))[0]))
    print(reply["flag"], reply["error_info"])
"""
PING = '{"mqt":"call","mqs":"elves","mqf":"ping"}'
LIST = '{"mqt":"call","mqs":"tasklog","mqf":"listtasks"}'


class LocalTest(HouseTest):
    def make_admin(self, client, **more):
        made = client.ok("supervisor", "setkey", name="root", role="admin", apps=["*"], iplist=["*"], **more)
        return {"key": made["key"], "token": made["token"]}

    def warnings(self, client, **more):
        return client.ok("elves", "stats", **more)["stats"]["warnings"]

    def client_from(self, source, host, port):
        client = Client.__new__(Client)
        client.patience, client.auth, client._last_id, client._early = 20, None, 0, {}
        client.link = Link(socket.create_connection((host, port), 20, (source, 0)))
        self.addCleanup(client.close)
        return client

    def open_folder(self, server):
        """Others may look for the server's socket in its folder."""
        for path in (self._folder, server.folder):
            path.chmod(0o711)

    def rows(self, server, **filters):
        with Client(server.socket, 0) as client:
            return client.ok("elves", "listaudit", order="oldest", limit=1000, **filters)["rows"]


class Loopback(LocalTest):
    def test_only_127_0_0_1_and_1_are_admins_and_no_other_loopback_address(self):
        house = self.server(server={"listen": "[::]:0"})
        for source, host, is_let_in in (("127.0.0.1", "127.0.0.1", True), ("::1", "::1", True),
                                        ("127.0.0.6", "127.0.0.1", False), ("127.0.0.6", "127.0.0.2", False),
                                        ("127.255.255.254", "127.0.0.1", False)):
            with self.subTest(source=source, host=host):
                client = self.client_from(source, host, house.port)
                client.ok("elves", "ping")
                self.assertEqual(code_of(client.call("tasklog", "listtasks")), "" if is_let_in else "401.1")

    def test_the_first_admin_key_ends_it_at_once_on_open_connections_and_for_good(self):
        house = self.server()
        caller, other = self.client(house), self.client(house)
        other.ok("tasklog", "listtasks")
        viewer = caller.ok("supervisor", "setkey", name="v", role="viewer", apps=["*"], iplist=["*"])
        other.ok("tasklog", "listtasks")  # a key of another role changes nothing
        root = self.make_admin(caller)
        for client in (caller, other, self.client(house)):
            client.ok("elves", "ping")
            client.refused("401.1", "tasklog", "listtasks")
            client.refused("401.1", "supervisor", "setkey", name="mine", role="admin", apps=["*"], iplist=["*"])
            client.ok("tasklog", "listtasks", auth={"key": viewer["key"], "token": viewer["token"]})
        gone = other.ok("supervisor", "delkey", key=root["key"], auth=root)
        self.assertIn("--init-admin", gone["warning"])
        self.client(house).refused("401.1", "tasklog", "listtasks")
        eventually(lambda: "auth.last_admin_key_gone" in house.log())
        house.restart()
        self.client(house).refused("401.1", "tasklog", "listtasks")
        with Client(house.socket, 0) as local:
            self.assertIn("no admin key counts", self.warnings(local)[0])
            self.make_admin(local)
            self.assertEqual(self.warnings(local), [])

    def test_an_admin_key_that_does_not_count_yet_ends_nothing_until_it_does(self):
        house = self.server()
        caller = self.client(house)
        root = self.make_admin(caller, enabled=False)
        caller.refused("403.10", "supervisor", "setkey", name="dead", role="admin", expires="2020-01-01 00:00:00")
        caller.ok("tasklog", "listtasks")
        house.restart()
        caller = self.client(house)
        caller.ok("supervisor", "setkey", key=root["key"], enabled=True)
        caller.refused("401.1", "tasklog", "listtasks")
        caller.ok("tasklog", "listtasks", auth=root)
        for change in ({"enabled": False}, {"role": "viewer"}):
            with Client(house.socket, 0) as local:
                self.assertIn("warning", local.ok("supervisor", "setkey", key=root["key"], **change))
                local.ok("supervisor", "setkey", key=root["key"], enabled=True, role="admin")
            caller.refused("401.1", "tasklog", "listtasks")

    def test_a_key_made_by_init_admin_ends_it_too(self):
        house = self.server_down()
        root = house.init_admin()
        caller = self.client(house.start())
        caller.refused("401.1", "tasklog", "listtasks")
        caller.ok("tasklog", "listtasks", auth=root)

    def test_it_is_said_at_the_start_in_stats_and_by_check_until_there_is_one(self):
        house = self.server_down()
        check = lambda: run(binary("elvesd"), "--config", str(house.conf_path), "--check").out
        self.assertIn(OPEN_TO_LOCAL_USERS, check())
        house.start()
        eventually(lambda: f" warning {OPEN_TO_LOCAL_USERS}" in house.log())
        eventually(lambda: "auth.admin_keys count=0 mode=protected" in house.log())
        caller = self.client(house)
        self.assertIn(OPEN_TO_LOCAL_USERS, self.warnings(caller)[0])
        self.assertIn(OPEN_TO_LOCAL_USERS, check())  # of the file of a server that runs
        root = self.make_admin(caller)
        self.assertEqual(self.warnings(caller, auth=root), [])
        self.assertNotIn(OPEN_TO_LOCAL_USERS, check())
        house.terminate()
        before = sorted(os.listdir(house.folder))
        self.assertNotIn("warning", check())
        self.assertEqual(sorted(os.listdir(house.folder)), before)
        house.start()
        self.assertIn("auth.admin_keys count=1 mode=protected", house.log(whole=False))
        self.assertNotIn(OPEN_TO_LOCAL_USERS, house.log(whole=False))

    def test_in_mode_keys_it_is_said_that_nobody_can_come_in(self):
        house = self.server(auth={"mode": "keys"})
        eventually(lambda: " warning no admin key counts: nobody can administer this server over TCP" in house.log())

    def test_an_agent_without_a_key_is_cut_when_the_first_admin_key_counts(self):
        house = self.server()
        agent = self.agent(house, IP)
        root = self.make_admin(self.client(house))
        agent.wait_closed()
        self.assertEqual(self.client(house, auth=root).status_of(IP), "offline")


class UnixSocket(LocalTest):
    def test_root_is_an_admin_there_and_the_audit_trail_has_its_uid(self):
        house = self.server(auth={"mode": "keys"})
        with Client(house.socket, 0) as client:
            client.ok("supervisor", "listkeys")
            root = self.make_admin(client)
            client.call("sheduler", "sendasync", agentip=IP, ins={"app": "demo", "func": "work", "ttl": 60})
            self.assertEqual(client.tasks()[0]["by"], f"unix:uid={os.geteuid()}")
        rows = self.rows(house)
        self.assertEqual([(row["method"], row["key"], row["address"], row["id"]) for row in rows][:1],
                         [("supervisor.setkey", f"unix:uid={os.geteuid()}", f"unix:uid={os.geteuid()}", root["key"])])
        self.assertEqual(len(self.rows(house, key=f"unix:uid={os.geteuid()}")), 2)

    def test_a_login_binds_a_unix_connection_to_less(self):
        house = self.server()
        with Client(house.socket, 0) as client:
            viewer = client.ok("supervisor", "setkey", name="v", role="viewer", apps=["*"], iplist=["*"])
            client.ok("supervisor", "login", key=viewer["key"], token=viewer["token"])
            client.refused("401.6", "supervisor", "listkeys")
            client.refused("401.5", "tasklog", "listtasks", auth={"key": viewer["key"], "token": "x"})

    @needs_root
    def test_other_users_cannot_connect(self):
        house = self.server()
        self.open_folder(house)
        self.assertEqual(stat.S_IMODE(os.stat(house.socket).st_mode), 0o600)
        self.assertEqual(run_as(STRANGER, CALLS, house.socket, PING), "PermissionError")

    @needs_root
    def test_who_connects_and_is_no_admin_needs_a_key(self):
        house = self.server()
        self.open_folder(house)
        os.chmod(house.socket, 0o666)  # as if the folder and mode kept nobody away
        for uid in (STRANGER, 65534):
            self.assertEqual(run_as(uid, CALLS, house.socket, PING, LIST).splitlines()[0], "true ")
            self.assertIn("[401.1]", run_as(uid, CALLS, house.socket, PING, LIST))
        denied = eventually(lambda: self.rows(house, denied=True))
        self.assertEqual({(row["address"], row["key"]) for row in denied},
                         {(f"unix:uid={STRANGER}", ""), ("unix:uid=65534", "")})
        with Client(house.socket, 0) as client:
            viewer = client.ok("supervisor", "setkey", name="v", role="viewer", apps=["*"], iplist=["*"])
        with_key = LIST[:-1] + f',"auth":{{"key":"{viewer["key"]}","token":"{viewer["token"]}"}}}}'
        self.assertEqual(run_as(STRANGER, CALLS, house.socket, with_key), "true")

    @needs_root
    def test_members_of_the_group_are_admins_by_their_first_or_any_other_group(self):
        house = self.server(server={"socket_group": "daemon"})
        gid = 1
        self.open_folder(house)
        about = os.stat(house.socket)
        self.assertEqual((stat.S_IMODE(about.st_mode), about.st_gid), (0o660, gid))
        self.assertEqual(run_as(STRANGER, CALLS, house.socket, LIST, gid=gid), "true")
        self.assertEqual(run_as(STRANGER, CALLS, house.socket, LIST, groups=[7, gid, 9]), "true")
        self.assertEqual(run_as(STRANGER, CALLS, house.socket, LIST), "PermissionError")
        os.chmod(house.socket, 0o666)
        self.assertIn("[401.1]", run_as(STRANGER, CALLS, house.socket, LIST))
        setapp = '{"mqt":"call","mqs":"supervisor","mqf":"setapp","appname":"a","appip":"::1","appport":9}'
        self.assertEqual(run_as(STRANGER, CALLS, house.socket, setapp, groups=[gid]), "true")
        self.assertEqual([row["key"] for row in self.rows(house, method="setapp")], [f"unix:uid={STRANGER}"])

    @needs_root
    def test_sighup_gives_it_to_another_group_and_ends_the_connections_of_the_one_before(self):
        house = self.server(server={"socket_group": "daemon"})
        standing = self.client(house)
        local = Client(house.socket, 0)
        self.addCleanup(local.close)
        local.ok("elves", "ping")
        house.settings(server={"socket_group": "bin"})
        house.signal(signal.SIGHUP)
        eventually(lambda: os.stat(house.socket).st_gid == 2)
        local.expect_closed()
        standing.ok("elves", "ping")
        house.settings(server={"socket_group": "nosuchgroup"})
        house.signal(signal.SIGHUP)
        eventually(lambda: 'there is no group "nosuchgroup"' in house.log())
        self.assertEqual(os.stat(house.socket).st_gid, 2)

    def test_it_is_removed_at_the_stop_and_what_a_killed_server_left_is_replaced(self):
        house = self.server()
        self.assertTrue(stat.S_ISSOCK(os.lstat(house.socket).st_mode))
        house.kill9()
        self.assertTrue(os.path.lexists(house.socket))
        house.start()
        with Client(house.socket, 0) as client:
            client.ok("elves", "ping")
        self.assertEqual(house.terminate(), 0)
        self.assertFalse(os.path.lexists(house.socket))

    def complaint(self, path, **server):
        house = self.server_down(server={"socket": path and str(path), **server})
        done = run(binary("elvesd"), "--config", str(house.conf_path))
        self.assertEqual(done.code, 1, done)
        self.assertEqual(len(done.err.splitlines()), 1, done.err)
        return done.err

    def test_what_is_no_place_for_a_socket_ends_the_start_and_stays_as_it_is(self):
        folder = self.folder()
        text = folder / "text"
        text.write_text("not a socket")
        self.assertIn("is not a socket", self.complaint(text))
        self.assertEqual(text.read_text(), "not a socket")
        link = folder / "link"
        link.symlink_to(text)
        self.assertIn("is not a socket", self.complaint(link))
        live = self.server()
        self.assertIn("another process listens there", self.complaint(live.socket))
        with Client(live.socket, 0) as client:
            client.ok("elves", "ping")
        self.assertIn("give one of at most 107", self.complaint(folder / ("x" * 120)))
        self.assertIn("there is no folder", self.complaint(folder / "none" / "socket"))
        shared = folder / "shared"
        shared.mkdir()
        shared.chmod(0o777)
        self.assertIn("can be written by others", self.complaint(shared / "socket"))
        self.assertIn("can be written by others", self.complaint("/tmp/elves-test.sock"))
        inner = shared / "inner"
        inner.mkdir()
        self.assertIn("can be written by others", self.complaint(inner / "socket"))
        self.assertIn("[server] socket_group", self.complaint(folder / "s", socket_group="nosuchgroup"))
        self.assertIn("there is no socket", self.complaint(None, socket_group="daemon"))

    def test_plain_text_is_taken_there_whatever_tls_says(self):
        folder = self.folder()
        done = run(binary("elvesctl"), "tls", "init", str(folder / "tls"), "127.0.0.1")
        self.assertEqual(done.code, 0, done)
        house = self.server(tls={"cert": str(folder / "tls/server.pem"), "key": str(folder / "tls/server-key.pem"),
                                 "plain": "nowhere"})
        with Client(house.socket, 0) as client:
            client.ok("supervisor", "listkeys")


class Sighup(LocalTest):
    def reload(self, house, **sections):
        house.settings(**sections)
        count = house.log().count("settings read again")
        house.signal(signal.SIGHUP)
        eventually(lambda: house.log().count("settings read again") > count)

    def test_a_stricter_mode_counts_at_once_on_open_connections(self):
        house = self.server(auth={"mode": "open"})
        client = self.client(house)
        agent = self.agent(house, IP)
        client.ok("tasklog", "listtasks")
        self.reload(house, auth={"mode": "keys"})
        client.refused("401.1", "tasklog", "listtasks")
        agent.wait_closed()
        eventually(lambda: " info auth.mode_changed from=open to=keys" in house.log())
        self.reload(house, auth={"mode": "protected"})
        client.ok("tasklog", "listtasks")
        eventually(lambda: " warning auth.mode_changed from=keys to=protected" in house.log())
        self.assertEqual(client.ok("elves", "stats")["stats"]["auth_mode"], "protected")

    def test_it_leaves_a_row_that_says_what_was_read_and_what_it_changed(self):
        house = self.server()
        self.reload(house, auth={"mode": "keys"}, audit={"param": "text"})
        house.settings(auth={"mode": "perhaps"})
        house.signal(signal.SIGHUP)
        eventually(lambda: "settings not taken over" in house.log())
        self.reload(house, auth={"mode": "keys"}, audit={"enabled": "false"})
        rows = eventually(lambda: (found := self.rows(house, method="elvesd.SIGHUP"))[2:] and found)
        self.assertEqual([(row["address"], row["key"], row["result"]) for row in rows],
                         [("this machine", "", "ok"), ("this machine", "", "failed"), ("this machine", "", "ok")])
        self.assertIn(str(house.conf_path), rows[0]["param"])
        self.assertIn("[auth] mode protected to keys", rows[0]["param"])
        self.assertIn("[audit] enabled true to false", rows[2]["param"])


class Proven(LocalTest):
    def setUp(self):
        super().setUp()
        self.house = self.server(auth={"mode": "keys"})
        with Client(self.house.socket, 0) as client:
            self.root = self.make_admin(client)
            viewer = client.ok("supervisor", "setkey", name="v", role="viewer", apps=["*"], iplist=["*"])
            self.viewer = {"key": viewer["key"], "token": viewer["token"]}
        self.before = self.rows(self.house)[-1]["seq"]

    def row(self):
        row = eventually(lambda: self.rows(self.house, after=self.before))[-1]
        self.before = row["seq"]
        return row["method"], row["key"], row["id"], row["allowed"], row["result"]

    def test_a_claimed_key_is_never_the_one_who_called(self):
        client, key = self.client(self.house), self.root["key"]
        wrong = {"key": key, "token": "wrong"}
        client.ok("supervisor", "checkipauthbykey", agentip=IP, **wrong)
        self.assertEqual(self.row(), ("supervisor.checkipauthbykey", "", key, "false", "401.5"))
        for token, code in (("", "401.1"), (5, "401.1"), ("wrong", "401.5")):
            client.refused(code, "tasklog", "listtasks", auth={"key": key, "token": token})
            self.assertEqual(self.row(), ("tasklog.listtasks", "", key, "false", code))
        client.refused("401.5", "supervisor", "login", **wrong)
        self.assertEqual(self.row(), ("supervisor.login", "", key, "false", "401.5"))
        client.refused("401.5", "sheduler", "canceltask", id="0123456789ABCDEF", auth=wrong)
        self.assertEqual(self.row(), ("sheduler.canceltask", "", key, "false", "401.5"))
        # Of a caller who has proven a key of its own, the row is that key's.
        client.ok("supervisor", "checkipauthbykey", agentip=IP, auth=self.viewer, **wrong)
        self.assertEqual(self.row(), ("supervisor.checkipauthbykey", self.viewer["key"], key, "false", "401.5"))
        client.refused("401.6", "supervisor", "delkey", key=key, auth=self.viewer)
        self.assertEqual(self.row(), ("supervisor.delkey", self.viewer["key"], key, "false", "401.6"))

    def test_what_was_proven_is_told_too(self):
        client, key = self.client(self.house), self.root["key"]
        client.ok("supervisor", "checkipauthbykey", agentip=IP, **self.root)
        self.assertEqual(self.row(), ("supervisor.checkipauthbykey", "", key, "true", "ok"))
        client.ok("supervisor", "login", **self.root)
        self.assertEqual(self.row(), ("supervisor.login", key, key, "true", "ok"))

    def test_neither_right_nor_wrong_tries_fill_the_disk(self):
        client = self.wire_client(self.house)
        for number in range(300):
            client.begin("supervisor", "login", _mqid=None, **self.viewer)
            client.begin("supervisor", "checkipauthbykey", _mqid=None, agentip=IP, **self.viewer)
        for _ in range(600):
            client.receive()
        self.assertLess(len(self.rows(self.house, after=self.before)), 120)
        self.house.terminate()
        self.house.start()
        rows = self.rows(self.house, after=self.before)
        self.assertEqual(sum(row["more"] or 1 for row in rows), 600)
        self.assertEqual({(row["allowed"], row["result"]) for row in rows}, {("true", "ok")})


# Listens on 127.0.0.1:argv[1]; says `up`, then prints all bytes that the first connection sends until it ends.
FAKE = """
import socket, sys
door = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("up", flush=True)
sock = door.accept()[0]
sock.settimeout(15)
heard = b""
try:
    while data := sock.recv(65536):
        heard += data
except OSError:
    pass
sys.stdout.buffer.write(heard)
"""
KEY = {"key": "0123456789ABCDEF", "token": "elv_" + "s" * 43}


class FakeServers(LocalTest):
    def fake_server(self, code, *argv, uid=STRANGER):
        process = subprocess.Popen([PYTHON, "-c", code, *map(str, argv)], stdout=subprocess.PIPE,
                                   preexec_fn=as_user(uid))
        self.addCleanup(lambda: (process.kill(), process.wait(), process.stdout.close()))
        self.assertEqual(process.stdout.readline(), b"up\n")
        return process


class Showing(FakeServers):
    """To whom elvesctl shows a token."""

    @needs_root
    def test_not_to_another_user_who_listens_on_loopback(self):
        for options in ((), ("--server-user", "daemon")):
            port = free_port()
            fake = self.fake_server(FAKE, port)
            done = self.ctl(f"127.0.0.1:{port}", *options, "--answer-timeout", 2, "agents", auth=KEY)
            self.assertEqual(done.code, 3, done)
            self.assertIn(f"key and token are not sent to 127.0.0.1:{port}: uid {STRANGER} listens there", done.err)
            self.assertEqual(fake.stdout.read(), b"")

    @needs_root
    def test_nor_within_a_calls_own_fields(self):
        port = free_port()
        fake = self.fake_server(FAKE, port)
        done = self.ctl(f"127.0.0.1:{port}", "--answer-timeout", 2, "call", "supervisor", "login",
                        f'{{"key":"{KEY["key"]}","token":"{KEY["token"]}"}}')
        self.assertEqual(done.code, 3, done)
        self.assertNotIn(b"elv_", fake.stdout.read())

    @needs_root
    def test_to_the_user_who_is_named_and_to_anybody_with_plain(self):
        for options in (("--server-user", STRANGER), ("--plain",)):
            port = free_port()
            fake = self.fake_server(FAKE, port)
            self.ctl(f"127.0.0.1:{port}", *options, "--answer-timeout", 1, "agents", auth=KEY)
            self.assertIn(KEY["token"].encode(), fake.stdout.read())
        self.assertEqual(self.ctl("127.0.0.1:1", "--server-user", "no such", "ping").code, 2)

    def test_to_a_server_of_root_or_ones_own_on_loopback(self):
        house = self.server()
        root = self.make_admin(self.client(house))
        self.assertEqual(self.ctl(house, "agents", auth=root).code, 0)
        self.assertEqual(self.ctl(f"localhost:{house.port}", "agents", auth=root).code, 0)

    def test_a_plain_connection_to_elsewhere_needs_a_word(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            try:
                sock.connect(("192.0.2.1", 9))
                outside = sock.getsockname()[0]
            except OSError:
                self.skipTest("this machine has no address but loopback")
        house = self.server(server={"listen": "0.0.0.0:0"})
        house.host = "127.0.0.1"
        root = self.make_admin(self.client(house))
        place = f"{outside}:{house.port}"
        done = self.ctl(place, "agents", auth=root)
        self.assertEqual(done.code, 2, done)
        self.assertIn("--plain", done.err)
        self.assertEqual(self.ctl(place, "ping").code, 0)  # nothing to show
        self.assertEqual(self.ctl(place, "--plain", "agents", auth=root).code, 0)
        for value, code in (("1", 0), ("0", 2)):
            done = run(binary("elvesctl"), "--server", place, "--key", root["key"], "--token", root["token"], "agents",
                       env={**os.environ, "ELVES_PLAIN": value})
            self.assertEqual(done.code, code, done)


class AgentOnLoopback(FakeServers):
    @needs_root
    def test_it_says_nothing_to_another_user_who_listens_there(self):
        port = free_port()
        fake = self.fake_server(FAKE, port)
        agent = self.real_agent(f"127.0.0.1:{port}", key=KEY["key"], token=KEY["token"]).start()
        eventually(lambda: f"not trusted: uid {STRANGER} listens there" in agent.log())
        self.assertEqual(fake.stdout.read(), b"")

    @needs_root
    def test_it_takes_a_user_who_is_named_for_the_server(self):
        port = free_port()
        fake = self.fake_server(FAKE, port)
        agent = self.real_agent(f"127.0.0.1:{port}", key=KEY["key"], token=KEY["token"], server_user=STRANGER).start()
        self.assertIn(KEY["token"].encode(), fake.stdout.read())  # that listener never answers
        agent.kill9()


# A Unix socket at argv[1]; the rest as FAKE.
FAKE_LOCAL = FAKE.replace('socket.create_server(("127.0.0.1", int(sys.argv[1])))',
                          'socket.socket(socket.AF_UNIX); door.bind(sys.argv[1]); door.listen()')


class CtlOverTheSocket(FakeServers):
    def test_it_needs_no_key_and_both_spellings_are_understood(self):
        house = self.server(auth={"mode": "keys"})
        for server in (house.socket, f"unix:{house.socket}"):
            self.assertEqual(self.ctl(server, "key", "list").code, 0)
        added = self.ctl(house.socket, "key", "add", "chief", "--role", "admin", "--apps", "*", "--ips", "*")
        self.assertEqual(added.code, 0, added)
        done = run(binary("elvesctl"), "agents", env={**os.environ, "ELVES_SERVER": house.socket})
        self.assertEqual(done.code, 0, done)
        key = re.search(r"\b[0-9A-F]{16}\b", added.out).group(0)
        gone = self.ctl(house.socket, "key", "del", key)
        self.assertIn("no admin key counts any more", gone.err)

    def test_a_bad_path_or_nobody_there_is_told(self):
        self.assertEqual(self.ctl("unix:here", "ping").code, 2)
        self.assertEqual(self.ctl("/" + "x" * 200, "ping").code, 2)
        done = self.ctl("unix:/nonexistent/socket", "ping")
        self.assertEqual(done.code, 3)
        self.assertIn("nobody answers at /nonexistent/socket", done.err)

    @needs_root
    def test_who_may_not_use_the_socket_is_told_what_to_do(self):
        house = self.server()
        self.open_folder(house)
        done = run(binary("elvesctl"), "--server", house.socket, "ping", preexec_fn=as_user(STRANGER))
        self.assertEqual(done.code, 3, done)
        self.assertIn("this user may not use the server's socket", done.err)
        self.assertIn("socket_group", done.err)

    @needs_root
    def test_a_token_is_shown_to_the_owner_of_the_sockets_folder_and_to_no_other_user(self):
        folder = self.folder()
        self._folder.chmod(0o711)
        folder.chmod(0o777)
        shared = folder / "socket"
        own = folder / "own"
        own.mkdir()
        fake = self.fake_server(FAKE_LOCAL, shared)
        done = self.ctl(f"unix:{shared}", "--answer-timeout", 2, "agents", auth=KEY)
        self.assertEqual(done.code, 3, done)
        self.assertIn(f"uid {STRANGER} listens there", done.err)
        self.assertEqual(fake.stdout.read(), b"")
        folder.chmod(0o755)
        os.chown(own, STRANGER, STRANGER)
        fake = self.fake_server(FAKE_LOCAL, own / "socket")
        self.ctl(f"unix:{own / 'socket'}", "--answer-timeout", 1, "agents", auth=KEY)
        self.assertIn(KEY["token"].encode(), fake.stdout.read())


if __name__ == "__main__":
    unittest.main()
