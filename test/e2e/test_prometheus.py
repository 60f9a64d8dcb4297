"""A real Prometheus scrapes a real server and asks each query that is shipped: none is refused, none finds nothing."""

import json
import re
import shutil
import subprocess
import unittest
import urllib.error
import urllib.parse
import urllib.request

from elves_wire import RUN, Result
from house import ROOT, Program, eventually, free_port
from test_dashboards import RULES, queries
from test_http import IP
from test_tls import TlsTest
from web import Web

INS = {"app": "demo", "func": "work"}
OTHER = "10.0.0.2"
BUSY = "10.0.0.3"
CONFIG = """\
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: [{rules}]
scrape_configs:
  - job_name: elves
    scheme: https
    tls_config: {{ca_file: {ca}}}
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


def documented_queries():
    """The last column of each row of the tables."""
    rows = re.findall(r"(?m)^\| .*\| `([^`|]+)` \|$", (ROOT / "docs" / "metrics.md").read_text())
    return [query for query in rows if "elves_" in query or "process_" in query]


@unittest.skipUnless(shutil.which("prometheus"), "prometheus is not installed: apt-get install prometheus")
class RealPrometheus(TlsTest):
    deadline = 240

    def setUp(self):
        super().setUp()
        self.house = self.server_down(
            tls={"cert": self.made["cert"], "key": self.made["key"]}, server={"timezone": "UTC"},
            http={"listen": "127.0.0.1:0", "metrics": "open"}, heartbeat={"interval": 1, "offline_after": 30})
        self.admin = self.house.init_admin()
        self.house.start()
        self.house.over_socket = True
        self.web = Web(self.house, self.admin, tls_ca=self.ca)
        self.caller = self.client(self.house)
        self.prometheus = self.start_prometheus()

    def start_prometheus(self):
        folder = self.folder("prometheus")
        self.address = f"http://127.0.0.1:{free_port()}"
        config = folder / "prometheus.yml"
        config.write_text(CONFIG.format(rules=RULES, ca=self.ca, port=self.web.port))
        process = Program("prometheus", folder)
        process.spawn(shutil.which("prometheus"), f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}",
                      "--web.listen-address=" + self.address.removeprefix("http://"), "--log.level=warn")
        self.addCleanup(process.end)
        self.last_errors = []
        try:
            eventually(self.is_scraped, 60, "a scrape")
        except AssertionError as why:
            self.fail(f"{why}; Prometheus says: {self.last_errors}")
        return process

    def get(self, path, **fields):
        with urllib.request.urlopen(f"{self.address}{path}?{urllib.parse.urlencode(fields)}", timeout=10) as answer:
            return json.load(answer)["data"]

    def is_scraped(self):
        try:
            targets = self.get("/api/v1/targets")["activeTargets"]
        except (urllib.error.URLError, OSError):
            return False
        # The first scrapes may be too slow for its limit, on a busy machine.
        self.last_errors = [target["lastError"] for target in targets]
        return targets and targets[0]["health"] == "up"

    def ask(self, query):
        try:
            return self.get("/api/v1/query", query=query)["result"]
        except urllib.error.HTTPError as error:
            self.fail(f"{query}: {error.read().decode()}")

    def make_busy(self):
        """Something of everything, so that each number has something to say."""
        self.agent(self.house, IP)
        self.agent(self.house, OTHER, lambda call: Result(0, "not today"))
        self.caller.ok("cron", "setcronbyip", agentip=IP, rule="* * * * * ?", ins=INS, watch="tick")
        self.agent(self.house, BUSY, lambda call: RUN)
        self.caller.ok("cron", "setcronbyip", agentip=BUSY, rule="* * * * * ?", ins=INS, overlap="skip")
        self.web.call("run", "startrun", {"target": IP, "ins": INS, "at": "2099-01-01 00:00:00"})
        done = self.ctl(self.house, "backup", str(self.folder("backup") / "copy.db"))
        self.assertEqual(done.code, 0, done)
        self.work()

    def work(self):
        for ip in (IP, OTHER):
            self.send_sync(self.caller, ip)
            self.send_async(self.caller, ip)
        self.web.call("elves", "nothing")
        self.web.call("elves", "stats", Authorization="Bearer x:y")
        self.web.call("run", "startrun", {"target": IP, "ins": INS})
        self.web.call("elves", "doctor")

    def test_each_query_of_the_dashboard_finds_something_and_no_query_is_refused(self):
        self.make_busy()
        missing = queries()

        def all_found():
            self.work()
            missing[:] = [query for query in missing if not self.ask(query)]
            return not missing
        try:
            eventually(all_found, 90)
        except AssertionError:
            self.fail("found nothing: " + "; ".join(missing))
        for query in documented_queries():
            with self.subTest(documented=query):
                self.ask(query)

    def test_each_alert_rule_is_evaluated_without_an_error(self):
        self.make_busy()

        def rules():
            found = [rule for group in self.get("/api/v1/rules")["groups"] for rule in group["rules"]]
            return found if all(rule["health"] != "unknown" for rule in found) else None
        found = eventually(rules, 60, "an evaluation of each rule")
        self.assertEqual(len(found), RULES.read_text().count("- alert:"))
        self.assertEqual({rule["name"]: rule.get("lastError", "") for rule in found if rule["health"] != "ok"}, {})
        critical = [rule["name"] for rule in found if rule["labels"]["severity"] == "critical" and rule["state"] == "firing"]
        self.assertEqual(critical, [], "nothing is wrong with this server")


if __name__ == "__main__":
    unittest.main()
