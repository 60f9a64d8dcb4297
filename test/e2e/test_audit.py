"""The audit trail: every method that changes something leaves its row, allowed and denied; rows and changes agree after a
kill; what is changed, missing or moved in the file is found; no token is in it."""

import json
import re
import sqlite3
import threading
import time
import unittest

from audit_file import put_records, records_in
from elves_wire import LinkClosed, Result, code_of
from house import HouseTest, eventually
from test_every_right import Asking

IP = "10.0.0.1"
COLUMNS = ["seq", "time", "time_ms", "key", "address", "method", "agentip", "app", "func", "id", "param", "allowed",
           "changed", "result", "more", "hash"]
HEAD = re.compile(r"(?m)^head (\d+:[0-9a-f]{64})$")
# What it needs no change for: the example of it in test_every_right.py changes nothing.
UNCHANGED = {"startcron", "canceltask", "forgetagents"}
# Of a task or a cron job, which is somewhere and runs something.
BY_ID = {"canceltask", "appprocessorlog", "delcronbyipid", "startcron", "stopcron", "runcron"}


class Audited(HouseTest):
    def audit(self, client, **filters):
        """All rows, oldest first."""
        rows = []
        while True:
            page = client.ok("elves", "listaudit", order="oldest", limit=1000, **filters)
            rows += page["rows"]
            if "next" not in page:
                return rows
            filters["after"] = page["next"]

    def newest(self, client):
        return client.ok("elves", "listaudit", limit=1)["rows"][0]

    def file_of(self, server):
        return server.folder / "elves.db"

    def tamper(self, server, change):
        """With the file of a stopped server, behind its back."""
        records = records_in(self.file_of(server))
        put_records(self.file_of(server), change(records))


