"""What is done to the world, at random: one thread for the server with its disk and clock, one for the agents, one for the
links. Each fault ends what it began; `quiet` ends them all."""

import os
import random
import signal
import threading
import time

from shim import IO_ERROR, NO_SPACE


class Faults:
    def __init__(self, world, tally, seed):
        self.world, self.tally = world, tally
        self.over = threading.Event()
        self.failures = []
        self.threads = [threading.Thread(target=self.live, args=(random.Random(f"{seed} {name}"), *what), daemon=True)
                        for name, what in {"server": (self.server_faults(), 1, 8),
                                           "agents": (self.agent_faults(), 0.3, 4),
                                           "links": (self.link_faults(), 0.5, 5)}.items()]

    def start(self):
        for thread in self.threads:
            thread.start()

    def live(self, chance, ways, least, most):
        while not self.over.wait(chance.uniform(least, most)):
            way = chance.choices([way for way, _ in ways], [weight for _, weight in ways])[0]
            try:
                way(chance)
            except Exception as why:  # the test's own fault, or a program that does not come up again
                self.failures.append(f"{way.__name__}: {type(why).__name__}: {why}")

    def pause(self, chance, least, most):
        self.over.wait(chance.uniform(least, most))

    def quiet(self):
        """All that was broken is whole again, and all that was stopped runs."""
        self.over.set()
        for thread in self.threads:
            thread.join(60)
        for program in [self.world.server] + [host.program for host in self.world.hosts]:
            program.control.mend_disk()
            program.control.live()
            program.control.clock_ms = 0
            if program.alive:
                program.signal(signal.SIGCONT)
            else:
                program.start()

    # ---- the server ----
    def server_faults(self):
        return [(self.kill_server, 4), (self.power_cut, 4), (self.dying_start, 2), (self.stop_server, 2),
                (self.server_writes_fail, 3), (self.disk_full, 2), (self.server_clock, 2), (self.terminate_server, 1), (self.hang_up_server, 1)]

    def down(self):
        self.world.history.add("down")

    def start_server(self):
        self.world.server.control.live()
        self.world.server.start()

    def kill_server(self, chance):
        self.down()
        self.world.server.kill9()
        self.tally.add("kills of the server")
        self.pause(chance, 0, 1.5)
        self.start_server()

    def terminate_server(self, chance):
        self.down()
        code = self.world.server.terminate(30)
        self.tally.add("orderly stops of the server")
        if code != 0:
            self.failures.append(f"the server ended with {code} at SIGTERM")
        self.pause(chance, 0, 1)
        self.start_server()

    def hang_up_server(self, _chance):
        """It reads its settings again, and goes on."""
        self.world.server.signal(signal.SIGHUP)
        self.tally.add("hang-ups of the server")

    def power_cut(self, chance):
        """It dies at one of its next writes, and what was not synced is lost with it."""
        self.down()
        server = self.world.server
        server.control.doom(server.control.calls + chance.randrange(1, 40), chance.choice(["power", "chance", "torn"]),
                           chance.randrange(1 << 31))
        until = time.monotonic() + 5
        while server.alive and time.monotonic() < until:
            time.sleep(0.01)
        server.kill9()
        self.tally.add("power cuts of the server")
        self.pause(chance, 0, 1)
        self.start_server()

    def dying_start(self, chance):
        """Killed, and once more while it comes up."""
        self.down()
        server = self.world.server
        server.kill9()
        server.control.doom(chance.randrange(1, 60), chance.choice(["before", "power", "chance", "torn"]),
                           chance.randrange(1 << 31))
        try:
            server.start()
            self.pause(chance, 0.1, 0.5)
        except RuntimeError:
            pass
        server.kill9()
        self.tally.add("deaths of the server while it started")
        self.start_server()

    def stop_server(self, chance):
        self.stopped(self.world.server, chance, 0.2, 6)
        self.tally.add("stops of the server")

    def stopped(self, program, chance, least, most):
        program.signal(signal.SIGSTOP)
        self.pause(chance, least, most)
        program.signal(signal.SIGCONT)

    def server_writes_fail(self, chance):
        self.writes_fail(self.world.server, chance)
        if chance.random() < 0.3:
            self.kill_server(chance)

    def writes_fail(self, program, chance):
        program.control.failed = 0
        program.control.break_disk(*chance.choice([(IO_ERROR, 0), (NO_SPACE, 0), (0, IO_ERROR), (IO_ERROR, IO_ERROR)]))
        self.pause(chance, 0.05, 2)
        program.control.mend_disk()
        self.tally.add("times that writes failed")
        self.tally.add("writes and fsyncs that failed", program.control.failed)

    def disk_full(self, chance):
        if not self.world.disk.mounted:
            return
        self.world.disk.fill()
        self.pause(chance, 0.3, 3)
        kills = chance.random() < 0.3
        if kills:
            self.down()
            self.world.server.kill9()
            self.tally.add("kills of the server")
        self.world.disk.free()
        self.tally.add("times that the disk was full")
        if kills:
            self.start_server()

    def server_clock(self, chance):
        self.jump(self.world.server, "server", chance)

    def jump(self, program, whose, chance):
        """Not for good: the next jump is from the true time again. One of the two goes back."""
        self.world.history.add("clock set back", whose=whose)
        program.control.clock_ms = chance.choice([-1, 1]) * chance.choice([500, 3_000, 70_000, 3_600_000])
        self.tally.add("clock jumps")
        self.pause(chance, 0.5, 5)
        program.control.clock_ms = 0
        self.tally.add("clock jumps")

    # ---- the agents ----
    def agent_faults(self):
        return [(self.kill_agent, 4), (self.agent_power_cut, 3), (self.kill_worker, 4), (self.stop_agent, 2),
                (self.agent_writes_fail, 2), (self.agent_clock, 1), (self.terminate_agent, 1)]

    def any_agent(self, chance):
        return chance.choice(self.world.hosts).program

    def kill_agent(self, chance):
        agent = self.any_agent(chance)
        agent.kill9()
        self.tally.add("kills of agents")
        self.pause(chance, 0, 3)
        agent.start()

    def terminate_agent(self, chance):
        agent = self.any_agent(chance)
        agent.terminate(60)
        self.tally.add("orderly stops of agents")
        self.pause(chance, 0, 1)
        agent.start()

    def agent_power_cut(self, chance):
        agent = self.any_agent(chance)
        agent.control.doom(agent.control.calls + chance.randrange(1, 30), chance.choice(["power", "chance", "torn"]),
                          chance.randrange(1 << 31))
        self.pause(chance, 0.5, 2)
        agent.kill9()
        agent.control.live()
        self.tally.add("power cuts of agents")
        agent.start()

    def kill_worker(self, chance):
        workers = chance.choice(self.world.hosts).workers()
        if not workers:
            return
        try:
            os.kill(chance.choice(workers), signal.SIGKILL)
            self.tally.add("kills of workers")
        except ProcessLookupError:
            pass

    def stop_agent(self, chance):
        self.stopped(self.any_agent(chance), chance, 0.2, 8)
        self.tally.add("stops of agents")

    def agent_writes_fail(self, chance):
        self.writes_fail(self.any_agent(chance), chance)

    def agent_clock(self, chance):
        host = chance.choice(self.world.hosts)
        self.jump(host.program, host.ip, chance)

    # ---- the links ----
    def link_faults(self):
        return [(self.cut, 4), (self.cut_one_side, 2), (self.hold, 2), (self.slow, 1)]

    def any_link(self, chance):
        return chance.choice([self.world.front] + [host.link for host in self.world.hosts])

    def cut(self, chance):
        self.any_link(chance).cut()
        self.tally.add("links cut")

    def cut_one_side(self, chance):
        self.any_link(chance).cut_one_side()
        self.tally.add("links cut on one side")

    def hold(self, chance):
        link = self.any_link(chance)
        link.hold()
        self.pause(chance, 0.3, 8)
        link.let_go()
        self.tally.add("links that held everything up")

    def slow(self, chance):
        link = self.any_link(chance)
        link.delay = chance.uniform(0.01, 0.3)
        self.pause(chance, 0.5, 4)
        link.delay = 0
        self.tally.add("slow links")
