"""Tasks, a cancel and an own cron job for an agent that dies somewhere on the way, under a server that lives."""

import threading
import time

from checker import FINAL, findings
from elves_wire import Client
from evidence import Evidence, opened, read_journal, read_store, rows
from house import Server, eventually
from load import Caller, History
from shim import ShimmedAgent
from worker import WORKER, read_work

IP = "10.1.0.1"
PATIENCE = 30


class AgentScenario:
    def __init__(self, folder, without_syncs=False):
        self.history = History()
        self.folder = folder
        self.server = Server(folder, tasklog={"lost_after": 5}, heartbeat={"interval": 1, "offline_after": 5})
        self.server.start(PATIENCE)
        self.agent = ShimmedAgent(folder, self.server, IP, max_workers=3)
        if without_syncs:
            self.agent.control.swallow_syncs()
        self.agent.app("demo", WORKER, "app-worker.sh")
        self.client = Client.connect(*self.server.address, patience=PATIENCE)
        self.load = threading.Thread(target=self.calls)
        self.failure = None

    def run(self, number, how):
        """Returns whether it came to that call."""
        self.agent.control.doom(number, how, seed=number)
        self.agent.control.clock_ms = 700 - int(time.time() * 1000) % 1000  # nobody waits for the next second
        self.client.ok("cron", "setcronbyip", agentip=IP, rule="0/1 * * * * ?", cron_type="self", overlap="allow",
                       ins={"app": "demo", "func": "ok", "param": "c-own"})
        self.agent.start()
        if self.wait(lambda: self.client.status_of(IP) == "online"):
            self.load.start()
            if self.wait(lambda: not self.load.is_alive()):
                self.wait(lambda: self.client.tasks(type="cron", status="done"))
        if how == "error" and self.agent.alive:
            self.stop_crons()
            self.wait(lambda: self.all_over())
        if self.agent.alive:
            self.agent.terminate(PATIENCE)
        return self.agent.control.calls >= number

    def wait(self, look):
        """Until it is so, or the agent is dead; returns whether it is so."""
        return eventually(lambda: (not self.agent.alive and "dead") or look(), PATIENCE) != "dead"

    def calls(self):
        try:
            with Client.connect(*self.server.address, patience=PATIENCE) as client:
                caller = Caller(client, self.history)
                for n in range(5):
                    caller.send("sendasync", IP, f"t-async{n}", func="no" if n == 1 else "ok")
                for token, func in (("t-sync", "ok"), ("t-died", "die"), ("t-slow", "slow")):
                    caller.send("sendsync", IP, token, func=func, timeout=5)
                long = caller.send("sendasync", IP, "t-canceled", func="long")
                if long:
                    caller.cancel(long["id"])
        except Exception as why:  # told of by `check`
            self.failure = why

    def check(self):
        """Starts it again, and returns what is broken."""
        self.agent.kill9()
        self.agent.control.live()
        self.agent.control.mend_disk()
        self.agent.start()
        eventually(lambda: self.client.status_of(IP) == "online", PATIENCE)
        if self.load.ident:
            self.load.join(PATIENCE)
        if self.failure:
            raise self.failure
        self.stop_crons()
        eventually(self.all_over, PATIENCE, "every task to end, and every result to be confirmed")
        self.agent.terminate(PATIENCE)
        self.server.kill9()
        return findings(self.evidence())

    def stop_crons(self):
        for job in self.client.ok("cron", "getcronlistbyip", agentip=IP)["cron_list"]:
            self.client.ok("cron", "stopcron", agentip=IP, id=job["cron_id"])

    def all_over(self):
        journal = opened(self.agent.keys["journal"])
        try:
            return all(task["status"] in FINAL for task in self.client.tasks(limit=1000)) and \
                not rows(journal, "SELECT id FROM task WHERE confirmed IS NULL")
        finally:
            journal.close()

    def evidence(self):
        evidence = Evidence(history=self.history.entries, workers=read_work(self.folder / "work.log"))
        read_store(evidence, self.server.sections["store"]["path"])
        read_journal(evidence, self.agent.keys["journal"])
        return evidence

    def close(self):
        self.client.close()
        self.agent.kill9()
        self.server.kill9()
