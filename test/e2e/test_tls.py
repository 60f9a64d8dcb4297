"""TLS on the one port: who is let in, who is turned away, and what each is told. The clients are Python's own ssl."""

import json
import os
import pathlib
import signal
import socket
import ssl
import stat
import struct
import unittest

from elves_wire import Client, Link, LinkClosed, code_of
from house import HouseTest, binary, eventually, run

IP = "127.0.0.1"


class TlsTest(HouseTest):
    def setUp(self):
        super().setUp()
        self.certificates = self.folder("tls") / "made"
        self.made = self.make("init", self.certificates, "127.0.0.1", "localhost")
        self.ca = str(self.certificates / "ca.pem")

    def make(self, *words):
        done = run(binary("elvesctl"), "--json", "tls", *map(str, words))
        self.assertEqual(done.code, 0, done)
        return json.loads(done.out)

    def tls_server(self, auth="protected", **tls):
        self.house = self.server(auth={"mode": auth}, heartbeat={"interval": 1, "offline_after": 5},
                                 tls={"cert": self.made["cert"], "key": self.made["key"], **tls})
        return self.house

    def context(self, ca=None, cert=None):
        context = ssl.create_default_context(cafile=ca or self.ca)
        if cert:
            context.load_cert_chain(cert["cert"], cert["key"])
        return context

    def tls_link(self, context=None, name="127.0.0.1"):
        sock = socket.create_connection(self.house.address, timeout=10)
        link = Link((context or self.context()).wrap_socket(sock, server_hostname=name))
        self.addCleanup(link.close)
        return link

    def ask(self, link, service="elves", method="ping", **fields):
        link.send({"mqt": "call", "mqs": service, "mqf": method, "mqid": 1, **fields})
        while (message := link.receive())["mqt"] != "back":
            pass  # what the server asks of an agent
        return message

    def tls_ctl(self, *args, ca=None, pin=None, server=None, **more):
        trust = (["--tls-ca", ca] if ca else []) + (["--tls-pin", pin] if pin else [])
        return self.ctl(server or self.house, *trust, *args, **more)

    def tls_agent(self, ip=IP, **tls):
        agent = self.real_agent(self.house, ip)
        agent.app_from_tree("apptest")
        with open(agent.conf_path, "a") as conf:
            conf.write("[tls]\n" + "".join(f"{name} = {value}\n" for name, value in tls.items()))
        return agent.start()


class ErrorsOnce(TlsTest):
    def test_e19_an_error_of_tls_is_printed_once(self):
        self.tls_server()
        done = self.tls_ctl("stat", pin="0" * 64)
        self.assertEqual(done.code, 3, done)
        self.assertEqual(len(done.err.splitlines()), 1, done.err)


class ByteOrderMarks(TlsTest):
    def test_e13_pem_files_may_begin_with_a_byte_order_mark(self):
        def marked(path):
            path = pathlib.Path(path)
            copy = path.with_name("marked-" + path.name)
            copy.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
            copy.chmod(path.stat().st_mode & 0o777)
            return str(copy)
        ca = marked(self.ca)
        self.house = self.server(tls={"cert": marked(self.made["cert"]), "key": marked(self.made["key"]), "client_ca": ca})
        done = self.tls_ctl("ping", ca=ca)
        self.assertEqual(done.code, 0, done)


