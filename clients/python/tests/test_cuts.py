"""Sends through a proxy that cuts connections at random: no task twice, none lost.

    python3 -m tests.test_cuts --sends 10000       in clients/python; without it 1,000 ($ELVES_CLIENT_SENDS)
"""

import asyncio
import collections
import concurrent.futures
import os
import sys
import time
import unittest

from .support import CuttingProxy
from elves_wire import Result
from house import HouseTest

from elves import AsyncElves, Elves

SENDS = int(os.environ.get("ELVES_CLIENT_SENDS", "1000"))
IP = "10.0.0.1"
CONNECTION_BYTES = (200, 12_000)  # how much a connection carries before it is cut
PARALLEL = 24


class Cuts(HouseTest):
    deadline = 300 + SENDS // 10

    def test_no_send_is_lost_and_none_becomes_two_tasks(self):
        house = self.server()
        agent = self.agent(house, IP, lambda call: Result(1, "did " + call["ins"]["param"]))
        seed = int(time.time())
        proxy = CuttingProxy(house.tcp, *CONNECTION_BYTES, seed=seed)
        self.addCleanup(proxy.close)
        began = time.monotonic()
        # A connection can be cut during its very first call; so each client has connected before it counts.
        sent = asyncio.run(self.send_async_ones(proxy, range(0, SENDS, 2)))
        sent.update(self.send_sync_ones(proxy, range(1, SENDS, 2)))
        took = time.monotonic() - began
        ran = collections.Counter(taken.ins["param"] for taken in agent.journal.values())
        self.assertEqual([param for param, times in ran.items() if times > 1], [], "ran twice")
        self.assertEqual(set(map(str, range(SENDS))) - set(ran), set(), "never ran")
        with Elves(house.text, answer_timeout=60) as direct:
            logged = collections.Counter(task["param"] for task in direct.iter_tasks())
            self.assertEqual(logged, ran)
            for at in range(0, SENDS, 500):
                ids = [sent[number] for number in range(at, min(at + 500, SENDS))]
                tasks = direct.wait(ids, 120)
                self.assertEqual([(task["param"], task["status"]) for task in tasks],
                                 [(str(number), "done") for number in range(at, min(at + 500, SENDS))])
        self.assertGreater(proxy.cuts, SENDS / 100)
        print(f"{SENDS} sends, {proxy.cuts} cuts (seed {seed}), {took:.0f} s: none twice, none lost", file=sys.stderr)

    async def send_async_ones(self, proxy, numbers):
        sent, left = {}, iter(numbers)
        async with AsyncElves(proxy.text, retry_for=300, answer_timeout=60) as client:
            await connected(client.connect)

            async def work():
                for number in left:
                    sent[number] = (await client.sendasync(IP, "demo", "work", str(number), ttl=600))["info"]["id"]
            await asyncio.gather(*(work() for _ in range(PARALLEL)))
        return sent

    def send_sync_ones(self, proxy, numbers):
        with Elves(proxy.text, retry_for=300, answer_timeout=60) as client, \
                concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
            asyncio.run(connected(lambda: asyncio.to_thread(client.connect)))

            def work(number):
                info = client.sendsync(IP, "demo", "work", str(number), timeout=300)["info"]
                self.assertEqual((info["worker_flag"], info["worker_result"]), (1, f"did {number}"))
                return number, info["id"]
            return dict(pool.map(work, numbers))


async def connected(connect):
    """The very first connection of a client is not tried twice by itself."""
    for _ in range(100):
        try:
            return await connect()
        except ConnectionError:
            pass
    raise AssertionError("the proxy lets nobody through")


if __name__ == "__main__":
    if "--sends" in sys.argv:
        at = sys.argv.index("--sends")
        SENDS = int(sys.argv[at + 1])
        Cuts.deadline = 300 + SENDS // 10
        del sys.argv[at:at + 2]
    unittest.main()
