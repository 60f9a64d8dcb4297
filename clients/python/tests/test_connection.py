"""Calls, time limits, lost connections and hostile servers, against a server that does what the test says."""

import asyncio
import json
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from unittest import mock

from .support import PYTHON, FakeServer, answering, back, refusal
import elves
from elves import connection as connection_module
from elves import (AnswerTimeout, AsyncElves, Busy, ConnectionFailed, Elves, ElvesError, Forbidden, FrameRefused,
                   ProtocolError, SettingsError, Unauthenticated, UnprovenServer)


class WithFakeServer(unittest.TestCase):
    def fake(self, serve, port=0):
        server = FakeServer(serve, port)
        self.addCleanup(server.close)
        self.addCleanup(lambda: self.assertEqual(server.faults, []))
        return server

    def client(self, server, **more):
        client = Elves(server.text, **{"answer_timeout": 30, "connect_timeout": 30, "retry_for": 30, **more})
        self.addCleanup(client.close)
        return client


class Calls(WithFakeServer):
    def test_replies_that_overtake_each_other_reach_their_calls(self):
        def serve(link, _):
            calls = [link.receive(), link.receive(), link.receive()]
            for call in reversed(calls):
                link.send(back(call, status=call["agentip"]))
            link.receive()
        client, found = self.client(self.fake(serve)), {}
        ips = ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
        threads = [threading.Thread(target=lambda ip=ip: found.update({ip: client.getstatbyip(ip)["status"]})) for ip in ips]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        self.assertEqual(found, {ip: ip for ip in ips})

    def test_asyncio_calls_share_one_connection(self):
        numbers = []

        def serve(link, number):
            numbers.append(number)
            answering(lambda call: back(call, status=call["agentip"]))(link, number)
        server = self.fake(serve)

        async def ask():
            async with AsyncElves(server.text) as client:
                replies = await asyncio.gather(*(client.getstatbyip(f"10.0.0.{i}") for i in range(200)))
                return [reply["status"] for reply in replies]
        self.assertEqual(asyncio.run(ask()), [f"10.0.0.{i}" for i in range(200)])
        self.assertEqual(numbers, [1])

    def test_one_asyncio_client_serves_one_event_loop_after_the_other(self):
        client = AsyncElves(self.fake(answering(back)).text)
        for _ in range(2):
            asyncio.run(client.ping())

    def test_a_reply_is_its_fields_without_the_envelope(self):
        client = self.client(self.fake(answering(lambda call: back(call, status="online"))))
        self.assertEqual(client.call("heartbeat", "getstatbyip", {"agentip": "::1"}), {"status": "online"})

    def test_a_refusal_is_an_error_with_its_code(self):
        client = self.client(self.fake(answering(lambda call: refusal(call, "[401.6] no rights"))))
        with self.assertRaises(Forbidden) as raised:
            client.ping()
        self.assertEqual((raised.exception.code, raised.exception.service, raised.exception.method),
                         ("401.6", "elves", "ping"))

    def test_an_argument_that_is_none_is_not_sent(self):
        seen = []
        client = self.client(self.fake(answering(lambda call: seen.append(call) or back(call, agents=[]))))
        client.listagents(status="online")
        self.assertEqual({name for name in seen[0] if name not in ("mqt", "mqs", "mqf", "mqid")}, {"status"})

    def test_fields_cannot_replace_the_envelope(self):
        seen = []
        client = self.client(self.fake(answering(lambda call: seen.append(call) or back(call))))
        client.call("elves", "ping", {"mqid": "x", "mqt": "cast", "note": 1})
        self.assertEqual((seen[0]["mqt"], seen[0]["mqid"], seen[0]["note"]), ("call", 1, 1))

    def test_a_call_that_is_no_json_sends_nothing_and_harms_nothing(self):
        client = self.client(self.fake(answering(back)))
        with self.assertRaises(SettingsError):
            client.sendasync("10.0.0.1", "a", "f", {1, 2})
        client.ping()

    def test_more_calls_than_max_inflight_wait_their_turn(self):
        most, now, lock = [0], [0], threading.Lock()

        def serve(link, _):
            def answer(call):
                time.sleep(0.02)
                with lock:
                    now[0] -= 1
                link.send(back(call))
            while True:
                call = link.receive(60)
                with lock:
                    now[0] += 1
                    most[0] = max(most[0], now[0])
                threading.Thread(target=answer, args=(call,), daemon=True).start()
        server = self.fake(serve)

        async def ask():
            async with AsyncElves(server.text, max_inflight=4) as client:
                await asyncio.gather(*(client.ping() for _ in range(40)))
        asyncio.run(ask())
        self.assertLessEqual(most[0], 4)

    def test_a_closed_client_refuses_calls_and_closes_twice(self):
        client = self.client(self.fake(answering(back)))
        client.ping()
        client.close()
        client.close()
        with self.assertRaises(ElvesError):
            client.ping()

    def test_a_client_works_in_a_process_that_was_forked_from_its_own(self):
        server = self.fake(answering(back))
        code = ("import os, sys\nfrom elves import Elves\nclient = Elves(sys.argv[1])\nclient.ping()\npid = os.fork()\n"
                "client.ping()\nif pid:\n    sys.exit(os.waitpid(pid, 0)[1])\nos._exit(0)\n")
        subprocess.run([sys.executable, "-c", code, server.text], cwd=PYTHON, check=True, timeout=30)


