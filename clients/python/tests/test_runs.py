"""Runs, by what `run` returns, against a running elvesd with agents that a test steers."""

import asyncio
import os
import subprocess
import sys
import unittest

from . import support
from elves_wire import RUN, Result
from house import HouseTest

from elves import AsyncElves, Conflict, Elves, InvalidField
from .support import CuttingProxy

IPS = [f"10.0.0.{i}" for i in range(1, 6)]
SCRIPT = support.PYTHON / "examples" / "rollout.py"


class Runs(HouseTest):
    deadline = 300

    def setUp(self):
        super().setUp()
        self.house = self.server()
        self.ran = []
        self.fails = {}  # how often each host still fails
        self.agents = [self.agent(self.house, ip, lambda call, ip=ip: self.answer(ip)) for ip in IPS]
        self.elves = Elves(self.house.text, answer_timeout=60)
        self.addCleanup(self.elves.close)

    def answer(self, ip):
        self.ran.append(ip)
        if self.fails.get(ip, 0):
            self.fails[ip] -= 1
            return Result(0, "no room")
        return Result(1, "well")

    def test_a_run_is_started_watched_and_looked_at(self):
        run = self.elves.run("all", "demo", "work", {"a": 1}, waves="1,100%", timeout=60, note="why not")
        self.assertEqual((run.count, run.state), (5, ""))
        self.assertEqual({(host["agentip"], host["state"]) for host in run.watch(timeout=200)},
                         {(ip, "done") for ip in IPS})
        self.assertEqual((run.state, run.why), ("done", ""))
        record = run.record()
        self.assertEqual((record["note"], record["wave_count"], record["ins"]["param"]), ("why not", "2", '{"a":1}'))
        self.assertEqual(run.counts(), {"done": 5})
        self.assertEqual([host["agentip"] for host in run.hosts()], IPS)
        self.assertEqual(list(run.hosts("failed", "lost")), [])
        self.assertEqual([(one["count"], one["text"]) for one in run.answers()], [("5", "well")])

    def test_those_that_failed_are_tried_again(self):
        self.fails = {IPS[1]: 1, IPS[3]: 2}
        run = self.elves.run("all", "demo", "work", max_fail=5)
        self.assertEqual(run.wait(timeout=200)["state"], "partial")
        self.assertEqual([host["agentip"] for host in run.hosts("failed")], [IPS[1], IPS[3]])
        again = run.retry(note="again")
        self.assertEqual(again.count, 2)
        self.assertEqual(again.wait(timeout=200)["of"], run.id)
        self.assertEqual(again.counts(), {"done": 1, "failed": 1})
        last = again.retry(["failed"])
        self.assertEqual(last.wait(timeout=200)["state"], "done")
        with self.assertRaises(InvalidField):
            last.retry()

    def test_a_pause_ends_the_wait_and_the_run_can_be_resumed_or_stopped(self):
        run = self.elves.run("all", "demo", "work", waves="1,100%", pause="ask")
        self.assertEqual(run.wait(timeout=200)["state"], "paused")
        self.assertEqual((run.state, run.why, self.ran), ("paused", "wave", IPS[:1]))
        run.resume()
        self.assertEqual(run.wait(timeout=200)["state"], "done")
        with self.assertRaises(Conflict):
            run.stop()
        other = self.elves.run("all", "demo", "work", waves="1,100%", pause="ask")
        other.wait(timeout=200)
        other.stop("enough")
        self.assertEqual(other.wait(timeout=200, through_pauses=True)["state"], "stopped")
        self.assertEqual(other.counts(), {"done": 1, "not_started": 4})

    def test_a_wait_ends_in_time(self):
        self.answer = lambda ip: RUN
        run = self.elves.run("all", "demo", "work")
        with self.assertRaises(TimeoutError):
            run.wait(timeout=0.5)
        with self.assertRaises(TimeoutError):
            run.wait(timeout=0)
        run.cancel()
        self.assertEqual(run.wait(timeout=200)["state"], "canceled")

    def test_a_watch_outlives_a_killed_server_and_tells_each_host_once(self):
        run = self.elves.run("all", "demo", "work", waves="1", pause="ask")
        seen = []
        for wave in range(5):
            seen += [host["agentip"] for host in run.watch(timeout=200)]
            if wave == 1:
                self.house.restart()
                for agent in self.agents:
                    agent.start_patiently()
            if run.state == "paused":
                run.resume()
        self.assertEqual(run.state, "done")
        self.assertEqual(sorted(set(seen)), IPS)
        self.assertEqual(sorted(self.ran), IPS)

    def test_a_run_that_is_sent_again_is_the_same_run(self):
        proxy = CuttingProxy(self.house.tcp, 200, 1500, seed=os.getpid())
        self.addCleanup(proxy.close)
        with Elves(proxy.text, retry_for=200, answer_timeout=60) as elves:
            for _ in range(100):
                try:
                    elves.connect()
                    break
                except ConnectionError:
                    pass
            runs = [elves.run(IPS[0], "demo", "work") for _ in range(20)]
            for run in runs:
                self.assertEqual(run.wait(timeout=200)["state"], "done")
        self.assertEqual({run["id"] for run in self.elves.iter_runs()}, {run.id for run in runs})
        self.assertEqual(len(self.ran), 20)
        self.assertGreater(proxy.cuts, 0)

    def test_the_asyncio_client_does_the_same(self):
        async def work():
            async with AsyncElves(self.house.text, answer_timeout=60) as elves:
                run = await elves.run("all", "demo", "work")
                hosts = [host["agentip"] async for host in run.watch(timeout=200)]
                answers = [one["text"] async for one in run.answers()]
                return sorted(hosts), answers, (await run.wait())["state"]
        self.assertEqual(asyncio.run(work()), (IPS, ["well"], "done"))

    def test_the_example_script_starts_watches_and_retries_a_run(self):
        self.assertLessEqual(len(SCRIPT.read_text(encoding="utf-8").splitlines()), 42)
        self.fails = {IPS[1]: 1, IPS[3]: 2}
        done = subprocess.run([sys.executable, str(SCRIPT), "all", "demo", "work", "x"], capture_output=True, timeout=200,
                              encoding="utf-8", env={**os.environ, "PYTHONPATH": str(support.PYTHON),
                                                     "ELVES_SERVER": self.house.text})
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.assertEqual(len(self.ran), 5 + 2 + 1)
        for line in ("5 hosts, 0 of them away", "attempt 1, 5 hosts", "attempt 2, 2 hosts", "attempt 3, 1 hosts",
                     "3 x done: 'well'", "2 x failed: 'no room'"):
            self.assertIn(line, done.stdout)


if __name__ == "__main__":
    unittest.main()
