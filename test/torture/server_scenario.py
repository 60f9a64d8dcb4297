"""One call of every kind, one after the other, to a server that dies somewhere on the way; then a look at what is left."""

import time

from checker import FINAL, findings
from elves_wire import Agent, Client, LinkClosed, Processor, Result, Slow
from evidence import Evidence, read_store
from house import eventually
from load import Caller, History
from shim import ShimmedServer

IP, AWAY = "10.0.0.1", "10.0.0.2"
PATIENCE = 30
EVERY_SECOND = "0/1 * * * * ?"


class ServerScenario:
    def __init__(self, folder, without_syncs=False):
        self.history = History()
        self.server = ShimmedServer(folder, tasklog={"lost_after": 5})
        if without_syncs:
            self.server.control.swallow_syncs()
        self.processor = Processor(self.deliver)
        self.agent = None
        self.client = None
        self.is_checking = False

    def deliver(self, call, number):
        said = number > 1 or self.is_checking  # it has to come a second time, or after the crash
        self.history.add("delivered", id=call["id"], worker_flag=call["worker_flag"], said=said)
        return said

    def run(self, number, how):
        """Returns whether it came to that call."""
        self.server.control.doom(number, how, seed=number)
        try:
            self.server.start(PATIENCE)
            self.calls()
            if how == "error":
                self.is_checking = True
                eventually(lambda: self.all_over(Caller(self.client, self.history)), PATIENCE, "it to recover by itself")
            self.server.terminate(PATIENCE)
        except (LinkClosed, Slow, OSError, RuntimeError) as why:
            self.died(why, how)
            return True
        return self.server.control.calls >= number

    def died(self, why, how):
        """Nothing but the shim ends a scenario, or where it can't start, an error."""
        until = time.monotonic() + PATIENCE
        while self.server.alive:
            if time.monotonic() > until:
                raise AssertionError(f"the scenario broke off, and the server is alive: {why!r}")
            time.sleep(0.002)
        code = self.server.wait()
        if code >= 0 and not (how == "error" and isinstance(why, RuntimeError)):
            raise AssertionError(f"the server ended by itself: {self.server.log()[-500:]}")

    def connect(self):
        if self.client:
            self.client.close()
        self.client = Client.connect(*self.server.address, patience=PATIENCE)
        return Caller(self.client, self.history)

    def calls(self):
        caller = self.connect()
        self.records(caller)
        self.agent = Agent(self.server.address, IP,
                           lambda call: Result(int(call["ins"]["func"] == "ok"), f"did {call['ins']['param']}"),
                           repeat_every=0.3)
        self.agent.start(PATIENCE)
        self.tasks(caller)
        self.cron(caller)

    def records(self, caller):
        caller.set_app("demo", self.processor.port, self.processor.host)
        caller.set_app("brief", 9)
        caller.del_app("brief")
        caller.new_key("kept")
        if brief := caller.new_key("brief"):
            caller.del_key(brief["key"])
        for sn in ("first", "second"):
            caller.set_cmdb(IP, sn)
        caller.set_cmdb(AWAY, "brief")
        caller.del_cmdb(AWAY)
        caller.set_cron(AWAY, "0 0 3 1 1 ?", "c-yearly")
        if brief := caller.set_cron(AWAY, "0 0 4 1 1 ?", "c-brief"):
            caller.del_cron(AWAY, brief["id"])

    def tasks(self, caller):
        caller.send("sendasync", IP, "t-async")
        caller.send("sendsync", IP, "t-sync")
        caller.send("sendsync", IP, "t-no", func="no")
        caller.send("sendasync", IP, "t-processed", mode="P")
        caller.send("sendsync", IP, "t-both", mode="P")
        for _ in range(2):
            caller.send("sendasync", IP, "t-once", dedup="once")
        caller.send("sendasync", AWAY, "t-undelivered", mode="P")
        waits = caller.send("sendasync", AWAY, "t-waits", ttl=300)
        caller.send("sendasync", AWAY, "t-waits-on", ttl=300)
        if waits:
            caller.cancel(waits["id"])

    def cron(self, caller):
        """A job that fires now, and one of the agent's own."""
        self.server.control.clock_ms = 950 - int(time.time() * 1000) % 1000  # nobody waits for the next second
        cron = caller.set_cron(IP, EVERY_SECOND, "c-each", overlap="allow", misfire="once")
        caller.set_cron(IP, "0 0 5 1 1 ?", "c-own", cron_type="self")
        if not cron:
            return
        self.agent.wait_until(lambda: not self.agent.up or any(
            call["ins"]["param"] == "c-each" for call in self.agent.calls_seen("instruct")), PATIENCE)
        caller.del_cron(IP, cron["id"])

    # ---- afterwards ----
    def check(self):
        """Starts it again, and returns what is broken."""
        self.is_checking = True
        self.server.kill9()
        if self.agent and self.agent.registered:
            self.agent.wait_closed(PATIENCE)
        self.server.control.live()
        self.server.control.mend_disk()
        self.server.start(PATIENCE)
        caller = self.connect()
        caller.set_app("demo", self.processor.port, self.processor.host)
        if self.agent:
            self.agent.start_patiently(PATIENCE)
        self.stop_crons()
        eventually(lambda: self.all_over(caller), PATIENCE, "every task to end, and every processor to hear")
        self.server.kill9()
        return findings(self.evidence())

    def stop_crons(self):
        """So that it comes to an end. Not noted: what is acknowledged stays as it is."""
        for job in self.client.ok("cron", "getcronlistbyip", agentip=IP)["cron_list"]:
            self.client.ok("cron", "stopcron", agentip=IP, id=job["cron_id"])

    def all_over(self, caller):
        tasks = self.client.tasks(limit=1000)
        for task in tasks:
            if task["status"] == "waiting":
                caller.cancel(task["id"])
        return all(task["status"] in FINAL and (task["mode"] != "P" or task["module_sync_flag"] == "true")
                   for task in tasks)

    def evidence(self):
        evidence = Evidence(history=self.history.entries)
        read_store(evidence, self.server.sections["store"]["path"])
        if self.agent:
            for taken in self.agent.journal.values():
                line = {"token": taken.ins["param"], "id": taken.id}
                evidence.workers.append({"event": "start", "flag": None, **line})
                if taken.result:
                    evidence.workers.append({"event": "end", "flag": taken.result.flag, **line})
            evidence.confirmed = {taken.id for taken in self.agent.journal.values() if taken.confirmed}
        return evidence

    def close(self):
        if self.client:
            self.client.close()
        if self.agent:
            self.agent.stop()
        self.processor.close()
        self.server.kill9()