class Lists(WithFakeServer):
    def test_an_iterator_follows_next_over_empty_pages_too(self):
        pages = {"": ([1, 2], "2"), "2": ([], "5"), "5": ([6], None)}
        limits = []

        def answer(call):
            limits.append(call["limit"])
            rows, following = pages[call.get("after", "")]
            return back(call, agents=[{"agentip": row} for row in rows], **({"next": following} if following else {}))
        client = self.client(self.fake(answering(answer)))
        self.assertEqual([row["agentip"] for row in client.iter_agents()], [1, 2, 6])
        self.assertEqual(limits, [1000] * 3)

    def test_a_page_is_asked_for_when_it_is_needed(self):
        asked = []
        client = self.client(self.fake(answering(
            lambda call: asked.append(1) or back(call, info=[{"id": "1"}], next=str(len(asked))))))
        rows = client.iter_tasks()
        next(rows)
        self.assertEqual(len(asked), 1)

    def test_a_list_that_does_not_go_on_is_an_error(self):
        client = self.client(self.fake(answering(lambda call: back(call, agents=[], next="7"))))
        with self.assertRaises(ProtocolError):
            list(client.iter_agents())

    def test_asyncio_lists_are_the_same(self):
        server = self.fake(answering(lambda call: back(
            call, agents=[{"agentip": "a"}], **({} if "after" in call else {"next": "x"}))))

        async def ask():
            async with AsyncElves(server.text) as client:
                return [row["agentip"] async for row in client.iter_agents()]
        self.assertEqual(asyncio.run(ask()), ["a", "a"])


class TimeLimits(WithFakeServer):
    def test_a_call_without_an_answer_ends_in_time_and_its_late_reply_harms_nobody(self):
        is_over = threading.Event()

        def serve(link, _):
            slow = link.receive()
            link.send({"mqt": "cast"})  # the server is heard, so the connection stays
            is_over.wait(60)
            link.send(back(slow, status="late"))
            answering(lambda call: back(call, status="own"))(link, 1)
        client = self.client(self.fake(serve))
        with self.assertRaises(AnswerTimeout):
            client.call("heartbeat", "getstatbyip", {}, timeout=1)
        is_over.set()
        self.assertEqual(client.getstatbyip("10.0.0.1"), {"status": "own"})

    def test_a_server_that_is_silent_is_left_and_dialed_again(self):
        def serve(link, number):
            if number == 1:
                link.receive()
                return link.receive(60)
            answering(back)(link, number)
        client = self.client(self.fake(serve), answer_timeout=0.2)
        with self.assertRaises(AnswerTimeout):
            client.ping()
        client.call("elves", "ping", timeout=30)

    def test_a_long_call_is_sent_again_where_the_server_falls_silent(self):
        sent = []

        def serve(link, number):
            if number == 1:
                sent.append(link.receive())
                while True:
                    link.receive(60)  # pings, too, are left without an answer
            answering(lambda call: sent.append(call) or back(call, info={}))(link, number)
        with mock.patch.object(connection_module, "WATCH_EVERY", 0.2):
            client = self.client(self.fake(serve), answer_timeout=0.3)
            client.sendsync("10.0.0.1", "a", "f", timeout=60)
        sends = [call for call in sent if call["mqf"] == "sendsync"]
        self.assertGreater(len(sends), 1)
        self.assertEqual(len({call["ins"]["dedup"] for call in sends}), 1)

    def test_a_server_that_does_not_read_holds_nobody_and_no_memory(self):
        stop = threading.Event()
        self.addCleanup(stop.set)
        client = self.client(self.fake(lambda link, _: stop.wait(60)), answer_timeout=0.5, retry_for=0)
        for _ in range(3):
            with self.assertRaises(AnswerTimeout):
                client.call("x", "y", {"fill": "x" * (16 << 20)})

    def test_of_what_a_server_does_not_read_one_frame_is_kept(self):
        stop = threading.Event()
        self.addCleanup(stop.set)
        client = self.client(self.fake(lambda link, _: stop.wait(60)))
        for _ in range(20):
            with self.assertRaises(AnswerTimeout):
                client.call("x", "y", {"fill": "x" * (8 << 20)}, timeout=0.05)
        self.assertLess(client._caller._connection._writer.transport.get_write_buffer_size(), 9 << 20)

    def test_nobody_at_the_address_fails_at_once(self):
        server = FakeServer(lambda link, _: None)
        server.close()
        began = time.monotonic()
        with self.assertRaises(ConnectionFailed) as raised:
            Elves(server.text, retry_for=3600).ping()
        self.assertLess(time.monotonic() - began, 600)
        self.assertFalse(raised.exception.was_sent)