class Links(TlsTest):
    def test_a_tls_client_is_answered_on_the_same_port_as_a_plain_one(self):
        self.tls_server()
        self.assertEqual(self.ask(self.tls_link())["flag"], "true")
        self.assertEqual(self.client(self.house).ok("elves", "ping")["flag"], "true")

    def test_frames_larger_than_a_tls_record_come_whole_both_ways(self):
        self.tls_server()
        link = self.tls_link()
        many = [f"10.{i >> 8}.{i & 255}.1" for i in range(9_000)]
        for _ in range(3):
            reply = self.ask(link, "heartbeat", "getstatbyiplist", iplist=many)
            self.assertEqual(len(reply["status"]), len(many))

    def test_many_calls_in_one_write_are_answered_in_order(self):
        self.tls_server()
        link = self.tls_link()
        frame = json.dumps({"mqt": "call", "mqs": "elves", "mqf": "ping"}).encode()
        link.send_bytes((struct.pack(">I", len(frame)) + frame) * 2_000)
        self.assertTrue(all(link.receive()["flag"] == "true" for _ in range(2_000)))

    def test_tls_1_1_is_refused(self):
        self.tls_server()
        old = self.context()
        old.set_ciphers("ALL:@SECLEVEL=0")
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        with self.assertRaises((ssl.SSLError, OSError)):
            self.tls_link(old)

    def test_tls_1_2_is_taken(self):
        self.tls_server()
        context = self.context()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        self.assertEqual(self.ask(self.tls_link(context))["flag"], "true")

    def test_rubbish_that_begins_like_tls_ends_the_connection_and_nothing_else(self):
        self.tls_server()
        for rubbish in (b"\x16", b"\x16\x03\x01\xff\xff" + b"x" * 70_000, b"\x16" * 1000):
            with socket.create_connection(self.house.address, timeout=10) as sock:
                sock.settimeout(10)
                try:
                    sock.sendall(rubbish)
                    sock.shutdown(socket.SHUT_WR)
                    while sock.recv(4096):
                        pass
                except TimeoutError:
                    self.fail("it is not closed")
                except OSError:
                    pass  # it was quicker to close than we were
        self.assertEqual(self.ask(self.tls_link())["flag"], "true")

    def test_a_handshake_that_stands_still_is_given_up(self):
        self.tls_server()
        with socket.create_connection(self.house.address, timeout=20) as sock:
            sock.sendall(b"\x16\x03\x01\x02\x00\x01")
            while sock.recv(4096):
                pass  # raises TimeoutError where it stays open

    def test_an_end_in_tls_is_said_so(self):
        """Without close_notify Python's ssl would raise where it reads on."""
        self.tls_server()
        link = self.tls_link()
        link.send_bytes(struct.pack(">I", 0))
        self.assertEqual(code_of(link.receive()), "400.1")
        with self.assertRaises(LinkClosed):
            link.receive()

    def test_without_a_certificate_a_tls_client_is_turned_away_and_the_log_says_why(self):
        self.house = self.server()
        with self.assertRaises((ssl.SSLError, OSError)):
            self.tls_link()
        eventually(lambda: "[tls] cert and key are not set" in self.house.log())


class Plain(TlsTest):
    def refused(self, host="127.0.0.1"):
        link = Link(socket.create_connection((host, self.house.port), timeout=10))
        self.addCleanup(link.close)
        reply = self.ask(link)
        self.assertEqual(code_of(reply), "401.6", reply)
        self.assertIn("TLS", reply["error_info"])

    def test_plain_nowhere_turns_away_even_loopback_and_says_what_to_give(self):
        self.tls_server(plain="nowhere")
        self.refused()
        done = self.ctl(self.house, "ping")
        self.assertEqual(done.code, 3)
        self.assertIn("--tls-ca", done.err)

    def test_plain_from_beyond_loopback_is_turned_away_by_default(self):
        address = other_address()
        if address is None:
            self.skipTest("this machine has no address but loopback")
        self.made = self.make("server", self.certificates, address)
        self.house = self.server(server={"listen": f"{address}:0"}, auth={"mode": "open"},
                                 tls={"cert": self.made["cert"], "key": self.made["key"]})
        self.refused(address)
        self.house.settings(tls={"plain": "everywhere"})
        self.house.signal(signal.SIGHUP)
        eventually(lambda: "settings read again" in self.house.log())
        client = Client.connect(address, self.house.port)
        self.addCleanup(client.close)
        client.ok("elves", "ping")

    def test_plain_is_one_of_three_words(self):
        house = self.server_down(tls={"plain": "sometimes"})
        done = run(binary("elvesd"), "--config", str(house.conf_path))
        self.assertIn("[tls] plain", done.err)


