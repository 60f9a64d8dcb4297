"""The client against a real elvesd: keys, TLS, the Unix socket, restarts."""

import json
import threading
import time
import unittest

from . import support
from elves_wire import RUN, Result
from house import HouseTest, binary, eventually, run

from elves import ConnectionFailed, Elves, Forbidden, NotFound, SettingsError, Unauthenticated, UnprovenServer

IP = "10.0.0.1"


class ServerTest(HouseTest):
    deadline = 300

    def elves(self, server, **more):
        client = Elves(server if isinstance(server, str) else server.text, **{"answer_timeout": 60, **more})
        self.addCleanup(client.close)
        return client


class Keys(ServerTest):
    def setUp(self):
        super().setUp()
        self.house = self.server_down(auth={"mode": "keys"})
        self.admin = self.house.init_admin()
        self.house.start()

    def test_a_key_and_its_token_log_in(self):
        self.assertEqual(self.elves(self.house, **self.admin).getauthbykey(self.admin["key"])["auth"]["role"], "admin")

    def test_an_auth_file_does_the_same_and_large_frames_pass(self):
        path = self.folder() / "auth"
        path.write_text("{key}\n{token}\n".format(**self.admin))
        path.chmod(0o600)
        client = self.elves(self.house, auth_file=path)
        self.assertEqual(len(client.getstatbyiplist([f"10.1.{i >> 8}.{i & 255}" for i in range(9000)])["status"]), 9000)

    def test_without_a_key_and_with_a_wrong_one_the_code_says_so(self):
        for more, code in (({}, "401.1"), ({"key": self.admin["key"], "token": "elv_wrong"}, "401.5")):
            with self.assertRaises(Unauthenticated) as raised:
                self.elves(self.house, **more).listkeys()
            self.assertEqual(raised.exception.code, code)

    def test_a_viewer_is_forbidden_what_changes_something(self):
        made = self.elves(self.house, **self.admin).setkey(name="v", role="viewer", apps=["*"], iplist=["*"])
        viewer = self.elves(self.house, key=made["key"], token=made["token"])
        viewer.listagents()
        with self.assertRaises(Forbidden):
            viewer.setapp("a", "127.0.0.1", 9)

    def test_another_user_who_listens_on_the_unix_socket_gets_no_key(self):
        from unittest import mock
        with mock.patch("elves.trust.server_users", return_value=frozenset({4711})), \
                mock.patch("elves.trust._sole_owner", return_value=None), self.assertRaises(UnprovenServer):
            self.elves(f"unix:{self.house.socket}", **self.admin).ping()


class Socket(ServerTest):
    def test_the_unix_socket_needs_no_key(self):
        house = self.server_of_admins()
        self.assertEqual(self.elves(house).listkeys()["keys"], [])
        self.assertEqual(self.elves(house.socket).call("elves", "ping"), {})


class Tls(ServerTest):
    def setUp(self):
        super().setUp()
        self.certificates = self.folder("tls") / "made"
        self.made = self.make("init", self.certificates, "127.0.0.1")
        self.house = self.server_down(auth={"mode": "keys"}, tls={
            "cert": self.made["cert"], "key": self.made["key"], "client_ca": str(self.certificates / "ca.pem")})
        self.admin = self.house.init_admin()
        self.house.start()
        self.ca = str(self.certificates / "ca.pem")

    def make(self, *words):
        done = run(binary("elvesctl"), "--json", "tls", *map(str, words))
        self.assertEqual(done.code, 0, done)
        return json.loads(done.out)

    def test_a_ca_or_a_pin_or_both_prove_the_server(self):
        for more in ({"tls_ca": self.ca}, {"tls_pin": self.made["fingerprint"]},
                     {"tls_ca": self.ca, "tls_pin": ["0" * 64, self.made["fingerprint"].upper()]}):
            self.assertIn("stats", self.elves(self.house, **self.admin, **more).stats())

    def test_another_pin_or_ca_or_name_ends_the_connection_before_the_key_is_sent(self):
        other = self.make("init", self.folder("other") / "made", "127.0.0.1")["ca"]
        port = self.house.port
        for server, more in ((self.house.text, {"tls_pin": "0" * 64}), (self.house.text, {"tls_ca": other}),
                             (self.house.text, {"tls_ca": self.ca, "tls_pin": "0" * 64}),
                             (self.house.text, {"tls_ca": other, "tls_pin": self.made["fingerprint"]}),
                             (f"localhost:{port}", {"tls_ca": self.ca})):
            with self.subTest(server=server, more=more), self.assertRaises(ConnectionFailed) as raised:
                self.elves(server, **self.admin, **more).ping()
            self.assertFalse(raised.exception.was_sent)
        self.assertNotIn("login", self.house.log())

    def test_a_client_certificate_stands_for_an_agents_key(self):
        agent = self.make("agent", self.certificates, "127.0.0.1")
        client = self.elves(self.house, tls_ca=self.ca, tls_cert=agent["cert"], tls_key=agent["key"])
        self.assertIn("time", client.call("heartbeat", "time"))
        with self.assertRaises(SettingsError):
            self.elves(self.house, tls_ca=self.ca, tls_cert=agent["cert"], tls_key=self.made["key"])

    def test_tls_where_the_server_has_none_fails_in_time(self):
        plain = self.server()
        with self.assertRaises(ConnectionFailed):
            self.elves(plain, tls_pin="0" * 64).ping()


