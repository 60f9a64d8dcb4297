"""The real elves-agent under the real server: workers, limits, its journal, its own cron."""

import fcntl
import time
import unittest

from elves_wire import code_of
from house import WORKER, HouseTest, eventually, free_port

IP = "10.1.0.1"


def alive(pid):
    """Runs still; a zombie does not."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


class RealAgentTest(HouseTest):
    def setUp(self):
        super().setUp()
        self.house = self.server(tasklog={"lost_after": 2}, heartbeat={"interval": 1, "offline_after": 5})
        self.caller = self.client(self.house)
        self.worker = self.real_agent(self.house, IP)

    def begin_work(self, text=None, **agent):
        """Starts the agent with an app `demo`, once it is online."""
        if text is not None:
            self.worker.app("demo", WORKER + text)
        self.worker.settings(**agent)
        self.worker.start()
        self.online(self.caller, IP)

    def sync(self, **ins):
        return self.send_sync(self.caller, IP, **ins)

    def output(self, task):
        return self.caller.ok("tasklog", "gettaskoutput", id=task)

    def mark(self, name="mark"):
        """A file through which a worker tells of itself; returns (path, a function that reads its words)."""
        path = self.worker.folder / name
        return path, lambda: path.read_text().split() if path.exists() else []


class Workers(RealAgentTest):
    def test_the_apptest_of_the_tree_says_toryzen(self):
        self.worker.app_from_tree("apptest")
        self.begin_work()
        info = self.sync(app="apptest", func="helloword", param={"my": "toryzen"})
        self.assertEqual((info["agent_sync_flag"], info["worker_flag"]), ("true", 1), info)
        self.assertIn("toryzen", info["worker_result"])

    def test_a_worker_is_told_app_func_and_param(self):
        self.begin_work('answer("|".join((app, func, param)))')
        for param in ("", "plain", "two\nlines", "日本 ü 😀", "$(id) `id` ; & ' \""):
            info = self.sync(func="fun.c", param=param)
            self.assertEqual((info["worker_flag"], info["worker_result"]), (1, f"demo|fun.c|{param}"))

    def test_a_long_param_arrives_whole(self):
        self.begin_work('answer(f"{len(param)} {param[:3]} {param[-3:]}")')
        for size in (89_000, 90_000, 90_001, 200_000, 1 << 20):
            info = self.sync(param="abc" + "x" * (size - 6) + "xyz")
            self.assertEqual(info["worker_result"], f"{size} abc xyz")

    def test_a_worker_may_say_no(self):
        self.begin_work('answer("sorry", "false")')
        info = self.sync()
        self.assertEqual((info["worker_flag"], info["worker_result"]), (0, "sorry"))
        self.assertEqual(self.wait_final(self.caller, info["id"])["status"], "failed")

    def test_a_worker_without_a_flag_is_an_error_with_the_tail_of_its_output(self):
        self.begin_work('print("x" * 100); print("Traceback: the last words"); sys.exit(3)')
        info = self.sync()
        self.assertNotEqual(info["worker_flag"], 1)
        self.assertIn("the last words", info["worker_result"])
        self.assertEqual(self.wait_final(self.caller, info["id"])["status"], "failed")
        self.assertEqual(int(self.output(info["id"])["exit_code"]), 3)

    def test_stderr_and_exit_code_are_kept(self):
        self.begin_work('print("a complaint", file=sys.stderr); answer("fine"); sys.stdout.flush(); sys.exit(0)')
        info = self.sync()
        self.assertEqual(info["worker_flag"], 1)
        self.wait_final(self.caller, info["id"])
        kept = eventually(lambda: (o := self.output(info["id"])) and "a complaint" in o["stderr"] and o)
        self.assertEqual(int(kept["exit_code"]), 0)

    def test_bytes_that_are_no_utf8_do_no_harm(self):
        self.begin_work(r'sys.stdout.buffer.write(b"<ElvesWFlag>true</ElvesWFlag><ElvesWResult>a\xff\xfeb'
                        r'</ElvesWResult>\n")')
        info = self.sync()
        self.assertEqual(info["worker_flag"], 1)
        self.assertRegex(info["worker_result"], "\\Aa\ufffd+b\\Z")

    def test_an_app_may_be_a_shell_script_or_a_program(self):
        shell = '#!/bin/sh\necho "<ElvesWFlag>true</ElvesWFlag><ElvesWResult>$1.$2</ElvesWResult>"\n'
        self.worker.app("scripted", shell, "app-worker.sh")
        self.worker.app("compiled", shell, "app-worker")
        self.begin_work()
        for app in ("scripted", "compiled"):
            info = self.sync(app=app, func="f")
            self.assertEqual((info["worker_flag"], info["worker_result"]), (1, f"{app}.f"))

    def test_a_proxy_names_another_file_and_perhaps_its_interpreter(self):
        self.worker.app("demo", WORKER + 'answer("another file")', "sub/other.py")
        self.worker.app("demo", 'echo "<ElvesWFlag>true</ElvesWFlag><ElvesWResult>by sh</ElvesWResult>"', "run.sh")
        self.begin_work('answer("the default")', proxy="true")
        for proxy, said in (("", "the default"), ("python3|sub/other.py", "another file"), ("sh|run.sh", "by sh")):
            with self.subTest(proxy=proxy):
                self.assertEqual(self.sync(proxy=proxy)["worker_result"], said)

    def test_what_cannot_run_is_minus_one_and_fails(self):
        outside = self.worker.folder / "outside.py"
        outside.write_text(WORKER + 'answer("escaped")')
        self.worker.app("demo", "", "keep")
        (self.worker.apps / "demo" / "link.py").symlink_to(outside)
        self.begin_work('answer("here")', proxy="true")
        for ins in ({"app": "nosuchapp"}, {"proxy": "python3|nosuchfile.py"}, {"proxy": "link.py"},
                    {"proxy": "python3|link.py"}, {"proxy": "evil|app-worker.py"}, {"proxy": "/bin/sh|app-worker.py"}):
            with self.subTest(ins=ins):
                reply = self.caller.call("sheduler", "sendsync", agentip=IP,
                                         ins={"app": "demo", "func": "f", **ins})
                if code_of(reply) == "":
                    self.assertEqual(reply["info"]["worker_flag"], -1, reply)
                    self.assertNotIn("escaped", reply["info"]["worker_result"])
                    self.assertEqual(self.wait_final(self.caller, reply["info"]["id"])["status"], "failed")
        self.assertEqual(self.sync()["worker_result"], "here")

    def test_many_tasks_at_once_all_end(self):
        self.begin_work('answer(param)', max_workers=3)
        tasks = {self.send_async(self.caller, IP, param=f"p{n}")["id"]: f"p{n}" for n in range(20)}
        for task, said in tasks.items():
            self.assertEqual(self.wait_status(self.caller, task, "done", patience=40)["worker_message"], said)


class Limits(RealAgentTest):
    FAMILY = '''
signal.signal(signal.SIGTERM, signal.SIG_IGN) if func == "stubborn" else None
child = subprocess.Popen([sys.executable, "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(300)"])
with open(param, "a") as mark:
    mark.write(f"{os.getpid()} {child.pid}\\n")
time.sleep(300) if func != "leaver" else answer("gone, and left a child")
'''

    def family(self, read):
        return [int(word) for word in eventually(lambda: len(read()) >= 2 and read())]

    def all_gone(self, pids):
        eventually(lambda: not any(map(alive, pids)), 20, f"{pids} to be gone")

    def test_a_timeout_kills_the_whole_process_group(self):
        self.begin_work(self.FAMILY)
        for func in ("obedient", "stubborn"):
            with self.subTest(func=func):
                path, read = self.mark(func)
                began = time.monotonic()
                info = self.sync(func=func, param=str(path), timeout=2)
                self.assertEqual(info["worker_flag"], -1)
                self.assertLess(time.monotonic() - began, 15)
                self.all_gone(self.family(read))
                self.wait_status(self.caller, info["id"], "timeout", "failed")

    def test_an_async_task_that_runs_out_of_time_ends(self):
        self.begin_work("time.sleep(300)")
        task = self.send_async(self.caller, IP, timeout=1)["id"]
        self.wait_status(self.caller, task, "timeout", "failed", patience=30)

    def test_a_canceled_task_is_killed_with_its_group(self):
        path, read = self.mark()
        self.begin_work(self.FAMILY)
        task = self.send_async(self.caller, IP, func="stubborn", param=str(path))["id"]
        pids = self.family(read)
        self.caller.ok("sheduler", "canceltask", id=task)
        self.wait_status(self.caller, task, "canceled")
        self.all_gone(pids)

    def test_what_a_worker_leaves_behind_is_killed_when_it_ends(self):
        path, read = self.mark()
        self.begin_work(self.FAMILY)
        info = self.sync(func="leaver", param=str(path), timeout=30)
        self.assertEqual((info["worker_flag"], info["worker_result"]), (1, "gone, and left a child"))
        self.all_gone(self.family(read))

    def test_output_over_the_bound_is_cut_and_said_so(self):
        self.begin_work('answer("short"); print("x" * 100_000, flush=True)', max_output=2000)
        info = self.sync()
        self.wait_final(self.caller, info["id"])
        kept = eventually(lambda: (o := self.output(info["id"])) and str(o["truncated"]).lower() in ("true", "1") and o)
        self.assertLess(len(kept["output"]), 10_000)
        self.assertEqual(self.caller.status_of(IP), "online")

    def test_output_can_be_read_while_the_worker_runs(self):
        path, _ = self.mark("go")
        self.begin_work('''
print("first words", flush=True)
while not os.path.exists(param): time.sleep(0.02)
answer("last words")
''')
        task = self.send_async(self.caller, IP, param=str(path))["id"]
        eventually(lambda: "first words" in self.output(task)["output"])
        self.assertEqual(self.caller.task(task)["status"], "running")
        path.write_text("go")
        self.assertEqual(self.wait_status(self.caller, task, "done")["worker_message"], "last words")
        self.assertIn("first words", self.output(task)["output"])


class Crashes(RealAgentTest):
    SLOW = '''
mark, go = param.split()
with open(mark, "a") as file: file.write("started\\n")
until = time.time() + 40
while not os.path.exists(go) and time.time() < until: time.sleep(0.02)
answer("went through")
'''

    def running_task(self):
        mark, read = self.mark()
        go = self.worker.folder / "go"
        self.addCleanup(go.write_text, "go")  # no worker outlives its test
        self.begin_work(self.SLOW)
        task = self.send_async(self.caller, IP, param=f"{mark} {go}")["id"]
        eventually(read)
        return task, read, go

    def test_an_agent_killed_in_the_middle_of_a_task_never_runs_it_again(self):
        task, read, _ = self.running_task()
        self.worker.kill9()
        self.worker.start()
        record = self.wait_status(self.caller, task, "failed", "lost")
        self.online(self.caller, IP)
        other = self.sync(app="nosuchapp")  # one more round trip: it had its chance
        self.assertEqual(other["worker_flag"], -1)
        self.assertEqual(read(), ["started"])
        self.assertEqual(self.caller.task(task)["status"], record["status"])

    def test_a_journal_that_a_dying_child_holds_a_moment_longer_is_waited_for(self):
        # As one does that was being started when its agent was killed.
        held = open(self.worker.keys["journal"] + ".lock", "w", encoding="utf-8")
        self.addCleanup(held.close)
        fcntl.flock(held, fcntl.LOCK_EX)
        self.worker.start()
        time.sleep(0.3)
        held.close()
        self.online(self.caller, IP)

    def test_an_agent_that_lost_its_journal_makes_the_task_lost(self):
        task, read, _ = self.running_task()
        self.worker.kill9()
        for path in self.worker.folder.glob("journal.db*"):
            path.unlink()
        self.worker.start()
        self.wait_status(self.caller, task, "lost")
        self.assertEqual(read(), ["started"])

    def test_a_task_goes_on_while_the_server_is_away(self):
        task, read, go = self.running_task()
        self.house.kill9()
        go.write_text("go")
        self.house.start()
        self.caller = self.client(self.house)
        record = self.wait_status(self.caller, task, "done", patience=40)
        self.assertEqual((record["worker_message"], read()), ("went through", ["started"]))

    def test_results_that_the_server_missed_outlive_the_agents_own_restart(self):
        task, read, go = self.running_task()
        self.house.kill9()
        go.write_text("go")
        time.sleep(1.5)  # the agent notes the result; nobody outside can see it do so
        self.worker.kill9()
        self.house.start()
        self.worker.start()
        self.caller = self.client(self.house)
        record = self.wait_status(self.caller, task, "done", "failed", patience=40)
        self.assertEqual(record["status"], "done")
        self.assertEqual(read(), ["started"])

    def test_a_stopped_agent_comes_back_by_itself_to_a_restarted_server(self):
        self.begin_work('answer("still here")')
        for _ in range(2):
            self.house.restart()
            self.caller = self.client(self.house)
            self.online(self.caller, IP, patience=40)
            self.assertEqual(self.sync()["worker_result"], "still here")

    def test_an_agent_tries_its_servers_in_turn(self):
        self.worker.settings(server=f"127.0.0.1:{free_port()}, {self.house.text}")
        self.begin_work('answer("second choice")')
        self.assertEqual(self.sync()["worker_result"], "second choice")


class OwnCron(RealAgentTest):
    def test_a_self_job_fires_while_the_server_is_away_and_is_reported_later(self):
        mark, read = self.mark()
        self.begin_work('open(param, "a").write("tick\\n"); answer("ticked")')
        job = self.caller.ok("cron", "setcronbyip", agentip=IP, cron_type="self", rule="* * * * * ?",
                             ins={"app": "demo", "func": "tick", "param": str(mark)})["id"]
        eventually(lambda: self.caller.tasks(cron_id=job, status="done"))
        self.house.kill9()
        before = len(read())
        eventually(lambda: len(read()) >= before + 3)
        self.house.start()
        self.caller = self.client(self.house)
        ticks = len(read())
        tasks = eventually(lambda: (t := self.caller.tasks(cron_id=job, status="done", limit=1000))
                           and len(t) >= ticks and t, 40, f"{ticks} runs to be reported")
        self.assertEqual(len({task["id"] for task in tasks}), len(tasks))
        for task in tasks:
            self.assertEqual((task["type"], task["agentip"], task["worker_message"]), ("cron", IP, "ticked"))
        self.caller.ok("cron", "delcronbyipid", agentip=IP, id=job)

    def test_a_self_job_goes_on_after_a_restart_of_the_agent_without_the_server(self):
        mark, read = self.mark()
        self.begin_work('open(param, "a").write("tick\\n"); answer("ticked")')
        self.caller.ok("cron", "setcronbyip", agentip=IP, cron_type="self", rule="* * * * * ?",
                       ins={"app": "demo", "func": "tick", "param": str(mark)})
        eventually(read)
        self.house.kill9()
        self.worker.kill9()
        before = len(read())
        self.worker.start()
        eventually(lambda: len(read()) > before + 1)


class WithKeys(HouseTest):
    def test_an_agent_with_a_key_registers_and_one_without_does_not(self):
        house = self.server()
        made = self.client(house).ok("supervisor", "setkey", name="fleet", role="agent", apps=["*"],
                                     iplist=["10.1.0.0/24"])
        root = self.client(house).ok("supervisor", "setkey", name="root", role="admin", apps=["*"], iplist=["*"])
        house.terminate()
        house.settings(auth={"mode": "keys"})
        house.start()
        client = self.client(house, auth={"key": root["key"], "token": root["token"]})
        without = self.real_agent(house, "10.1.0.2").start()
        with_key = self.real_agent(house, "10.1.0.1", key=made["key"], token=made["token"]).start()
        self.online(client, "10.1.0.1")
        self.assertEqual(client.status_of("10.1.0.2"), "unknown")
        self.assertTrue(with_key.alive)
        self.assertNotIn(made["token"], with_key.log() + without.log() + house.log())


if __name__ == "__main__":
    unittest.main()
