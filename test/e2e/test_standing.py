"""What a machine may still do that is shut out, cut off, copied or forgotten; and how programs find each other by name. The
real programs."""

import json
import os
import shutil
import socket
import time
import unittest

from elves_wire import wall_time
from house import WORKER, HouseTest, binary, eventually, run

IP = "127.1.0.1"
OTHER = "127.1.0.2"
HOSTS = "elves.test"
in_own_mounts = unittest.skipUnless(os.geteuid() == 0 and run("unshare", "-m", "true").code == 0,
                                    "needs root and mount namespaces")


class Standing(HouseTest):
    deadline = 150

    def setUp(self):
        super().setUp()
        self.house = self.server_down(auth={"mode": "keys"}, heartbeat={"interval": 1, "offline_after": 5})
        self.root = self.house.init_admin()
        self.house.start()
        self.admin = self.client(self.house, auth=self.root)

    def key(self, ip=IP, **more):
        made = self.admin.ok("supervisor", "setkey", role="agent", apps=["*"], iplist=[ip], name=ip, **more)
        return {"key": made["key"], "token": made["token"]}

    def machine(self, ip=IP, cron=None, **agent):
        worker = self.real_agent(self.house, ip, **agent)
        worker.app("demo", WORKER + 'answer("at work")')
        worker.app("tick", WORKER + f'open({str(worker.folder / "ticks")!r}, "a").write(".")\nanswer("ticked")')
        if cron:
            worker.sections["cron"] = cron
            worker.settings()
        return worker

    def own_job(self, ip=IP, **more):
        return self.admin.ok("cron", "setcronbyip", agentip=ip, cron_type="self", rule="* * * * * ?",
                             ins={"app": "tick", "func": "tick"}, **more)["id"]

    @staticmethod
    def ticks(worker):
        path = worker.folder / "ticks"
        return path.stat().st_size if path.exists() else 0

    def ticking(self, worker, patience=20):
        before = self.ticks(worker)
        eventually(lambda: self.ticks(worker) > before + 1, patience, "the job to run")

    def silent(self, worker, seconds=4):
        """It may have begun one run a moment ago; then nothing."""
        time.sleep(1.2)
        before = self.ticks(worker)
        time.sleep(seconds)
        self.assertEqual(self.ticks(worker), before)

    def skipped(self, text, ip=IP):
        def look():
            rows = self.admin.ok("tasklog", "listtasks", agentip=ip, status="skipped")["info"]
            return [row for row in rows if text in row["worker_message"] + row["agent_sync_error"]]
        return eventually(look, 30, text)

    # ---- a key that ends (E11) ----
    def test_e11_an_agent_whose_key_expires_is_sent_nothing_more_within_a_second(self):
        until = time.time() + 5
        auth = self.key(expires=wall_time(until))
        worker = self.machine(**auth).start()
        self.online(self.admin, IP)
        self.assertEqual(self.send_sync(self.admin, IP)["worker_result"], "at work")
        time.sleep(max(0, int(until) + 1 - time.time()))
        self.assertEqual(self.send_sync(self.admin, IP)["agent_sync_flag"], "false")
        self.assertIn(f"agent.cut_off agent={IP} key={auth['key']}: key {auth['key']} has expired", self.house.log())
        eventually(lambda: f"the server refuses key {auth['key']}: [401.5]" in worker.log())

    # ---- shut out (E2) ----
    def test_e2_own_jobs_of_a_machine_whose_key_is_disabled_end_at_once_also_across_a_restart(self):
        auth = self.key()
        worker = self.machine(**auth).start()
        self.online(self.admin, IP)
        self.own_job()
        self.ticking(worker)
        self.admin.ok("supervisor", "setkey", key=auth["key"], enabled=False)
        eventually(lambda: "cron.held jobs=1: shut out: key " + auth["key"] in worker.log(), 10)
        self.silent(worker)
        worker.terminate()
        self.house.terminate()
        worker.start()  # the server is away: it stays shut out
        self.silent(worker)
        self.house.start()
        self.admin = self.client(self.house, auth=self.root)
        self.admin.ok("supervisor", "setkey", key=auth["key"], enabled=True)
        worker.terminate()
        worker.start()
        self.ticking(worker)
        self.skipped("passed while the agent was")

    def test_e2_what_waits_for_a_worker_of_a_machine_that_is_shut_out_does_not_start(self):
        auth = self.key()
        worker = self.machine(max_workers=1, **auth)
        worker.app("slow", WORKER + "import time\ntime.sleep(6)\nanswer('slept')")
        worker.start()
        self.online(self.admin, IP)
        first = self.send_async(self.admin, IP, app="slow")["id"]
        second = self.send_async(self.admin, IP, app="tick")["id"]
        third = self.send_async(self.admin, IP, app="tick", ttl=300)["id"]
        eventually(lambda: self.admin.task(third).get("queued") == "true", 10, "the last one to be queued")
        self.admin.ok("supervisor", "setkey", key=auth["key"], enabled=False)
        eventually(lambda: "tasks.shut_out queued=2: " in worker.log(), 10)
        time.sleep(8)  # the first has ended, and its worker would be free
        self.assertEqual(self.ticks(worker), 0)
        # With its key again the server decides, and both are still in time.
        self.admin.ok("supervisor", "setkey", key=auth["key"], enabled=True)
        for task in (first, second, third):
            self.wait_status(self.admin, task, "done", patience=60)
        self.assertEqual(self.ticks(worker), 2)

    def test_e2_a_machine_that_joined_and_is_rejected_runs_its_own_jobs_no_more(self):
        worker = self.machine().start()
        eventually(lambda: self.admin.ok("supervisor", "listjoins")["joins"])
        key = self.admin.ok("supervisor", "acceptjoin", agentip=IP)["key"]
        self.online(self.admin, IP, 40)
        self.own_job()
        self.ticking(worker)
        self.admin.ok("supervisor", "delkey", key=key)
        eventually(lambda: "cron.held" in worker.log(), 15)
        self.silent(worker)

    def test_e2_own_jobs_go_on_without_a_server_for_as_long_as_the_setting_says(self):
        worker = self.machine(cron={"without_server": 4}, **self.key()).start()
        self.online(self.admin, IP)
        self.own_job(misfire="once")
        self.ticking(worker)
        self.house.kill9()
        self.ticking(worker)
        eventually(lambda: "no server was heard for [cron] without_server (4 s)" in worker.log(), 20)
        self.silent(worker)
        self.house.start()
        self.admin = self.client(self.house, auth=self.root)
        self.online(self.admin, IP, 40)
        self.ticking(worker)
        self.skipped("passed while the agent was without its server for too long")

    def test_e2_a_server_that_is_not_trusted_ends_no_jobs(self):
        worker = self.machine(**self.key()).start()
        self.online(self.admin, IP)
        self.own_job()
        self.ticking(worker)
        worker.terminate()
        self.house.terminate()
        stranger = self.server(auth={"mode": "keys"})  # it would refuse the key
        worker.sections["tls"] = {"pin": "ab" * 32}
        worker.settings(server=stranger.text)
        worker.start()
        self.ticking(worker)
        self.ticking(worker)
        eventually(lambda: f"server {stranger.text}: " in worker.log(whole=False))
        self.assertNotIn("cron.held", worker.log())
        self.assertNotIn("the server refuses key", worker.log())

    # ---- a copied journal (E1) ----
    def test_e1_a_copied_journal_does_nothing_on_another_address_until_a_server_takes_that_in(self):
        first = self.machine().start()
        eventually(lambda: self.admin.ok("supervisor", "listjoins")["joins"])
        self.admin.ok("supervisor", "acceptjoin", agentip=IP)
        self.online(self.admin, IP, 40)
        self.own_job()
        self.ticking(first)
        first.kill9()
        copy = self.machine(OTHER)
        for name in ("journal.db", "journal.db-wal", "agent.key"):
            if (first.folder / name).exists():
                shutil.copy2(first.folder / name, copy.folder / name)
        checked = run(binary("elves-agent"), "--config", str(copy.conf_path), "--check")
        self.assertEqual(checked.code, 0, checked)
        self.assertIn(f"is of another machine or address ({IP})", checked.out)
        copy.start()
        line = eventually(lambda: [line for line in copy.log().splitlines() if "journal.foreign" in line])[0]
        for word in (str(copy.folder / "journal.db"), f"journal_address={IP}", f"address={OTHER}", "agents", "accept"):
            self.assertIn(word, line)
        self.assertIn(" error ", line)
        self.silent(copy)
        self.assertEqual(self.ticks(copy), 0)
        first.start()  # the first one goes on
        self.ticking(first)
        eventually(lambda: [one for one in self.admin.ok("supervisor", "listjoins")["joins"] if one["agentip"] == OTHER], 30)
        self.admin.ok("supervisor", "acceptjoin", agentip=OTHER)
        self.online(self.admin, OTHER, 60)
        self.assertEqual(self.send_sync(self.admin, OTHER)["worker_result"], "at work")
        self.assertIn("journal.claimed", copy.log())
        self.assertEqual(self.ticks(copy), 0)
        copy.terminate()
        copy.start()
        eventually(lambda: copy.log().count("registered as") == 2, 20)
        self.assertEqual(copy.log(whole=False).count("journal.foreign"), 0)

    # ---- what doctor learned ----
    def test_e19_doctor_finds_that_nobody_can_log_in(self):
        house = self.server_of_admins(auth={"mode": "keys"})
        root = self.client(house)

        def found():
            return [finding["check"] for finding in root.ok("elves", "doctor")["findings"]]
        self.assertIn("auth.no_admin", found())
        key = root.ok("supervisor", "setkey", role="admin", apps=["*"], iplist=["*"])["key"]
        self.assertNotIn("auth.no_admin", found())
        root.ok("supervisor", "setkey", key=key, enabled=False)
        self.assertIn("auth.no_admin", found())

    # ---- forgetting (E20) ----
    def test_e20_a_machine_is_forgotten_whole_and_in_the_audit_trail(self):
        worker = self.machine(**self.key()).start()
        self.online(self.admin, IP)
        self.own_job()
        self.admin.ok("cmdbproxy", "setcmdbinfo", agentip=IP, sn="S1")
        says = lambda *words: self.ctl(self.house, *words, auth=self.root)
        done = says("forget", IP, "--yes")
        self.assertEqual(done.code, 3, done)
        self.assertIn("online", done.err)
        worker.terminate()
        eventually(lambda: self.admin.status_of(IP) == "offline")
        shown = says("forget", IP, "--plan")
        for word in (IP, "offline", "true", "1"):
            self.assertIn(word, shown.out)
        self.assertEqual(says("forget", IP).code, 2)  # nobody is there to be asked
        self.assertEqual(self.admin.status_of(IP), "offline")
        done = says("forget", IP, "--yes")
        self.assertEqual(done.code, 0, done)
        self.assertEqual(self.admin.status_of(IP), "unknown")
        self.assertEqual(self.admin.ok("cron", "getcronlistbyip", agentip=IP)["cron_list"], [])
        self.admin.refused("415.1", "cmdbproxy", "getcmdbinfobyip", agentip=IP)
        self.assertEqual([key for key in self.admin.ok("supervisor", "listkeys")["keys"] if key["role"] == "agent"], [])
        row = self.admin.ok("elves", "listaudit", method="heartbeat.forgetagents")["rows"][0]  # the newest
        self.assertEqual((row["result"], row["key"], row["changed"], row["id"]), ("ok", self.root["key"], "true", IP))
        self.house.restart()
        self.admin = self.client(self.house, auth=self.root)
        self.assertEqual(self.admin.status_of(IP), "unknown")
        worker.start()  # its key is gone
        eventually(lambda: "[401.5]" in worker.log(), 20)

    def test_e20_machines_are_forgotten_by_how_long_they_were_not_seen(self):
        worker = self.machine(**self.key()).start()
        self.online(self.admin, IP)
        worker.terminate()
        eventually(lambda: self.admin.status_of(IP) == "offline")
        says = lambda *words: self.ctl(self.house, *words, auth=self.root)
        self.assertIn("no machine", says("forget", "--unseen-for", "1h", "--yes").out)
        time.sleep(1.1)
        done = says("--json", "forget", "--unseen-for", "1s", "--yes")
        self.assertEqual([row["agentip"] for row in json.loads(done.out)["agents"]], [IP])
        self.assertEqual(self.admin.status_of(IP), "unknown")
        for words in (("forget",), ("forget", IP, "--unseen-for", "1h"), ("forget", "--unseen-for", "soon"), ("forget", "web-1")):
            self.assertEqual(says(*words).code, 2, words)

    def test_e20_the_inventory_is_listed_and_deleted_by_elvesctl(self):
        self.admin.ok("cmdbproxy", "setcmdbinfo", agentip=IP, sn="S1", idc="north")
        says = lambda *words: self.ctl(self.house, *words, auth=self.root)
        self.assertIn("north", says("cmdb", "list").out)
        self.assertEqual(says("cmdb", "del", IP).code, 0)
        self.assertEqual(says("cmdb", "del", IP).code, 3)
        self.admin.refused("415.1", "cmdbproxy", "getcmdbinfobyip", agentip=IP)

    def test_e20_room_on_disk_is_in_the_stats_and_little_of_it_a_warning(self):
        stats = self.admin.ok("elves", "stats")["stats"]
        for field in ("file_bytes", "wal_bytes", "free_bytes"):
            self.assertGreaterEqual(int(stats["store"][field]), 0)
        self.house.terminate()
        self.house.settings(store={"free_warning": 1 << 50, "path": "elves.db"})
        self.house.start()
        self.admin = self.client(self.house, auth=self.root)
        warnings = eventually(lambda: [line for line in self.admin.ok("elves", "stats")["stats"]["warnings"]
                                       if line.startswith("store.space: ")], 15)
        self.assertIn("[store] free_warning", warnings[0])
        self.assertIn("store.space_low", self.house.log())
        self.assertIn("store.space", [finding["check"] for finding in self.admin.ok("elves", "doctor")["findings"]])


