"""elvesctl: what a person types, and what a script gets for it."""

import csv
import io
import json
import shutil
import socket
import threading
import unittest

from elves_wire import RUN, Link, LinkClosed, Result
from house import HouseTest, binary, dig, eventually, free_port, run

IP, IP2 = "10.0.0.1", "10.0.0.2"
UNKNOWN_ID = "0123456789ABCDEF"
WELL, TASK_FAILED, USAGE, REFUSED = 0, 1, 2, 3
CSV_HEAD = "agentip,sn,iplist,idc,main_cat,sub_cat,app_info,manager"


class Ctl(HouseTest):
    def setUp(self):
        super().setUp()
        self.house = self.server()
        self.caller = self.client(self.house)

    def says(self, *args, code=WELL, **more):
        """Runs it; it must end with that code. Returns its stdout."""
        done = self.ctl(self.house, *args, **more)
        self.assertEqual(done.code, code, f"elvesctl {args}: {done}")
        if code in (USAGE, REFUSED):
            self.assertTrue(done.err.strip(), f"elvesctl {args} failed without a word on stderr")
        return done.out

    def json(self, *args, code=WELL, **more):
        return json.loads(self.says("--json", *args, code=code, **more))


class Calling(Ctl):
    def test_call_prints_the_reply(self):
        reply = json.loads(self.says("call", "heartbeat", "getstatbyip", json.dumps({"agentip": IP})))
        self.assertEqual((dig(reply, "status"), dig(reply, "flag")), ("unknown", "true"))
        self.assertEqual(dig(self.json("call", "elves", "ping", "{}"), "flag"), "true")

    def test_a_call_that_is_refused_says_why(self):
        done = self.ctl(self.house, "call", "heartbeat", "getinfobyip", json.dumps({"agentip": IP}))
        self.assertEqual(done.code, REFUSED)
        self.assertIn("414.1", done.out + done.err)

    def test_ping_and_methods(self):
        self.says("ping")
        self.assertIn("sendasync", self.says("methods"))
        self.json("ping")
        self.assertIn("sendasync", json.dumps(self.json("methods")))

    def test_bad_usage_is_two(self):
        for args in ((), ("nosuchcommand",), ("call",), ("call", "elves"), ("call", "elves", "ping", "{not json"),
                     ("call", "elves", "ping", "[]"), ("exec",), ("exec", IP), ("exec", IP, "demo"),
                     ("exec", "demo", "work"), ("task",), ("cancel",), ("cron",), ("cron", "set", IP), ("key", "add"),
                     ("app", "set", "x"), ("tasks", "--nosuch"), ("cmdb", "set")):
            with self.subTest(args=args):
                self.says(*args, code=USAGE)

    def test_help_is_no_error(self):
        self.assertIn("exec", self.says("--help"))

    def test_a_server_that_is_not_there_is_three(self):
        done = self.ctl(f"127.0.0.1:{free_port()}", "ping")
        self.assertEqual(done.code, REFUSED)
        self.assertTrue(done.err.strip())

    def test_a_key_is_sent_along(self):
        root = self.caller.ok("supervisor", "setkey", name="root", role="admin", apps=["*"], iplist=["*"])
        self.house.terminate()
        self.house.settings(auth={"mode": "keys"})
        self.house.start()
        self.says("agents", code=REFUSED)
        self.says("agents", auth=root)
        self.says("agents", auth={"key": root["key"], "token": "wrong"}, code=REFUSED)


