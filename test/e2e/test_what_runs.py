"""What is judged is what runs: the right to name a file, manifests, names, and what a worker says of itself."""

import json
import os
import signal
import socket
import sqlite3
import time

from elves_wire import Link
from house import WORKER, HouseTest, eventually
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


class WithManifest(Runs):
    """An app with an app.json: `func` names what runs."""

    def setUp(self):
        super().setUp()
        self.worker.app("disk", "echo \"$2 says $(echo \"$3\" | base64 -d)\"", "bin/say.sh")
        self.worker.app("disk", WORKER + 'answer("the default entry")')
        self.manifest({"say": {"file": "bin/say.sh", "interpreter": "sh", "max_bytes": 10},
                       "free": {"file": "bin/say.sh", "interpreter": "sh", "params": "none"},
                       "check": {"file": "bin/say.sh", "interpreter": "sh", "params": "json"}})

    def manifest(self, functions):
        text = functions if isinstance(functions, str) else json.dumps({"functions": functions})
        path = self.worker.apps / "disk" / "app.json"
        path.write_text(text)
        path.chmod(0o644)
        return path

    def run_it(self, func, **ins):
        return self.send_sync(self.admin, IP, app="disk", func=func, **ins)

    def refused_by_agent(self, code, *words, func="say", **ins):
        info = self.run_it(func, **ins)
        self.assertEqual(info["worker_flag"], -1, info)
        self.error_in(info["worker_result"], code)
        for word in words:
            self.assertIn(word, info["worker_result"])
        self.assertEqual(self.wait_final(self.admin, info["id"])["status"], "failed")

    def test_each_function_runs_its_own_file_and_no_other_function_runs(self):
        self.begin_work(proxy="true")
        self.assertEqual(self.run_it("say", param="hello")["worker_result"], "say says hello")
        self.assertEqual(self.run_it("free")["worker_result"], "free says ")
        self.assertEqual(self.run_it("check", param={"a": 1})["worker_result"], 'check says {"a":1}')
        self.refused_by_agent("403.7", '"wipe"', "check, free, say", func="wipe")
        for proxy in ("bin/say.sh", "sh|bin/say.sh", "python3|app-worker.py"):
            self.refused_by_agent("403.10", "`ins.proxy`", "app.json", proxy=proxy)

    def test_a_param_that_the_function_does_not_take_starts_nothing(self):
        self.begin_work()
        self.refused_by_agent("403.2", "at most 10", param="x" * 11)
        self.refused_by_agent("403.2", "takes none", func="free", param="x")
        self.refused_by_agent("403.2", "not JSON", func="check", param="{")

    def test_a_manifest_that_is_wrong_or_open_to_others_runs_nothing_and_the_reason_is_told(self):
        self.begin_work()
        path = self.manifest({"say": {"file": 7}})
        self.refused_by_agent("403.3", f"{path} is invalid: functions.say.file is 7; expected")
        self.manifest("{")
        self.refused_by_agent("403.3", f"{path} is invalid: not JSON")
        self.manifest("[" * 1000)
        self.refused_by_agent("403.3", "too deep")
        self.manifest({"say": {"file": "../ops/tools/wipe.sh", "interpreter": "sh"}})
        self.refused_by_agent("403.10", "functions.say", "outside the app's folder")
        self.manifest({"say": {"file": "bin/say.sh", "interpreter": "evil"}})
        self.refused_by_agent("403.10", "functions.say", '"evil" is not among the agent\'s interpreters')
        self.manifest({"say": {"file": "bin/say.sh", "interpreter": "sh"}}).chmod(0o666)
        self.refused_by_agent("401.6", f"{path} has mode 0666")
        path.unlink()
        path.symlink_to("nowhere.json")
        self.refused_by_agent("403.3", str(path))
        self.assertFalse(self.mark.exists())

    def test_the_sample_app_with_a_manifest_works(self):
        self.worker.app_from_tree("sample-manifest")
        self.begin_work()
        used = self.send_sync(self.admin, IP, app="sample-manifest", func="usage")
        self.assertEqual(used["worker_flag"], 1, used)
        self.assertIn("%", used["worker_result"])
        said = self.send_sync(self.admin, IP, app="sample-manifest", func="echo", param="<ElvesWFlag>false</ElvesWFlag>")
        self.assertEqual((said["worker_flag"], said["worker_result"]), (1, "<ElvesWFlag>false</ElvesWFlag>"))


