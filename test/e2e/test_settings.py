"""Starting and stopping: what a person at the keyboard sees."""

import os
import pathlib
import re
import signal
import socket
import unittest

from elves_wire import RUN
from house import ROOT, HouseTest, binary, eventually, ini, run


class Settings(HouseTest):
    def elvesd(self, *more, **sections):
        house = self.server_down(**sections)
        return run(binary("elvesd"), "--config", str(house.conf_path), *more, patience=20)

    def complains(self, done, *words):
        """Ends with an error and one line on stderr that names what is wrong."""
        self.assertNotEqual(done.code, 0, done)
        self.assertGreater(done.code, 0, f"died of a signal: {done}")
        lines = [line for line in done.err.splitlines() if line.strip()]
        self.assertEqual(len(lines), 1, done.err)
        for word in words:
            self.assertIn(word, lines[0])

    def test_an_unknown_section_is_an_error(self):
        self.complains(self.elvesd(serverr={"listen": "127.0.0.1:0"}), "serverr")

    def test_an_unknown_key_is_an_error(self):
        self.complains(self.elvesd(server={"listne": "127.0.0.1:0"}), "listne")
        self.complains(self.elvesd(tasklog={"lost_afterr": 5}), "lost_afterr")

    def test_a_bad_value_is_an_error(self):
        for section, key, value in (("server", "max_frame", "lots"), ("server", "max_frame", "-1"),
                                    ("server", "listen", "here"), ("server", "listen", "127.0.0.1:99999"),
                                    ("server", "timezone", "Mars/Base"), ("auth", "mode", "perhaps"),
                                    ("heartbeat", "interval", "often"), ("heartbeat", "offline_after", "1.5x"),
                                    ("sheduler", "default_timeout", "86401"),
                                    ("sheduler", "handover_timeout", "soon"), ("tasklog", "lost_after", "-3"),
                                    ("cron", "misfire", "twice"), ("cron", "overlap", "maybe"),
                                    ("modules", "enabled", "heartbeat, nosuchmodule")):
            with self.subTest(key=key, value=value):
                self.complains(self.elvesd(**{section: {key: value}}),
                               "nosuchmodule" if section == "modules" else key)

    def test_a_missing_config_file_is_an_error(self):
        self.complains(run(binary("elvesd"), "--config", "/nonexistent/elves.conf"), "/nonexistent/elves.conf")

    def test_a_store_that_cannot_be_opened_is_an_error(self):
        self.complains(self.elvesd(store={"path": "/nonexistent/folder/elves.db"}), "/nonexistent/folder/elves.db")
        folder = self.folder()
        self.complains(self.elvesd(store={"path": str(folder)}), str(folder))

    def test_a_store_that_is_no_store_is_an_error_and_stays_untouched(self):
        path = self.folder() / "elves.db"
        path.write_bytes(b"this is a love letter, not a database\n" * 100)
        before = path.read_bytes()
        self.complains(self.elvesd(store={"path": str(path)}), str(path))
        self.assertEqual(path.read_bytes(), before)

    def test_a_store_that_others_may_use_is_an_error(self):
        path = self.folder() / "elves.db"
        path.touch()
        path.chmod(0o666)
        for more in ((), ("--check",)):
            self.complains(self.elvesd(*more, store={"path": str(path)}), f"chmod 600 {path}")
        self.assertEqual(path.read_bytes(), b"")

    def test_a_busy_port_is_an_error(self):
        with socket.create_server(("127.0.0.1", 0)) as busy:
            port = busy.getsockname()[1]
            self.complains(self.elvesd(server={"listen": f"127.0.0.1:{port}"}), str(port))

    def test_e19_listeners_of_its_own_that_collide_are_named(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        for one, other in ((f"127.0.0.1:{port}", f"0.0.0.0:{port}"), (f"[::]:{port}", f"127.0.0.1:{port}"),
                           (f"127.0.0.1:{port}", f"127.0.0.1:{port}"), (f"localhost:{port}", f"127.0.0.1:{port}")):
            with self.subTest(one=one, other=other):
                self.complains(self.elvesd(server={"listen": f"{one}, {other}"}), "overlap", other)
        self.complains(self.elvesd("--check", server={"listen": f"127.0.0.1:{port}, 0.0.0.0:{port}"}), "overlap")

    def test_e19_keys_mode_without_a_key_says_that_nobody_can_log_in(self):
        house = self.server(auth={"mode": "keys"})
        self.assertIn("no admin key counts: nobody can administer this server over TCP", house.log())

    def test_check_says_yes_or_no_and_ends(self):
        self.assertEqual(self.elvesd("--check").code, 0)
        self.complains(self.elvesd("--check", server={"listne": "x"}), "listne")
        with socket.create_server(("127.0.0.1", 0)) as busy:  # it does not listen
            port = busy.getsockname()[1]
            self.assertEqual(self.elvesd("--check", server={"listen": f"127.0.0.1:{port}"}).code, 0)

    def test_an_option_that_is_none_is_an_error(self):
        self.assertNotEqual(run(binary("elvesd"), "--no-such-option").code, 0)

    def test_init_admin_prints_key_and_token_that_work(self):
        house = self.server_down(auth={"mode": "keys"})
        auth = house.init_admin("chief")
        house.start()
        client = self.client(house, auth=auth)
        client.ok("supervisor", "listkeys")
        self.assertEqual(client.ok("supervisor", "getauthbykey", key=auth["key"])["auth"]["name"], "chief")


class ValuesOfSettings(HouseTest):
    """One rule for comments, quotes and blanks, over every setting of the samples of both programs."""

    deadline = 240

    def samples(self, name):
        """Each setting that etc/NAME shows, commented out or not: (section, key, value)."""
        section, found = "", []
        for line in (ROOT / "etc" / name).read_text().splitlines():
            if head := re.fullmatch(r"\[(\w+)\]", line):
                section = head.group(1)
            elif setting := re.fullmatch(r"#? ?(\w+) =(.*)", line):
                found.append((section, setting.group(1), setting.group(2).strip() or "something"))
        return found

    def check(self, program, sections):
        conf = self.folder() / "some.conf"
        conf.write_text(ini(sections))
        conf.chmod(0o600)
        done = run(binary(program), "--config", str(conf), "--check", cwd=conf.parent, patience=20)
        return done.code, (done.out + done.err).replace(str(conf.parent), "HERE")

    def check_all(self, program, sample, base):
        settings = self.samples(sample)
        self.assertGreater(len(settings), 30)
        for section, key, value in settings:
            with self.subTest(section=section, key=key):
                def outcome(text):
                    sections = {name: dict(keys) for name, keys in base.items()}
                    sections.setdefault(section, {})[key] = text
                    return self.check(program, sections)
                plain = outcome(value)
                for same in (f"  {value}\t # a comment's \"text\"", f'"{value}"', f"'{value}'; comment"):
                    self.assertEqual(outcome(same), plain, same)
                for wrong in ("", "# nothing", '""', f'"{value}', f'{value}"', f'"{value}" {value}', f"{value}\u00a0"):
                    code, text = outcome(wrong)
                    self.assertEqual(code, 1, wrong)
                    self.assertRegex(text, rf"some\.conf:\d+: \[{section}\] {key}: ", wrong)

    def test_every_setting_of_elvesd(self):
        self.check_all("elvesd", "elves.conf", {"server": {"listen": "127.0.0.1:0"}, "store": {"path": "elves.db"}})

    def test_every_setting_of_the_agent(self):
        apps = self.folder()
        self.check_all("elves-agent", "agent.conf",
                       {"agent": {"server": "127.0.0.1:7788", "apps": str(apps), "journal": "agent.db"}})

    def test_a_quoted_path_and_a_comment_make_no_file_of_that_name(self):
        house = self.server_down()
        for value in (f"{house.folder}/a.db  # data", f'"{house.folder}/a.db"'):
            house.settings(store={"path": value})
            house.start()
            house.terminate()
        self.assertEqual([path.name for path in house.folder.glob("*.db*") if "lock" not in path.name], ["a.db"])


class Signals(HouseTest):
    def test_sigterm_ends_it_well_also_with_agents_and_callers(self):
        house = self.server()
        self.client(house).ok("elves", "ping")
        agent = self.agent(house, "10.0.0.1")
        self.assertEqual(house.terminate(), 0)
        agent.wait_closed()

    def test_sigterm_during_a_task_ends_it_well(self):
        house = self.server(server={"shutdown_grace": 1})
        client = self.wire_client(house)
        agent = self.agent(house, "10.0.0.1", lambda call: RUN)
        asked = client.begin("sheduler", "sendsync", agentip="10.0.0.1", ins={"app": "demo", "func": "work"})
        task_id = agent.wait_instruct()["id"]
        self.assertEqual(house.terminate(patience=30), 0)
        said = client.finish(asked)
        self.assertEqual(said["flag"], "false")
        self.assertRegex(said["error_info"], r"^\[503\.1\] .*" + task_id)
        house.start()
        found = self.wire_client(house).ok("tasklog", "gettaskbyids", id=[task_id])
        self.assertIn(task_id, str(found))

    def test_sighup_is_survived(self):
        house = self.server()
        client = self.client(house)
        for _ in range(3):
            house.signal(signal.SIGHUP)
            client.ok("elves", "ping")
        self.assertTrue(house.alive)

    def test_a_client_that_goes_away_before_its_reply_does_no_harm(self):
        house = self.server()
        for _ in range(20):
            client = self.wire_client(house)
            client.begin("elves", "methods")
            client.link.reset()
        self.wire_client(house).ok("elves", "ping")

    def test_the_address_that_it_listens_on_is_in_the_log(self):
        house = self.server()
        self.assertIn(f"listening on 127.0.0.1:{house.port}", house.log())


class AgentSettings(HouseTest):
    def complains(self, sections, *words):
        path = self.folder() / "agent.conf"
        path.write_text(ini(sections))
        done = run(binary("elves-agent"), "--config", str(path), patience=20)
        self.assertGreater(done.code, 0, done)
        lines = [line for line in done.err.splitlines() if line.strip()]
        self.assertEqual(len(lines), 1, done.err)
        for word in words:
            self.assertIn(word, lines[0])

    def test_an_unknown_section_or_key_or_bad_value_is_an_error(self):
        folder = self.folder()
        good = {"server": "127.0.0.1:9", "ip": "10.0.0.1", "apps": str(folder), "journal": str(folder / "j.db")}
        self.complains({"agent": good, "agentt": {"ip": "10.0.0.1"}}, "agentt")
        self.complains({"agent": {**good, "srever": "x"}}, "srever")
        self.complains({"agent": {**good, "ip": "there"}}, "ip")
        self.complains({"agent": {**good, "max_output": "much"}}, "max_output")
        self.complains({"agent": {**good, "server": "nowhere"}}, "server")
        self.complains({"agent": {**good, "journal": "/nonexistent/folder/j.db"}}, "/nonexistent/folder/j.db")

    def test_a_missing_config_file_is_an_error(self):
        done = run(binary("elves-agent"), "--config", "/nonexistent/agent.conf")
        self.assertNotEqual(done.code, 0)
        self.assertIn("/nonexistent/agent.conf", done.err)

    def test_an_unreadable_config_file_is_an_error(self):
        if os.geteuid() == 0:
            self.skipTest("root reads everything")
        path = self.folder() / "agent.conf"
        path.write_text("[agent]\n")
        path.chmod(0)
        self.assertNotEqual(run(binary("elves-agent"), "--config", str(path)).code, 0)


class Reloading(HouseTest):
    def locks_on_the_data_file(self, house):
        """What the kernel says: POSIX locks on the file's inode."""
        inode = os.stat(house.folder / "elves.db").st_ino
        return [line for line in pathlib.Path("/proc/locks").read_text().splitlines() if f":{inode} " in line]

    def test_a_sighup_leaves_the_data_file_locked_against_others(self):
        # Closing any descriptor of a file drops all of the process's locks on it: SQLite's too, and then another
        # program that closes the file takes its -wal away from under the server.
        house = self.server()
        self.client(house).ok("cmdbproxy", "setcmdbinfo", agentip="10.0.0.1", sn="1")
        before = self.locks_on_the_data_file(house)
        self.assertTrue(before)
        house.signal(signal.SIGHUP)
        eventually(lambda: "settings read again" in house.log(), what="the reload")
        self.assertEqual(len(self.locks_on_the_data_file(house)), len(before))


if __name__ == "__main__":
    unittest.main()