class LostConnections(WithFakeServer):
    def cut_first(self, reply=lambda call: back(call, info={})):
        """A server that cuts the first connection after its second call, unanswered."""
        calls = []

        def serve(link, number):
            while True:
                calls.append(link.receive(60))
                if number == 1 and len(calls) == 2:
                    return link.reset()
                link.send(reply(calls[-1]))
        return self.fake(serve), calls

    def test_a_server_that_closes_while_it_is_dialed_is_a_failed_connection(self):
        server = self.fake(lambda link, _: link.reset())
        dial = socket.socket.getpeername

        def after_the_reset(sock):
            time.sleep(0.05)
            return dial(sock)

        with mock.patch("socket.socket.getpeername", after_the_reset):
            with self.assertRaises(ConnectionFailed) as failed:
                self.client(server).call("elves", "ping")
        self.assertIn(server.text, str(failed.exception))

    def test_a_send_is_repeated_with_the_same_dedup(self):
        for method in ("sendasync", "sendsync"):
            server, calls = self.cut_first()
            client = self.client(server)
            client.ping()
            getattr(client, method)("10.0.0.1", "a", "f")
            self.assertEqual([call["mqf"] for call in calls], ["ping", method, method])
            self.assertEqual(calls[1]["ins"]["dedup"], calls[2]["ins"]["dedup"])
            self.assertEqual(len(calls[1]["ins"]["dedup"]), 32)

    def test_each_send_has_a_dedup_of_its_own_and_yours_is_kept(self):
        seen = []
        client = self.client(self.fake(answering(lambda call: seen.append(call["ins"]["dedup"]) or back(call, info={}))))
        for dedup in (None, None, "mine"):
            client.sendasync("10.0.0.1", "a", "f", dedup=dedup)
        self.assertEqual(len(set(seen)), 3)
        self.assertEqual(seen[2], "mine")

    def test_what_may_not_be_done_twice_is_not_repeated(self):
        for call in (lambda client: client.setkey(name="k"), lambda client: client.runcron("10.0.0.1", "0" * 16),
                     lambda client: client.setcronbyip("10.0.0.1", "0 0 0 * * ?", {"app": "a", "func": "f"}),
                     lambda client: client.call("own", "method")):
            server, calls = self.cut_first()
            client = self.client(server)
            client.ping()
            with self.assertRaises(ConnectionFailed) as raised:
                call(client)
            self.assertTrue(raised.exception.was_sent)
            self.assertEqual(len(calls), 2)
            client.ping()  # on a new connection

    def test_a_call_that_was_never_sent_is_sent_later_whatever_it_is(self):
        calls = []
        server = self.fake(answering(back))
        client = self.client(server)
        client.ping()
        server.close()

        def come_back():
            time.sleep(0.5)
            self.fake(answering(lambda call: calls.append(call["mqf"]) or back(call, key="K")), int(server.text.split(":")[1]))
        thread = threading.Thread(target=come_back)
        thread.start()
        time.sleep(0.1)  # the client has heard of the end
        self.assertEqual(client.setkey(name="k"), {"key": "K"})
        thread.join()
        self.assertEqual(calls, ["setkey"])

    def test_retries_end_after_retry_for(self):
        server, _ = self.cut_first()
        client = self.client(server, retry_for=0.5)
        client.ping()
        server.close()
        began = time.monotonic()
        with self.assertRaises(ConnectionFailed):
            client.sendasync("10.0.0.1", "a", "f")
        self.assertLess(time.monotonic() - began, 60)

    def test_a_server_that_shuts_down_is_waited_for(self):
        replies = ["[503.1] shutting down", ""]

        def answer(call):
            if call["mqf"] == "sendsync" and replies[0]:
                return refusal(call, replies.pop(0))
            return back(call, info={})
        client = self.client(self.fake(answering(answer)))
        client.ping()
        client.sendsync("10.0.0.1", "a", "f")
        self.assertEqual(replies, [""])

    def test_every_connection_logs_in_first_with_the_file_as_it_is_then(self):
        with tempfile.NamedTemporaryFile("w", suffix=".auth") as file:
            def write(token):
                file.seek(0)
                file.write(f"K\n{token}\n")
                file.flush()
            write("old")
            server, calls = self.cut_first()
            client = self.client(server, auth_file=file.name)
            client.connect()
            write("new")
            client.ping()
        self.assertEqual([(call["mqf"], call.get("token")) for call in calls],
                         [("login", "old"), ("ping", None), ("login", "new"), ("ping", None)])

    def test_login_changes_the_key_of_later_connections(self):
        calls = []

        def serve(link, number):
            while True:
                calls.append(link.receive(60))
                link.send(back(calls[-1]))
                if number == 1 and len(calls) == 2:
                    return link.reset()
        client = self.client(self.fake(serve))
        client.login("K", "T")
        client.ping()
        time.sleep(0.1)
        client.ping()
        self.assertEqual([call["mqf"] for call in calls], ["login", "ping", "login", "ping"])

    def test_a_wrong_key_is_refused_and_the_connection_closed(self):
        client = self.client(self.fake(answering(lambda call: refusal(call, "[401.5] invalid key or token"))),
                             key="K", token="T")
        with self.assertRaises(Unauthenticated):
            client.ping()