class Exec(Ctl):
    def test_a_task_on_one_agent(self):
        agent = self.agent(self.house, IP, lambda call: Result(1, "toryzen"))
        self.assertIn("toryzen", self.says("exec", IP, "demo", "hello", '{"my":"toryzen"}'))
        ins = agent.wait_instruct()["ins"]
        self.assertEqual((ins["app"], ins["func"], json.loads(ins["param"])), ("demo", "hello", {"my": "toryzen"}))

    def test_a_task_on_many_agents(self):
        agents = [self.agent(self.house, ip, lambda call, ip=ip: Result(1, f"from {ip}")) for ip in (IP, IP2, "fe80::1")]
        out = self.says("exec", IP, IP2, "fe80::1", "demo", "hello")
        for agent in agents:
            self.assertIn(f"from {agent.ip}", out)
            self.assertEqual(len(agent.calls_seen("instruct")), 1)

    def test_a_task_that_failed_is_one(self):
        self.agent(self.house, IP, lambda call: Result(0, "sorry"))
        self.agent(self.house, IP2, lambda call: Result(1, "fine"))
        self.assertIn("sorry", self.says("exec", IP, "demo", "hello", code=TASK_FAILED))
        out = self.says("exec", IP, IP2, "demo", "hello", code=TASK_FAILED)
        self.assertIn("sorry", out)
        self.assertIn("fine", out)

    def test_an_agent_that_is_away_is_no_success(self):
        done = self.ctl(self.house, "exec", "10.9.9.9", "demo", "hello")
        self.assertIn(done.code, (TASK_FAILED, REFUSED))
        self.assertIn("410.1", done.out + done.err)

    def test_a_timeout_is_handed_on(self):
        agent = self.agent(self.house, IP)
        self.says("exec", "--timeout", 17, IP, "demo", "hello")
        self.assertEqual(int(agent.wait_instruct()["ins"]["timeout"]), 17)

    def test_async_prints_the_tasks_id_and_does_not_wait(self):
        agent = self.agent(self.house, IP, lambda call: RUN)
        out = self.says("exec", "--async", IP, "demo", "hello")
        self.assertIn(agent.wait_instruct()["id"], out)

    def test_async_with_ttl_waits_for_the_agent(self):
        self.ctl(self.house, "exec", "--async", "--ttl", 60, IP, "demo", "hello")
        (task,) = self.caller.tasks()
        self.assertEqual(task["status"], "waiting")

    def test_json_has_every_agents_answer(self):
        for ip in (IP, IP2):
            self.agent(self.house, ip, lambda call, ip=ip: Result(1, f"from {ip}"))
        told = json.dumps(self.json("exec", IP, IP2, "demo", "hello"))
        self.assertIn(f"from {IP}", told)
        self.assertIn(f"from {IP2}", told)


class Tasks(Ctl):
    def test_a_task_is_shown(self):
        self.agent(self.house, IP, lambda call: Result(1, "shown"))
        task = self.send_sync(self.caller)["id"]
        self.wait_final(self.caller, task)
        out = self.says("task", task)
        for word in (task, "done", "shown", "demo"):
            self.assertIn(word, out)
        self.assertEqual(dig(self.json("task", task), "status"), "done")
        self.says("task", UNKNOWN_ID, code=REFUSED)

    def test_tasks_are_listed_and_filtered(self):
        self.agent(self.house, IP)
        done = self.send_sync(self.caller, app="one")["id"]
        self.wait_final(self.caller, done)
        away = self.send_async(self.caller, "10.9.9.9", app="two", func="other")["id"]
        for args, seen in (((), {done, away}), (("--agent", IP), {done}), (("--app", "two"), {away}),
                           (("--func", "other"), {away}), (("--status", "done"), {done}), (("--limit", 1), {away})):
            with self.subTest(args=args):
                for out in (self.says("tasks", *args), json.dumps(self.json("tasks", *args))):
                    self.assertEqual({task for task in (done, away) if task in out}, seen)

    def test_a_task_is_canceled(self):
        task = self.send_async(self.caller, IP, ttl=60)["id"]
        self.says("cancel", task)
        self.assertEqual(self.caller.task(task)["status"], "canceled")
        self.says("cancel", UNKNOWN_ID, code=REFUSED)


