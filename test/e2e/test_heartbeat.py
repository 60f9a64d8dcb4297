"""heartbeat: who is there, what is known of them, and how presence ends."""

import json
import time
import unittest

from elves_wire import Agent, Client, wall_time
from house import DIGITS, TIME_OF_DAY, HouseTest, eventually


class Heartbeat(HouseTest):
    def setUp(self):
        super().setUp()
        self.house = self.server(heartbeat={"interval": 1, "offline_after": 3})
        self.caller = self.client(self.house)

    def statuses(self, *ips):
        return self.caller.ok("heartbeat", "getstatbyiplist", iplist=list(ips))["status"]

    def info(self, ip):
        return self.caller.ok("heartbeat", "getinfobyip", agentip=ip)

    def stat(self):
        return self.caller.ok("heartbeat", "getonlinestat")["stat"]

    def list_agents(self, **filters):
        return self.caller.ok("heartbeat", "listagents", **filters)

    # ---- status ----
    def test_an_agent_that_was_never_seen_is_unknown(self):
        self.assertEqual(self.caller.status_of("10.9.9.9"), "unknown")
        self.assertIn("10.9.9.9", self.caller.refused("414.1", "heartbeat", "getinfobyip", agentip="10.9.9.9"))

    def test_a_registered_agent_is_online_at_once(self):
        self.agent(self.house, "10.0.0.1")
        self.assertEqual(self.caller.status_of("10.0.0.1"), "online")

    def test_an_agent_whose_link_is_gone_is_offline(self):
        agent = self.agent(self.house, "10.0.0.1", beat_every=0.5)
        agent.drop()
        eventually(lambda: self.caller.status_of("10.0.0.1") == "offline")

    def test_an_agent_that_falls_silent_on_an_open_link_is_offline(self):
        agent = self.agent(self.house, "10.0.0.1")
        agent.silent = True
        eventually(lambda: self.caller.status_of("10.0.0.1") == "offline")

    def test_beats_keep_an_agent_online(self):
        self.agent(self.house, "10.0.0.1", beat_every=0.5)
        until = time.monotonic() + 7  # twice offline_after, and some
        while time.monotonic() < until:
            self.assertEqual(self.caller.status_of("10.0.0.1"), "online")
            time.sleep(0.1)

    def test_any_frame_on_the_link_counts_as_a_beat(self):
        agent = self.agent(self.house, "10.0.0.1", beat_every=None)
        until = time.monotonic() + 7
        while time.monotonic() < until:
            agent.call("elves", "ping")
            self.assertEqual(self.caller.status_of("10.0.0.1"), "online")
            time.sleep(0.2)

    def test_an_agent_that_comes_back_is_online_again(self):
        agent = self.agent(self.house, "10.0.0.1")
        agent.drop()
        eventually(lambda: self.caller.status_of("10.0.0.1") == "offline")
        agent.start()
        self.assertEqual(self.caller.status_of("10.0.0.1"), "online")

    def test_a_second_link_of_the_same_ip_replaces_the_first_which_is_closed(self):
        first = self.agent(self.house, "10.0.0.1")
        second = self.agent(self.house, "10.0.0.1")
        first.wait_closed()
        self.assertTrue(second.up)
        self.assertEqual(self.caller.status_of("10.0.0.1"), "online")
        task = self.send_async(self.caller, "10.0.0.1")
        self.assertEqual(second.wait_instruct(task["id"])["id"], task["id"])
        self.assertEqual(first.calls_seen("instruct"), [])

    def test_statuses_of_a_list_come_in_its_order(self):
        self.agent(self.house, "10.0.0.1")
        gone = self.agent(self.house, "10.0.0.2")
        gone.drop()
        eventually(lambda: self.caller.status_of("10.0.0.2") == "offline")
        self.assertEqual(self.statuses("10.0.0.3", "10.0.0.1", "10.0.0.2", "10.0.0.1"),
                         ["unknown", "online", "offline", "online"])
        self.assertEqual(self.statuses(), [])

    def test_a_list_may_have_ten_thousand_ips_and_no_more(self):
        ips = [f"10.1.{n // 250}.{n % 250}" for n in range(10000)]
        self.assertEqual(self.statuses(*ips), ["unknown"] * 10000)
        self.caller.refused("403.", "heartbeat", "getstatbyiplist", iplist=ips + ["10.2.0.1"])

    def test_what_is_no_ip_is_refused(self):
        for bad in ("10.0.0", "10.0.0.256", "host", "10.0.0.1/24", " 10.0.0.1", "10.0.0.1:80", "::g", "[::1]"):
            with self.subTest(ip=bad):
                self.assertIn("agentip", self.caller.refused("403.1", "heartbeat", "getstatbyip", agentip=bad))
        self.caller.refused("403.1", "heartbeat", "getstatbyiplist", iplist=["10.0.0.1", "nonsense"])

    def test_an_ip_is_normalised(self):
        self.agent(self.house, "::0:1")
        self.assertEqual(self.statuses("::1", "0:0:0:0:0:0:0:1", "::0001"), ["online"] * 3)
        self.agent(self.house, "FE80::00AB")
        self.assertEqual(self.caller.status_of("fe80::ab"), "online")
        self.assertIn('"fe80::ab"', json.dumps(self.list_agents()))

    # ---- register ----
    def test_register_tells_interval_zone_and_time(self):
        agent = self.agent(self.house, "10.0.0.1")
        told = agent.registered
        self.assertEqual((int(told["interval"]), int(told["offline_after"])), (1, 3))
        self.assertEqual(told["timezone"], "UTC")
        self.assertLess(abs(int(told["time"]) - time.time() * 1000), 60_000)

    def test_register_needs_an_ip(self):
        self.assertIn("agentip", self.caller.refused("403.", "heartbeat", "register", os="linux"))
        self.caller.refused("403.1", "heartbeat", "register", agentip="nowhere")

    def test_register_needs_nothing_but_an_ip(self):
        client = self.client(self.house)
        client.ok("heartbeat", "register", agentip="10.0.0.7")
        self.assertEqual(self.caller.status_of("10.0.0.7"), "online")

    def test_what_an_agent_says_of_itself_is_bounded(self):
        for said in ({"hw_config": "x" * 65_537}, {"asset": "x" * 65_537}, {"apps": {str(n): "1" for n in range(1001)}}):
            self.caller.refused("403.10", "heartbeat", "register", agentip="10.0.0.1", **said)

    def test_what_an_agent_said_of_itself_is_told_again(self):
        start = wall_time()
        self.agent(self.house, "10.0.0.1", asset="A-17", os="Linux", version="1.2.3", starttime=start,
                   hw_config="64 cores, 256 GiB", apps={"demo": "1.0", "other": "2.0"})
        info = self.info("10.0.0.1")
        self.assertEqual({k: info[k] for k in ("agent_starttime", "hw_config", "cronlist", "status", "asset", "os",
                                               "version", "apps")},
                         {"agent_starttime": start, "hw_config": "64 cores, 256 GiB", "cronlist": [],
                          "status": "online", "asset": "A-17", "os": "linux", "version": "1.2.3",
                          "apps": {"demo": "1.0", "other": "2.0"}})
        self.assertRegex(info["last_hb_time"], TIME_OF_DAY)

    def test_what_an_agent_says_anew_replaces_what_it_said(self):
        agent = self.agent(self.house, "10.0.0.1", version="1")
        agent.drop()
        self.agent(self.house, "10.0.0.1", version="2")
        self.assertEqual(self.info("10.0.0.1")["version"], "2")

    def test_an_agents_cron_ids_stand_in_its_info(self):
        self.agent(self.house, "10.0.0.1")
        made = [self.caller.ok("cron", "setcronbyip", agentip="10.0.0.1", rule="0 0 3 * * ?",
                               ins={"app": "demo", "func": "work"})["id"] for _ in range(2)]
        self.assertCountEqual(self.info("10.0.0.1")["cronlist"], made)

    # ---- counting and listing ----
    def test_the_counts_of_an_empty_house_are_zero_as_strings(self):
        stat = self.stat()
        self.assertEqual([stat[k] for k in ("totalonline", "linuxonline", "winonline")], ["0", "0", "0"])

    def test_agents_online_are_counted_by_os(self):
        for ip, system in (("10.0.0.1", "Linux"), ("10.0.0.2", "linux"), ("10.0.0.3", "Windows"),
                           ("10.0.0.4", "WINDOWS"), ("10.0.0.5", "FreeBSD")):
            self.agent(self.house, ip, os=system)
        self.agent(self.house, "10.0.0.6", os="linux").drop()
        eventually(lambda: self.caller.status_of("10.0.0.6") == "offline")
        stat = self.stat()
        self.assertEqual({k: stat[k] for k in ("totalonline", "linuxonline", "winonline", "freebsdonline")},
                         {"totalonline": "5", "linuxonline": "2", "winonline": "2", "freebsdonline": "1"})
        self.assertEqual(int(stat["totalknown"]), 6)
        for value in (stat["totalonline"], stat["winonline"]):
            self.assertRegex(value, DIGITS)

    def test_windows_is_kept_as_win(self):
        self.agent(self.house, "10.0.0.1", os="Windows")
        self.assertEqual(self.info("10.0.0.1")["os"], "win")

    def test_agents_are_listed_by_status_and_os(self):
        self.agent(self.house, "10.0.0.1", os="linux")
        self.agent(self.house, "10.0.0.2", os="windows")
        self.agent(self.house, "10.0.0.3", os="linux").drop()
        eventually(lambda: self.caller.status_of("10.0.0.3") == "offline")

        def found(**filters):
            told = json.dumps(self.list_agents(**filters)["agents"])
            return [n for n in (1, 2, 3) if f'"10.0.0.{n}"' in told]

        self.assertEqual(found(), [1, 2, 3])
        self.assertEqual(found(status="online"), [1, 2])
        self.assertEqual(found(status="offline"), [3])
        self.assertEqual(found(os="win"), [2])
        self.assertEqual(found(os="linux", status="online"), [1])

    def test_the_list_of_agents_comes_in_pages_that_miss_none_and_double_none(self):
        for n in range(7):
            self.agent(self.house, f"10.0.0.{n + 1}")
        pages, after = [], None
        while True:
            page = self.list_agents(limit=3, **({"after": after} if after is not None else {}))
            pages.append(page["agents"])
            if "next" not in page:
                break
            after = page["next"]
        self.assertEqual([len(page) for page in pages], [3, 3, 1])
        told = json.dumps(pages)
        for n in range(7):
            self.assertEqual(told.count(f'"10.0.0.{n + 1}"'), 1)

    def test_a_page_that_ends_the_list_exactly_has_no_next(self):
        for n in range(4):
            self.agent(self.house, f"10.0.0.{n + 1}")
        first = self.list_agents(limit=2)
        self.assertNotIn("next", self.list_agents(limit=2, after=first["next"]))

    # ---- restarts ----
    def test_an_agent_seen_before_a_restart_and_not_since_is_offline_and_still_known(self):
        agent = self.agent(self.house, "10.0.0.1", hw_config="of before")
        self.assertEqual(self.house.terminate(), 0)
        agent.stop()
        self.house.start()
        self.caller = self.client(self.house)
        self.assertEqual(self.statuses("10.0.0.1", "10.0.0.2"), ["offline", "unknown"])
        self.assertEqual(self.info("10.0.0.1")["hw_config"], "of before")
        self.assertEqual(self.stat()["totalonline"], "0")

    def test_five_hundred_agents_are_online_together_and_offline_together(self):
        links = []
        for n in range(500):
            client = Client.connect(*self.house.address)
            self.addCleanup(client.close)
            client.begin("heartbeat", "register", agentip=f"10.3.{n // 250}.{n % 250}", _mqid=1)
            links.append(client)
        for client in links:
            self.assertEqual(client.finish(1)["flag"], "true")
        self.assertEqual(self.stat()["totalonline"], "500")
        for client in links:
            client.link.reset()
        eventually(lambda: self.stat()["totalonline"] == "0")


class Defaults(HouseTest):
    def test_an_agent_on_an_idle_link_is_online_with_the_default_settings(self):
        house = self.server()
        agent = Agent(house.address, "10.0.0.1")
        self.addCleanup(agent.stop)
        agent.start()
        self.assertGreater(int(agent.registered["interval"]), 0)
        self.assertEqual(self.client(house).status_of("10.0.0.1"), "online")


if __name__ == "__main__":
    unittest.main()
