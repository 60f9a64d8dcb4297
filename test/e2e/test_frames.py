"""Frames and envelope: what the framing forgives, what it refuses, and in which order replies leave."""

import json
import struct
import unittest

from elves_wire import RUN, Result, Slow, code_of, pack
from house import HouseTest

MAX_FRAME = 65536


def nested(depth):
    """The text of a ping whose JSON is that deep."""
    inner = "[" * (depth - 1) + "]" * (depth - 1)
    return f'{{"mqt":"call","mqs":"elves","mqf":"ping","mqid":"deep","x":{inner}}}'.encode()


def padded_ping(size):
    """The text of a ping of exactly that many bytes."""
    head, tail = b'{"mqt":"call","mqs":"elves","mqf":"ping","mqid":"big","x":"', b'"}'
    return head + b"x" * (size - len(head) - len(tail)) + tail


class Frames(HouseTest):
    def setUp(self):
        super().setUp()
        self.house = self.server(server={"max_frame": MAX_FRAME})
        self.caller = self.wire_client(self.house)

    def error_frame(self, code, client=None):
        """The next frame is an error frame for what could not be read."""
        frame = (client or self.caller).receive()
        self.assertEqual((frame["mqt"], frame["mqs"], frame["mqf"], frame["flag"]), ("back", "", "", "false"), frame)
        self.error_in(frame["error_info"], code)
        return frame

    def still_talks(self, client=None):
        self.assertEqual((client or self.caller).call("elves", "ping")["flag"], "true")

    def test_a_ping_is_answered_with_the_requests_own_words(self):
        self.caller.send({"mqt": "call", "mqs": "elves", "mqf": "ping", "mqid": "one"})
        reply = self.caller.receive()
        self.assertEqual({k: reply[k] for k in ("mqt", "mqs", "mqf", "mqid", "flag", "error_info")},
                         {"mqt": "back", "mqs": "elves", "mqf": "ping", "mqid": "one", "flag": "true",
                          "error_info": ""})

    def test_a_reply_to_a_call_without_mqid_has_none(self):
        self.assertNotIn("mqid", self.caller.call("elves", "ping", _mqid=None))

    def test_a_frame_over_max_frame_is_refused_on_its_length_alone_and_the_connection_closes(self):
        for length in (MAX_FRAME + 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF):
            with self.subTest(length=length):
                client = self.wire_client(self.house)
                client.send_bytes(struct.pack(">I", length))  # and not one byte of the body
                self.error_frame("400.2", client)
                client.expect_closed()
        self.still_talks()

    def test_a_frame_of_exactly_max_frame_is_read(self):
        self.caller.send_bytes(pack(padded_ping(MAX_FRAME)))
        self.assertEqual(self.caller.receive()["mqid"], "big")

    def test_without_a_setting_max_frame_is_four_mebibytes(self):
        house = self.server()
        client = self.wire_client(house)
        client.send_bytes(pack(padded_ping(4 << 20)))
        self.assertEqual(client.receive()["mqid"], "big")
        client.send_bytes(struct.pack(">I", (4 << 20) + 1))
        self.error_frame("400.2", client)
        client.expect_closed()

    def test_a_frame_of_length_zero_is_refused_and_the_connection_closes(self):
        self.caller.send_bytes(b"\0\0\0\0")
        self.error_frame("400.1")
        self.caller.expect_closed()

    def test_replies_that_are_owed_still_leave_before_the_refusal_that_closes(self):
        self.caller.send_bytes(pack({"mqt": "call", "mqs": "elves", "mqf": "ping"}) + b"\0\0\0\0")
        self.assertEqual(self.caller.receive()["mqf"], "ping")
        self.error_frame("400.1")
        self.caller.expect_closed()

    def test_text_that_is_no_json_object_gets_an_error_frame_and_the_connection_goes_on(self):
        bad = [b"hello", b"{", b"{}}", b'{"mqt":"call"', b"[]", b'"text"', b"12", b"null", b"true", b" ",
               b'{"mqt":"call","mqs":"elves","mqf":"ping","x":"\xff\xfe"}', b"{'mqt':'call'}", b'{"a":1,}',
               b'{"a":01}', b'{"a":NaN}', b"\0", b'{"a":"\x01"}', b'{"a":"\\x"}']
        for body in bad:
            with self.subTest(body=body):
                self.caller.send_bytes(pack(body))
                self.error_frame("400.1")
                self.still_talks()

    def test_json_of_depth_32_is_read(self):
        self.caller.send_bytes(pack(nested(32)))
        reply = self.caller.receive()
        self.assertEqual((reply["mqid"], reply["flag"]), ("deep", "true"))

    def test_json_of_depth_33_is_refused_and_the_connection_goes_on(self):
        for depth in (33, 1000, 30000):
            with self.subTest(depth=depth):
                self.caller.send_bytes(pack(nested(depth)))
                self.error_frame("400.1")
                self.still_talks()

    def test_of_a_doubled_key_the_last_counts(self):
        self.caller.send_bytes(pack(b'{"mqt":"cast","mqs":"nowhere","mqf":"nothing","mqid":1,'
                                    b'"mqt":"call","mqs":"elves","mqf":"ping","mqid":"last"}'))
        reply = self.caller.receive()
        self.assertEqual((reply["mqs"], reply["mqid"], reply["flag"]), ("elves", "last", "true"))

    def test_a_frame_may_come_byte_by_byte(self):
        for byte in pack({"mqt": "call", "mqs": "elves", "mqf": "ping", "mqid": "slow"}):
            self.caller.send_bytes(bytes([byte]))
        self.assertEqual(self.caller.receive()["mqid"], "slow")

    def test_many_frames_may_come_in_one_piece_and_the_last_one_cut_anywhere(self):
        one = pack({"mqt": "call", "mqs": "elves", "mqf": "ping"})
        for cut in range(len(one)):
            self.caller.send_bytes(one * 3 + one[:cut])
            for _ in range(3):
                self.assertEqual(self.caller.receive()["flag"], "true")
            self.caller.send_bytes(one[cut:])
            self.assertEqual(self.caller.receive()["flag"], "true")

    def test_a_client_that_leaves_within_a_frame_harms_nobody(self):
        for part in (b"\0", b"\0\0\0", b"\0\0\0\x10", b"\0\0\0\x10{\"mqt"):
            client = self.wire_client(self.house)
            client.send_bytes(part)
            client.link.reset()
        self.still_talks()

    def test_a_thousand_pipelined_calls_without_ids_are_answered_in_order(self):
        calls = [{"mqt": "call", "mqs": "elves", "mqf": "ping"} if n % 3 else
                 {"mqt": "call", "mqs": "elves", "mqf": f"nothing{n}"} for n in range(1000)]
        self.caller.send_bytes(b"".join(pack(call) for call in calls))
        for call in calls:
            self.assertEqual(self.caller.receive()["mqf"], call["mqf"])