class Agents(Ctl):
    def test_agents_are_listed_and_shown(self):
        self.agent(self.house, IP, hw_config="64 cores")
        for out in (self.says("agents"), json.dumps(self.json("agents"))):
            self.assertIn(IP, out)
            self.assertIn("online", out)
        self.assertIn("64 cores", self.says("agent", IP))
        self.assertEqual(dig(self.json("agent", IP), "hw_config"), "64 cores")
        self.says("agent", "10.9.9.9", code=REFUSED)

    def test_an_empty_house_is_no_error(self):
        self.says("agents")
        self.json("agents")
        self.says("tasks")
        self.json("tasks")

    def test_the_counts(self):
        self.agent(self.house, IP)
        self.assertIn("1", self.says("stat"))
        self.assertEqual(dig(self.json("stat"), "totalonline"), "1")


class Cron(Ctl):
    def test_a_job_is_set_listed_paused_and_deleted(self):
        job = self.is_id(dig(self.json("cron", "set", IP, "0 0 3 * * ?", "demo", "work", "what"), "id"))
        (kept,) = self.caller.ok("cron", "getcronlistbyip", agentip=IP)["cron_list"]
        self.assertEqual((kept["cron_id"], kept["rule"], kept["cron_type"], kept["ins"]["param"]),
                         (job, "0 0 3 * * ?", "center", "what"))
        for out in (self.says("cron", "list", IP), json.dumps(self.json("cron", "list", IP))):
            self.assertIn(job, out)
            self.assertIn("0 0 3 * * ?", out)
        for command, flag in (("stop", "0"), ("start", "1")):
            self.says("cron", command, IP, job)
            self.assertEqual(self.caller.ok("cron", "getcronlistbyip", agentip=IP)["cron_list"][0]["cron_flag"], flag)
        self.says("cron", "del", IP, job)
        self.assertEqual(self.caller.ok("cron", "getcronlistbyip", agentip=IP)["cron_list"], [])
        self.says("cron", "del", IP, job, code=REFUSED)

    def test_a_job_may_be_the_agents_own_and_may_be_replaced(self):
        out = self.says("cron", "set", IP, "0 0 3 * * ?", "demo", "work", "--type", "self")
        job = self.caller.ok("cron", "getcronlistbyip", agentip=IP)["cron_list"][0]
        self.assertEqual(job["cron_type"], "self")
        self.assertIn(job["cron_id"], out)
        self.says("cron", "set", IP, "0 0 4 * * ?", "demo", "work", "--id", job["cron_id"])
        (kept,) = self.caller.ok("cron", "getcronlistbyip", agentip=IP)["cron_list"]
        self.assertEqual((kept["cron_id"], kept["rule"]), (job["cron_id"], "0 0 4 * * ?"))

    def test_a_bad_rule_is_refused(self):
        done = self.ctl(self.house, "cron", "set", IP, "* * *", "demo", "work")
        self.assertIn(done.code, (USAGE, REFUSED))
        self.assertTrue(done.err.strip())

    def test_the_next_times_of_a_rule_are_told_without_a_server(self):
        args = ("cron", "next", "--timezone", "UTC", "--from", "2026-01-01T00:00:00Z", "--count", 3, "0 */20 * * * ?")
        done = self.ctl(f"127.0.0.1:{free_port()}", *args)
        self.assertEqual(done.code, WELL, done)
        self.assertEqual(done.out.count("2026-01-01"), 3, done.out)
        for moment in ("00:20:00", "00:40:00", "01:00:00"):
            self.assertIn(moment, done.out)
        json.loads(self.ctl(f"127.0.0.1:{free_port()}", "--json", *args).out)
        done = self.ctl(f"127.0.0.1:{free_port()}", "cron", "next", "not a rule")
        self.assertNotEqual(done.code, WELL)
        self.assertTrue(done.err.strip())