class Refusals(WithFakeServer):
    def test_an_error_frame_without_an_id_reaches_the_call(self):
        def serve(link, _):
            link.send({"mqt": "back", "mqs": "", "mqf": "", "flag": "false", "error_info": "[429.1] max_connections"})
        with self.assertRaises((Busy, ConnectionFailed)) as raised:
            self.client(self.fake(lambda link, _: link.receive() and serve(link, _))).ping()
        self.assertEqual(raised.exception.code, "429.1")

    def test_a_refusal_that_comes_before_the_first_call_is_told(self):
        def serve(link, _):
            link.send({"mqt": "back", "mqs": "", "mqf": "", "flag": "false", "error_info": "[429.1] max_connections"})
            link.receive(60)

        async def ask():
            async with AsyncElves(self.fake(serve).text) as client:
                await client.connect()
                connection = client._caller._connection
                while connection.is_open:
                    await asyncio.sleep(0.01)
                await connection.call("elves", "ping", {}, 10)
        with self.assertRaises(Busy):
            asyncio.run(ask())

    def test_a_frame_that_was_too_large_is_refused_alone(self):
        first = threading.Event()

        def serve(link, number):
            if number == 1:
                link.receive(), first.set(), link.receive()
                link.send({"mqt": "back", "mqs": "", "mqf": "", "flag": "false", "error_info": "[400.2] too large"})
                return
            answering(lambda call: back(call, info={}))(link, number)
        client, small = self.client(self.fake(serve)), []
        thread = threading.Thread(target=lambda: small.append(client.sendasync("10.0.0.1", "a", "f")))
        thread.start()
        first.wait(5)
        with self.assertRaises(FrameRefused):
            client.sendasync("10.0.0.1", "a", "f", "x" * 100_000)
        thread.join(10)
        self.assertEqual(small, [{"info": {}}])


class Secrets(WithFakeServer):
    """A server on this machine that another user runs: neither key nor token is sent."""

    def setUp(self):
        patch = mock.patch("elves.trust.server_users", return_value=frozenset({4711}))
        patch.start()
        self.addCleanup(patch.stop)
        self.calls = []
        self.server = self.fake(answering(lambda call: self.calls.append(call["mqf"]) or back(call)))

    def test_a_key_is_not_shown_to_another_user_who_listens_there(self):
        with self.assertRaises(UnprovenServer):
            self.client(self.server, key="K", token="T").ping()
        self.assertEqual(self.calls, [])

    def test_without_a_key_calls_go_there_but_none_with_a_token(self):
        client = self.client(self.server)
        client.ping()
        for call in (lambda: client.login("K", "T"), lambda: client.checkipauthbykey("10.0.0.1", "K", "T"),
                     lambda: client.join("10.0.0.1", "0" * 64, join_token="elvjoin_x"),
                     lambda: client.call("elves", "ping", {"auth": {"key": "K", "token": "T"}})):
            with self.assertRaises(UnprovenServer):
                call()
        self.assertEqual(self.calls, ["ping"])

    def test_plain_sends_it_all_the_same(self):
        self.client(self.server, key="K", token="T", plain=True).ping()
        self.assertEqual(self.calls, ["login", "ping"])


