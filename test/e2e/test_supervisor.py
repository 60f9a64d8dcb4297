"""supervisor and security: keys, roles, what each may see and do, and the apps' callback addresses."""

import ipaddress
import json
import signal
import socket
import struct
import unittest

from elves_wire import Agent, Client, Refused, Result, code_of, pack
from house import HouseTest, eventually

IP = "10.0.0.1"
INS = {"app": "demo", "func": "work"}


def link_local_address():
    """Such an address of this machine with its zone, `fe80::1%eth0`; none: nothing."""
    try:
        with open("/proc/net/if_inet6", encoding="ascii") as lines:
            fields = [line.split() for line in lines]
    except OSError:
        return None
    for digits, _, _, scope, _, device in fields:
        if scope == "20":
            return f"{ipaddress.IPv6Address(int(digits, 16))}%{device}"
    return None


class Keys(HouseTest):
    """A house in mode `keys`, with an admin key."""

    def setUp(self):
        super().setUp()
        self.house = self.server()  # open to loopback, so that the first key can be made over the wire
        with self.client(self.house) as first:
            reply = first.ok("supervisor", "setkey", name="root", role="admin", apps=["*"], iplist=["*"])
            self.admin_auth = {"key": reply["key"], "token": reply["token"]}
        self.house.terminate()
        self.house.settings(auth={"mode": "keys"})
        self.house.start()
        self.admin = self.client(self.house, auth=self.admin_auth)

    def make(self, role, apps=("*",), iplist=("*",), name=None):
        """A new key; returns what goes into `auth`."""
        reply = self.admin.ok("supervisor", "setkey", name=name or role, role=role, apps=list(apps),
                              iplist=list(iplist))
        return {"key": reply["key"], "token": reply["token"]}

    def as_role(self, role, **more):
        return self.client(self.house, auth=self.make(role, **more))

    def may(self, client, service, method, /, **fields):
        """Not refused for want of rights."""
        self.assertNotIn(code_of(client.call(service, method, **fields)), ("401.1", "401.5", "401.6"))


class WithoutKey(Keys):
    def test_without_a_key_only_ping_login_checkipauthbykey_and_join_are_answered(self):
        client = self.client(self.house)
        client.ok("elves", "ping")
        self.assertEqual(client.ok("supervisor", "join", agentip=IP, hash="0" * 64)["status"], "pending")
        self.assertEqual(client.ok("supervisor", "checkipauthbykey", agentip=IP, key="x", token="y")["status"],
                         "false")
        client.refused("401.5", "supervisor", "login", key="x", token="y")
        for service, method, fields in (
                ("elves", "methods", {}), ("elves", "stats", {}), ("heartbeat", "getstatbyip", {"agentip": IP}),
                ("heartbeat", "register", {"agentip": IP}), ("sheduler", "sendsync", {"agentip": IP, "ins": INS}),
                ("sheduler", "sendasync", {"agentip": IP, "ins": INS}), ("tasklog", "listtasks", {}),
                ("tasklog", "agentasynclog", {"id": "0123456789ABCDEF", "info": Result().info()}),
                ("cron", "getcronlistbyip", {"agentip": IP}), ("supervisor", "listkeys", {}),
                ("supervisor", "listjoins", {}), ("supervisor", "acceptjoin", {"agentip": IP}),
                ("supervisor", "addjointoken", {}),
                ("supervisor", "setkey", {"name": "x", "role": "admin"}),
                ("supervisor", "getappcallbackinfo", {"appname": "x"}),
                ("cmdbproxy", "getcmdbinfobyip", {"agentip": IP})):
            with self.subTest(method=method):
                client.refused("401.1", service, method, **fields)

    def test_a_frame_as_printed_is_judged_as_what_it_is_understood_to_be(self):
        self.client(self.house).refused("401.1", "supervisor", "checkipauthbykey", appname="x")

    def test_half_an_auth_is_a_missing_one(self):
        client = self.client(self.house)
        for auth in ({"key": self.admin_auth["key"]}, {"token": self.admin_auth["token"]}, {}):
            with self.subTest(auth=auth):
                client.refused("401.1", "heartbeat", "getstatbyip", agentip=IP, auth=auth)

    def test_key_and_token_outside_auth_are_no_proof(self):
        self.client(self.house).refused("401.1", "heartbeat", "getstatbyip", agentip=IP, **self.admin_auth)


