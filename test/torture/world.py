"""What is tortured: a server whose data lies on a small disk of its own, agents, the links between them, an app's processor."""

import os
import pathlib
import random
import shutil
import subprocess
import threading

from elves_wire import Processor
from evidence import Evidence, read_journal, read_store
from house import eventually
from library_client import LibraryClient
from proxy import Proxy
from shim import ShimmedAgent, ShimmedServer
from worker import WORKER, read_work

DISK_BYTES = 512 << 20
AGENTS = ["10.1.0.1", "10.1.0.2", "10.1.0.3"]
ABSENT = "10.9.9.9"  # an agent that never comes


class Disk:
    """A file system in memory that can be filled; only root can have one."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
        self.mounted = os.geteuid() == 0 and subprocess.run(mount, stderr=subprocess.DEVNULL).returncode == 0
        self.ballast = folder / "ballast"

    def fill(self):
        with open(self.ballast, "wb", buffering=0) as file:
            for piece in (1 << 24, 1 << 20, 1 << 12):
                try:
                    while True:
                        size = os.fstat(file.fileno()).st_size
                        os.posix_fallocate(file.fileno(), size, piece)
                except OSError:
                    pass

    def free(self):
        self.ballast.unlink(missing_ok=True)

    def close(self):
        if self.mounted:
            subprocess.run(["umount", "--lazy", str(self.folder)], check=False)


class Host:
    """One agent on a machine of its own: folder, journal, workers, the link."""

    def __init__(self, folder, ip, server):
        folder.mkdir()
        self.link = Proxy(server.address)
        self.program = ShimmedAgent(folder, self.link.text, ip, max_workers=4)
        self.program.app("demo", WORKER, "app-worker.sh")
        self.ip = ip

    def workers(self):
        """Process ids of what the agent runs now."""
        try:
            pid = self.program.process.pid
            return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        except (OSError, AttributeError):
            return []


class World:
    def __init__(self, folder, history, seed):
        self.folder, self.history = pathlib.Path(folder), history
        self.random = random.Random(f"{seed} processor")
        self.is_quiet = False
        self.disk = Disk(self.folder / "disk")
        self.server = ShimmedServer(
            self.folder, store={"path": str(self.disk.folder / "elves.db")},
            heartbeat={"interval": 1, "offline_after": 5}, sheduler={"handover_timeout": 3},
            tasklog={"lost_after": 30})
        self.server_lock = threading.Lock()  # who has it may stop and start the server
        self.server.start()
        self.front = Proxy(self.server.address)
        self.processor = Processor(self.deliver)
        self.hosts = [Host(self.folder / ip, ip, self.server) for ip in AGENTS]
        for host in self.hosts:
            host.program.start()
        with self.client() as client:
            client.ok("supervisor", "setapp", appname="demo", appip="127.0.0.1", appport=str(self.processor.port))
            for host in self.hosts:
                eventually(lambda ip=host.ip: client.status_of(ip) == "online")

    def client(self, through_front=False, patience=15):
        address = ("127.0.0.1", self.front.port) if through_front else self.server.address
        return LibraryClient(address, patience=patience)

    def deliver(self, call, _number):
        said = True if self.is_quiet else self.random.choice([True, True, False, None])
        self.history.add("delivered", id=call["id"], worker_flag=call["worker_flag"], said=said)
        return said

    def evidence(self):
        """When all is down."""
        evidence = Evidence(history=self.history.entries)
        read_store(evidence, self.server.sections["store"]["path"])
        for host in self.hosts:
            evidence.workers += read_work(host.program.folder / "work.log")
            read_journal(evidence, host.program.keys["journal"])
        return evidence

    def stop(self):
        for host in self.hosts:
            host.program.terminate()
        self.server.terminate()

    def keep_store(self):
        """Off the disk that goes with the world."""
        shutil.copytree(self.disk.folder, self.folder / "store", ignore=shutil.ignore_patterns("ballast"))

    def close(self):
        for host in self.hosts:
            host.program.kill9()
            host.link.close()
        self.server.kill9()
        self.front.close()
        self.processor.close()
        self.disk.close()