class HostileServers(WithFakeServer):
    def fails(self, serve, error=ProtocolError, timeout=30):
        """The call ends in time with that error, and the client goes on to be of use."""
        def first(link, number):
            if number > 1:
                return answering(back)(link, number)
            call = link.receive()
            serve(link, call)
        client = self.client(self.fake(first), retry_for=0, answer_timeout=timeout)
        with self.assertRaises(error):
            client.ping()
        client.call("elves", "ping", timeout=30)

    def test_frames_of_a_forbidden_length(self):
        for length in (0, (16 << 20) + 1, 0xFFFFFFFF):
            with self.subTest(length=length):
                self.fails(lambda link, call: link.send_bytes(struct.pack(">I", length) + b"x" * 100))

    def test_frames_that_are_no_objects(self):
        for body in (b"x", b"[1]", b"\xff\xfe", b'{"a":' * 50_000, b"null"):
            with self.subTest(body=body[:9]):
                self.fails(lambda link, call: link.send_bytes(struct.pack(">I", len(body)) + body))

    def test_a_frame_cut_in_the_midst(self):
        self.fails(lambda link, call: link.send_bytes(struct.pack(">I", 100) + b"{"), ConnectionFailed)
        self.fails(lambda link, call: link.send_bytes(b"\0\0"), ConnectionFailed)

    def test_a_frame_that_never_ends(self):
        def trickle(link, call):
            link.send_bytes(struct.pack(">I", 1000))
            while True:
                link.send_bytes(b" ")
                time.sleep(0.05)
        self.fails(trickle, AnswerTimeout, timeout=0.5)

    def test_replies_to_calls_that_nobody_made(self):
        def flood(link, call):
            for mqid in (None, 999, "1", "c1", -1, 1.5, True, [1], {}, 10 ** 30):
                link.send({"mqt": "back", "mqs": "x", "mqf": "y", "mqid": mqid, "flag": "true", "error_info": ""})
            link.send({"mqt": "call", "mqs": "agent", "mqf": "instruct", "mqid": 1, "id": "0" * 16})
            link.send({"mqt": "cast"})
            link.send({})
            link.send(back(call))
            link.send(back(call))  # twice
            link.receive()
        client = self.client(self.fake(lambda link, _: flood(link, link.receive())))
        client.ping()

    def test_replies_with_odd_fields(self):
        for fields in ({"flag": True}, {"flag": None}, {"flag": "false", "error_info": {"x": 1}}, {"flag": ["true"]}):
            client = self.client(self.fake(answering(lambda call: {**back(call), **fields})))
            with self.subTest(fields=fields), self.assertRaises(elves.Refused):
                client.ping()

    def test_memory_stays_bounded_under_bombs_and_floods(self):
        """In a process of its own with 400 MiB of address space beyond what an idle client has."""
        bomb = b'{"a":[' + b"[]," * 5_000_000 + b"0]}"
        unasked = json.dumps({"mqt": "back", "mqid": "x", "fill": "x" * 2_000_000}).encode()

        def serve(link, number):
            call = link.receive()
            if number == 2:
                link.send_bytes(struct.pack(">I", len(bomb)) + bomb)
            for _ in range(250 if number == 3 else 0):
                link.send_bytes(struct.pack(">I", len(unasked)) + unasked)
            link.send(back(call))
            link.receive(60)
        server = self.fake(serve)
        code = """
import resource, sys
from elves import Elves, ProtocolError
Elves(sys.argv[1]).ping()
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (400 << 20),) * 2)
try:
    Elves(sys.argv[1]).ping()
    sys.exit("the bomb was taken")
except ProtocolError:
    pass
Elves(sys.argv[1], answer_timeout=240).ping()
"""
        done = subprocess.run([sys.executable, "-c", code, server.text], cwd=PYTHON, timeout=300, capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr.decode())


if __name__ == "__main__":
    unittest.main()
