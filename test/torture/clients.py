"""What the world's clients ask for, at random, as long as they are let."""

import random
import threading
import time
import traceback

from elves_wire import LinkClosed, Slow
from load import Caller
from world import ABSENT, AGENTS


class Crowd:
    """So many clients, each in a thread, each with a connection that it dials anew when it breaks."""

    def __init__(self, world, tally, seed, count):
        self.world, self.tally = world, tally
        self.over = threading.Event()
        self.failures = []
        self.members = [Member(self, n, random.Random(f"{seed} client {n}")) for n in range(count)]

    def start(self):
        for member in self.members:
            member.thread.start()

    def stop(self):
        self.over.set()
        for member in self.members:
            member.thread.join(60)


class Member:
    def __init__(self, crowd, number, chance):
        self.crowd, self.number, self.chance = crowd, number, chance
        self.thread = threading.Thread(target=self.live, daemon=True)
        self.sent = []         # ids
        self.keys, self.crons = [], []
        self.count = 0
        self.unsure = None     # a send with `dedup` that was not answered
        self.ways = [(self.send, 60), (self.cancel, 8), (self.cmdb, 8), (self.app, 3), (self.key, 3), (self.cron, 2)]

    def live(self):
        while not self.crowd.over.is_set():
            try:
                with self.crowd.world.client(through_front=True) as client:
                    self.talk(Caller(client, self.crowd.world.history))
            except (OSError, LinkClosed, Slow):
                self.crowd.tally.add("connections lost")
                time.sleep(self.chance.uniform(0.02, 0.3))
            except Exception as why:  # the test's own fault; told at the end
                self.crowd.failures.append(f"client {self.number}: {type(why).__name__}: {why}\n{traceback.format_exc()}")
                return

    def talk(self, caller):
        while not self.crowd.over.is_set():
            way = self.chance.choices([way for way, _ in self.ways], [weight for _, weight in self.ways])[0]
            # What counts is the history; this is how many calls came back at all.
            self.crowd.tally.add("calls answered" if way(caller) is not False else "calls left out")
            time.sleep(self.chance.uniform(0, 0.08))

    def token(self):
        self.count += 1
        return f"t-{self.number}-{self.count}"

    def send(self, caller):
        if self.unsure:
            return self.send_again(caller)
        chance = self.chance
        method = chance.choice(["sendasync", "sendasync", "sendsync"])
        agent = ABSENT if chance.random() < 0.03 else chance.choice(AGENTS)
        ins = {"func": chance.choices(["ok", "no", "slow", "long", "die"], [60, 10, 15, 5, 5])[0],
               "mode": chance.choice(["NP", "NP", "NP", "P"]), "timeout": chance.choice([2, 5, 5, 20])}
        if chance.random() < 0.3:
            ins["ttl"] = chance.choice([2, 5, 20])
        if chance.random() < 0.2:
            ins["dedup"] = f"d-{self.number}-{self.count}"
        return self.attempt(caller, (method, agent, self.token()), ins)

    def send_again(self, caller):
        """The same words: it must not start a second task."""
        place, ins = self.unsure
        self.unsure = None
        self.crowd.tally.add("sends repeated")
        return self.attempt(caller, place, ins)

    def attempt(self, caller, place, ins):
        if "dedup" in ins:
            self.unsure = place, ins
        info = caller.send(*place, **ins)
        self.unsure = None
        if info:
            self.sent.append(info["id"])
            self.crowd.tally.add("sends acknowledged")
        return info

    def cancel(self, caller):
        if not self.sent:
            return False
        return caller.cancel(self.chance.choice(self.sent[-20:]))

    def cmdb(self, caller):
        ip = f"10.2.{self.number}.{self.chance.randrange(20)}"
        return caller.del_cmdb(ip) if self.chance.random() < 0.2 else caller.set_cmdb(ip, self.token())

    def app(self, caller):
        name = f"app-{self.number}-{self.chance.randrange(5)}"
        if self.chance.random() < 0.3:
            return caller.del_app(name)
        return caller.set_app(name, self.chance.randrange(1, 65536))

    def key(self, caller):
        if self.keys and self.chance.random() < 0.5:
            return caller.del_key(self.keys.pop(self.chance.randrange(len(self.keys))))
        made = caller.new_key(self.token())
        if made:
            self.keys.append(made["key"])
        return made

    def cron(self, caller):
        chance = self.chance
        if len(self.crons) >= 3:
            return caller.del_cron(*self.crons.pop(chance.randrange(len(self.crons))))
        agent = chance.choice(AGENTS)
        made = caller.set_cron(
            agent, f"0/{chance.choice([2, 3, 5, 10])} * * * * ?", f"c-{self.number}",
            cron_type=chance.choice(["center", "self"]), misfire=chance.choice(["skip", "once"]),
            overlap=chance.choice(["skip", "allow", "replace"]), jitter=chance.choice([0, 0, 3]))
        if made:
            self.crons.append((agent, made["id"]))
        return made