class Trust(TlsTest):
    def test_elvesctl_takes_the_server_by_its_ca(self):
        self.tls_server(plain="nowhere")
        self.assertEqual(self.tls_ctl("ping", ca=self.ca).code, 0)

    def test_elvesctl_takes_the_server_by_its_fingerprint(self):
        self.tls_server(plain="nowhere")
        pin = self.made["fingerprint"]
        with_colons = ":".join(pin[i:i + 2].upper() for i in range(0, 64, 2))
        for given in (pin, with_colons, "0" * 64 + "," + pin):
            self.assertEqual(self.tls_ctl("ping", pin=given).code, 0, given)

    def test_the_fingerprint_is_that_of_openssl(self):
        der = ssl.PEM_cert_to_DER_cert(pathlib.Path(self.made["cert"]).read_text())
        import hashlib
        self.assertEqual(self.made["fingerprint"], hashlib.sha256(der).hexdigest())

    def test_another_ca_is_not_trusted(self):
        self.tls_server()
        other = self.folder() / "other"
        self.make("init", other, "127.0.0.1")
        done = self.tls_ctl("ping", ca=str(other / "ca.pem"))
        self.assertEqual(done.code, 3)
        self.assertIn("not trusted", done.err)
        self.assertIn(self.made["fingerprint"], done.err)

    def test_another_fingerprint_is_not_trusted(self):
        self.tls_server()
        done = self.tls_ctl("ping", pin="0" * 64)
        self.assertEqual(done.code, 3)
        self.assertIn("not the pinned one", done.err)

    def test_a_right_fingerprint_does_not_make_up_for_a_wrong_ca(self):
        self.tls_server()
        other = self.folder() / "other"
        self.make("init", other, "127.0.0.1")
        self.assertEqual(self.tls_ctl("ping", ca=str(other / "ca.pem"), pin=self.made["fingerprint"]).code, 3)

    def test_a_certificate_for_another_name_is_not_trusted(self):
        self.made = self.make("server", self.certificates, "elves.example.org")
        self.tls_server()
        done = self.tls_ctl("ping", ca=self.ca)
        self.assertEqual(done.code, 3)
        self.assertIn("mismatch", done.err)

    def test_an_agents_certificate_is_not_taken_for_a_servers(self):
        self.made = self.make("agent", self.certificates, "127.0.0.1")
        self.tls_server()
        self.assertEqual(self.tls_ctl("ping", ca=self.ca).code, 3)

    def test_asked_for_tls_elvesctl_never_speaks_plain_text(self):
        self.house = self.server()
        done = self.tls_ctl("ping", ca=self.ca, patience=20)
        self.assertEqual(done.code, 3)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            done = self.tls_ctl("--connect-timeout", "1", "ping", ca=self.ca,
                                server=f"127.0.0.1:{silent.getsockname()[1]}")
            self.assertEqual(done.code, 3)
            self.assertIn("TLS", done.err)
            peer, _ = silent.accept()
            self.assertEqual(peer.recv(1), b"\x16")
            peer.close()

    def test_options_may_come_from_the_environment(self):
        self.tls_server(plain="nowhere")
        done = run(binary("elvesctl"), "ping",
                   env={**os.environ, "ELVES_SERVER": self.house.text, "ELVES_TLS_CA": self.ca})
        self.assertEqual(done.code, 0, done)

    def test_a_pin_or_ca_that_is_none_is_bad_usage(self):
        self.tls_server()
        for args in ({"pin": "abc"}, {"ca": "/nonexistent/ca.pem"}, {"ca": self.made["key"]}):
            done = self.tls_ctl("ping", **args)
            self.assertEqual(done.code, 2, done)
            self.assertIn("--tls-", done.err)