class Proof(Keys):
    def test_auth_on_a_call_speaks_for_that_call_only(self):
        client = self.client(self.house)
        client.ok("heartbeat", "getstatbyip", agentip=IP, auth=self.admin_auth)
        client.refused("401.1", "heartbeat", "getstatbyip", agentip=IP)

    def test_login_binds_the_connection(self):
        client = self.client(self.house)
        client.ok("supervisor", "login", **self.make("viewer"))
        client.ok("heartbeat", "getstatbyip", agentip=IP)
        client.refused("401.6", "cmdbproxy", "delcmdbinfo", agentip=IP)
        self.client(self.house).refused("401.1", "heartbeat", "getstatbyip", agentip=IP)

    def test_a_wrong_login_binds_nothing(self):
        client = self.client(self.house)
        client.refused("401.5", "supervisor", "login", key=self.admin_auth["key"], token="wrong")
        client.refused("401.5", "supervisor", "login", key="wrong", token=self.admin_auth["token"])
        client.refused("401.1", "heartbeat", "getstatbyip", agentip=IP)

    def test_a_wrong_auth_is_refused_also_where_no_key_is_needed(self):
        client = self.client(self.house)
        for auth in ({"key": self.admin_auth["key"], "token": "wrong"}, {"key": "wrong", "token": "wrong"}):
            client.refused("401.5", "elves", "ping", auth=auth)
            client.refused("401.5", "heartbeat", "getstatbyip", agentip=IP, auth=auth)

    def test_each_wrong_try_is_logged_with_the_address_that_it_came_from(self):
        wrong, line = {"key": self.admin_auth["key"], "token": "a wrong one"}, "a wrong key or token from "
        for tried, (service, method, fields) in enumerate((
                ("supervisor", "login", wrong), ("supervisor", "checkipauthbykey", {"agentip": IP, **wrong}),
                ("heartbeat", "getstatbyip", {"agentip": IP, "auth": wrong}))):
            with self.subTest(method=method):
                client = self.wire_client(self.house)
                _, port = client.link.sock.getsockname()
                client.call(service, method, **fields)
                start = self.admin_auth["key"][:8]
                eventually(lambda: f"{line}127.0.0.1:{port} key={start}...\n" in self.house.log())
                self.assertEqual(self.house.log().count(line), tried + 1)
        self.wire_client(self.house).ok("supervisor", "login", **self.admin_auth)
        self.assertEqual(self.house.log().count(line), 3)
        self.assertNotIn(wrong["token"], self.house.log())
        report = "\n".join(self.wire_client(self.house, auth=self.admin_auth).ok("elves", "doctor")["reports"])
        self.assertIn(f"wrong key or token: key {start}... from 127.0.0.1, 3 times", report)
        self.assertNotIn(self.admin_auth["key"], report)

    def test_a_deleted_key_is_refused_at_once_on_open_connections_too(self):
        auth = self.make("operator")
        bound, carrying = self.client(self.house), self.client(self.house, auth=auth)
        bound.ok("supervisor", "login", **auth)
        for client in (bound, carrying):
            client.ok("heartbeat", "getstatbyip", agentip=IP)
        self.admin.ok("supervisor", "delkey", key=auth["key"])
        for client in (bound, carrying):
            client.refused("401.5", "heartbeat", "getstatbyip", agentip=IP)
        self.client(self.house).refused("401.5", "supervisor", "login", **auth)
        self.admin.refused("413.1", "supervisor", "delkey", key=auth["key"])
        self.admin.refused("413.1", "supervisor", "getauthbykey", key=auth["key"])

    def test_a_dedup_word_is_its_apps_own(self):
        self.agent(self.house, IP, lambda call: Result(1, call["ins"]["app"]), auth=self.make("agent"))
        ins = {"func": "work", "dedup": "word"}
        two = self.admin.ok("sheduler", "sendsync", agentip=IP, ins={**ins, "app": "two"})["info"]
        client = self.as_role("operator", apps=["one"])
        one = client.ok("sheduler", "sendsync", agentip=IP, ins={**ins, "app": "one"})["info"]
        self.assertNotEqual(one["id"], two["id"])
        self.assertEqual((one["worker_result"], two["worker_result"]), ("one", "two"))
        again = client.ok("sheduler", "sendasync", agentip=IP, ins={**ins, "app": "one"})["info"]
        self.assertEqual(again["id"], one["id"])

    def test_a_dedup_word_shows_no_task_of_a_function_that_the_key_may_not_use(self):
        self.agent(self.house, IP, lambda call: Result(1, "secret"), auth=self.make("agent"))
        ins = {"app": "one", "dedup": "word"}
        first = self.admin.ok("sheduler", "sendsync", agentip=IP, ins={**ins, "func": "hidden"})["info"]["id"]
        client = self.as_role("operator", apps=["one.work"])
        for method in ("sendsync", "sendasync"):
            reply = client.call("sheduler", method, agentip=IP, ins={**ins, "func": "work"})
            self.assertEqual(code_of(reply), "401.6", reply)
            for word in ("secret", "hidden", first):
                self.assertNotIn(word, json.dumps(reply))

    def test_an_agent_whose_key_is_deleted_is_sent_nothing_more(self):
        auth = self.make("agent")
        agent = self.agent(self.house, IP, auth=auth)
        self.assertEqual(self.admin.ok("heartbeat", "getstatbyip", agentip=IP)["status"], "online")
        self.admin.ok("supervisor", "delkey", key=auth["key"])
        self.assertEqual(self.admin.ok("heartbeat", "getstatbyip", agentip=IP)["status"], "offline")
        info = self.admin.ok("sheduler", "sendsync", agentip=IP, ins={"app": "demo", "func": "work"})["info"]
        self.assertTrue(info["agent_sync_error"].startswith("[410.1]"), info)
        agent.wait_closed()

    def test_a_token_that_was_rotated_away_counts_no_longer_on_open_connections_either(self):
        auth = self.make("operator")
        bound = self.client(self.house)
        bound.ok("supervisor", "login", **auth)
        fresh = self.admin.ok("supervisor", "setkey", key=auth["key"], rotate="true", overlap=3600)
        bound.ok("heartbeat", "getstatbyip", agentip=IP)
        self.admin.ok("supervisor", "setkey", key=auth["key"], rotate="true", overlap=0)
        bound.refused("401.5", "heartbeat", "getstatbyip", agentip=IP)
        self.client(self.house).refused("401.5", "supervisor", "login", key=auth["key"], token=fresh["token"])

    def test_an_agent_whose_token_was_rotated_away_is_sent_nothing_more(self):
        auth = self.make("agent")
        agent = self.agent(self.house, IP, auth=auth)
        self.admin.ok("supervisor", "setkey", key=auth["key"], rotate="true", overlap=0)
        self.assertEqual(self.admin.ok("heartbeat", "getstatbyip", agentip=IP)["status"], "offline")
        agent.wait_closed()

    def test_a_disabled_key_is_refused_at_once_and_an_enabled_one_works_again(self):
        auth = self.make("viewer")
        bound = self.client(self.house)
        bound.ok("supervisor", "login", **auth)
        self.enable(auth, False)
        bound.refused("401.5", "heartbeat", "getstatbyip", agentip=IP)
        self.assertEqual(bound.ok("supervisor", "checkipauthbykey", agentip=IP, **auth)["status"], "false")
        self.enable(auth, True)
        self.client(self.house, auth=auth).ok("heartbeat", "getstatbyip", agentip=IP)

    def enable(self, auth, enabled):
        """`enabled` as a JSON boolean or, where that is not taken, as its text: the protocol does not say which."""
        fields = {"key": auth["key"], "name": "viewer", "role": "viewer", "apps": ["*"], "iplist": ["*"]}
        reply = self.admin.call("supervisor", "setkey", **fields, enabled=enabled)
        if code_of(reply) == "403.10":
            self.admin.ok("supervisor", "setkey", **fields, enabled=str(enabled).lower())

    def test_keys_outlive_a_restart(self):
        auth = self.make("viewer")
        self.house.restart()
        client = self.client(self.house, auth=auth)
        client.ok("heartbeat", "getstatbyip", agentip=IP)
        client.refused("401.6", "sheduler", "sendasync", agentip=IP, ins=INS)

    def test_the_store_does_not_hold_a_token(self):
        auth = self.make("viewer")
        self.house.terminate()
        for path in self.house.folder.glob("elves.db*"):
            self.assertNotIn(auth["token"].encode(), path.read_bytes())
        self.assertNotIn(auth["token"], self.house.log())