class EveryMethodsRow(Audited, Asking):
    def row_after(self, before, method, **filters):
        """The one row of that method since."""
        def look():
            rows = self.audit(self.root, after=before, method=method, **filters)
            self.assertLessEqual(len(rows), 1)
            return rows and rows[0]
        return eventually(look, 5, f"a row of {method}")

    def test_each_that_changes_something_leaves_its_row_when_it_is_allowed_and_when_it_is_denied(self):
        admin, viewer, elsewhere = (self.key(role, whose) for role, whose in (
            ("admin", "its own"), ("viewer", "its own"), ("admin", "another address")))
        audited = [(service["service"], method) for service in self.root.ok("elves", "methods")["services"]
                   for method in service["methods"] if method["audited"] == "true"]
        self.assertGreater(len(audited), 10)
        for service, method in audited:
            name, full = method["method"], f"{service}.{method['method']}"
            with self.subTest(method=full):
                self.assertIn(method["right"], ("operate", "manage"))
                fields = self.fields(name, admin)
                before = self.newest(self.root)["seq"]
                with self.client(self.house, tcp=True) as client:
                    reply = client.call(service, name, auth=admin, **fields)
                self.assertEqual(reply["flag"], "true", reply)
                row = self.row_after(before, full)
                self.assertEqual((row["key"], row["allowed"], row["result"], row["more"]),
                                 (admin["key"], "true", "ok", 0))
                # In the transaction that made the change.
                self.assertEqual(row["changed"], "false" if name in UNCHANGED else "true", row)
                self.assertTrue(row["address"].startswith("127.0.0.1:"))
                # What an id stands for is told as if the call had named it.
                self.assertEqual(row["agentip"], IP if name in BY_ID else fields.get("agentip", ""))
                if "ins" in fields or name in BY_ID:
                    self.assertEqual((row["app"], row["func"]), ("demo", "work"))
                if "appname" in fields:
                    self.assertEqual(row["app"], "demo")
                # A run of a cron job is told by the job.
                made = fields["id"] if name == "runcron" else reply.get("id") or reply.get("key") or reply.get("info", {}).get("id")
                self.assertEqual(row["id"], made or fields.get("id") or fields.get("key") or "")

                before = row["seq"]
                self.assertEqual(code_of(self.ask(service, name, viewer)), "401.6")
                denied = self.row_after(before, full, denied=True)
                self.assertEqual((denied["key"], denied["allowed"], denied["changed"], denied["result"]),
                                 (viewer["key"], "false", "false", "401.6"))
                if service == "sheduler":  # each of these is answered more slowly than the one before
                    with self.client(self.house, tcp=True) as client:
                        client.refused("401.5", service, name, auth={**viewer, "token": "elv_wrong"}, **fields)
                    wrong = eventually(lambda: self.audit(self.root, after=denied["seq"], denied=True), 5)[-1]
                    # The key was claimed, and not proven.
                    self.assertEqual((wrong["method"], wrong["key"], wrong["id"], wrong["result"], wrong["param"]),
                                     (full, "", viewer["key"], "401.5", ""))
        self.assertEqual(self.root.ok("elves", "verifyaudit")["more"], "false")
        self.assertNotIn("found", self.root.ok("elves", "verifyaudit"))
        self.assertEqual(code_of(self.ask("elves", "listaudit", viewer)), "401.6")
        # What is another's address, a restricted admin does not see here either.
        with self.client(self.house) as client:
            shown = client.ok("elves", "listaudit", auth=elsewhere, limit=1000)["rows"]
        self.assertTrue(shown)
        self.assertNotIn(IP, {row["agentip"] for row in shown})

    def test_what_an_id_stands_for_is_found_by_its_agent_whoever_asked_and_whatever_came_of_it(self):
        near, far = (self.key("operator", whose) for whose in ("its own", "another address"))
        tried = [("sheduler", "canceltask"), ("tasklog", "gettaskoutput"), ("tasklog", "gettaskstory"),
                 ("tasklog", "appprocessorlog")]
        before = self.newest(self.root)["seq"]
        for service, method in tried:
            self.assertEqual(code_of(self.ask(service, method, far)), "401.6")
        self.assertEqual(self.ask("sheduler", "canceltask", near)["flag"], "true")
        rows = eventually(lambda: (found := self.audit(self.root, after=before, agentip=IP))[len(tried):] and found)
        self.assertEqual([(row["method"], row["key"], row["result"]) for row in rows],
                         [(f"{service}.{method}", far["key"], "401.6") for service, method in tried]
                         + [("sheduler.canceltask", near["key"], "ok")])
        self.assertEqual({(row["app"], row["func"], row["id"]) for row in rows}, {("demo", "work", self.task)})
        shown = self.ctl(self.house, "audit", "--agent", IP, "--method", "canceltask")
        self.assertEqual(shown.out.count("sheduler.canceltask"), 2, shown)

    def test_what_only_reads_leaves_none(self):
        admin = self.key("admin", "its own")
        before = self.newest(self.root)["seq"]
        for service in self.root.ok("elves", "methods")["services"]:
            for method in service["methods"]:
                if method["audited"] == "false" and method["mqt"] == "call" and method["right"] not in ("report",):
                    self.ask(service["service"], method["method"], admin)
        rows = [row for row in self.audit(self.root, after=before) if row["key"] == admin["key"]]
        self.assertEqual(rows, [])

    def test_who_joins_by_a_token_leaves_a_row_and_who_only_asks_leaves_none(self):
        token = self.root.ok("supervisor", "addjointoken")
        before = self.newest(self.root)["seq"]
        self.root.ok("supervisor", "join", agentip="10.0.0.8", hash="1" * 64)
        key = self.root.ok("supervisor", "join", agentip="10.0.0.7", hash="2" * 64, join_token=token["token"])["key"]
        rows = self.audit(self.root, after=before)
        self.assertEqual([(row["method"], row["agentip"], row["id"], row["changed"]) for row in rows],
                         [("supervisor.join", "10.0.0.7", key, "true")])
        self.assertNotIn(token["token"], json.dumps(self.audit(self.root)))

    def test_a_wrong_token_at_login_is_told_and_the_right_one_is_nowhere_in_the_file(self):
        admin = self.root.ok("supervisor", "setkey", role="admin", apps=["*"], iplist=["*"])
        turned = self.root.ok("supervisor", "setkey", key=admin["key"], rotate=True)
        with self.client(self.house) as client:
            client.refused("401.5", "supervisor", "login", key=admin["key"], token="elv_" + "x" * 43)
            client.refused("401.5", "supervisor", "login", key=turned["token"], token=turned["token"])  # in the wrong place
            client.ok("supervisor", "login", key=admin["key"], token=turned["token"])
            client.ok("sheduler", "sendsync", agentip=IP, ins={"app": "demo", "func": "work", "param": turned["token"]})
        rows = self.audit(self.root, denied=True)
        self.assertEqual([(row["method"], row["id"]) for row in rows],
                         [("supervisor.login", admin["key"]), ("supervisor.login", "")])
        text = json.dumps(self.audit(self.root))
        for token in (admin["token"], turned["token"], "elv_"):
            self.assertNotIn(token, text)