class Restarts(ServerTest):
    def test_a_send_that_waits_outlives_a_killed_server(self):
        house = self.server()
        agent = self.agent(house, IP, lambda call: RUN)
        client, found = self.elves(house, retry_for=120), []
        thread = threading.Thread(target=lambda: found.append(client.sendsync(IP, "demo", "work", timeout=250)["info"]))
        thread.start()
        task = agent.wait_instruct()["id"]
        house.restart()
        agent.start_patiently()
        agent.finish(task, Result(1, "through"))
        thread.join(120)
        self.assertEqual([(info["id"], info["worker_result"]) for info in found], [(task, "through")])
        self.assertEqual(len(agent.journal), 1)

    def test_reads_wait_for_a_server_that_comes_back(self):
        house = self.server()
        client = self.elves(house, retry_for=120)
        client.ping()
        house.kill9()
        threading.Thread(target=lambda: (time.sleep(1), house.start())).start()
        self.assertEqual(client.getstatbyip(IP), {"status": "unknown"})


class Waiting(ServerTest):
    def test_wait_returns_the_records_in_order_and_knows_what_is_missing(self):
        house = self.server()
        self.agent(house, IP, lambda call: Result(1, call["ins"]["param"]))
        client = self.elves(house)
        ids = [client.sendasync(IP, "demo", "work", str(i))["info"]["id"] for i in range(3)]
        again = [ids[2], ids[0].lower(), ids[2]]
        self.assertEqual([task["worker_message"] for task in client.wait(again, 60)], ["2", "0", "2"])
        self.assertEqual(client.wait(ids[0])[0]["status"], "done")
        self.assertEqual(client.wait([]), [])
        with self.assertRaises(NotFound):
            client.wait(["0" * 16])

    def test_wait_ends_in_time(self):
        house = self.server()
        self.agent(house, IP, lambda call: RUN)
        client = self.elves(house)
        task = client.sendasync(IP, "demo", "work")["info"]["id"]
        with self.assertRaises(TimeoutError):
            client.wait(task, 0.3)
        client.canceltask(task)
        self.assertEqual(client.wait(task)[0]["status"], "canceled")


class Workers(ServerTest):
    """Both worker libraries, run by a real agent."""

    APP = f'''
import sys
sys.path.insert(0, {str(support.PYTHON)!r})
from elves.worker import Failed, function, main, progress

@function(params="json")
def greet(value):
    progress("greeting")
    return "hello " + value["my"]

@function
def echo(param):
    return param

@function
def fail(param):
    raise Failed(param)

@function
def break_off(param):
    raise ValueError("no such volume: " + param)

main()
'''
    SHELL = """#!/bin/sh
. ./elves-worker.sh
elves_function greet
elves_function echo
elves_function fail
elves_function break-off
do_greet() { elves_progress greeting; elves_done "hello $(elves_field my "$1")"; }
do_echo() { elves_done "$1"; }
do_fail() { elves_failed "$1"; }
do_break_off() { echo "no such volume: $1"; return 3; }
elves_main "$@"
"""

    def test_each_way_of_giving_back_a_result(self):
        house = self.server()
        agent = self.real_agent(house, IP)
        agent.app("py", self.APP)
        agent.app("sh", self.SHELL, "app-worker.sh")
        agent.app("sh", (support.ROOT / "clients" / "shell" / "elves-worker.sh").read_text(), "elves-worker.sh")
        agent.start()
        client = self.elves(house)
        eventually(lambda: client.getstatbyip(IP)["status"] == "online", 120)

        def said(app, func, param):
            info = client.sendsync(IP, app, func, param, timeout=200)["info"]
            return info["worker_flag"], info["worker_result"], info["status"]
        for app, break_off in (("py", "break_off"), ("sh", "break-off")):
            with self.subTest(app=app):
                self.assertEqual(said(app, "greet", {"my": "toryzen"}), (1, "hello toryzen", "done"))
                self.assertEqual(said(app, "echo", "<ElvesWFlag>false</ElvesWFlag>\n\n"),
                                 (1, "<ElvesWFlag>false</ElvesWFlag>\n\n", "done"))
                long = "x" * 100_000  # comes on standard input
                self.assertEqual(said(app, "echo", long)[:2], (1, long))
                self.assertEqual(said(app, "fail", "no"), (0, "no", "failed"))
                self.assertEqual(said(app, "nothing", "")[0], 0)
                flag, result, status = said(app, break_off, "sdb")
                self.assertEqual((flag, status), (-1, "failed"))
                self.assertEqual(result.rstrip("\n").splitlines()[-1].rpartition(": no")[2], " such volume: sdb")
        task = next(client.iter_tasks(app="py", func="greet"))
        eventually(lambda: client.gettaskoutput(task["id"])["output"] == "greeting\n", 60)


if __name__ == "__main__":
    unittest.main()