class KeyKeeping(Keys):
    def test_a_new_key_comes_with_its_token_this_once(self):
        reply = self.admin.ok("supervisor", "setkey", name="ops", role="operator", apps=["demo"],
                              iplist=["10.0.0.0/8"])
        self.assertTrue(reply["key"] and reply["token"])
        changed = self.admin.ok("supervisor", "setkey", key=reply["key"], name="ops", role="viewer", apps=["demo"],
                                iplist=["10.0.0.0/8"])
        self.assertEqual(changed["key"], reply["key"])
        self.assertFalse(changed.get("token"))
        told = json.dumps([self.admin.ok("supervisor", "listkeys"),
                           self.admin.ok("supervisor", "getauthbykey", key=reply["key"])])
        self.assertIn(reply["key"], told)
        self.assertNotIn(reply["token"], told)
        self.assertNotIn(self.admin_auth["token"], told)

    def test_what_a_key_may_is_told(self):
        auth = self.make("operator", apps=["demo", "other"], iplist=["10.0.0.0/8", "::1"], name="ops")
        told = self.admin.ok("supervisor", "getauthbykey", key=auth["key"])["auth"]
        self.assertEqual({k: told[k] for k in ("key", "name", "role")},
                         {"key": auth["key"], "name": "ops", "role": "operator"})
        self.assertCountEqual(told["apps"], ["demo", "other"])
        self.assertCountEqual(told["iplist"], ["10.0.0.0/8", "::1"])
        self.assertIn("enabled", told)
        self.assertTrue(told["create_time"])
        self.assertNotIn("token", told)

    def test_a_changed_role_counts_at_once(self):
        auth = self.make("viewer")
        client = self.client(self.house)
        client.ok("supervisor", "login", **auth)
        client.refused("401.6", "sheduler", "sendasync", agentip=IP, ins=INS)
        self.admin.ok("supervisor", "setkey", key=auth["key"], name="viewer", role="operator", apps=["*"],
                      iplist=["*"])
        client.ok("sheduler", "sendasync", agentip=IP, ins=INS)

    def test_an_unknown_role_or_range_or_key_is_refused(self):
        self.assertIn("role", self.admin.refused("403.10", "supervisor", "setkey", name="x", role="king"))
        self.assertIn("iplist", self.admin.refused("403.", "supervisor", "setkey", name="x", role="viewer",
                                                   iplist=["10.0.0.0/33"]))
        self.admin.refused("413.1", "supervisor", "getauthbykey", key="unheard-of")
        self.admin.refused("413.1", "supervisor", "delkey", key="unheard-of")

    def test_another_ones_key_is_for_the_admin_only(self):
        operator = self.as_role("operator")
        operator.refused("401.6", "supervisor", "getauthbykey", key=self.admin_auth["key"])
        own = operator.ok("supervisor", "getauthbykey", key=operator.auth["key"])["auth"]
        self.assertEqual(own["role"], "operator")


