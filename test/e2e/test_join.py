"""Enrolment: a machine without a key asks to join, waits, is accepted by an admin or by a join token, and has then a key of
its own that is bound to its address. Real server, real agents, elvesctl."""

import json
import re
import sqlite3
import stat
import unittest

from elves_wire import Result
from house import WORKER, HouseTest, eventually, run, binary

IP = "127.1.0.1"
PRINT = re.compile(r"[0-9a-f]{4}(-[0-9a-f]{4}){5}")


class Join(HouseTest):
    deadline = 120

    def setUp(self):
        super().setUp()
        self.house = self.server_down(auth={"mode": "keys"}, heartbeat={"interval": 1, "offline_after": 5})
        self.root = self.house.init_admin()
        self.house.start()
        self.admin = self.client(self.house, auth=self.root)

    def newcomer(self, ip=IP, join_token=None, **agent):
        """An agent that was given no key."""
        worker = self.real_agent(self.house, ip, **agent)
        worker.app("demo", WORKER + 'answer("at work")')
        if join_token is not None:
            self.give(worker, join_token)
        return worker

    def give(self, worker, join_token):
        path = worker.folder / "join.token"
        path.write_text(join_token + "\n")
        path.chmod(0o600)
        worker.settings(join_token_file=str(path))

    def says(self, *words):
        """What elvesctl answers, asked with the admin's key."""
        done = self.ctl(self.house, *words, auth=self.root)
        self.assertEqual(done.code, 0, done)
        return done.out

    def joins(self):
        return {(one["agentip"], one["status"]) for one in self.admin.ok("supervisor", "listjoins")["joins"]}

    def asks(self, worker, status="pending"):
        """Waits until it stands in the list with that status; its row."""
        def look():
            self.assertTrue(worker.alive, worker.log())
            return next((one for one in self.admin.ok("supervisor", "listjoins")["joins"]
                         if one["status"] == status and one["fingerprint"] in worker.log()), None)
        return eventually(look, what=f"{worker.ip} to be {status}")

    def works(self, ip=IP, patience=40):
        self.online(self.admin, ip, patience)
        self.assertEqual(self.send_sync(self.admin, ip)["worker_result"], "at work")

    def keys(self):
        return [key for key in self.admin.ok("supervisor", "listkeys")["keys"] if key["role"] == "agent"]

    def token(self, **fields):
        return self.admin.ok("supervisor", "addjointoken", **fields)["token"]

    # ---- the story ----
    def test_it_asks_waits_is_accepted_works_and_is_still_in_after_restarts_of_both(self):
        worker = self.newcomer(asset="web-5").start()
        row = self.asks(worker)
        self.assertEqual((row["agentip"], row["asset"], row["from"]), (IP, "web-5", "127.0.0.1"))
        self.assertRegex(row["fingerprint"], PRINT)
        shown = self.says("agents", "--pending")
        for word in (IP, "web-5", row["fingerprint"], "pending", row["first_time"]):
            self.assertIn(word, shown)
        self.assertEqual(self.admin.status_of(IP), "unknown")
        # As its own log says it should be done.
        command = re.search(r"elvesctl (agents accept \S+ --fingerprint \S+)", worker.log()).group(1)
        self.assertIn(row["fingerprint"], self.says(*command.split()))
        self.works()
        self.assertNotIn(row["fingerprint"], self.says("agents", "--pending"))
        key, = self.keys()
        self.assertEqual((key["name"], key["apps"], key["iplist"]), ("web-5", ["*"], [IP]))
        path = worker.folder / "agent.key"
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        token = path.read_text().split()[0]
        self.assertNotIn(token, self.house.log() + worker.log())
        self.assertNotIn(token.encode(), (self.house.folder / "elves.db").read_bytes())

        worker.terminate()
        worker.start()
        eventually(lambda: worker.log().count("registered as") == 2)
        self.works()
        self.house.restart()
        self.admin = self.client(self.house, auth=self.root)
        self.works()
        self.assertEqual(path.read_text().split(), [token, key["key"]])
        self.assertEqual([one["key"] for one in self.keys()], [key["key"]])

    def test_who_is_in_comes_again_without_asking_so_that_no_bound_on_newcomers_keeps_a_fleet_out(self):
        worker = self.newcomer(join_token=self.token()).start()
        self.works()
        flood = self.client(self.house)
        for n in range(100):
            flood.call("supervisor", "join", agentip=f"10.9.0.{n}", hash=f"{n:064x}")
        flood.refused("429.1", "supervisor", "join", agentip="10.9.1.1", hash="f" * 64)
        worker.terminate()
        worker.start()
        eventually(lambda: worker.log().count("registered as") == 2, 20)
        self.works()

    def test_one_that_has_a_new_address_asks_anew_and_has_one_more_key_then(self):
        worker = self.newcomer(join_token=self.token()).start()
        self.works()
        worker.terminate()
        worker.ip = "127.1.0.2"
        worker.settings(ip=worker.ip)
        worker.start()
        self.asks(worker)
        self.says("agents", "accept", worker.ip)
        self.works(worker.ip)
        self.assertEqual(sorted(key["iplist"] for key in self.keys()), [[IP], [worker.ip]])

    def test_its_key_is_for_its_own_address_and_role_only(self):
        worker = self.newcomer().start()
        self.asks(worker)
        made = self.admin.ok("supervisor", "acceptjoin", agentip=IP)
        auth = {"key": made["key"], "token": (worker.folder / "agent.key").read_text().split()[0]}
        own = self.client(self.house, auth=auth)
        own.refused("401.6", "heartbeat", "register", agentip="127.1.0.2")
        own.refused("401.6", "supervisor", "listjoins")
        own.refused("401.6", "sheduler", "sendsync", agentip=IP, ins={"app": "demo", "func": "f"})

    def test_a_rejected_one_says_so_once_and_stays_out(self):
        worker = self.newcomer().start()
        self.asks(worker)
        self.says("agents", "reject", IP)
        eventually(lambda: "the server has rejected" in worker.log(), 40)
        worker.terminate()
        worker.start()
        eventually(lambda: worker.log().count("the server has rejected") == 2)
        self.assertEqual(self.joins(), {(IP, "rejected")})
        self.assertEqual(self.keys(), [])
        self.says("agents", "reject", IP)  # it is in the list, so that this is no fault

    def test_e19_rejecting_a_machine_that_was_let_in_says_what_shuts_it_out(self):
        worker = self.newcomer().start()
        self.asks(worker)
        self.says("agents", "accept", IP)
        self.works()
        done = self.ctl(self.house, "agents", "reject", IP, auth=self.root)
        self.assertEqual(done.code, 3, done)
        self.assertIn("elvesctl key del ", done.err)

    def test_where_the_mode_is_open_it_needs_no_key_and_asks_for_none(self):
        self.house.terminate()
        self.house.settings(auth={"mode": "open"})
        self.house.start()
        self.admin = self.client(self.house, auth=self.root)
        worker = self.newcomer().start()
        self.works()
        self.assertFalse((worker.folder / "agent.key").exists())
        self.assertEqual(self.joins(), set())

    # ---- tokens ----
    def test_a_token_for_one_machine_lets_in_one_of_two_that_race(self):
        shown = self.ctl(self.house, "--json", "join-token", "add", "--name", "two", auth=self.root)
        token = json.loads(shown.out)["token"]
        workers = [self.newcomer(ip, token) for ip in ("127.1.0.1", "127.1.0.2")]
        for worker in workers:
            worker.start()
        eventually(lambda: len(self.keys()) == 1 and self.joins(), 40)
        key, = self.keys()
        inside, = (worker for worker in workers if [worker.ip] == key["iplist"])
        outside, = (worker for worker in workers if worker is not inside)
        self.works(inside.ip)
        self.asks(outside)
        self.assertEqual(self.joins(), {(outside.ip, "pending")})
        eventually(lambda: "the join token is used up" in outside.log())
        self.assertIn(inside.ip, self.says("join-token", "list"))
        self.assertNotIn(token, self.says("join-token", "list") + self.house.log() + inside.log() + outside.log())

    def test_a_token_for_one_machine_does_not_let_it_in_again_when_its_key_is_deleted(self):
        worker = self.newcomer(join_token=self.token()).start()
        self.works()
        key, = self.keys()
        self.says("key", "del", key["key"])
        self.assertEqual(self.admin.status_of(IP), "offline")
        eventually(lambda: "the server has rejected" in worker.log(), 40)
        worker.terminate()
        (worker.folder / "agent.key").unlink()  # as another one, with its old token and with a new one
        self.give(worker, self.token())
        worker.start()
        self.asks(worker)
        self.assertEqual(self.keys(), [])

    def test_a_token_of_a_range_lets_in_what_is_in_it_and_nothing_else(self):
        token = self.token(cidr="127.0.0.0/8")
        here, elsewhere = self.newcomer(IP, token).start(), self.newcomer("10.1.0.1", token).start()
        self.works()
        self.assertEqual(self.asks(elsewhere)["agentip"], "10.1.0.1")
        eventually(lambda: "the join token is for 127.0.0.0/8" in elsewhere.log())
        other = self.newcomer("127.1.0.9", self.token(cidr="10.0.0.0/8")).start()
        self.asks(other)
        self.assertEqual([key["iplist"] for key in self.keys()], [[IP]])
        self.assertTrue(here.alive)

    # ---- a second machine ----
    def test_a_second_machine_of_an_address_is_refused_and_shown_and_replaces_the_first_on_purpose_only(self):
        first = self.newcomer().start()
        self.asks(first)
        self.says("agents", "accept", IP)
        self.works()
        second = self.newcomer(join_token=self.token(), asset="the second").start()
        row = self.asks(second, "conflict")
        self.assertIn("[409.1]", second.log())
        eventually(lambda: "another machine, with key" in self.house.log())
        self.works()
        shown = self.says("agents", "--pending")
        self.assertIn("conflict", shown)
        self.assertIn("the second", shown)
        done = self.ctl(self.house, "agents", "accept", IP, "--fingerprint", row["fingerprint"], auth=self.root)
        self.assertEqual(done.code, 3, done)
        self.assertIn("[409.1]", done.err)
        old, = self.keys()
        self.says("agents", "accept", IP, "--fingerprint", row["fingerprint"], "--replace")
        self.assertEqual(self.admin.status_of(IP), "offline")  # the first one's link is cut at once
        second.terminate()  # it would ask again in ten minutes
        second.start()
        self.works()
        new, = self.keys()
        self.assertNotEqual(new["key"], old["key"])
        self.asks(first, "conflict")

    def test_a_link_that_is_alive_is_not_taken_over_with_another_key(self):
        make = lambda: self.admin.ok("supervisor", "setkey", role="agent", apps=["*"], iplist=["127.0.0.0/8"])
        first, second = ({name: key[name] for name in ("key", "token")} for key in (make(), make()))
        agent = self.agent(self.house, IP, lambda call: Result(1, "the first"), auth=first)
        with self.client(self.house, auth=second) as other:
            other.refused("401.6", "heartbeat", "register", agentip=IP)
        eventually(lambda: "agent.register_refused" in self.house.log())
        info = self.admin.ok("heartbeat", "getinfobyip", agentip=IP)
        self.assertTrue(info["claimed_from"].startswith("127.0.0.1:"), info)
        self.assertEqual(self.send_sync(self.admin, IP)["worker_result"], "the first")
        again = self.agent(self.house, IP, lambda call: Result(1, "again"), auth=first)  # as after a cut
        agent.wait_closed()
        self.assertEqual(self.send_sync(self.admin, IP)["worker_result"], "again")
        again.drop()
        eventually(lambda: self.admin.status_of(IP) == "offline")
        self.agent(self.house, IP, auth=second)

    # ---- the key file ----
    def test_a_key_file_that_others_may_read_is_refused_with_the_chmod_that_mends_it(self):
        worker = self.newcomer().start()
        self.asks(worker)
        worker.terminate()
        path = worker.folder / "agent.key"
        path.chmod(0o644)
        for more in ([], ["--check"]):
            done = run(binary("elves-agent"), "--config", str(worker.conf_path), *more)
            self.assertEqual(done.code, 1, done)
            self.assertIn(f"chmod 600 {path}", done.err)
            self.assertEqual(done.err.count("\n"), 1, done.err)
        path.chmod(0o600)
        worker.start()
        self.asks(worker)

    def test_a_join_token_that_others_may_read_is_not_used(self):
        worker = self.newcomer(join_token=self.token())
        (worker.folder / "join.token").chmod(0o644)
        worker.start()
        self.asks(worker)
        eventually(lambda: "the join token is not used" in worker.log())
        self.assertEqual(self.keys(), [])

    # ---- floods ----
    def test_a_flood_of_joins_is_bounded_and_pushes_nobody_out(self):
        worker = self.newcomer().start()
        self.asks(worker)
        flood = self.client(self.house)
        codes = [flood.call("supervisor", "join", agentip=f"10.9.{n // 250}.{n % 250}", hash=f"{n:064x}")
                 ["error_info"][:7] for n in range(1000)]
        self.assertGreater(codes.count("[429.1]"), 850)
        self.assertLess(len(self.joins()), 101)
        self.assertIn((IP, "pending"), self.joins())
        with sqlite3.connect(f"file:{self.house.folder}/elves.db?mode=ro", uri=True) as db:
            self.assertLess(db.execute("SELECT count(*) FROM join_request").fetchone()[0], 101)
        self.says("agents", "accept", IP)
        self.works(patience=90)


if __name__ == "__main__":
    unittest.main()