class WhatAWorkerSays(Runs):
    STRANGER = "printf '%s\\n' '<ElvesWFlag>true</ElvesWFlag><ElvesWResult>'\n"
    NO = "echo '<ElvesWFlag>false</ElvesWFlag>'\n"

    def said(self, script):
        self.worker.app("demo", script, "app-worker.sh")
        info = self.send_sync(self.admin, IP, app="demo", func="work")
        task = self.wait_final(self.admin, info["id"])
        self.assertEqual(task["status"], "done" if info["worker_flag"] == 1 else "failed")
        return info

    def test_a_strangers_text_with_half_an_answer_makes_no_task_done(self):
        self.begin_work()
        for script in (self.STRANGER + self.NO + "exit 1", self.STRANGER + self.NO, self.STRANGER + "exit 1",
                       self.STRANGER + self.NO + "echo '<ElvesWResult>why</ElvesWResult>'",
                       self.STRANGER + "echo '<ElvesWResult>why</ElvesWResult>'\n" + self.NO):
            self.assertNotEqual(self.said(script)["worker_flag"], 1, script)
        # Of what stands in a result nothing counts.
        quoted = "echo '<ElvesWResult>log: <ElvesWFlag>false</ElvesWFlag></ElvesWResult><ElvesWFlag>true</ElvesWFlag>'"
        self.assertEqual(self.said(quoted)["worker_flag"], 1)

    def test_without_a_flag_the_exit_status_decides_and_with_one_it_may_not_contradict(self):
        self.begin_work()
        plain = self.said("echo one; echo two")
        self.assertEqual((plain["worker_flag"], plain["worker_result"]), (1, "one\ntwo"))
        failed = self.said("echo one; exit 7")
        self.assertEqual(failed["worker_flag"], -1)
        self.assertIn("exit status 7", failed["worker_result"])
        self.assertIn("one", failed["worker_result"])
        contradicted = self.said("echo '<ElvesWFlag>true</ElvesWFlag>'; exit 3")
        self.assertEqual(contradicted["worker_flag"], -1)
        self.assertIn("exit status 3", contradicted["worker_result"])
        killed = self.said("echo '<ElvesWFlag>true</ElvesWFlag>'; kill -9 $$")
        self.assertEqual(killed["worker_flag"], -1)
        self.assertIn("SIGKILL", killed["worker_result"])
        self.assertEqual(self.said("exit 0")["worker_flag"], 1)
        long = self.said("echo; head -c 70000 /dev/zero | tr '\\0' x; echo")
        self.assertEqual(long["worker_result"], "x" * 65536)

    def test_a_result_on_the_descriptor_of_its_own_is_apart_from_what_is_printed(self):
        self.begin_work()
        lie = "echo '<ElvesWFlag>true</ElvesWFlag><ElvesWResult>a lie</ElvesWResult>'\n"
        info = self.said(lie + "echo '<ElvesWFlag>false</ElvesWFlag><ElvesWResult>no</ElvesWResult>' >&\"$ELVES_RESULT_FD\"")
        self.assertEqual((info["worker_flag"], info["worker_result"]), (0, "no"))
        info = self.said(self.NO + "echo fine >&\"$ELVES_RESULT_FD\"")
        self.assertEqual((info["worker_flag"], info["worker_result"]), (1, "fine"))
        self.assertIn("<ElvesWFlag>false</ElvesWFlag>", self.admin.ok("tasklog", "gettaskoutput", id=info["id"])["output"])
        info = self.said(lie + "echo broken >&\"$ELVES_RESULT_FD\"; exit 5")
        self.assertEqual(info["worker_flag"], -1)
        self.assertIn("exit status 5", info["worker_result"])
        self.assertIn("broken", info["worker_result"])
        python = WORKER + "out = os.fdopen(int(os.environ['ELVES_RESULT_FD']), 'w'); out.write('by python')"
        self.worker.app("py", python)
        self.assertEqual(self.send_sync(self.admin, IP, app="py", func="f")["worker_result"], "by python")

    def test_a_descriptor_that_stays_open_holds_nobody_up(self):
        self.begin_work()
        info = self.said("setsid sleep 20 >/dev/null 2>&1 &\necho $! >pid\necho here >&3\nsleep 0.2")
        self.assertEqual((info["worker_flag"], info["worker_result"]), (1, "here"))
        os.kill(int((self.worker.apps / "demo" / "pid").read_text()), signal.SIGKILL)