class Roles(Keys):
    reads = (("heartbeat", "getstatbyip", {"agentip": IP}), ("heartbeat", "getonlinestat", {}),
             ("heartbeat", "listagents", {}), ("tasklog", "listtasks", {}), ("cron", "getcronlistbyip", {"agentip": IP}),
             ("cmdbproxy", "getcmdbinfobyip", {"agentip": IP}), ("supervisor", "getappcallbackinfo", {"appname": "a"}))
    works = (("sheduler", "sendsync", {"agentip": IP, "ins": INS}), ("sheduler", "sendasync", {"agentip": IP, "ins": INS}),
             ("sheduler", "canceltask", {"id": "0123456789ABCDEF"}),
             ("cron", "setcronbyip", {"agentip": IP, "rule": "0 0 3 * * ?", "ins": INS}),
             ("cron", "delcronbyipid", {"agentip": IP, "id": "0123456789ABCDEF"}),
             ("cron", "stopcron", {"agentip": IP, "id": "0123456789ABCDEF"}),
             ("cron", "startcron", {"agentip": IP, "id": "0123456789ABCDEF"}))
    manages = (("supervisor", "setkey", {"name": "x", "role": "viewer"}), ("supervisor", "listkeys", {}),
               ("supervisor", "delkey", {"key": "x"}),
               ("supervisor", "setapp", {"appname": "x", "appip": "127.0.0.1", "appport": "1"}),
               ("supervisor", "delapp", {"appname": "x"}),
               ("cmdbproxy", "setcmdbinfo", {"agentip": IP, "sn": "", "iplist": "", "idc": "", "main_cat": "",
                                             "sub_cat": "", "app_info": "", "manager": ""}),
               ("cmdbproxy", "delcmdbinfo", {"agentip": IP}))

    def judge(self, client, allowed, refused):
        for service, method, fields in allowed:
            with self.subTest(may=method):
                self.may(client, service, method, **fields)
        for service, method, fields in refused:
            with self.subTest(may_not=method):
                client.refused("401.6", service, method, **fields)

    def test_a_viewer_reads(self):
        self.judge(self.as_role("viewer"), self.reads, self.works + self.manages
                   + (("heartbeat", "register", {"agentip": IP}),))

    def test_an_operator_reads_and_works(self):
        self.judge(self.as_role("operator"), self.reads + self.works, self.manages
                   + (("heartbeat", "register", {"agentip": IP}),))

    def test_an_agent_registers_and_nothing_else(self):
        self.judge(self.as_role("agent"), (("heartbeat", "register", {"agentip": IP}),),
                   self.reads + self.works + self.manages)

    def test_an_admin_may_everything(self):
        self.judge(self.admin, self.reads + self.works + self.manages, ())

    def test_an_agent_key_may_register_only_ips_in_its_ranges(self):
        auth = self.make("agent", iplist=["10.0.0.0/24"])
        inside = Agent(self.house.address, "10.0.0.9", auth=auth)
        self.addCleanup(inside.stop)
        inside.start()
        self.assertEqual(self.admin.status_of("10.0.0.9"), "online")
        outside = Agent(self.house.address, "10.0.1.9", auth=auth)
        self.addCleanup(outside.stop)
        with self.assertRaises(Refused):
            outside.start()
        self.assertEqual(code_of(outside.registered), "401.6")
        self.assertEqual(self.admin.status_of("10.0.1.9"), "unknown")


