"""Frames exactly as the protocol sheet prints them, slips included, and what they are understood to be."""

import unittest

from elves_wire import RUN
from house import HouseTest

IP = "10.0.0.1"
BLANK_INS = {"mode": "", "app": "demo", "func": "work", "param": "", "timeout": "", "proxy": ""}


class AsPrinted(HouseTest):
    def setUp(self):
        super().setUp()
        self.house = self.server()
        self.caller = self.wire_client(self.house)

    def ask(self, mqs, mqf, /, **fields):
        """As printed: no mqid, no auth. The reply carries the request's own words."""
        self.caller.send({"mqt": "call", "mqs": mqs, "mqf": mqf, **fields})
        reply = self.caller.receive()
        self.assertEqual((reply["mqt"], reply["mqs"], reply["mqf"]), ("back", mqs, mqf))
        return reply

    def well(self, mqs, mqf, /, **fields):
        reply = self.ask(mqs, mqf, **fields)
        self.assertEqual((reply["flag"], reply["error_info"]), ("true", ""), reply)
        return reply

    def test_sendsync(self):
        self.agent(self.house, IP)
        info = self.well("sheduler", "sendsync", agentip=IP, ins=BLANK_INS)["info"]
        for key, kind in (("agent_sync_flag", str), ("agent_sync_error", str), ("agent_sync_costtime", str),
                          ("worker_flag", int), ("worker_result", str), ("worker_costtime", int)):
            self.assertIsInstance(info[key], kind, key)

    def test_sendasync_under_its_own_name(self):
        self.agent(self.house, IP, lambda call: RUN)
        info = self.well("sheduler", "sendasync", agentip=IP, ins=BLANK_INS)["info"]
        self.assertEqual({key for key in info if key.startswith("worker")}, set())
        self.assertEqual(info["agent_sync_flag"], "true")

    def test_heartbeat(self):
        self.agent(self.house, IP, os="linux")
        self.assertEqual(self.well("heartbeat", "getstatbyip", agentip=IP)["status"], "online")
        info = self.well("heartbeat", "getinfobyip", agentip=IP)
        for key, kind in (("agent_starttime", str), ("hw_config", str), ("cronlist", list)):
            self.assertIsInstance(info[key], kind, key)
        self.assertEqual(self.well("heartbeat", "getstatbyiplist", iplist=[IP, "10.0.0.2"])["status"],
                         ["online", "unknown"])
        stat = self.well("heartbeat", "getonlinestat")["stat"]
        self.assertEqual((stat["totalonline"], stat["linuxonline"], stat["winonline"]), ("1", "1", "0"))

    def test_getstatbyip_is_never_taken_for_getinfobyip(self):
        self.agent(self.house, IP)
        self.assertNotIn("hw_config", self.well("heartbeat", "getstatbyip", agentip=IP))

    def test_checkipauthbykey_with_appname_is_getappcallbackinfo(self):
        self.caller.ok("supervisor", "setapp", appname="demo", appip="127.0.0.1", appport="9001")
        reply = self.well("supervisor", "checkipauthbykey", appname="demo")
        self.assertEqual((reply["appip"], reply["appport"]), ("127.0.0.1", "9001"))
        self.error_in(self.ask("supervisor", "checkipauthbykey", appname="none")["error_info"], "413.2")

    def test_checkipauthbykey_with_agentip_is_itself(self):
        reply = self.well("supervisor", "checkipauthbykey", agentip=IP, token="t", key="k")
        self.assertEqual(reply["status"], "false")
        reply = self.well("supervisor", "checkipauthbykey", agentip=IP, token="t", key="k", appname="demo")
        self.assertEqual(reply["status"], "false")

    def test_cmdbproxys_checkipauthbykey_is_getcmdbinfobyip_or_its_list(self):
        fields = {"sn": "S1", "iplist": IP, "idc": "i", "main_cat": "m", "sub_cat": "s", "app_info": "a",
                  "manager": "me"}
        self.caller.ok("cmdbproxy", "setcmdbinfo", agentip=IP, **fields)
        reply = self.well("cmdbproxy", "checkipauthbykey", agentip=IP)
        self.assertEqual({key: reply[key] for key in fields}, fields)
        info = self.well("cmdbproxy", "checkipauthbykey", agentiplist=[IP, "10.0.0.2"])["info"]
        self.assertEqual((info[0]["sn"], info[1]["flag"]), ("S1", "false"))
        self.error_in(self.ask("cmdbproxy", "checkipauthbykey", agentip="10.0.0.2")["error_info"], "415.1")

    def test_setcronbyip_sets_lists_and_deletes(self):
        reply = self.well("cron", "setcronbyip", agentip=IP, cron_type="self", rule="0/10 * * * * ?", ins=BLANK_INS)
        cron_id = reply["id"]
        (job,) = self.well("cron", "setcronbyip", agentip=IP)["cron_list"]
        self.assertEqual((job["cron_id"], job["agent_ip"], job["cron_type"], job["rule"], job["param"]),
                         (cron_id, IP, "self", "0/10 * * * * ?", ""))
        self.well("cron", "setcronbyip", agentip=IP, id=cron_id)
        self.assertEqual(self.well("cron", "setcronbyip", agentip=IP)["cron_list"], [])
        self.error_in(self.ask("cron", "setcronbyip", agentip=IP, id=cron_id)["error_info"], "411.1")

    def test_setcronbyip_with_half_of_a_job_is_refused_and_deletes_nothing(self):
        cron_id = self.well("cron", "setcronbyip", agentip=IP, rule="0 0 3 * * ?", ins=BLANK_INS)["id"]
        for half in ({"rule": "0 0 4 * * ?"}, {"ins": BLANK_INS}):
            self.assertEqual(self.ask("cron", "setcronbyip", agentip=IP, id=cron_id, **half)["flag"], "false")
        self.assertEqual([job["rule"] for job in self.well("cron", "getcronlistbyip", agentip=IP)["cron_list"]],
                         ["0 0 3 * * ?"])

    def test_agentasynclog_with_an_array_of_ids_is_gettaskbyids(self):
        self.agent(self.house, IP)
        task = self.well("sheduler", "sendsync", agentip=IP, ins=BLANK_INS)["info"]["id"]
        reply = self.well("tasklog", "agentAsyncLog", id=[task, "0123456789ABCDEF"])
        self.assertEqual(reply["missing"], ["0123456789ABCDEF"])
        record = next(entry for entry in reply["info"] if entry.get("id") == task)
        self.assertEqual(record["instruct"], "demo.work")

    def test_nothing_else_is_guessed(self):
        for mqs, mqf, fields in (("heartbeat", "checkipauthbykey", {"agentip": IP}),
                                 ("cmdbproxy", "getstatbyip", {"agentip": IP}),
                                 ("heartbeat", "getstatbysn", {"agentip": IP}),
                                 ("tasklog", "setcronbyip", {"agentip": IP})):
            with self.subTest(mqs=mqs, mqf=mqf):
                self.error_in(self.ask(mqs, mqf, **fields)["error_info"], "404.2")


if __name__ == "__main__":
    unittest.main()
