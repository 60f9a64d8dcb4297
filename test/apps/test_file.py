"""file: checksum, tail, get and put of regular files; whatever goes wrong, the old content or the new one is whole."""

import base64
import hashlib
import os
import pathlib
import socket
import unittest

from support import AppTest


def sha256(content):
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


class File(AppTest):
    app = "file"

    def file(self, content="one\ntwo\n", mode=0o640, name="f"):
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(mode)
        return path

    def put(self, path, content="new\n", **more):
        return {"path": str(path), "content": content, "sha256": sha256(content), **more}

    def names(self):
        return sorted(path.name for path in self.folder.iterdir())

    def test_checksum_and_get_describe_the_file(self):
        path = self.file()
        for name in ("checksum", "get"):
            answer = self.done(name, str(path))
            self.assertEqual((answer["sha256"], answer["size"], answer["mode"]), (sha256("one\ntwo\n"), 8, "0640"))
            self.assertEqual(path.owner(), answer["owner"])
        self.assertEqual((answer["encoding"], answer["content"]), ("text", "one\ntwo\n"))
        answer = self.done("get", {"path": str(self.file(b"\xff\0"))})
        self.assertEqual((answer["encoding"], base64.b64decode(answer["content"])), ("base64", b"\xff\0"))

    def test_get_is_bounded_and_says_the_size(self):
        most = self.module.MAX_CONTENT
        self.assertEqual(self.done("get", str(self.file("x" * most)))["size"], most)
        self.assertIn(f"it has {most + 1} bytes", self.failed("get", str(self.file("x" * (most + 1)))))

    def test_tail_gives_the_last_lines(self):
        path = self.file("".join(f"line {n}\n" for n in range(100_000)))
        self.assertEqual(self.done("tail", str(path)).splitlines()[0], "line 99980")
        self.assertEqual(self.done("tail", {"path": str(path), "lines": 1}), "line 99999\n")
        many = self.done("tail", {"path": str(path), "lines": 10_000})
        self.assertTrue(many.startswith("line 90000\n"))
        self.assertEqual(self.done("tail", str(self.file(""))), "")
        self.assertIn("`lines` is 0", self.failed("tail", {"path": str(path), "lines": 0}))

    def test_only_regular_files_are_opened(self):
        path = self.file()
        (self.folder / "link").symlink_to(path)
        os.mkfifo(self.folder / "pipe")
        with socket.socket(socket.AF_UNIX) as own:
            own.bind(str(self.folder / "socket"))
        for name, why in (("link", "it is a symbolic link"), ("pipe", "not a regular"), ("socket", "not a regular"),
                          ("nosuch", "No such file"), ("nosuch/f", "its folder: No such file"), ("", "names no file")):
            wrong = f"{self.folder}/{name}"
            for function in ("checksum", "tail", "get"):
                self.assertIn(why, self.failed(function, wrong))
            if name != "nosuch":
                self.assertIn(why, self.failed("put", self.put(wrong)))
        for wrong in ("/dev/zero", "/dev/null", str(self.folder)):
            self.assertIn("it is not a regular file", self.failed("get", wrong))
        self.assertEqual(path.read_text(), "one\ntwo\n")

    def test_put_replaces_the_content_keeps_mode_and_owner_and_the_old_content(self):
        path = self.file(mode=0o604)
        if os.getuid() == 0:
            os.chown(path, 65534, 65534)
        before = path.stat()
        answer = self.done("put", self.put(path, old_sha256=sha256("one\ntwo\n")))
        after = path.stat()
        self.assertEqual((after.st_mode, after.st_uid, after.st_gid), (before.st_mode, before.st_uid, before.st_gid))
        self.assertEqual((path.read_text(), answer["created"], answer["sha256"]), ("new\n", False, sha256("new\n")))
        backup = pathlib.Path(answer["backup"])
        self.assertEqual((backup.read_text(), backup.stat().st_ino), ("one\ntwo\n", before.st_ino))
        self.assertEqual(len(self.names()), 2)

    def test_put_makes_a_file_and_takes_base64_and_a_mode(self):
        path = self.folder / "made"
        answer = self.done("put", self.put(path))
        self.assertEqual((answer["created"], answer["backup"], answer["mode"]), (True, None, "0644"))
        content = base64.b64encode(b"\xff").decode()
        answer = self.done("put", {**self.put(path, content, encoding="base64", mode="0600", backup=False),
                                   "sha256": sha256(b"\xff")})
        self.assertEqual((path.read_bytes(), answer["mode"], self.names()), (b"\xff", "0600", ["made"]))

    def test_put_refuses_what_is_not_what_the_caller_means(self):
        path = self.file()
        for wrong, why in (({"sha256": sha256("other")}, "`content` has "), ({"sha256": "x"}, "`sha256` is "),
                           ({"old_sha256": sha256("other")}, "somebody has changed it"), ({"mode": "4755"}, "`mode` is "),
                           ({"encoding": "hex"}, "`encoding` is "), ({"content": 5}, "`content` is 5"),
                           ({"content": "\ud800"}, "`content` is "), ({"backup": "no"}, "`backup` is "),
                           ({"owner": "root"}, "`owner` is no field"), ({"encoding": "base64"}, "`content` is no base64")):
            self.assertIn(why, self.failed("put", {**self.put(path), **wrong}))
        self.assertIn("`sha256` is missing", self.failed("put", {"path": str(path), "content": "x"}))
        self.assertIn("`content` has 524289 bytes", self.failed("put", self.put(path, "x" * 524_289)))
        self.assertIn("No such file", self.failed("put", self.put(self.folder / "no", old_sha256=sha256("x"))))
        self.assertEqual((path.read_text(), self.names()), ("one\ntwo\n", ["f"]))

    def test_put_does_not_replace_what_a_new_file_could_not_stand_for(self):
        path = self.file(mode=0o4755)
        self.assertIn("set-user-ID", self.failed("put", self.put(path)))
        path.chmod(0o644)
        os.link(path, self.folder / "other")
        self.assertIn("2 names", self.failed("put", self.put(path)))
        self.assertEqual(path.read_text(), "one\ntwo\n")

    def test_a_disk_that_refuses_leaves_the_old_file_and_nothing_else(self):
        path = self.file()

        def refuse(*_, **__):
            raise OSError(28, "No space left on device")
        for name in ("fsync", "fchown", "link", "rename"):
            with self.subTest(name=name):
                original = getattr(os, name)
                setattr(os, name, refuse)
                try:
                    self.assertIn("could not be written (No space left on device), and is as it was",
                                  self.failed("put", self.put(path)))
                finally:
                    setattr(os, name, original)
                self.assertEqual((path.read_text(), self.names()), ("one\ntwo\n", ["f"]))


if __name__ == "__main__":
    unittest.main()
