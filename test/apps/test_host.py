"""host: facts, disk, memory, load, uptime, ports of the machine that runs this test."""

import os
import re
import shutil
import socket
import unittest

from support import AppTest


class Host(AppTest):
    app = "host"

    def test_facts_name_this_machine(self):
        facts = self.done("facts")
        self.assertEqual((facts["hostname"], facts["cpus"]), (socket.gethostname(), os.cpu_count()))
        self.assertEqual(facts["kernel"], os.uname().release)
        self.assertIn("127.0.0.1", facts["addresses"].get("lo", ["127.0.0.1"]))
        self.assertGreater(facts["memory"], 10_000_000)

    def test_disk_says_what_statvfs_says(self):
        for param in ("/", '{"path": "/"}'):
            (root,) = self.done("disk", param)["disks"]
            self.assertEqual(root["mount"], "/")
            self.assertEqual(root["size"], shutil.disk_usage("/").total)
            self.assertTrue(0 <= root["used_percent"] <= 100)
        self.assertEqual(self.done("disk", str(self.folder))["disks"][0]["size"], shutil.disk_usage(self.folder).total)
        self.assertIsInstance(self.done("disk")["disks"], list)

    def test_disk_of_a_path_that_is_none_names_the_field(self):
        self.assertEqual(self.failed("disk", "/nosuch"), '`path` is "/nosuch": No such file or directory')
        self.assertIn("expected an absolute path", self.failed("disk", "nosuch"))
        self.assertIn("`pth` is no field", self.failed("disk", {"pth": "/"}))

    def test_a_mount_point_with_blanks_is_read_as_it_is(self):
        escaped = str(self.folder / "a b").replace(" ", "\\040")
        (self.folder / "a b").mkdir()
        read = self.module.read
        self.addCleanup(setattr, self.module, "read", read)
        self.module.read = lambda path: f"/dev/x {escaped} ext4 rw 0 0\nproc /proc proc rw 0 0\n"
        self.assertEqual(self.module.mounts(), [("/dev/x", str(self.folder / "a b"), "ext4")])

    def test_memory_load_and_uptime_are_of_the_kernel(self):
        memory = self.done("memory")
        self.assertLessEqual(memory["available"], memory["total"])
        load = self.done("load")
        self.assertEqual(load["cpus"], os.cpu_count())
        self.assertGreaterEqual(load["processes"], 1)
        uptime = self.done("uptime")
        self.assertLess(abs(uptime["seconds"] - self.module.uptime_seconds()), 5)
        self.assertTrue(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", uptime["since"]))
        self.assertEqual(self.failed("uptime", "x"), "uptime takes no param")

    def test_ports_show_who_listens(self):
        for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            with socket.socket(family) as own, socket.socket(family, socket.SOCK_DGRAM) as datagrams:
                try:
                    own.bind((address, 0))
                except OSError:
                    continue  # without IPv6
                own.listen()
                datagrams.bind((address, 0))
                rows = self.done("ports")["ports"]
                for protocol, each in (("tcp", own), ("udp", datagrams)):
                    (row,) = [row for row in rows if row["port"] == each.getsockname()[1] and row["protocol"] == protocol]
                    self.assertEqual((row["address"], row["pid"]), (address, os.getpid()))


if __name__ == "__main__":
    unittest.main()