class Chain(Audited):
    def filled(self, **sections):
        server = self.server(**sections)
        with self.client(server) as client:
            for i in range(20):
                client.ok("cmdbproxy", "setcmdbinfo", agentip=f"10.0.0.{i}", sn=str(i))
        return server

    def verify(self, server, *args):
        return self.ctl(server, "audit", "verify", *args)

    def test_what_was_done_to_the_file_is_found_live_and_in_the_file(self):
        def change(records):
            records[4]["key"] = "F"
            return records

        def swap(records):
            records[6]["seq"], records[11]["seq"] = 12, 7
            return records

        def without(gone):
            return lambda records: [record for record in records if record["seq"] != gone]

        for kind, seq, what in (("changed", 5, change), ("missing", 9, without(9)), ("reordered", 7, swap),
                                ("missing", 1, without(1))):
            with self.subTest(kind=kind, seq=seq):
                server = self.filled()
                whole = self.verify(server)
                self.assertEqual(whole.code, 0, whole)
                self.assertIn("20 rows follow from 0:", whole.out)
                server.terminate()
                self.tamper(server, what)
                for done in (self.verify(None, "--store", self.file_of(server)), self.verify(server.start())):
                    self.assertEqual(done.code, 1, done)
                    self.assertIn(f"WRONG {kind}: ", done.out)
                    self.assertIn(f"row {seq} ", done.out)
                with self.client(server) as client:
                    self.assertEqual(client.ok("elves", "verifyaudit")["found"]["seq"], str(seq))
                doctor = self.ctl(server, "doctor")
                self.assertEqual(doctor.code, 1 if kind == "missing" else 0, doctor)

    def test_a_head_that_was_kept_shows_what_the_chain_alone_cannot(self):
        server = self.filled()
        head = HEAD.search(self.verify(server).out).group(1)
        with self.client(server) as client:
            client.ok("cmdbproxy", "setcmdbinfo", agentip="10.0.0.1", sn="more")
        kept = self.verify(server, "--head", head)
        self.assertEqual(kept.code, 0, kept)
        self.assertIn("what was kept of row 20 is there", kept.out)
        server.terminate()
        self.assertIn("the audit trail ends with 21:", server.log())
        self.tamper(server, lambda records: records[:18])
        self.assertEqual(self.verify(None, "--store", self.file_of(server)).code, 0)
        for done in (self.verify(None, "--store", self.file_of(server), "--head", head),
                     self.verify(server.start(), "--head", head)):
            self.assertEqual(done.code, 1, done)
            self.assertIn("rows 19 to 20 are missing", done.out)
        self.assertEqual(self.verify(server, "--head", "x").code, 2)
        self.assertEqual(self.ctl(server, "audit", "--head", head).code, 2)
        self.assertEqual(self.ctl(server, "audit", "--may-be-pruned").code, 2)

    def test_rows_are_kept_for_their_own_time_and_the_chain_goes_on(self):
        server = self.filled(audit={"keep": 2})
        with self.client(server) as client:
            eventually(lambda: client.ok("elves", "listaudit")["rows"] == [], 15, "the rows to be pruned")
            client.ok("cmdbproxy", "setcmdbinfo", agentip="10.0.0.1", sn="new")
            self.assertEqual(self.newest(client)["seq"], 21)
            self.assertEqual(self.verify(server).code, 0)
            self.assertIn("follow from 20:", self.verify(server).out)

    def test_a_beginning_that_was_cut_off_is_no_pruned_one_for_who_kept_a_head(self):
        server = self.filled()
        head = HEAD.search(self.verify(server).out).group(1)
        with self.client(server) as client:
            client.ok("cmdbproxy", "setcmdbinfo", agentip="10.0.0.1", sn="more")
        server.terminate()
        last = records_in(self.file_of(server))[-1]
        self.tamper(server, lambda records: [])
        with sqlite3.connect(self.file_of(server)) as db:
            db.execute("UPDATE audit_start SET seq = ?, hash = ?", (last["seq"], last["hash"]))
        db.close()
        store = ("--store", self.file_of(server))
        self.assertEqual(self.verify(None, *store).code, 0)
        self.assertEqual(self.verify(None, *store, "--may-be-pruned").code, 2)
        for server, where in ((None, store), (server.start(), ())):
            cut = self.verify(server, *where, "--head", head)
            self.assertEqual(cut.code, 1, cut)
            self.assertIn("WRONG pruned: row 20 was pruned, or cut off", cut.out)
            taken = self.verify(server, *where, "--head", head, "--may-be-pruned")
            self.assertEqual(taken.code, 0, taken)
            self.assertIn("row 20 was pruned: it can't be compared any more", taken.out)

    def test_the_export_is_json_lines_with_stable_names(self):
        server = self.filled(audit={"param": "text"})
        done = self.ctl(server, "--json", "audit")
        rows = [json.loads(line) for line in done.out.splitlines()]
        self.assertEqual([row["seq"] for row in rows], list(range(1, 21)))
        self.assertEqual(list(rows[0]), COLUMNS)
        self.assertEqual(json.loads(rows[3]["param"]), {"sn": "3"})
        shown = self.ctl(server, "audit", "--agent", "10.0.0.3", "--method", "setcmdbinfo")
        self.assertEqual(len(shown.out.splitlines()), 2, shown)
        self.assertIn("cmdbproxy.setcmdbinfo", shown.out)
        self.assertEqual(len(self.ctl(server, "audit", "--limit", 5).out.splitlines()), 6)
        self.assertEqual(self.ctl(server, "audit", "--until", "2020-01-01 00:00:00").out.count("\n"), 1)

    def test_a_first_key_made_without_a_server_is_told_too(self):
        server = self.server_down(auth={"mode": "keys"})
        root = server.init_admin()
        server.start()
        with self.client(server) as client:
            rows = client.ok("elves", "listaudit", auth=root)["rows"]
        self.assertEqual([(row["method"], row["id"], row["changed"]) for row in rows],
                         [("elvesd.--init-admin", root["key"], "true")])

    def test_who_is_denied_over_and_over_does_not_fill_the_disk(self):
        server = self.server_down(auth={"mode": "keys"})
        root = server.init_admin()
        server.start()
        with self.wire_client(server) as client:
            for _ in range(2000):
                client.send({"mqt": "call", "mqs": "sheduler", "mqf": "sendasync", "agentip": IP,
                             "ins": {"app": "demo", "func": "work", "param": "x" * 1000}})
            for _ in range(2000):
                self.assertEqual(code_of(client.receive()), "401.1")
            rows = self.audit(client, auth=root, denied=True)
            self.assertLess(len(rows), 110)
            self.assertEqual({row["param"] for row in rows}, {""})
        server.terminate()
        told = [record["more"] for record in records_in(self.file_of(server))
                if not record["allowed"] and record["result"] == "401.1"]
        self.assertEqual(len(told) - 1 + sum(told), 2000)

    def test_switched_off_it_keeps_nothing(self):
        server = self.filled(audit={"enabled": "false"})
        with self.client(server) as client:
            self.assertEqual(client.ok("elves", "listaudit")["rows"], [])


