"""Each number of /metrics moves when what it counts happens."""

import threading
import time
import unittest
from datetime import datetime, timedelta, timezone

from elves_wire import RUN, Result
from house import eventually
from test_http import IP, WebTest
from test_tls import TlsTest
from web import Web

OTHER = "10.0.0.2"
INS = {"app": "demo", "func": "work"}


def at(seconds):
    return (datetime.now(timezone.utc) + timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M:%S")


def samples(web):
    found = {}
    for line in web.get("/metrics").text.splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            found[name] = float(value)
    return found


class NumbersTest(WebTest):
    def begin(self, **sections):
        self.site = self.web(**{"server": {"timezone": "UTC"}, **sections})
        self.caller = self.client(self.house)
        return self.site

    def number(self, name):
        return samples(self.site).get(name)

    def wait_number(self, name, value, patience=15):
        return eventually(lambda: self.number(name) == value, patience, f"{name} {value}, not {self.number(name)}")


class Numbers(NumbersTest):
    def test_agents_that_come_and_go_are_counted(self):
        self.begin()
        agent = self.agent(self.house, IP)
        self.assertEqual(self.number('elves_agent_links_total{event="registered"}'), 1)
        self.assertEqual(self.number('elves_agent_links_total{event="ended"}'), 0)
        agent.stop()
        self.wait_number('elves_agent_links_total{event="ended"}', 1)
        self.assertEqual(self.number('elves_agents{status="offline"}'), 1)

    def test_agents_are_counted_by_the_versions_of_their_apps(self):
        self.begin()
        agent = self.agent(self.house, IP, apps={"nginx": "1.24", "greet": ""})
        other = self.agent(self.house, OTHER, apps={"nginx": "1.24"})
        self.wait_number('elves_app_agents{app="nginx",version="1.24"}', 2)
        self.assertEqual(self.number('elves_app_agents{app="greet",version=""}'), 1)
        agent._link.send({"mqt": "cast", "mqs": "heartbeat", "mqf": "beat", "apps": {"nginx": "1.26"}})
        self.wait_number('elves_app_agents{app="nginx",version="1.26"}', 1)
        self.assertEqual(self.number('elves_app_agents{app="nginx",version="1.24"}'), 1)
        self.assertIsNone(self.number('elves_app_agents{app="greet",version=""}'))
        other.stop()
        self.wait_number('elves_app_agents{app="nginx",version="1.24"}', None)

    def test_machines_that_ask_to_join_are_counted_at_the_next_scrape(self):
        self.begin()
        for ip, digit in ((IP, "a"), (OTHER, "b")):
            self.caller.ok("supervisor", "join", agentip=ip, hash=digit * 64)
        self.wait_number('elves_agents_joining{state="waiting"}', 2)
        self.caller.ok("supervisor", "rejectjoin", agentip=OTHER)
        self.wait_number('elves_agents_joining{state="rejected"}', 1)
        self.assertEqual(self.number('elves_agents_joining{state="waiting"}'), 1)

    def test_what_waits_at_the_gate_is_counted_by_why(self):
        web = self.begin()
        self.agent(self.house, IP, lambda call: RUN)
        self.agent(self.house, OTHER)
        web.call("run", "setcap", {"name": "one", "target": IP, "most": 1})
        web.call("run", "setwindow", {"name": "freeze", "target": OTHER, "from": at(-60), "to": at(600)})
        self.send_async(self.caller, IP)
        self.send_async(self.caller, IP, ttl=600)
        started = web.call("run", "startrun", {"target": OTHER, "ins": INS})
        self.assertEqual(started.status, 200, started.text)
        self.wait_number('elves_gate_waiting{of="task",why="cap"}', 1)
        self.wait_number('elves_gate_waiting{of="host",why="window"}', 1)
        self.assertEqual(self.number('elves_gate_waiting{of="task",why="window"}'), 0)
        web.call("run", "delwindow", {"name": "freeze"})
        self.wait_number('elves_gate_waiting{of="host",why="window"}', 0)

    def test_deliveries_are_counted_until_the_processor_confirms_them(self):
        web = self.begin()
        self.agent(self.house, IP)
        takes = threading.Event()
        processor = self.processor(lambda call, number: takes.is_set())
        web.call("supervisor", "setapp", {"appname": "demo", "appip": "127.0.0.1", "appport": str(processor.port)})
        self.send_sync(self.caller, IP, mode="P")
        eventually(lambda: (self.number('elves_deliveries_total{outcome="retried"}') or 0) >= 1, what="a try that failed")
        self.assertEqual(self.number("elves_deliveries_open"), 1)
        self.assertGreater(self.number("elves_delivery_oldest_seconds"), 0)
        takes.set()
        self.wait_number("elves_deliveries_open", 0)
        self.assertEqual(self.number('elves_deliveries_total{outcome="confirmed"}'), 1)
        self.assertEqual(self.number("elves_delivery_oldest_seconds"), 0)

    def test_rows_of_the_audit_trail_are_counted_by_whether_the_call_was_allowed(self):
        web = self.begin()
        before = samples(web)
        web.call("supervisor", "setapp", {"appname": "demo", "appip": "127.0.0.1", "appport": "7000"})
        web.call("elves", "stats", Authorization="Bearer x:y")
        for allowed in ("true", "false"):
            name = f'elves_audit_rows_total{{allowed="{allowed}"}}'
            self.wait_number(name, before[name] + 1)

    def test_keys_that_end_soon_are_counted_and_others_are_not(self):
        web = self.begin()
        for name, days in (("soon", 3), ("late", 90)):
            self.new_key(web, name=name, role="viewer", expires=at(days * 86_400))
        off = self.new_key(web, name="off", role="viewer", expires=at(86_400))
        self.assertEqual(self.number("elves_keys_expiring"), 2)
        web.call("supervisor", "setkey", {"key": off["key"], "enabled": "false"})
        self.assertEqual(self.number("elves_keys_expiring"), 1)

    def test_what_the_doctor_found_is_shown_once_it_was_asked(self):
        web = self.begin()
        self.assertIsNone(self.number("elves_doctor_findings"))
        found = web.call("elves", "doctor").json["findings"]
        self.assertEqual(self.number("elves_doctor_findings"), len(found))
        self.assertLess(abs(self.number("elves_doctor_last_timestamp_seconds") - time.time()), 30)

    def test_a_backup_is_noted_beside_the_data_file(self):
        web = self.begin()
        self.assertIsNone(self.number("elves_backup_last_timestamp_seconds"))
        made = self.folder("backups") / "copy.db"
        done = self.ctl(self.house, "backup", str(made), auth=self.admin)
        self.assertEqual(done.code, 0, done)
        eventually(lambda: self.number("elves_backup_last_timestamp_seconds"), 25, "the time of the backup")
        self.assertLess(abs(self.number("elves_backup_last_timestamp_seconds") - time.time()), 60)
        self.assertRegex(web.call("elves", "stats").json["stats"]["store"]["last_backup"], r"^\d{4}-\d\d-\d\d ")

    def test_a_firing_that_was_skipped_has_its_reason(self):
        self.begin()
        self.agent(self.house, IP, lambda call: RUN)
        self.caller.ok("cron", "setcronbyip", agentip=IP, rule="* * * * * ?", ins=INS, overlap="skip")
        eventually(lambda: (self.number('elves_cron_firings_total{outcome="skipped",reason="overlap"}') or 0) >= 1,
                   what="a firing that was skipped")


    def test_a_watched_job_shows_when_it_last_ended_and_is_due(self):
        self.begin()
        self.agent(self.house, IP)
        self.agent(self.house, OTHER, lambda call: Result(0, "not today"))
        self.caller.ok("cron", "setcronbyip", agentip=IP, rule="* * * * * ?", ins=INS, watch="tick")
        success = 'elves_cron_last_success_timestamp_seconds{watch="tick"}'
        eventually(lambda: self.number(success), what="a success")
        self.assertLess(abs(self.number(success) - time.time()), 30)
        self.assertLess(abs(self.number('elves_cron_next_timestamp_seconds{watch="tick"}') - time.time()), 30)
        self.caller.ok("cron", "setcronbyip", agentip=OTHER, rule="* * * * * ?", ins=INS, watch="tick")
        eventually(lambda: self.number(success) is None, what="that of both the one that fails is shown")
        self.assertIsNotNone(self.number('elves_cron_last_end_timestamp_seconds{watch="tick"}'))


class Handshakes(TlsTest):
    def test_handshakes_are_counted_by_how_they_end(self):
        self.house = self.server(tls={"cert": self.made["cert"], "key": self.made["key"]},
                                 http={"listen": "127.0.0.1:0", "metrics": "open"})
        web = Web(self.house, tls_ca=self.ca)
        self.assertEqual(self.ask(self.tls_link())["flag"], "true")
        done = self.tls_ctl("stat", pin="0" * 64)
        self.assertEqual(done.code, 3, done)
        eventually(lambda: samples(web)['elves_tls_handshakes_total{result="failed"}'] == 1, what="a handshake that failed")
        self.assertGreaterEqual(samples(web)['elves_tls_handshakes_total{result="completed"}'], 2)


if __name__ == "__main__":
    unittest.main()
