"""What is shipped for Prometheus and Grafana: each query asks for a metric that a working server has."""

import json
import re
import shutil
import subprocess
import unittest


from house import ROOT, eventually
from test_http import IP, WebTest

RULES = ROOT / "etc" / "prometheus" / "elves.rules.yml"
DASHBOARD = ROOT / "etc" / "grafana" / "elves.json"
METRIC = re.compile(r"\b(?:elves|process)_[a-z_]+")
# What is there some seconds later.
LATER = {"elves_cron_firings_total", "elves_run_hosts_total", "elves_backup_last_timestamp_seconds",
         "elves_cron_last_success_timestamp_seconds"}
# Of a server with TLS alone.
NOT_HERE = {"elves_tls_cert_expiry_timestamp_seconds"}


def queries():
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", [])]


class Shipped(WebTest):
    def metrics_of_a_busy_server(self):
        web = self.web()
        self.agent(self.house, IP)
        caller = self.client(self.house)
        self.send_sync(caller, IP)
        caller.ok("cron", "setcronbyip", agentip=IP, rule="* * * * * ?", ins={"app": "demo", "func": "work"}, watch="tick")
        web.call("run", "startrun", {"target": IP, "ins": {"app": "demo", "func": "work"}})
        web.call("run", "startrun", {"target": IP, "ins": {"app": "demo", "func": "work"}, "at": "2099-01-01 00:00:00"})
        web.call("elves", "nothing")
        web.call("elves", "doctor")
        done = self.ctl(self.house, "backup", str(self.folder("backup") / "copy.db"), auth=self.admin)
        self.assertEqual(done.code, 0, done)

        def names():
            found = set(re.findall(r"(?m)^([a-z_]+)[{ ]", web.get("/metrics").text))
            return found if LATER <= found else None
        return eventually(names, 30, "a firing, a host of a run, and the look at the backup")

    def test_each_query_of_dashboard_and_alerts_is_of_a_metric_that_is_there(self):
        there = self.metrics_of_a_busy_server()
        asked = set(METRIC.findall("\n".join(queries()) + RULES.read_text()))
        self.assertEqual(asked - there - NOT_HERE, set())

    def test_each_metric_that_is_there_is_in_the_documentation(self):
        documented = set(METRIC.findall((ROOT / "docs" / "metrics.md").read_text()))
        plain = {re.sub(r"_(bucket|sum|count)$", "", name) for name in self.metrics_of_a_busy_server()}
        standard = {name for name in plain if name.startswith("process_")}
        self.assertEqual(plain - documented - standard, set())

    @unittest.skipUnless(shutil.which("promtool"), "promtool is not installed")
    def test_promtool_takes_rules_and_queries(self):
        rules = self.folder() / "queries.yml"
        rows = [{"record": f"query:{i}", "expr": query} for i, query in enumerate(queries())]
        rules.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rows}]}))
        for argv in (["check", "rules", str(RULES), str(rules)],
                     ["test", "rules", str(RULES.with_name("elves.rules.test.yml"))]):
            done = subprocess.run(["promtool", *argv], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