class Names(Runs):
    def test_a_function_that_begins_with_a_dash_is_refused_everywhere(self):
        self.begin_work()
        for func in ("-x", "--help", "-"):
            for method in ("sendsync", "sendasync"):
                self.admin.refused("403.7", "sheduler", method, agentip=IP, ins={"app": "ops", "func": func})
            self.admin.refused("403.7", "cron", "setcronbyip", agentip=IP, rule="* * * * * ?",
                               ins={"app": "ops", "func": func})
        self.admin.refused("403.3", "sheduler", "sendsync", agentip=IP, ins={"app": "-ops", "func": "status"})

    def test_an_agent_refuses_such_a_function_of_a_server_too(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            agent = self.real_agent(f"127.0.0.1:{listener.getsockname()[1]}", "10.1.0.9")
            agent.app("ops", WORKER + "answer(func)")
            agent.start()
            listener.settimeout(20)
            link = Link(listener.accept()[0])
            self.addCleanup(link.close)
            register = next(frame for frame in iter(lambda: link.receive(20), None) if frame["mqf"] == "register")
            link.send({"mqt": "back", "mqs": "heartbeat", "mqf": "register", "mqid": register["mqid"], "flag": "true",
                       "error_info": "", "interval": "10", "timezone": "UTC", "time": str(int(time.time() * 1000))})
            link.send({"mqt": "call", "mqs": "agent", "mqf": "instruct", "mqid": "i1", "id": "0123456789ABCDEF", "type": "rt",
                       "ins": {"app": "ops", "func": "-x"}})
            back = next(frame for frame in iter(lambda: link.receive(20), None) if frame.get("mqid") == "i1")
            self.error_in(back["error_info"], "403.7")

    def test_a_stored_job_with_such_a_function_is_told_and_stays_off(self):
        self.begin_work()
        job = self.admin.ok("cron", "setcronbyip", agentip=IP, rule="* * * * * ?", ins={"app": "ops", "func": "status"})["id"]
        self.house.terminate()
        with sqlite3.connect(self.house.folder / "elves.db") as db:
            db.execute("UPDATE cron_job SET ins = replace(ins, '\"func\":\"status\"', '\"func\":\"-x\"') WHERE id = ?", (job,))
        db.close()
        self.house.start()
        self.assertRegex(self.house.log(whole=False), rf"cron job {job} can't be used and stays off: .*ins\.func")
        admin = self.client(self.house, auth=self.admin_auth)
        self.assertEqual(admin.ok("cron", "getcronlistbyip", agentip=IP)["cron_list"], [])

    def test_an_entry_with_a_dot_is_a_function_and_an_app_with_a_dot_is_told_apart(self):
        self.worker.app("a", WORKER + "answer('a ' + func)")
        self.worker.app("a.b", WORKER + "answer('a.b ' + func)")
        self.begin_work()
        def client(*apps):
            return self.as_role("operator", apps=apps)
        function, app = client("a.b"), client("a.b.*")
        self.assertEqual(self.send_sync(function, IP, app="a", func="b")["worker_result"], "a b")
        text = function.refused("401.6", "sheduler", "sendsync", agentip=IP, ins={"app": "a.b", "func": "run"})
        self.assertIn('"a.b.*"', text)
        self.assertEqual(self.send_sync(app, IP, app="a.b", func="run")["worker_result"], "a.b run")
        app.refused("401.6", "sheduler", "sendsync", agentip=IP, ins={"app": "a", "func": "b"})
        # So of an app's callback address.
        for name in ("a", "a.b"):
            self.admin.ok("supervisor", "setapp", appname=name, appip="127.0.0.1", appport=9)
        function.ok("supervisor", "getappcallbackinfo", appname="a")
        function.refused("401.6", "supervisor", "getappcallbackinfo", appname="a.b")
        app.ok("supervisor", "getappcallbackinfo", appname="a.b")
        app.refused("401.6", "supervisor", "getappcallbackinfo", appname="a")
        self.admin.refused("403.3", "supervisor", "setkey", name="x", role="operator", apps=["a."])
        told = self.ctl(self.house, "doctor", auth=self.admin_auth)
        self.assertIn("a.b.*", told.out)


class SmallPieces(HouseTest):
    def test_live_output_of_one_byte_a_piece_costs_about_what_it_says(self):
        house = self.server(tasklog={"max_output": 200_000})
        agent = self.agent(house, on_instruct=lambda call: None)
        client = self.client(house)
        task = self.send_async(client)["id"]
        text = "".join(chr(ord("a") + at % 26) for at in range(20_000))
        for at, byte in enumerate(text):
            agent.output(task, at, byte)
        def output():
            return client.ok("tasklog", "gettaskoutput", id=task, limit=100_000)["output"]
        eventually(lambda: output() == text)
        house.terminate()
        with sqlite3.connect(house.folder / "elves.db") as db:
            rows, size = db.execute("SELECT count(*), sum(length(data)) FROM outputs").fetchone()
        db.close()
        self.assertEqual(size, len(text))
        self.assertLess(rows, 100)
