"""From a server on loopback to a task on a machine that joined by one line: elvesctl listen, elvesctl join-token add,
elves-agent join."""

import json
import os
import stat
import unittest

from house import WORKER, HouseTest, binary, run

IP = "127.0.0.1"


class FirstMinutes(HouseTest):
    deadline = 120

    def setUp(self):
        super().setUp()
        self.house = self.server_of_admins(heartbeat={"interval": 1, "offline_after": 5})
        self.socket = f"unix:{self.house.folder}/elvesd.sock"
        self.port = self.house.port

    def listen(self, *words, code=0):
        done = run(binary("elvesctl"), "--server", self.socket, "listen", *words, "--config", self.house.conf_path,
                   "--no-restart", patience=30)
        self.assertEqual(done.code, code, done)
        return done

    def line(self, *words):
        done = run(binary("elvesctl"), "--server", self.socket, "join-token", "add", *words, patience=30)
        self.assertEqual(done.code, 0, done)
        return next(line for line in done.out.splitlines() if line.startswith("sudo elves-agent join ")).split(), done

    def machine(self):
        """An agent as the package leaves it: with settings that name no server of ours, and no token."""
        worker = self.real_agent("127.0.0.1:1", IP)
        worker.app("demo", WORKER + 'answer("at work")')
        del worker.keys["ip"]
        worker.settings()
        return worker

    def join(self, worker, *words, code=0):
        done = run(binary("elves-agent"), "join", *words, "--config", worker.conf_path, "--no-start", patience=30)
        self.assertEqual(done.code, code, done)
        return done

    def test_from_loopback_to_a_task_on_a_machine_that_joined_by_one_line(self):
        made = self.listen("0.0.0.0", "--make")
        self.assertIn("token", made.out)
        self.house.restart()
        words, shown = self.line("--cidr", "127.0.0.0/8")
        self.assertEqual(words[:3] + [words[4], words[6]], ["sudo", "elves-agent", "join", "--pin", "--token"])
        self.assertIn(words[5], self.house.log())  # the certificate's fingerprint
        self.assertNotIn(words[5], words[7])
        worker = self.machine()
        self.join(worker, f"127.0.0.1:{self.port}", *words[4:])
        token = worker.folder / "join.token"
        self.assertEqual(stat.S_IMODE(token.stat().st_mode), 0o600)
        self.assertNotIn(words[7], worker.conf_path.read_text())
        worker.start()
        caller = self.client(self.house)
        self.online(caller, IP, 40)
        self.assertEqual(self.send_sync(caller, IP)["worker_result"], "at work")
        self.assertIn("has joined a server before", self.join(worker, f"127.0.0.1:{self.port}", *words[4:], code=1).err)

    def test_beyond_loopback_it_refuses_without_a_certificate_and_a_key_and_changes_nothing(self):
        before = self.house.conf_path.read_text()
        refused = self.listen("0.0.0.0", code=3)
        self.assertIn("a certificate and a first admin key", refused.err)
        self.assertIn("--make", refused.err)
        self.assertEqual(self.house.conf_path.read_text(), before)
        self.assertEqual(self.ctl(self.socket, "--json", "key", "list").code, 0)
        self.assertEqual(json.loads(self.ctl(self.socket, "--json", "key", "list").out)["keys"], [])
        self.assertFalse((self.house.folder / "tls").exists())

    def test_where_both_are_there_nothing_is_made(self):
        self.listen("0.0.0.0", "--make")
        self.house.restart()
        pem = (self.house.folder / "tls" / "server.pem").read_text()
        again = self.listen("[::]")
        self.assertNotIn("token", again.out)
        self.assertIn(f"listen = [::]:{self.port}\n", self.house.conf_path.read_text())
        self.assertEqual((self.house.folder / "tls" / "server.pem").read_text(), pem)

    def test_the_key_file_is_for_the_user_of_the_server_alone(self):
        self.listen("0.0.0.0", "--make")
        about = os.stat(self.house.folder / "tls" / "server-key.pem")
        self.assertEqual((stat.S_IMODE(about.st_mode), about.st_uid),
                         (0o600, os.stat(self.house.folder / "elves.db").st_uid))

    def test_loopback_needs_neither_and_stays_in_the_list(self):
        self.listen("127.0.0.2")
        self.assertIn(f"listen = 127.0.0.1:{self.port}, 127.0.0.2:{self.port}\n", self.house.conf_path.read_text())
        self.listen("127.0.0.1:1234")
        self.assertIn(f"listen = 127.0.0.1:{self.port}, 127.0.0.2:{self.port}, 127.0.0.1:1234\n",
                      self.house.conf_path.read_text())

    def test_what_is_no_address_of_this_machine_is_refused(self):
        before = self.house.conf_path.read_text()
        for address in ("192.0.2.1", "example.org", "10.0.0.2:0", "x"):
            self.assertIn("ADDRESS is", self.listen(address, "--make", code=2).err)
        self.assertEqual(self.house.conf_path.read_text(), before)

    def test_a_server_on_loopback_says_that_machines_can_not_reach_it(self):
        words, shown = self.line()
        self.assertEqual(words[3], "SERVER:7788")
        self.assertNotIn("--pin", words)
        self.assertIn("elvesctl listen", shown.err)
        document = json.loads(self.ctl(self.socket, "--json", "join-token", "add").out)
        self.assertEqual(document["join"].split()[-1], document["token"])

    def test_join_says_what_is_wrong_with_what_was_typed_and_writes_nothing(self):
        worker = self.machine()
        before = worker.conf_path.read_text()
        good = ("--token", "elvjoin_x")
        for words, part in ((("10.0.0.2:0", *good), "not a server's address"),
                            (("10.0.0.2", "--token", "x"), "--token is not a join token"),
                            (("10.0.0.2", *good, "--pin", "12"), "--pin is"),
                            (("10.0.0.2", "--token", "elvjoin_x.12"), "malformed fingerprint"),
                            (("10.0.0.2", "--token", "elvjoin_x." + "0" * 64, "--pin", "1" * 64), "--pin differs"),
                            (("10.0.0.2", *good, "--ip", "here"), "--ip is")):
            with self.subTest(words=words):
                refused = self.join(worker, *words, code=1)
                self.assertIn(part, refused.err)
                self.assertEqual(len(refused.err.splitlines()), 1)
        self.assertEqual(self.join(worker, code=2).out, "")
        self.assertEqual(worker.conf_path.read_text(), before)
        self.assertFalse((worker.folder / "join.token").exists())
        worker.settings(key="K", token="T")
        self.assertIn("was given a key already", self.join(worker, "10.0.0.2", *good, code=1).err)

    def test_join_keeps_comments_and_takes_a_name_or_an_address_without_a_port(self):
        worker = self.machine()
        text = "# mine\n" + worker.conf_path.read_text() + "\n[log]\nlevel = info # as ever\n"
        worker.conf_path.write_text(text)
        self.join(worker, "elves.example.org", "--token", "elvjoin_x", "--ip", "10.0.0.9")
        after = worker.conf_path.read_text()
        self.assertTrue(after.startswith("# mine\n") and after.endswith("level = info # as ever\n"), after)
        self.assertIn("server = elves.example.org:7788\n", after)
        self.assertIn("ip = 10.0.0.9\n", after)
        self.join(worker, "fe80::1", "--token", "elvjoin_x")
        self.assertIn("server = [fe80::1]:7788\n", worker.conf_path.read_text())
        self.assertEqual(stat.S_IMODE(worker.conf_path.stat().st_mode), 0o600)


if __name__ == "__main__":
    unittest.main()
