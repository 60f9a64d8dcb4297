"""Which hosts: targets, labels, facts and groups, over the port and by elvesctl, with real agents."""

import json
import unittest

from elves_wire import Result, code_of
from house import HouseTest, eventually

IP, IP2, REAL = "10.0.0.1", "10.0.0.2", "10.1.0.1"


class Fleet(HouseTest):
    def setUp(self):
        super().setUp()
        self.house = self.server()
        self.caller = self.client(self.house)

    def says(self, *args, code=0):
        done = self.ctl(self.house, *args)
        self.assertEqual(done.code, code, f"elvesctl {args}: {done}")
        return done

    def found(self, target):
        return [agent["agentip"] for agent in self.caller.ok("fleet", "findagents", target=target)["agents"]]

    def refused(self, target):
        return code_of(self.caller.call("fleet", "findagents", target=target))

    def agent_with(self, facts):
        worker = self.real_agent(self.house, REAL)
        worker.sections["facts"] = facts
        worker.settings()
        return worker

    def two_agents(self):
        for ip in (IP, IP2):
            self.agent(self.house, ip, lambda call: Result(1, "done"))

    def test_facts_of_an_agents_settings_select_it_and_are_kept_over_a_restart_of_the_server(self):
        worker = self.agent_with({"rack": "r12", "tier": '"front end"'})
        worker.start()
        self.online(self.caller, REAL)
        self.assertEqual(self.found("fact.rack=r12 and fact.tier=\"front end\""), [REAL])
        shown = self.caller.ok("fleet", "findagents", target=REAL)["agents"][0]
        self.assertEqual(shown["facts"], {"rack": "r12", "tier": "front end"})
        self.assertEqual(shown["labels"], {})
        worker.terminate()
        self.house.terminate()
        self.house.start()
        self.caller = self.client(self.house)
        self.assertEqual(self.found("fact.rack~r*"), [REAL])

    def test_an_agent_refuses_facts_that_it_could_not_register(self):
        for name, value, what in (("Rack", "r12", "[a-z][a-z0-9_]"), ("rack", "x" * 129, "128 characters")):
            with self.subTest(name=name):
                worker = self.agent_with({name: value})
                worker.start()
                eventually(lambda: not worker.alive)
                self.assertIn(f"[facts] {name}", worker.log())
                self.assertIn(what, worker.log())

    def test_a_register_with_facts_over_the_limits_is_refused(self):
        for facts in ({"Rack": "x"}, {"rack": ""}, {"rack": 7}, {f"k{n}": "v" for n in range(33)}, []):
            with self.subTest(facts=facts):
                self.assertEqual(code_of(self.caller.call("heartbeat", "register", agentip=IP, facts=facts)), "403.10")

    def test_labels_and_groups_survive_a_restart(self):
        self.two_agents()
        self.caller.ok("fleet", "setlabels", target=IP, labels={"env": "prod"})
        self.caller.ok("fleet", "setgroup", name="prod", target="env=prod")
        self.house.restart()
        self.caller = self.client(self.house)
        self.caller.ok("cmdbproxy", "setcmdbinfo", agentip=IP, sn="1")  # whether or not the agent was written in time
        self.assertEqual(self.found("@prod"), [IP])

    def test_a_machine_of_the_inventory_is_a_host_though_it_was_never_an_agent(self):
        self.caller.ok("cmdbproxy", "setcmdbinfo", agentip="10.0.0.9", idc="fra")
        self.assertEqual(self.found("idc=fra and status=unknown"), ["10.0.0.9"])

    def test_what_changes_labels_and_groups_is_audited_and_what_reads_is_not(self):
        self.two_agents()
        self.caller.ok("fleet", "setlabels", target=IP, labels={"env": "prod"})
        self.caller.ok("fleet", "setgroup", name="prod", target="env=prod")
        self.found("@prod")
        self.caller.ok("fleet", "delgroup", name="prod")
        rows = [row["method"] for row in self.caller.ok("elves", "listaudit", limit=100)["rows"]]
        self.assertEqual([row for row in rows if row.startswith("fleet.")][::-1],
                         ["fleet.setlabels", "fleet.setgroup", "fleet.delgroup"])

    def test_elvesctl_lists_counts_and_explains(self):
        self.two_agents()
        self.says("label", "set", f"{IP} or {IP2}", "env=prod", "role=db")
        self.says("label", "unset", IP2, "role")
        self.assertIn("2 hosts, 1 changed", self.says("label", "set", "all", "role=db").out)
        self.says("label", "unset", IP2, "role")
        self.says("group", "set", "prod", "env=prod", "and", "status=online", "--note", "ask Ada")
        self.assertIn("prod", self.says("group", "list").out)
        self.assertIn("ask Ada", self.says("group", "show", "prod").out)
        listed = self.says("hosts", "@prod").out
        self.assertIn(IP, listed)
        self.assertIn("2 hosts", listed)
        self.assertIn("1 hosts; 1 left out as undecided, for want of role", self.says("hosts", "role=db", "--count").out)
        self.assertIn("prod", self.says("hosts", "all", "--by", "env").out)
        self.assertIn("undecided", self.says("hosts", "role=db", "--why", IP2).out)
        self.assertEqual(json.loads(self.says("--json", "hosts", "@prod", "--count").out)["count"], "2")
        self.says("group", "del", "prod")
        done = self.says("hosts", "@prod", code=3)
        self.assertIn("[417.2]", done.err)

    def test_elvesctl_prints_an_inventory_for_ansible(self):
        self.two_agents()
        self.says("label", "set", IP, "env=prod", "role=front end")
        self.says("group", "set", "prod.web", "env=prod")
        for options in ((), ("--json",)):
            inventory = json.loads(self.says(*options, "hosts", "all", "--ansible").out)
            self.assertEqual(inventory["all"]["hosts"], [IP, IP2])
            self.assertEqual(set(inventory["_meta"]["hostvars"]), {IP, IP2})
            for group in ("label_env_prod", "label_role_front_end", "group_prod_web"):
                self.assertEqual(inventory[group], {"hosts": [IP]}, group)
            self.assertEqual(inventory["status_online"]["hosts"], [IP, IP2])
        shown = inventory["_meta"]["hostvars"][IP]
        self.assertEqual((shown["ansible_host"], shown["elves_labels"]["env"]), (IP, "prod"))
        self.assertEqual(list(json.loads(self.says("hosts", "env=prod", "--ansible").out)["_meta"]["hostvars"]), [IP])
        self.assertEqual(self.says("hosts", "evn=prod", "--ansible", code=3).out, "")

    def test_elvesctl_names_the_column_and_the_nearest_field(self):
        self.two_agents()
        self.says("label", "set", "all", "env=prod")
        done = self.says("hosts", "evn=prod", code=3)
        self.assertIn("column 1", done.err)
        self.assertIn("did you mean env?", done.err)
        self.says("label", "set", "all", "prod", code=2)

    def test_a_list_over_many_pages_is_whole(self):
        rows = [{"agentip": f"10.2.{n // 250}.{n % 250 + 1}", "idc": "fra"} for n in range(2500)]
        for at in range(0, len(rows), 1000):
            self.caller.ok("cmdbproxy", "setcmdbinfolist", records=rows[at:at + 1000])
        shown = json.loads(self.says("--json", "hosts", "idc=fra").out)
        self.assertEqual(len(shown["agents"]), 2500)
        self.assertEqual(self.refused("idc=fra or idc=\"\""), "403.11")


if __name__ == "__main__":
    unittest.main()