class Settings(TlsTest):
    def complains(self, *words, **tls):
        house = self.server_down(tls=tls)
        done = run(binary("elvesd"), "--config", str(house.conf_path))
        self.assertGreater(done.code, 0)
        for word in words:
            self.assertIn(word, done.err)

    def test_what_tls_cannot_use_is_named(self):
        cert, key = self.made["cert"], self.made["key"]
        self.complains("[tls] key", cert=cert)
        self.complains("[tls] cert", key=key)
        self.complains("[tls] cert", "/nonexistent.pem", cert="/nonexistent.pem", key=key)
        self.complains("[tls] cert", cert=key, key=key)
        self.complains("[tls] client_ca", client_ca=self.ca)
        self.complains("[tls] client_ca", "/nonexistent.pem", cert=cert, key=key, client_ca="/nonexistent.pem")
        other = self.make("server", self.certificates, "other")
        self.complains("[tls] key", cert=cert, key=other["key"])

    def test_a_key_that_everybody_can_read_is_refused(self):
        os.chmod(self.made["key"], 0o644)
        self.complains("[tls] key", "chmod 600", cert=self.made["cert"], key=self.made["key"])

    def test_tls_init_keeps_keys_to_their_owner_and_overwrites_nothing(self):
        for name in ("ca-key.pem", "server-key.pem"):
            self.assertEqual(stat.S_IMODE((self.certificates / name).stat().st_mode), 0o600)
        before = (self.certificates / "ca-key.pem").read_bytes()
        done = run(binary("elvesctl"), "tls", "init", str(self.certificates), "127.0.0.1")
        self.assertNotEqual(done.code, 0)
        self.assertIn("ca-key.pem", done.err)
        self.assertEqual((self.certificates / "ca-key.pem").read_bytes(), before)

    def test_a_new_certificate_is_taken_on_sighup_and_links_stay(self):
        self.tls_server()
        old = self.tls_link()
        self.ask(old)
        again = self.make("server", self.certificates, "localhost", "127.0.0.1")
        for name in ("cert", "key"):
            os.replace(again[name], self.made[name])
        self.house.signal(signal.SIGHUP)
        eventually(lambda: again["fingerprint"] in self.house.log())
        self.assertEqual(self.tls_ctl("ping", pin=again["fingerprint"]).code, 0)
        self.assertEqual(self.tls_ctl("ping", pin=self.made["fingerprint"]).code, 3)
        self.assertEqual(self.ask(old)["flag"], "true")

    def test_a_broken_certificate_on_sighup_changes_nothing(self):
        self.tls_server()
        pathlib.Path(self.made["cert"]).write_text("no certificate\n")
        self.house.signal(signal.SIGHUP)
        eventually(lambda: "settings not taken over" in self.house.log())
        self.assertEqual(self.ask(self.tls_link())["flag"], "true")


class Agents(TlsTest):
    def run_task(self, client, ip=IP):
        self.online(client, ip)
        info = self.send_sync(client, ip, app="apptest", func="helloword", param={"my": "toryzen"})
        self.assertEqual(info["worker_flag"], 1, info)

    def test_an_agent_works_over_tls_by_ca_and_by_pin(self):
        self.tls_server(plain="nowhere")
        link = self.tls_link()
        for ip, trust in (("10.1.0.1", {"ca": self.ca}), ("10.1.0.2", {"pin": self.made["fingerprint"]})):
            self.tls_agent(ip, **trust)
            eventually(lambda: self.ask(link, "heartbeat", "getstatbyip", agentip=ip)["status"] == "online")
            reply = self.ask(link, "sheduler", "sendsync", agentip=ip,
                             ins={"app": "apptest", "func": "helloword", "param": {"my": "toryzen"}})
            self.assertEqual(reply["info"]["worker_flag"], 1, reply)

    def test_an_agent_tells_no_wrong_server_anything(self):
        self.tls_server()
        agent = self.tls_agent(pin="0" * 64)
        eventually(lambda: "not the pinned one" in agent.log())
        self.assertEqual(self.client(self.house).status_of(IP), "unknown")

    def test_a_certificate_stands_for_an_agents_key_for_its_own_address_only(self):
        self.tls_server(auth="keys", client_ca=self.ca)
        made = self.make("agent", self.certificates, "10.1.0.1")
        mine = self.tls_link(self.context(cert=made))
        register = lambda ip: self.ask(mine, "heartbeat", "register", agentip=ip)
        self.assertEqual(register("10.1.0.1")["flag"], "true")
        self.assertEqual(code_of(register("10.1.0.2")), "401.6")
        self.assertEqual(code_of(self.ask(mine, "sheduler", "sendasync", agentip="10.1.0.1",
                                          ins={"app": "a", "func": "f"})), "401.6")
        nobody = self.tls_link()
        self.assertEqual(code_of(self.ask(nobody, "heartbeat", "register", agentip="10.1.0.1")), "401.1")

    def test_a_real_agent_with_a_certificate_needs_no_key(self):
        self.tls_server(auth="keys", client_ca=self.ca)
        made = self.make("agent", self.certificates, "10.1.0.1")
        agent = self.tls_agent("10.1.0.1", ca=self.ca, cert=made["cert"], key=made["key"])
        eventually(lambda: "registered as 10.1.0.1" in agent.log())

    def test_a_certificate_of_another_ca_or_for_servers_is_refused(self):
        self.tls_server(auth="keys", client_ca=self.ca)
        other = self.folder() / "other"
        self.make("init", other, "127.0.0.1")
        for wrong in (self.make("agent", other, "10.1.0.1"), self.made):
            with self.assertRaises((ssl.SSLError, OSError, LinkClosed)):
                self.ask(self.tls_link(self.context(cert=wrong)))
        eventually(lambda: "not trusted" in self.house.log())