class FalseServer(HouseTest):
    def test_what_it_says_steers_no_terminal(self):
        steering = "\x1b]0;owned\x07\x9b31m\u202e"
        said = {"id": UNKNOWN_ID, "agent_sync_flag": "true", "agent_sync_error": "", "agent_sync_costtime": steering,
                "worker_flag": "1", "worker_result": "", "worker_costtime": steering}

        def serve(door):
            link = Link(door.accept()[0])
            try:
                while True:
                    call = link.receive(10)
                    link.send({"mqt": "back", "flag": "true", "error_info": "", "info": said,
                               **{name: call[name] for name in ("mqs", "mqf", "mqid")}})
            except LinkClosed:
                link.close()

        with socket.create_server(("127.0.0.1", 0)) as door:
            serving = threading.Thread(target=serve, args=(door,), daemon=True)
            serving.start()
            done = run(binary("elvesctl"), "--server", f"127.0.0.1:{door.getsockname()[1]}", "exec", IP, "demo", "work")
            serving.join(10)
        self.assertIn("\\x1b]0;owned", done.out)
        for sign in ("\x1b", "\x07", "\x9b", "\u202e"):
            self.assertNotIn(sign, done.out + done.err)


class Credentials(HouseTest):
    def test_key_and_token_may_stand_in_a_file_of_two_lines(self):
        server = self.server_down(auth={"mode": "keys"})
        root = server.init_admin()
        server.start()
        path = self.folder() / "auth"
        path.touch(mode=0o600)
        good = f"{root['key']}\n{root['token']}\n"
        for text, code in ((good, WELL), (good.replace("\n", "\r\n"), WELL), (good + "\n", WELL), (good + "more\n", USAGE),
                           ("\ufeff" + good.replace("\n", " \t\r\n"), WELL), ("\n  " + good.replace("\n", "\n\n  "), WELL),
                           (root["key"], USAGE), (f"\n{root['token']}\n", USAGE), ("\0" + good, USAGE), (f"{root['key']}\nx\n", REFUSED)):
            path.write_bytes(text.encode())
            with self.subTest(text=text.replace(root["token"], "TOKEN")):
                done = self.ctl(server, "--auth-file", str(path), "key", "list")
                self.assertEqual(done.code, code, done)
        self.assertEqual(self.ctl(server, "--auth-file", str(path) + "none", "key", "list").code, USAGE)
        self.assertEqual(self.ctl(server, "--auth-file", str(path), "--key", "x", "--token", "y", "key", "list").code, USAGE)
        path.write_text(good)
        path.chmod(0o640)
        done = self.ctl(server, "--auth-file", str(path), "key", "list")
        self.assertEqual(done.code, USAGE)
        self.assertIn(f"chmod 600 {path}", done.err)

    def test_blanks_and_line_ends_around_what_was_pasted_do_not_count(self):
        server = self.server_down(auth={"mode": "keys"})
        root = server.init_admin()
        server.start()
        auth = ("--key", root["key"] + "\r\n", "--token", f" {root['token']}\n")
        made = self.ctl(server, *auth, "--json", "key", "add", "ops", "--role", "operator", "--apps", "demo , nginx",
                        "--ips", "10.0.0.1, 10.0.1.0/24\r\n")
        self.assertEqual(made.code, WELL, made)
        listed = self.ctl(server, *auth, "--json", "key", "list")
        key = next(row for row in json.loads(listed.out)["keys"] if row["name"] == "ops")
        self.assertEqual((key["apps"], key["iplist"]), (["demo", "nginx"], ["10.0.0.1", "10.0.1.0/24"]))
        self.assertEqual(self.ctl(server, *auth, "cron", "set", "10.0.0.1", "0 0 3 * * ?\r\n", "demo", "x").code, WELL)

    def test_e14_an_expiry_that_is_empty_or_in_the_past_is_refused(self):
        server = self.server()
        for text, code in (("", USAGE), (" ", USAGE), ("2020-01-01 00:00:00", REFUSED), ("tomorrow", USAGE)):
            for command in (("add", "ops", "--role", "viewer"), ("set", "0123456789ABCDEF")):
                with self.subTest(text=text, command=command):
                    done = self.ctl(server, "key", *command, "--expires", text)
                    self.assertEqual(done.code, code, done)
                    self.assertIn("expires", done.err)
        self.assertEqual(self.ctl(server, "--json", "join-token", "add", "--cidr", "").code, USAGE)
        self.assertEqual(json.loads(self.ctl(server, "--json", "key", "list").out)["keys"], [])

    def test_an_empty_ca_or_pin_is_refused_not_taken_for_plain_text(self):
        server = self.server()
        for option in ("--tls-ca", "--tls-pin"):
            done = self.ctl(server, option, "", "agents")
            self.assertEqual(done.code, USAGE)
            self.assertIn(f"{option} is empty", done.err)


