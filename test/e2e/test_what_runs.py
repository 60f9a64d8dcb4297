"""What is judged is what runs: the right to name a file, and that everybody is told which one it was."""

from house import WORKER, eventually
from test_supervisor import Keys

IP = "10.1.0.1"
WIPE = "sh|tools/wipe.sh"


class Runs(Keys):
    """Mode `keys`, and a real agent with an app `ops` that has a second file."""

    def setUp(self):
        super().setUp()
        key = self.make("agent")
        self.worker = self.real_agent(self.house, IP, key=key["key"], token=key["token"])
        self.worker.app("ops", WORKER + "answer(func)")
        self.mark = self.worker.folder / "wiped"
        self.worker.app("ops", f"echo wiped >>'{self.mark}'; echo '<ElvesWFlag>true</ElvesWFlag>'", "tools/wipe.sh")

    def begin_work(self, **agent):
        self.worker.settings(**agent)
        self.worker.start()
        self.online(self.admin, IP)

    def operator(self, **more):
        reply = self.admin.ok("supervisor", "setkey", name="ops", role="operator", apps=["ops.stat*"], iplist=["*"], **more)
        return self.client(self.house, auth={"key": reply["key"], "token": reply["token"]})

    def rows(self, **filters):
        return self.admin.ok("elves", "listaudit", **filters)["rows"]