class Reach(Keys):
    """Keys with some IPs and apps only."""

    def setUp(self):
        super().setUp()
        self.near = self.as_role("operator", apps=["demo"], iplist=["10.0.0.0/24", "192.168.1.7"])

    def test_what_is_asked_for_by_name_beyond_a_keys_ips_is_refused(self):
        self.may(self.near, "heartbeat", "getstatbyip", agentip="192.168.1.7")
        for service, method, fields in (
                ("heartbeat", "getstatbyip", {"agentip": "10.0.1.1"}), ("heartbeat", "getinfobyip", {"agentip": "10.0.1.1"}),
                ("heartbeat", "getstatbyiplist", {"iplist": [IP, "10.0.1.1"]}),
                ("sheduler", "sendasync", {"agentip": "10.0.1.1", "ins": INS}),
                ("sheduler", "sendsync", {"agentip": "10.0.1.1", "ins": INS}),
                ("cron", "getcronlistbyip", {"agentip": "10.0.1.1"}),
                ("cron", "setcronbyip", {"agentip": "10.0.1.1", "rule": "0 0 3 * * ?", "ins": INS}),
                ("cmdbproxy", "getcmdbinfobyip", {"agentip": "10.0.1.1"}),
                ("cmdbproxy", "getcmdbinfobyiplist", {"agentiplist": [IP, "10.0.1.1"]})):
            with self.subTest(method=method):
                self.near.refused("401.6", service, method, **fields)

    def test_what_is_sent_beyond_a_keys_apps_is_refused(self):
        other = {"app": "other", "func": "work"}
        self.near.refused("401.6", "sheduler", "sendasync", agentip=IP, ins=other)
        self.near.refused("401.6", "cron", "setcronbyip", agentip=IP, rule="0 0 3 * * ?", ins=other)
        self.may(self.near, "sheduler", "sendasync", agentip=IP, ins=INS)

    def test_tasks_beyond_reach_are_left_out_of_lists_and_refused_by_name(self):
        seen = self.send_async(self.admin, IP)["id"]
        far = self.send_async(self.admin, "10.0.1.1")["id"]
        alien = self.send_async(self.admin, IP, app="other")["id"]
        self.assertEqual([task["id"] for task in self.near.tasks()], [seen])
        for task in (far, alien):
            with self.subTest(task=task):
                self.near.refused("401.6", "tasklog", "gettaskbyids", id=[task])
                self.near.refused("401.6", "tasklog", "gettaskoutput", id=task)
                self.near.refused("401.6", "sheduler", "canceltask", id=task)
        self.assertEqual(self.near.task(seen)["id"], seen)

    def test_of_tasks_that_are_asked_for_by_their_ids_those_beyond_reach_are_named(self):
        seen = self.send_async(self.admin, IP)["id"]
        far = self.send_async(self.admin, "10.0.1.1")["id"]
        alien = self.send_async(self.admin, IP, app="other")["id"]
        unknown = "0123456789ABCDEF"
        reply = self.near.ok("tasklog", "gettaskbyids", id=[far, seen, unknown, alien])
        self.assertEqual(([task["id"] for task in reply["info"]], reply["missing"], reply["denied"]),
                         ([seen], [unknown], [far, alien]))
        self.assertNotIn("denied", self.near.ok("tasklog", "gettaskbyids", id=[seen, unknown]))
        self.assertNotIn("denied", self.admin.ok("tasklog", "gettaskbyids", id=[seen, far, unknown, alien]))

    def test_each_page_of_a_list_says_that_it_leaves_out_and_the_next_one_goes_on(self):
        seen = []
        for _ in range(3):
            self.send_async(self.admin, IP, app="other")
            seen.insert(0, self.send_async(self.admin, IP)["id"])
            self.send_async(self.admin, "10.0.1.1")
        self.assertNotIn("left_out", self.admin.ok("tasklog", "listtasks"))
        listed, place = [], {}
        while True:
            page = self.near.ok("tasklog", "listtasks", limit=1, **place)
            self.assertEqual(page["left_out"], "true")
            listed += [task["id"] for task in page["info"]]
            if "next" not in page:
                break
            place = {"after": page["next"]}
        self.assertEqual(listed, seen)

    def test_a_list_says_that_it_leaves_out_whether_or_not_there_is_something(self):
        asked = (("heartbeat", "listagents"), ("heartbeat", "getonlinestat"), ("tasklog", "listtasks"))
        before = [self.near.ok(*method) for method in asked]
        self.assertEqual([reply["left_out"] for reply in before], ["true"] * len(asked))
        self.agent(self.house, "10.0.1.1", auth=self.make("agent"))
        self.send_sync(self.admin, "10.0.1.1")
        after = [self.near.ok(*method) for method in asked]
        self.assertEqual(before, after)
        told = self.ctl(self.house, "agents", auth=self.near.auth)
        self.assertIn("what this key may not see is left out", told.err)
        self.assertEqual(self.ctl(self.house, "agents", auth=self.admin_auth).err, "")

    def test_a_refusal_by_id_says_nothing_of_what_the_id_stands_for(self):
        task = self.send_async(self.admin, "10.0.1.1", app="other")["id"]
        job = self.admin.ok("cron", "setcronbyip", agentip=IP, rule="0 0 3 * * ?",
                            ins={"app": "other", "func": "work"})["id"]
        for service, method, fields, what in (
                ("tasklog", "gettaskoutput", {"id": task}, f"task {task}"),
                ("tasklog", "gettaskstory", {"id": task}, f"task {task}"),
                ("tasklog", "appprocessorlog", {"id": task, "info": {"processor_sync_flag": "true"}}, f"task {task}"),
                ("sheduler", "canceltask", {"id": task}, f"task {task}"),
                ("cron", "stopcron", {"agentip": IP, "id": job}, f"cron job {job}"),
                ("cron", "delcronbyipid", {"agentip": IP, "id": job}, f"cron job {job}")):
            with self.subTest(method=method):
                reply = self.near.call(service, method, **fields)
                self.assertEqual(reply["error_info"],
                                 f"[401.6] key {self.near.auth['key']} has no rights on {what}")

    def test_agents_and_records_beyond_reach_are_left_out_of_lists(self):
        agent_auth = self.make("agent")
        for ip in (IP, "10.0.1.1"):
            agent = Agent(self.house.address, ip, auth=agent_auth)
            self.addCleanup(agent.stop)
            agent.start()
            self.admin.ok("cmdbproxy", "setcmdbinfo", agentip=ip, sn="sn-" + ip, iplist=ip, idc="", main_cat="",
                          sub_cat="", app_info="", manager="")
        for service, method in (("heartbeat", "listagents"), ("cmdbproxy", "listcmdbinfo")):
            told = json.dumps(self.near.ok(service, method))
            self.assertIn('"10.0.0.1"', told)
            self.assertNotIn("10.0.1.1", told)

    def test_who_asked_is_kept_with_each_task(self):
        mine = self.send_async(self.near, IP)["id"]
        self.send_async(self.admin, IP)
        self.assertEqual([t["id"] for t in self.admin.tasks(by=self.near.auth["key"])], [mine])
        record = self.admin.task(mine)
        self.assertEqual(record["by"], self.near.auth["key"])
        self.assertIn("127.0.0.1", record["from"])

    def test_an_operator_reports_for_its_apps_processors_only(self):
        self.admin.ok("supervisor", "setapp", appname="demo", appip="127.0.0.1", appport="1")
        self.admin.ok("supervisor", "setapp", appname="other", appip="127.0.0.1", appport="1")
        info = {"processor_sync_flag": "true", "processor_sync_error": "", "processor_sync_costtime": "3"}
        mine = self.send_async(self.admin, IP, mode="P")["id"]
        alien = self.send_async(self.admin, IP, app="other", mode="P")["id"]
        self.near.ok("tasklog", "appprocessorlog", id=mine, info=info)
        self.near.refused("401.6", "tasklog", "appprocessorlog", id=alien, info=info)
        self.as_role("viewer").refused("401.6", "tasklog", "appprocessorlog", id=mine, info=info)