class Envelope(HouseTest):
    def setUp(self):
        super().setUp()
        self.house = self.server()
        self.caller = self.wire_client(self.house)

    def ask(self, **message):
        self.caller.send(message)
        return self.caller.receive()

    def refused_with(self, code, **message):
        reply = self.ask(**message)
        self.assertEqual((reply["mqt"], reply["flag"]), ("back", "false"), reply)
        self.error_in(reply["error_info"], code)
        return reply

    # ---- mqt ----
    def test_an_mqt_that_is_none_of_call_cast_back_is_refused(self):
        for mqt in ("ask", "", 1, None, [], {}, True):
            with self.subTest(mqt=mqt):
                self.refused_with("400.3", mqt=mqt, mqs="elves", mqf="ping", mqid=1)

    def test_a_missing_mqt_is_refused(self):
        self.refused_with("400.3", mqs="elves", mqf="ping")

    def test_a_back_that_nobody_waits_for_is_ignored(self):
        self.caller.send({"mqt": "back", "mqs": "elves", "mqf": "ping", "mqid": "nobody", "flag": "true"})
        self.caller.send({"mqt": "back", "mqs": 1, "mqf": None})
        self.assertEqual(self.caller.call("elves", "ping", _mqid="mine")["mqid"], "mine")

    # ---- mqs, mqf ----
    def test_a_service_that_is_missing_or_no_string_or_unknown_is_refused(self):
        self.refused_with("404.1", mqt="call", mqf="ping", mqid=1)
        for mqs in (None, 1, [], {}, True, "nowhere", ""):
            with self.subTest(mqs=mqs):
                self.refused_with("404.1", mqt="call", mqs=mqs, mqf="ping", mqid=1)

    def test_a_method_that_is_missing_or_no_string_or_unknown_is_refused(self):
        self.refused_with("404.2", mqt="call", mqs="elves", mqid=1)
        for mqf in (None, 1, [], {}, True, "nothing", ""):
            with self.subTest(mqf=mqf):
                self.refused_with("404.2", mqt="call", mqs="elves", mqf=mqf, mqid=1)

    def test_a_refusal_names_what_it_refuses_and_carries_the_requests_own_words(self):
        reply = self.refused_with("404.2", mqt="call", mqs="heartbeat", mqf="GetNothing", mqid=77)
        self.assertEqual((reply["mqs"], reply["mqf"], reply["mqid"]), ("heartbeat", "GetNothing", 77))

    def test_a_methods_case_does_not_matter_and_comes_back_as_sent(self):
        for mqf in ("getstatbyip", "getStatByIp", "GETSTATBYIP"):
            reply = self.ask(mqt="call", mqs="heartbeat", mqf=mqf, agentip="10.0.0.1")
            self.assertEqual((reply["mqf"], reply["flag"], reply["status"]), (mqf, "true", "unknown"))

    def test_scheduler_is_understood_for_sheduler_and_comes_back_as_sent(self):
        for mqs in ("sheduler", "scheduler"):
            reply = self.refused_with("416.1", mqt="call", mqs=mqs, mqf="canceltask", id="0123456789ABCDEF")
            self.assertEqual(reply["mqs"], mqs)

    def test_a_module_that_is_not_enabled_says_so_and_the_others_work(self):
        house = self.server(modules={"enabled": "tasklog, heartbeat, supervisor, sheduler"})
        client = self.wire_client(house)
        text = client.refused("402.1", "cmdbproxy", "getcmdbinfobyip", agentip="10.0.0.1")
        self.assertIn("cmdbproxy", text)
        self.assertIn("cron", client.refused("402.1", "cron", "getcronlistbyip", agentip="10.0.0.1"))
        client.refused("404.1", "nowhere", "getcmdbinfobyip")
        self.assertEqual(client.status_of("10.0.0.1"), "unknown")

    # ---- mqid ----
    def test_an_mqid_comes_back_untouched(self):
        for mqid in ("a", "7", 7, 0, -1, 2**53 + 1, 2**63 - 1, -2**63, "x" * 128, "é" * 128, "\u0000\n\"\\", "ид"):
            with self.subTest(mqid=mqid):
                reply = self.ask(mqt="call", mqs="elves", mqf="ping", mqid=mqid)
                self.assertEqual(reply["flag"], "true", reply)
                self.assertEqual(reply["mqid"], mqid)
                self.assertIs(type(reply["mqid"]), type(mqid))

    def test_an_mqid_of_another_kind_is_refused(self):
        for mqid in ("x" * 129, 1.5, True, False, [], ["a"], {}, {"a": 1}):
            with self.subTest(mqid=mqid):
                reply = self.refused_with("403.10", mqt="call", mqs="elves", mqf="ping", mqid=mqid)
                self.assertIn("mqid", reply["error_info"])

    # ---- casts ----
    def test_a_cast_is_never_answered_whatever_is_wrong_with_it(self):
        for cast in ({"mqs": "elves", "mqf": "ping"}, {"mqs": "nowhere", "mqf": "ping"}, {"mqs": "elves", "mqf": "no"},
                     {}, {"mqs": 1, "mqf": 2}, {"mqs": "elves", "mqf": "ping", "mqid": [1]},
                     {"mqs": "elves", "mqf": "ping", "mqid": "x"}, {"mqs": "heartbeat", "mqf": "getstatbyip"},
                     {"mqs": "heartbeat", "mqf": "getstatbyip", "agentip": "no ip"},
                     {"mqs": "elves", "mqf": "ping", "auth": {"key": "no", "token": "no"}}):
            self.caller.send({"mqt": "cast", **cast})
        reply = self.ask(mqt="call", mqs="elves", mqf="ping", mqid="the only one")
        self.assertEqual(reply["mqid"], "the only one")

    # ---- fields ----
    def test_unknown_fields_are_ignored(self):
        reply = self.ask(mqt="call", mqs="heartbeat", mqf="getstatbyip", agentip="10.0.0.1", colour="red",
                         extra={"a": [1]}, flag="false", error_info=5)
        self.assertEqual((reply["flag"], reply["error_info"], reply["status"]), ("true", "", "unknown"))

    def test_a_missing_field_is_refused_by_its_name(self):
        for service, method, name in (("heartbeat", "getstatbyip", "agentip"),
                                      ("heartbeat", "getstatbyiplist", "iplist"),
                                      ("supervisor", "getappcallbackinfo", "appname"),
                                      ("cmdbproxy", "getcmdbinfobyiplist", "agentiplist"),
                                      ("cron", "delcronbyipid", "agentip"), ("sheduler", "sendsync", "agentip"),
                                      ("sheduler", "canceltask", "id"), ("tasklog", "gettaskbyids", "id")):
            with self.subTest(method=method):
                self.assertIn(name, self.caller.refused("403.", service, method))

    def test_a_field_of_a_wrong_type_is_refused_by_its_name(self):
        for bad in (5, True, [], {}, ["10.0.0.1"]):
            with self.subTest(bad=bad):
                self.assertIn("agentip", self.caller.refused("403.", "heartbeat", "getstatbyip", agentip=bad))
        for bad in ("10.0.0.1", 5, {}, [5], [["10.0.0.1"]]):
            with self.subTest(bad=bad):
                self.assertIn("iplist", self.caller.refused("403.", "heartbeat", "getstatbyiplist", iplist=bad))

    def test_a_number_may_come_as_a_number_or_as_digits(self):
        for limit in (5, "5", ""):
            self.assertEqual(self.caller.ok("tasklog", "listtasks", limit=limit)["info"], [])
        for limit in ("five", "5x", [5], 1.5):
            with self.subTest(limit=limit):
                self.assertIn("limit", self.caller.refused("403.", "tasklog", "listtasks", limit=limit))

    # ---- order ----
    def slow_call(self, client, **more):
        """Sends a call that waits for an agent; returns (the agent, the task's id) once the agent has it."""
        agent = self.agent(self.house, on_instruct=lambda call: RUN)
        client.send({"mqt": "call", "mqs": "sheduler", "mqf": "sendsync", "agentip": agent.ip,
                     "ins": {"app": "demo", "func": "slow"}, **more})
        return agent, agent.wait_instruct()["id"]

    def test_a_reply_without_mqid_waits_for_those_before_it(self):
        agent, task = self.slow_call(self.caller)
        self.caller.begin("elves", "ping", _mqid=None)
        self.caller.begin("heartbeat", "getstatbyip", agentip=agent.ip, _mqid=None)
        with self.assertRaises(Slow):
            self.caller.receive(patience=0.5)
        agent.finish(task, Result(1, "at last"))
        self.assertEqual([self.caller.receive()["mqf"] for _ in range(3)], ["sendsync", "ping", "getstatbyip"])

    def test_a_reply_with_mqid_overtakes_those_without(self):
        agent, task = self.slow_call(self.caller)
        self.assertEqual(self.caller.call("elves", "ping", _mqid="fast")["mqid"], "fast")
        agent.finish(task)
        self.assertEqual(self.caller.receive()["mqf"], "sendsync")

    def test_replies_with_mqid_overtake_each_other(self):
        agent, task = self.slow_call(self.caller, mqid="slow")
        for n in range(10):
            self.assertEqual(self.caller.call("elves", "ping", _mqid=n)["mqid"], n)
        agent.finish(task)
        self.assertEqual(self.caller.receive()["mqid"], "slow")

    def test_the_error_frame_for_what_could_not_be_read_keeps_its_place(self):
        agent, task = self.slow_call(self.caller)
        self.caller.send_bytes(pack(b"garbage") + pack({"mqt": "call", "mqs": "elves", "mqf": "ping"}))
        with self.assertRaises(Slow):
            self.caller.receive(patience=0.5)
        agent.finish(task)
        replies = [self.caller.receive() for _ in range(3)]
        self.assertEqual([reply["mqf"] for reply in replies], ["sendsync", "", "ping"])
        self.assertEqual(code_of(replies[1]), "400.1")

    # ---- elves ----
    def test_the_server_describes_its_own_methods(self):
        told = json.dumps(self.caller.ok("elves", "methods"))
        for name in ("sendsync", "sendasync", "canceltask", "getstatbyip", "getinfobyip", "getstatbyiplist",
                     "getonlinestat", "listagents", "forgetagents", "register", "beat", "checkipauthbykey", "getappcallbackinfo",
                     "getauthbykey", "setkey", "delkey", "listkeys", "setapp", "delapp", "listapps", "login",
                     "getcmdbinfobyip", "getcmdbinfobyiplist", "setcmdbinfo", "setcmdbinfolist", "delcmdbinfo", "listcmdbinfo",
                     "getcronlistbyip", "setcronbyip", "delcronbyipid", "startcron", "stopcron", "agentasynclog",
                     "appprocessorlog", "gettaskbyids", "listtasks", "gettaskoutput", "ping", "methods", "stats",
                     "agentip", "iplist"):
            with self.subTest(name=name):
                self.assertIn(f'"{name}"', told.lower())

    def test_the_server_counts(self):
        self.caller.ok("elves", "stats")


if __name__ == "__main__":
    unittest.main()