class Completion(HouseTest):
    def script(self, shell):
        done = run(binary("elvesctl"), "completion", shell)
        self.assertEqual(done.code, WELL, done)
        return done.out

    def after(self, *words):
        """What bash offers for the last of these words."""
        asked = (self.script("bash") + 'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _elvesctl; printf "%s\\n" "${COMPREPLY[@]}"')
        done = run("bash", "-c", asked, "bash", "elvesctl", *words)
        self.assertEqual((done.code, done.err), (0, ""))
        return done.out.split()

    def test_bash_offers_what_may_follow(self):
        self.assertEqual(self.after("cron", "l"), ["list"])
        self.assertEqual(self.after("--server", "host:1", "ver"), [])
        self.assertEqual(self.after("--server", "host:1", "bac"), ["backup"])
        self.assertEqual(self.after("key", "add", "--role", "o"), ["operator"])
        self.assertEqual(self.after("completion", "z"), ["zsh"])
        self.assertIn("--json", self.after("tasks", "--"))

    def test_each_shell_takes_its_script(self):
        for shell, *check in (("bash", "-n"), ("zsh", "-n"), ("fish", "--no-execute")):
            script = self.script(shell)
            self.assertIn("rotate", script)
            if shutil.which(shell):
                path = self.folder() / shell
                path.write_text(script)
                done = run(shell, *check, str(path))
                self.assertEqual((done.code, done.err), (0, ""), shell)

    def test_another_shell_is_refused(self):
        self.assertEqual(run(binary("elvesctl"), "completion", "tcsh").code, USAGE)


class Keeping(Ctl):
    def test_keys_are_added_listed_and_deleted(self):
        made = self.json("key", "add", "ops", "--role", "operator", "--apps", "demo,other", "--ips",
                         "10.0.0.0/8,192.168.0.1")
        key, token = dig(made, "key"), dig(made, "token")
        self.caller.call("supervisor", "login", key=key, token=token)
        told = self.client(self.house).ok("supervisor", "getauthbykey", key=key)["auth"]
        self.assertEqual((told["name"], told["role"]), ("ops", "operator"))
        self.assertCountEqual(told["apps"], ["demo", "other"])
        self.assertCountEqual(told["iplist"], ["10.0.0.0/8", "192.168.0.1"])
        for out in (self.says("key", "list"), json.dumps(self.json("key", "list"))):
            self.assertIn(key, out)
            self.assertNotIn(token, out)
        self.says("key", "del", key)
        self.says("key", "del", key, code=REFUSED)
        self.assertIn(self.ctl(self.house, "key", "add", "x", "--role", "king").code, (USAGE, REFUSED))

    def test_a_key_is_changed_shut_off_and_rotated(self):
        made = self.json("key", "add", "ops", "--role", "viewer", "--apps", "*", "--ips", "*", "--expires", "2099-01-01 00:00:00")
        auth = {"key": made["key"], "token": made["token"]}
        self.says("agents", auth=auth)
        self.says("key", "set", made["key"], "--enabled", "false")
        self.says("agents", auth=auth, code=REFUSED)
        self.says("key", "set", made["key"], "--enabled", "true", "--apps", "nginx.re*", "--expires", "never")
        fresh = self.json("key", "rotate", made["key"], "--overlap", "3600")
        self.assertNotEqual(fresh["token"], made["token"])
        self.says("agents", auth=auth)
        self.says("agents", auth={"key": made["key"], "token": fresh["token"]})
        listed = self.json("key", "list")["keys"][0]
        self.assertEqual((listed["apps"], listed["enabled"], listed["used_from"]), (["nginx.re*"], "true", "127.0.0.1"))
        self.assertNotIn("expires", listed)
        self.assertTrue(listed["old_token_until"])
        self.says("key", "set", made["key"], code=USAGE)
        self.says("key", "rotate", "0123456789ABCDEF", code=REFUSED)

    def test_a_new_keys_token_is_printed(self):
        out = self.says("key", "add", "ops", "--role", "viewer")
        told = json.dumps(self.client(self.house).ok("supervisor", "listkeys"))
        self.assertTrue([word for word in out.replace('"', " ").split() if word in told])
        self.assertIn("token", out.lower())

    def test_apps_are_set_listed_and_deleted(self):
        self.says("app", "set", "demo", "127.0.0.1", 9001)
        info = self.caller.ok("supervisor", "getappcallbackinfo", appname="demo")
        self.assertEqual((info["appip"], info["appport"]), ("127.0.0.1", "9001"))
        for out in (self.says("app", "list"), json.dumps(self.json("app", "list"))):
            self.assertIn("demo", out)
            self.assertIn("9001", out)
        self.says("app", "del", "demo")
        self.says("app", "del", "demo", code=REFUSED)


