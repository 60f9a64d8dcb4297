"""cmdbproxy: the inventory record of each agent."""

import json
import unittest

from house import HouseTest

IP = "10.0.0.1"
FIELDS = ("sn", "iplist", "idc", "main_cat", "sub_cat", "app_info", "manager")


def record(tag):
    return {field: f"{field} of {tag}" for field in FIELDS} | {"iplist": "10.0.0.1,192.168.0.1"}


class Cmdb(HouseTest):
    def setUp(self):
        super().setUp()
        self.house = self.server()
        self.caller = self.client(self.house)

    def put(self, ip, tag):
        self.caller.ok("cmdbproxy", "setcmdbinfo", agentip=ip, **record(tag))

    def get(self, ip):
        reply = self.caller.ok("cmdbproxy", "getcmdbinfobyip", agentip=ip)
        return {field: reply[field] for field in FIELDS}

    def test_a_record_comes_back_as_it_was_given(self):
        self.put(IP, "one")
        self.assertEqual(self.get(IP), record("one"))

    def test_a_record_may_be_of_any_language(self):
        self.put(IP, "机房 ü 😀 \"quoted\" \\ 'single'; --")
        self.assertEqual(self.get(IP), record("机房 ü 😀 \"quoted\" \\ 'single'; --"))

    def test_a_record_replaces_the_one_before_it(self):
        self.put(IP, "one")
        self.put(IP, "two")
        self.assertEqual(self.get(IP), record("two"))

    def test_a_record_belongs_to_the_normalised_ip(self):
        self.put("::0:1", "six")
        self.assertEqual(self.get("0:0::1"), record("six"))

    def test_an_agent_without_a_record_is_said_so(self):
        self.assertIn(IP, self.caller.refused("415.1", "cmdbproxy", "getcmdbinfobyip", agentip=IP))

    def test_a_record_can_be_deleted_once(self):
        self.put(IP, "one")
        self.caller.ok("cmdbproxy", "delcmdbinfo", agentip=IP)
        self.caller.refused("415.1", "cmdbproxy", "getcmdbinfobyip", agentip=IP)
        self.caller.refused("415.1", "cmdbproxy", "delcmdbinfo", agentip=IP)

    def test_records_of_a_list_come_in_its_order_and_say_which_are_missing(self):
        self.put("10.0.0.1", "one")
        self.put("10.0.0.3", "three")
        info = self.caller.ok("cmdbproxy", "getcmdbinfobyiplist",
                              agentiplist=["10.0.0.3", "10.0.0.2", "10.0.0.1", "10.0.0.3"])["info"]
        self.assertEqual([entry["agentip"] for entry in info], ["10.0.0.3", "10.0.0.2", "10.0.0.1", "10.0.0.3"])
        self.assertEqual([entry.get("flag") == "false" for entry in info], [False, True, False, False])
        for entry, tag in ((info[0], "three"), (info[2], "one")):
            self.assertEqual({field: entry[field] for field in FIELDS}, record(tag))

    def test_a_list_may_have_ten_thousand_ips_and_no_more(self):
        ips = [f"10.1.{n // 250}.{n % 250}" for n in range(10000)]
        self.assertEqual(len(self.caller.ok("cmdbproxy", "getcmdbinfobyiplist", agentiplist=ips)["info"]), 10000)
        self.caller.refused("403.", "cmdbproxy", "getcmdbinfobyiplist", agentiplist=ips + [IP])
        self.assertEqual(self.caller.ok("cmdbproxy", "getcmdbinfobyiplist", agentiplist=[])["info"], [])

    def test_e17_an_import_writes_what_has_changed_and_leaves_a_row_for_each_call(self):
        path = self.folder() / "machines.csv"

        def import_rows(changed):
            path.write_text("agentip,sn,iplist,idc,main_cat,sub_cat,app_info,manager\n" + "".join(
                f"10.1.{n // 250}.{n % 250 + 1},{'new' if n in changed else 'old'},,north,web,shop,,ada\n"
                for n in range(2500)))
            done = self.ctl(self.house, "cmdb", "import", path)
            self.assertEqual((done.code, done.out), (0, "2500 of 2500 records kept\n"), done)
            return self.caller.ok("elves", "listaudit", method="cmdbproxy.setcmdbinfolist", limit=1000)["rows"]

        self.assertEqual(len(import_rows(())), 3)
        self.assertEqual(len(import_rows(())), 6)
        self.assertEqual(len(import_rows((7, 2000))), 9)
        self.assertEqual(self.get("10.1.8.1")["sn"], "new")
        self.assertEqual(self.caller.ok("cmdbproxy", "setcmdbinfolist", records=[
            {"agentip": "10.1.8.1", "sn": "new", "idc": "north", "main_cat": "web", "sub_cat": "shop", "manager": "ada"},
            {"agentip": "10.1.8.2", "sn": "newer"}])["written"], "1")

    def test_all_records_can_be_listed(self):
        self.put("10.0.0.1", "one")
        self.put("10.0.0.2", "two")
        told = json.dumps(self.caller.ok("cmdbproxy", "listcmdbinfo"))
        for part in ('"10.0.0.1"', '"10.0.0.2"', "sn of one", "sn of two"):
            self.assertIn(part, told)

    def test_a_bad_ip_or_a_value_that_is_no_string_is_refused(self):
        self.caller.refused("403.1", "cmdbproxy", "setcmdbinfo", **{**record("x"), "agentip": "there"})
        self.caller.refused("403.1", "cmdbproxy", "getcmdbinfobyiplist", agentiplist=[IP, "there"])
        self.assertIn("manager", self.caller.refused("403.10", "cmdbproxy", "setcmdbinfo", agentip=IP,
                                                     **{**record("x"), "manager": ["me"]}))
        self.caller.refused("415.1", "cmdbproxy", "getcmdbinfobyip", agentip=IP)

    def test_an_acknowledged_record_survives_a_crash(self):
        for n in range(20):
            self.put(f"10.0.0.{n}", f"n{n}")
        self.house.restart()
        self.caller = self.client(self.house)
        for n in range(20):
            self.assertEqual(self.get(f"10.0.0.{n}"), record(f"n{n}"))


if __name__ == "__main__":
    unittest.main()