@in_own_mounts
class Names(HouseTest):
    """A name with two addresses, of which the first answers nobody."""
    deadline = 120

    def setUp(self):
        super().setUp()
        # A listener whose queue is full: the system drops whoever comes.
        self.hole = socket.socket()
        self.hole.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.hole.bind(("127.0.0.1", 0))
        self.hole.listen(0)
        self.port = self.hole.getsockname()[1]
        self.filling = []
        for _ in range(3):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", self.port))
            self.filling.append(one)
        self.addCleanup(lambda: [one.close() for one in (self.hole, *self.filling)])
        self.hosts = self.folder() / "hosts"
        self.hosts.write_text(f"127.0.0.1 localhost\n127.0.0.1 {HOSTS}\n127.0.0.9 {HOSTS}\n")

    def with_names(self, *argv):
        return ("unshare", "-m", "sh", "-c", f'mount --bind {self.hosts} /etc/hosts && exec "$@"', "sh", *argv)

    def test_e5_elvesctl_and_the_agent_try_the_next_address_within_seconds(self):
        house = self.server_down(server={"listen": f"127.0.0.9:{self.port}"}, auth={"mode": "open"})
        house.host = "127.0.0.9"
        house.start()
        begun = time.monotonic()
        done = run(*self.with_names(binary("elvesctl"), "--server", f"{HOSTS}:{self.port}", "agents"))
        self.assertEqual(done.code, 0, done)
        self.assertLess(time.monotonic() - begun, 5)
        worker = self.real_agent(house, IP)
        worker.app("demo", WORKER + 'answer("at work")')
        worker.settings(server=f"{HOSTS}:{self.port}")
        worker.spawn(*self.with_names(binary("elves-agent"), "--config", str(worker.conf_path)))
        self.online(self.client(house), IP, 15)

    def test_e5_a_name_is_listened_on_at_all_of_its_addresses(self):
        self.hosts.write_text(f"127.0.0.1 localhost\n127.0.0.7 {HOSTS}\n127.0.0.8 {HOSTS}\n")
        house = self.server_down(server={"listen": f"{HOSTS}:{self.port}"}, auth={"mode": "open"})
        house.spawn(*self.with_names(binary("elvesd"), "--config", str(house.conf_path)))
        for address in ("127.0.0.7", "127.0.0.8"):
            eventually(lambda address=address: f"listening on {address}:{self.port}" in house.log())
            socket.create_connection((address, self.port), timeout=5).close()

    def test_e5_the_agents_identity_is_the_local_address_of_its_link(self):
        house = self.server(auth={"mode": "open"})
        self.hosts.write_text("::1 localhost\n127.0.0.1 localhost\n")
        worker = self.real_agent(house)
        del worker.keys["ip"]
        worker.settings(server=f"localhost:{house.port}")
        worker.spawn(*self.with_names(binary("elves-agent"), "--config", str(worker.conf_path)))
        self.online(self.client(house), "127.0.0.1", 20)