class Cmdb(Ctl):
    def test_a_record_is_set_and_shown(self):
        self.says("cmdb", "get", IP, code=REFUSED)
        self.says("cmdb", "set", IP, "sn=S1", "idc=north hall", "manager=me, and you")
        record = self.caller.ok("cmdbproxy", "getcmdbinfobyip", agentip=IP)
        self.assertEqual((record["sn"], record["idc"], record["manager"]), ("S1", "north hall", "me, and you"))
        for out in (self.says("cmdb", "get", IP), json.dumps(self.json("cmdb", "get", IP))):
            self.assertIn("north hall", out)
        self.says("cmdb", "set", IP, "colour=red", code=USAGE)

    def test_records_are_imported_and_exported(self):
        rows = [[IP, "S1", "10.0.0.1,192.168.0.1", "north", "db", "mysql", 'says "hi", twice', "me"],
                ["fe80::1", "S2", "", "南", "", "", "", "you"]]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(CSV_HEAD.split(","))
        writer.writerows(rows)
        path = self.folder() / "in.csv"
        path.write_text(text.getvalue(), encoding="utf-8")
        self.says("cmdb", "import", path)
        record = self.caller.ok("cmdbproxy", "getcmdbinfobyip", agentip=IP)
        self.assertEqual((record["iplist"], record["app_info"]), ("10.0.0.1,192.168.0.1", 'says "hi", twice'))
        out = self.says("cmdb", "export")
        self.assertEqual(out.splitlines()[0].strip(), CSV_HEAD)
        self.assertCountEqual(list(csv.reader(io.StringIO(out)))[1:], rows)

    def test_a_file_that_is_no_such_table_is_refused(self):
        path = self.folder() / "in.csv"
        path.write_text("colour,size\nred,5\n")
        for bad in (path, "/nonexistent.csv"):
            done = self.ctl(self.house, "cmdb", "import", bad)
            self.assertNotEqual(done.code, WELL)
            self.assertTrue(done.err.strip())


class Watching(Ctl):
    def test_exec_async_can_be_followed_by_task(self):
        agent = self.agent(self.house, IP, lambda call: RUN)
        task = self.is_id(dig(self.json("exec", "--async", IP, "demo", "hello"), "id"))
        self.assertEqual(dig(self.json("task", task), "status"), "running")
        agent.finish(task)
        eventually(lambda: dig(self.json("task", task), "status") == "done")

    def test_what_an_agent_says_drives_no_terminal(self):
        wild = "\x1b]0;owned\x07\x1b[2J\r"
        self.agent(self.house, IP, lambda call: Result(1, wild), asset=wild, os=wild)
        for said in (self.says("agents"), self.says("agent", IP), self.says("exec", IP, "demo", "hello")):
            self.assertIn(r"\x1b]0;owned\x07", said)
            self.assertNotRegex(said, "[\x00-\x08\x0b-\x1f]")


if __name__ == "__main__":
    unittest.main()