class TheRightToNameAFile(Runs):
    INS = {"app": "ops", "func": "status", "proxy": WIPE}

    def test_without_the_right_files_no_call_names_a_file(self):
        self.begin_work(proxy="true")
        client = self.operator()
        self.assertEqual(self.send_sync(client, IP, app="ops", func="status")["worker_result"], "status")
        for method, more in (("sendsync", {}), ("sendasync", {})):
            text = client.refused("401.6", "sheduler", method, agentip=IP, ins=self.INS, **more)
            self.assertIn("`ins.proxy`", text)
            self.assertIn("does not have the right `files`", text)
        client.refused("401.6", "cron", "setcronbyip", agentip=IP, rule="* * * * * ?", ins=self.INS)
        # The older words for a mode, a name in upper case, and a file without an interpreter are no way round.
        for ins in ({**self.INS, "mode": "sanp"}, {**self.INS, "mode": "ssnp", "dedup": "once"},
                    {**self.INS, "proxy": "tools/wipe.sh"}, {**self.INS, "ttl": 60}):
            client.refused("401.6", "sheduler", "SENDASYNC", agentip=IP, ins=ins)
        self.assertFalse(self.mark.exists())
        # The rows of what was denied name the file, too.
        denied = self.rows(denied=True, method="sendsync")
        self.assertEqual([(row["func"], row["proxy"], row["result"]) for row in denied], [("status", WIPE, "401.6")])

    def test_with_the_right_the_file_runs_and_task_history_and_audit_name_it(self):
        self.begin_work(proxy="true")
        client = self.operator(files=True)
        info = self.send_sync(client, IP, **self.INS)
        self.assertEqual(info["worker_flag"], 1, info)
        self.assertTrue(self.mark.exists())
        self.assertEqual(client.task(info["id"])["proxy"], WIPE)
        self.assertEqual(client.ok("tasklog", "listtasks")["info"][0]["proxy"], WIPE)
        self.assertIn(f"file {WIPE}", client.ok("tasklog", "gettaskstory", id=info["id"])["story"][0]["what"])
        root = self.admin_auth
        self.assertIn(WIPE, self.ctl(self.house, "task", info["id"], auth=root).out)
        self.assertIn(WIPE, self.ctl(self.house, "tasks", auth=root).out)
        self.assertIn(WIPE, self.ctl(self.house, "why", info["id"], auth=root).out)
        self.assertIn(WIPE, self.ctl(self.house, "audit", auth=root).out)
        # It may be taken away again; a key that has only other functions has none of this.
        self.admin.ok("supervisor", "setkey", key=client.auth["key"], files=False)
        client.refused("401.6", "sheduler", "sendsync", agentip=IP, ins=self.INS)
        self.admin.ok("supervisor", "setkey", key=client.auth["key"], files="true")
        client.refused("401.6", "sheduler", "sendsync", agentip=IP, ins={**self.INS, "func": "stop"})

    def test_an_admin_may_name_a_file_and_nobody_else_without_the_right(self):
        self.begin_work(proxy="true")
        self.assertEqual(self.send_sync(self.admin, IP, **self.INS)["worker_flag"], 1)

    def test_digests_differ_when_only_the_file_differs(self):
        self.begin_work(proxy="true")
        for proxy in ("", WIPE, "sh|tools/other.sh"):
            self.send_async(self.admin, IP, app="ops", func="status", param="same", proxy=proxy)
        rows = self.rows(method="sendasync")
        self.assertEqual(len({row["param"] for row in rows}), 3)
        self.assertTrue(all(row["param"].startswith("sha256:") for row in rows))
        self.assertEqual([row.get("proxy", "") for row in rows], ["sh|tools/other.sh", WIPE, ""])
        for field, value in (("timeout", 77), ("mode", "NP"), ("ttl", 5), ("dedup", "d1"), ("param", "other")):
            before = self.rows(limit=1)[0]["param"]
            self.send_async(self.admin, IP, **{"app": "ops", "func": "status", "param": "same", field: value})
            self.assertNotEqual(self.rows(limit=1)[0]["param"], before, field)
        self.assertNotIn("found", self.admin.ok("elves", "verifyaudit"))

    def test_an_agent_runs_no_file_that_is_named_until_its_own_settings_say_so(self):
        self.begin_work()
        info = self.send_sync(self.admin, IP, **self.INS)
        self.assertEqual((info["agent_sync_flag"], info["worker_flag"]), ("false", -1), info)
        self.assertIn("[agent] proxy", info["agent_sync_error"])
        self.assertIn(WIPE, info["agent_sync_error"])
        self.assertFalse(self.mark.exists())

    def test_elvesctl_gives_and_takes_the_right_and_shows_it(self):
        root = self.admin_auth
        for words, files in ((("--files",), "true"), (("--files", "true"), "true"), (("--files", "false"), "false"), ((), "false")):
            made = self.ctl(self.house, "--json", "key", "add", "x", "--role", "operator", *words, auth=root)
            self.assertEqual(made.code, 0, made)
            key = self.admin.ok("supervisor", "listkeys", limit=1000)["keys"]
            newest = next(one for one in key if one["key"] in made.out)
            self.assertEqual(newest["files"], files, words)
        self.assertEqual(self.ctl(self.house, "key", "set", newest["key"], "--files", auth=root).code, 0)
        self.assertEqual(self.admin.ok("supervisor", "getauthbykey", key=newest["key"])["auth"]["files"], "true")
        self.assertEqual(self.ctl(self.house, "key", "set", newest["key"], "--files", "false", auth=root).code, 0)
        self.assertEqual(self.admin.ok("supervisor", "getauthbykey", key=newest["key"])["auth"]["files"], "false")
        self.assertIn("files", self.ctl(self.house, "key", "list", auth=root).out.splitlines()[0])
        self.assertEqual(self.ctl(self.house, "key", "set", newest["key"], "--files", "perhaps", auth=root).code, 2)

    def test_a_stored_job_stops_running_its_file_when_its_key_loses_the_right(self):
        self.begin_work(proxy="true")
        client = self.operator(files=True)
        job = client.ok("cron", "setcronbyip", agentip=IP, rule="* * * * * ?", ins=self.INS)["id"]
        eventually(lambda: self.admin.tasks(cron_id=job, status="done"))
        self.admin.ok("supervisor", "setkey", key=client.auth["key"], files=False)
        task = eventually(lambda: self.admin.tasks(cron_id=job, status="skipped"))[0]
        self.assertIn("does not have the right `files`", task["agent_sync_error"])
        self.assertEqual(task["proxy"], WIPE)
        client.ok("cron", "stopcron", agentip=IP, id=job)
        client.refused("401.6", "cron", "startcron", agentip=IP, id=job)
