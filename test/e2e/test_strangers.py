"""Before a key was shown: small frames, few calls, nothing that is not JSON, and no way to make the log or memory grow."""

import os
import socket
import struct
import time
import unittest

from elves_wire import LinkClosed, Slow, code_of, pack, wall_time
from house import HouseTest, eventually

LIMIT = 16 * 1024


def padded_ping(size):
    head, tail = b'{"mqt":"call","mqs":"elves","mqf":"ping","mqid":1,"x":"', b'"}'
    return struct.pack(">I", size) + head + b"x" * (size - len(head) - len(tail)) + tail


class Strangers(HouseTest):
    def setUp(self):
        super().setUp()
        self.house = self.server(auth={"mode": "keys"})
        self.house.terminate()
        admin = self.house.init_admin()
        self.key, self.token = admin["key"], admin["token"]
        self.house.restart()

    def stranger(self):
        return self.wire_client(self.house)

    def known(self):
        client = self.stranger()
        client.ok("supervisor", "login", key=self.key, token=self.token)
        return client

    def test_a_strangers_frame_over_16_kib_is_refused_by_its_length_alone(self):
        client = self.stranger()
        client.send_bytes(padded_ping(LIMIT))
        self.assertEqual(client.receive()["flag"], "true")
        client.send_bytes(struct.pack(">I", LIMIT + 1))
        self.assertEqual(code_of(client.receive()), "400.2")
        client.expect_closed()

    def test_after_a_login_a_frame_may_be_as_long_as_the_settings_say(self):
        client = self.known()
        client.send_bytes(padded_ping(1024 * 1024))
        self.assertEqual(client.receive()["flag"], "true")

    def test_a_key_in_a_call_is_as_good_as_a_login(self):
        client = self.stranger()
        client.ok("elves", "ping", auth={"key": self.key, "token": self.token})
        client.send_bytes(padded_ping(1024 * 1024))
        self.assertEqual(client.receive()["flag"], "true")

    def test_a_key_that_was_deleted_or_disabled_raises_no_limit_on_a_connection_that_stands(self):
        admin = self.known()

        def expire(key):
            admin.ok("supervisor", "setkey", key=key, expires=wall_time(time.time() + 2))
            time.sleep(2.5)

        for end in (lambda key: admin.ok("supervisor", "delkey", key=key),
                    lambda key: admin.ok("supervisor", "setkey", key=key, enabled="false"),
                    expire):
            made = admin.ok("supervisor", "setkey", name="short", role="viewer", apps=["*"], iplist=["*"])
            client = self.stranger()
            client.ok("supervisor", "login", key=made["key"], token=made["token"])
            client.ok("heartbeat", "getonlinestat")
            client.send_bytes(padded_ping(100_000))
            self.assertEqual(client.receive()["flag"], "true")
            end(made["key"])
            client.send_bytes(struct.pack(">I", LIMIT + 1))
            self.assertEqual(code_of(client.receive()), "400.2")
            client.expect_closed()

    def test_a_wrong_key_raises_no_limit(self):
        client = self.stranger()
        client.refused("401.5", "supervisor", "login", key=self.key, token="wrong")
        client.refused("401.5", "elves", "ping", auth={"key": self.key, "token": "wrong"})
        client.send_bytes(struct.pack(">I", LIMIT + 1))
        self.assertEqual(code_of(client.receive()), "400.2")

    def test_a_stranger_is_closed_at_the_first_garbage_and_one_with_a_key_is_not(self):
        for text in (b"garbage", b"[1]", b'{"a":1e999}', b'{"a":"\xff"}', b"[" * 40 + b"]" * 40):
            with self.subTest(text=text):
                client = self.stranger()
                client.send_bytes(struct.pack(">I", len(text)) + text + padded_ping(200))
                self.assertEqual(code_of(client.receive()), "400.1")
                client.expect_closed()
                client = self.known()
                client.send_bytes(struct.pack(">I", len(text)) + text + padded_ping(200))
                self.assertEqual(code_of(client.receive()), "400.1")
                self.assertEqual(client.receive()["flag"], "true")

    def test_objects_of_too_many_members_and_frames_of_too_many_values_are_refused_for_everybody(self):
        client = self.known()
        for more in ({"x": {f"k{n}": 1 for n in range(1025)}}, {f"k{n}": 1 for n in range(1100)},
                     {"x": [[]] * 100_000}):
            client.send({"mqt": "call", "mqs": "elves", "mqf": "ping", "mqid": 1, **more})
            self.assertEqual(code_of(client.receive()), "400.1")
        client.ok("elves", "ping", x={f"k{n}": 1 for n in range(1024)}, y=[[]] * 90_000)

    def test_wrong_logins_that_wait_are_bounded_for_each_connection_and_each_address(self):
        attempt = pack({"mqt": "call", "mqs": "supervisor", "mqf": "login", "mqid": 1, "key": self.key, "token": "x"})
        many = [self.stranger() for _ in range(12)]
        for client in many:
            client.send_bytes(attempt * 100)

        def closed(client):
            try:
                while True:
                    client.receive(patience=0.01)
            except LinkClosed:
                return True
            except Slow:
                return False

        # Eight of each connection wait, and 32 of an address: the others are closed, and others with a key served.
        eventually(lambda: any(closed(client) for client in many), 10, "one of them to be closed")
        self.known().ok("heartbeat", "getonlinestat")

    def test_what_a_stranger_makes_the_log_say_is_bounded_and_counted(self):
        for _ in range(100):
            with socket.create_connection(self.house.address, timeout=10) as sock:
                sock.sendall(b"\x16\x03\x01\x00\x05hello" + os.urandom(20))
                sock.recv(100)
        eventually(lambda: "tls.not_configured" in self.house.log())
        self.assertLessEqual(self.house.log().count("tls.not_configured"), 10)


if __name__ == "__main__":
    unittest.main()