class Exposure(TlsTest):
    def check(self, **sections):
        house = self.server_down(**sections)
        done = run(binary("elvesd"), "--config", str(house.conf_path), "--check")
        self.assertEqual(done.code, 0, done)
        return done.out

    def test_check_warns_of_what_is_open_beyond_loopback(self):
        beyond = {"listen": "0.0.0.0:0"}
        tls = {"cert": self.made["cert"], "key": self.made["key"]}
        self.assertNotIn("warning", self.check(server={"listen": "127.0.0.1:0, [::1]:0"}, auth={"mode": "open"}))
        self.assertIn("[auth] mode is open", self.check(server=beyond, auth={"mode": "open"}, tls=tls))
        for mode in ("keys", "protected"):
            self.assertIn("[tls] cert is not set", self.check(server=beyond, auth={"mode": mode}))
        self.assertNotIn("warning", self.check(server=beyond, auth={"mode": "keys"}, tls=tls))
        self.assertEqual(self.check(server=beyond, auth={"mode": "protected"}, tls=tls).count("warning"), 1)  # no admin key
        self.assertIn("plain is everywhere",
                      self.check(server=beyond, auth={"mode": "keys"}, tls={**tls, "plain": "everywhere"}))

    def test_a_certificate_that_soon_expires_is_told(self):
        short = self.make("server", self.certificates, "short", "--days", 5)
        self.assertIn("expires in", self.check(tls={"cert": short["cert"], "key": short["key"]}))

    def test_the_server_says_the_same_at_start_and_in_its_stats(self):
        for mode, is_open in (("open", True), ("protected", False), ("keys", False)):
            with self.subTest(mode=mode):
                house = self.server_down(server={"listen": "0.0.0.0:0"}, auth={"mode": mode})
                auth = house.init_admin()
                house.start()
                warnings = self.client(house, auth=auth).ok("elves", "stats")["stats"]["warnings"]
                for text, is_said in (("[auth] mode is open", is_open), ("[tls] cert is not set", True)):
                    self.assertEqual(any(text in line for line in warnings), is_said, warnings)
                    self.assertEqual(text in house.log(), is_said)

    def test_what_a_sighup_opens_or_closes_is_in_the_stats_from_then_on(self):
        tight = {"cert": self.made["cert"], "key": self.made["key"]}
        house = self.server_down(server={"listen": "0.0.0.0:0"}, tls=tight)
        root = house.init_admin()
        client = self.client(house.start(), auth=root)

        def warnings():
            return " ".join(client.ok("elves", "stats")["stats"]["warnings"])

        for tls, said in (({**tight, "plain": "everywhere"}, "plain is everywhere"), ({}, "cert is not set"), (tight, "")):
            house.sections["tls"] = tls
            house.settings()
            house.signal(signal.SIGHUP)
            eventually(lambda: said in warnings() and bool(said) == bool(warnings()), what=said or "no warning")

    def test_a_tight_server_has_nothing_to_warn_of(self):
        self.tls_server()
        with self.client(self.house) as client:
            client.ok("supervisor", "setkey", role="admin", apps=["*"], iplist=["*"])
        with Client(self.house.socket, 0) as client:
            stats = client.ok("elves", "stats")["stats"]
        self.assertEqual((stats["warnings"], stats["tls"]), ([], self.made["fingerprint"]))


def other_address():
    """An address of this machine that is not loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        address = probe.getsockname()[0]
    return None if address.startswith("127.") else address


if __name__ == "__main__":
    unittest.main()