class Agreement(Audited):
    """Each task has its row, and each such row its task, wherever the server was killed."""

    def agree(self, server):
        db = sqlite3.connect(self.file_of(server))
        tasks = {row[0] for row in db.execute("SELECT id FROM tasks")}
        keys = {row[0] for row in db.execute("SELECT id FROM access_key")}
        told = {}
        db.close()
        for record in records_in(self.file_of(server)):
            if record["changed"]:
                self.assertNotIn(record["target"], told.setdefault(record["method"], set()))
                told[record["method"]].add(record["target"])
        self.assertEqual(told.get("sheduler.sendasync", set()), tasks)
        self.assertEqual(told.get("supervisor.setkey", set()), keys)
        return len(tasks), len(keys)

    def test_rows_and_changes_agree_when_the_server_is_killed_in_the_middle(self):
        server = self.server()
        for life in range(6):
            stop = threading.Event()

            def send(method, fields):
                try:
                    with self.wire_client(server) as client:
                        while not stop.is_set():
                            for _ in range(20):
                                client.begin(*method, **fields)
                            for _ in range(20):
                                client.receive()
                except (LinkClosed, OSError, AssertionError):
                    pass  # the server was killed

            senders = [threading.Thread(target=send, args=given) for given in (
                (("sheduler", "sendasync"), {"agentip": IP, "ins": {"app": "demo", "func": "work"}}),
                (("sheduler", "sendasync"), {"agentip": IP, "ins": {"app": "demo", "func": "work", "ttl": 0}}),
                (("supervisor", "setkey"), {"name": "one of many"}))]
            for sender in senders:
                sender.start()
            time.sleep(0.2 + 0.13 * life)
            server.kill9()
            stop.set()
            for sender in senders:
                sender.join()
            self.assertEqual(self.ctl(None, "audit", "verify", "--store", self.file_of(server)).code, 0)
            tasks, keys = self.agree(server)
            server.start()
        self.assertGreater(tasks, 50)
        self.assertGreater(keys, 20)

    def test_a_call_that_the_disk_did_not_take_left_neither(self):
        server = self.server()
        with self.client(server) as client:
            client.ok("supervisor", "setapp", appname="demo", appip="127.0.0.1", appport=9)
            lock = sqlite3.connect(self.file_of(server), isolation_level=None)
            lock.execute("CREATE TRIGGER no BEFORE INSERT ON app WHEN new.name = 'no' BEGIN SELECT raise(ABORT, 'no'); END")
            lock.close()
            self.assertEqual(code_of(client.call("supervisor", "setapp", appname="no", appip="::1", appport=9)), "500.1")
            row = eventually(lambda: self.audit(client, app="no"), 5)[0]
            self.assertEqual((row["changed"], row["result"]), ("false", "500.1"))


class AdHoc(HouseTest):
    def test_what_was_run_with_shell_is_there_as_text_and_what_other_apps_were_told_is_not(self):
        house = self.server_of_admins()
        caller = self.client(house)
        self.agent(house, "10.0.0.1")
        for app in ("shell", "demo"):
            ins = {"app": app, "func": "run", "param": "uptime of " + app}
            caller.ok("sheduler", "sendsync", agentip="10.0.0.1", ins=ins)
            caller.ok("run", "startrun", target="10.0.0.1", ins=ins)
        rows = json.dumps(caller.ok("elves", "listaudit", limit=100)["rows"])
        self.assertEqual(rows.count("uptime of shell"), 2, rows)
        self.assertEqual(rows.count("uptime of demo"), 0, rows)


if __name__ == "__main__":
    unittest.main()