class CheckIpAuth(Keys):
    def check(self, ip, **proof):
        return self.client(self.house).ok("supervisor", "checkipauthbykey", agentip=ip, **proof)

    def test_a_key_proven_by_its_token_is_judged_by_its_ips(self):
        auth = self.make("operator", iplist=["10.0.0.0/24", "fe80::/16"])
        for ip, status in ((IP, "true"), ("10.0.0.255", "true"), ("10.0.1.0", "false"), ("fe80::1", "true"),
                           ("fec0::1", "false")):
            with self.subTest(ip=ip):
                self.assertEqual(self.check(ip, **auth)["status"], status)

    def test_nothing_tells_a_wrong_key_from_a_wrong_token(self):
        auth = self.make("operator")
        answers = [self.check(IP, key=auth["key"], token="wrong"), self.check(IP, key="wrong", token=auth["token"]),
                   self.check(IP, key="wrong", token="wrong")]
        for answer in answers:
            answer.pop("mqid", None)
            self.assertEqual(answer["status"], "false")
            self.assertEqual(answer, answers[0])

    def test_a_bad_ip_is_refused(self):
        self.client(self.house).refused("403.1", "supervisor", "checkipauthbykey", agentip="x", key="k", token="t")


class Modes(HouseTest):
    def test_protected_is_the_default_and_open_to_loopback(self):
        client = self.client(self.server())
        client.ok("tasklog", "listtasks")
        client.ok("supervisor", "listkeys")

    def test_a_wrong_auth_is_refused_in_every_mode(self):
        for mode in ("keys", "protected", "open"):
            with self.subTest(mode=mode):
                client = self.client(self.server(auth={"mode": mode}))
                client.refused("401.5", "elves", "ping", auth={"key": "no", "token": "no"})
                client.refused("401.5", "heartbeat", "getstatbyip", agentip=IP, auth={"key": "no", "token": "no"})

    def outside_address(self):
        """An address of this machine that is not loopback."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            try:
                sock.connect(("192.0.2.1", 9))  # sends nothing
                address = sock.getsockname()[0]
            except OSError:
                address = "127.0.0.1"
        if address.startswith("127."):
            self.skipTest("this machine has no address but loopback")
        return address

    def from_outside(self, mode):
        outside = self.outside_address()
        house = self.server(server={"listen": "0.0.0.0:0"}, auth={"mode": mode})
        house.host = "127.0.0.1"
        client = Client.connect(outside, house.port)
        self.addCleanup(client.close)
        return house, client

    def test_protected_asks_everyone_else_for_a_key(self):
        house, client = self.from_outside("protected")
        client.ok("elves", "ping")
        client.refused("401.1", "tasklog", "listtasks")
        self.client(house).ok("tasklog", "listtasks")

    def test_protected_takes_nobody_for_loopback_whose_address_is_of_one_net_alone(self):
        outside = link_local_address()
        if not outside:
            self.skipTest("this machine has no address of IPv6 that is of one net alone")
        house = self.server(server={"listen": "[::]:0"})
        with Client.connect(outside, house.port) as client:
            client.ok("elves", "ping")
            client.refused("401.1", "tasklog", "listtasks")

    def test_protected_takes_nobody_for_loopback_who_has_gone_before_he_was_let_in(self):
        outside = self.outside_address()
        house = self.server(server={"listen": "0.0.0.0:0"})
        house.signal(signal.SIGSTOP)
        for number in range(20):
            with socket.create_connection((outside, house.port), timeout=10) as sock:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                sock.sendall(pack({"mqt": "call", "mqs": "supervisor", "mqf": "setkey", "name": f"gone-{number}",
                                    "role": "admin", "apps": ["*"], "iplist": ["*"]}))
        house.signal(signal.SIGCONT)
        house.host = "127.0.0.1"
        client = self.client(house)
        client.ok("supervisor", "setkey", name="mine", role="viewer", apps=["*"], iplist=["*"])  # the last of all
        self.assertEqual([key["name"] for key in client.ok("supervisor", "listkeys")["keys"]], ["mine"])

    def test_open_is_open_to_whoever_reaches_the_port(self):
        _, client = self.from_outside("open")
        client.ok("tasklog", "listtasks")

    def test_the_first_admin_key_is_made_on_the_servers_machine(self):
        house = self.server_down(auth={"mode": "keys"})
        auth = house.init_admin("root")
        house.start()
        client = self.client(house)
        client.refused("401.1", "supervisor", "listkeys")
        client.ok("supervisor", "login", **auth)
        told = client.ok("supervisor", "getauthbykey", key=auth["key"])["auth"]
        self.assertEqual((told["name"], told["role"]), ("root", "admin"))


class Apps(HouseTest):
    def setUp(self):
        super().setUp()
        self.house = self.server()
        self.caller = self.client(self.house)

    def test_an_apps_callback_address_is_kept(self):
        self.caller.ok("supervisor", "setapp", appname="demo", appip="127.0.0.1", appport="9001")
        self.caller.ok("supervisor", "setapp", appname="six", appip="::0:1", appport=9002)
        info = self.caller.ok("supervisor", "getappcallbackinfo", appname="demo")
        self.assertEqual((info["appip"], info["appport"]), ("127.0.0.1", "9001"))
        info = self.caller.ok("supervisor", "getappcallbackinfo", appname="six")
        self.assertEqual((info["appip"], info["appport"]), ("::1", "9002"))
        told = json.dumps(self.caller.ok("supervisor", "listapps"))
        self.assertIn('"demo"', told)
        self.assertIn('"six"', told)

    def test_an_app_set_again_has_the_new_address_also_after_a_restart(self):
        self.caller.ok("supervisor", "setapp", appname="demo", appip="127.0.0.1", appport="9001")
        self.caller.ok("supervisor", "setapp", appname="demo", appip="127.0.0.2", appport="9002")
        self.house.restart()
        info = self.client(self.house).ok("supervisor", "getappcallbackinfo", appname="demo")
        self.assertEqual((info["appip"], info["appport"]), ("127.0.0.2", "9002"))

    def test_an_app_that_is_not_there_is_said_so(self):
        self.caller.refused("413.2", "supervisor", "getappcallbackinfo", appname="demo")
        self.caller.refused("413.2", "supervisor", "delapp", appname="demo")
        self.caller.ok("supervisor", "setapp", appname="demo", appip="127.0.0.1", appport="9001")
        self.caller.ok("supervisor", "delapp", appname="demo")
        self.caller.refused("413.2", "supervisor", "getappcallbackinfo", appname="demo")
        self.caller.refused("413.2", "sheduler", "sendasync", agentip=IP, ins={**INS, "mode": "P"})

    def test_a_bad_address_is_refused(self):
        self.assertIn("appip", self.caller.refused("403.", "supervisor", "setapp", appname="demo", appip="not a host",
                                                   appport="9001"))
        for port in ("65536", "-1", "web"):
            with self.subTest(port=port):
                self.assertIn("appport", self.caller.refused("403.10", "supervisor", "setapp", appname="demo",
                                                             appip="127.0.0.1", appport=port))


if __name__ == "__main__":
    unittest.main()
