"""More than one agent takes: what is too much is refused at once, and everything else goes on."""

import os
import pathlib
import re
import resource
import socket
import struct
import unittest

from elves_wire import RUN, Client, Link, LinkClosed, Result, code_of, pack
from house import HouseTest, binary, eventually

IP, OTHER = "10.0.0.1", "10.0.0.2"
MOST = 10_000  # unfinished tasks of one agent
INS = {"app": "demo", "func": "work", "timeout": 3600}


class Overload(HouseTest):
    deadline = 180

    def test_connections_beyond_the_limit_are_told_so_and_the_others_work(self):
        house = self.server(server={"max_connections": 3})
        inside = [self.client(house) for _ in range(3)]
        for client in inside:
            client.ok("elves", "ping")
        beyond = Link(socket.create_connection(house.address, timeout=10))
        self.assertEqual(code_of(beyond.receive()), "429.1")
        with self.assertRaises(LinkClosed):
            beyond.receive()
        for client in inside:
            client.ok("elves", "ping")
        inside[0].close()

        def is_room():
            with Client.connect(*house.address) as another:
                return another.ok("elves", "ping")

        eventually(is_room, 10, "room for another one")

    def test_each_listener_takes_up_again_when_there_are_descriptors(self):
        if b"__ubsan_handle" in pathlib.Path(binary("elvesd")).read_bytes():
            self.skipTest("built with UBSan, which needs descriptors itself to look at an object's type")
        house = self.server(server={"listen": "127.0.0.1:0, 127.0.0.2:0"})
        doors = re.findall(r"listening on (\S+):(\d+)", house.log())
        self.assertEqual(len(doors), 2)
        pid = house.process.pid
        limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        used = max(int(fd) for fd in os.listdir(f"/proc/{pid}/fd")) + 1
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (used, limits[1]))
        clients = [Client.connect(host, int(port)) for host, port in doors]
        eventually(lambda: house.log().count("connection.accept_failed") >= 4)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
        for client in clients:
            client.ok("elves", "ping")
            client.close()

    def test_what_one_agent_has_not_finished_is_bounded_and_nobody_else_notices(self):
        house = self.server(server={"max_inflight": 2 * MOST})
        caller = self.wire_client(house, patience=120)
        agent = self.agent(house, IP, lambda call: RUN)
        self.agent(house, OTHER, lambda call: Result(1, "well"))
        calls = [caller.begin("sheduler", "sendasync", agentip=IP, ins=INS) for _ in range(MOST)]
        taken = [caller.finish(call)["info"]["id"] for call in calls]
        self.assertEqual(len(set(taken)), MOST)
        caller.refused("429.1", "sheduler", "sendasync", agentip=IP, ins=INS)
        caller.refused("429.1", "sheduler", "sendsync", agentip=IP, ins=INS)
        self.assertEqual(caller.status_of(IP), "online")
        self.assertEqual(self.send_sync(caller, OTHER)["worker_flag"], 1)
        agent.finish(taken[0], Result(1, "room"))
        self.wait_status(caller, taken[0], "done")
        eventually(lambda: caller.call("sheduler", "sendasync", agentip=IP, ins=INS)["flag"] == "true")
        house.restart()
        again = self.wire_client(house)
        self.assertEqual(again.task(taken[-1])["status"], "running")


class Hostile(HouseTest):
    """`./dev hostile` measures this with thousands of connections; here it has to hold with some of each."""
    deadline = 120

    def strangers(self, house, count, said=b""):
        """Connections that say that much, as far as the server takes it at once, and never read."""
        for _ in range(count):
            sock = socket.create_connection(house.address, timeout=10)
            self.addCleanup(sock.close)
            sock.setblocking(False)
            try:
                sock.send(said)
            except BlockingIOError:
                pass

    def test_the_silent_the_slow_and_the_greedy_leave_the_others_answers_flowing(self):
        house = self.server()
        self.agent(house, IP, lambda call: Result(1, "well"))
        client = self.client(house)
        ping = pack({"mqt": "call", "mqs": "elves", "mqf": "ping"})
        greedy = pack({"mqt": "call", "mqs": "elves", "mqf": "methods"}) * 2_000
        self.strangers(house, 200)
        self.strangers(house, 100, ping[:10])
        self.strangers(house, 20, struct.pack(">I", 4 << 20) + b" " * (64 << 10))
        self.strangers(house, 20, greedy)
        for round_ in range(20):
            for _ in range(20):
                socket.create_connection(house.address, timeout=10).close()
            client.ok("elves", "ping")
            self.assertEqual(self.send_sync(client, IP, param=str(round_))["worker_flag"], 1)
        stats = client.ok("elves", "stats")["stats"]
        self.assertGreaterEqual(int(stats["connections"]), 300)


class Quiet(HouseTest):
    """A client that says nothing may have gone without a word; an agent says nothing until it is asked."""

    def test_a_quiet_client_is_closed_and_one_that_waits_for_its_answer_or_is_an_agent_is_not(self):
        house = self.server(server={"idle_timeout": 3})
        self.agent(house, IP, lambda call: RUN)
        quiet_agent = self.agent(house, OTHER, beat_every=None)
        waiting = self.wire_client(house)
        call = waiting.begin("sheduler", "sendsync", agentip=IP, ins={**INS, "timeout": 8})
        spoken = self.wire_client(house)
        spoken.ok("elves", "ping")
        silent, halfway = self.wire_client(house), self.wire_client(house)
        halfway.send_bytes(pack({"mqt": "call", "mqs": "elves", "mqf": "ping"})[:20])
        for client in (silent, spoken, halfway):
            client.expect_closed()
        self.assertEqual(waiting.finish(call)["info"]["worker_flag"], -1)
        waiting.expect_closed()
        self.assertTrue(quiet_agent.up)
        self.assertEqual(self.wire_client(house).status_of(OTHER), "online")


if __name__ == "__main__":
    unittest.main()
