"""Arguments and environment variables, as `elvesctl` reads them; the code of an error and its class."""

import os
import pathlib
import pickle
import re
import tempfile
import unittest

from . import support
import elves
from elves import SettingsError, errors
from elves.settings import Address, Credentials, make_settings, parse_address
from elves.trust import is_loopback, server_users, tcp_listeners


class Settings(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def file(self, text, mode=0o600):
        path = self.folder / "auth"
        path.write_bytes(text)
        path.chmod(mode)
        return str(path)

    def refused(self, *args, **more):
        with self.assertRaises(SettingsError) as raised:
            make_settings(*args, **{"environment": {}, **more})
        return str(raised.exception)

    def test_an_address_is_tcp_or_a_socket(self):
        for text, address in (("h:1", Address("h", 1)), ("[::1]:7788", Address("::1", 7788)),
                              ("unix:/a/b", Address(socket="/a/b")), ("/a/b", Address(socket="/a/b"))):
            self.assertEqual(parse_address(text), address)
            self.assertEqual(parse_address(str(address)), address)
        for text in ("", "h", "h:", ":1", "::1:7788", "h:0", "h:65536", "h:x", "a b:1", "unix:x", "/" + "x" * 107):
            with self.subTest(text=text), self.assertRaises(SettingsError):
                parse_address(text)

    def test_what_is_not_given_comes_from_the_environment(self):
        environment = {"ELVES_SERVER": "h:1", "ELVES_KEY": " K ", "ELVES_TOKEN": "T", "ELVES_CONNECT_TIMEOUT": "3",
                       "ELVES_ANSWER_TIMEOUT": "4", "ELVES_PLAIN": "1", "ELVES_SERVER_USER": "0"}
        found = make_settings(environment=environment)
        self.assertEqual((found.address, found.credentials(), found.connect_timeout, found.answer_timeout, found.plain,
                          found.server_user), (Address("h", 1), Credentials("K", "T"), 3, 4, True, "0"))
        found = make_settings("g:2", key="k", token="t", connect_timeout=0.5, plain=False, environment=environment)
        self.assertEqual((found.address, found.credentials(), found.connect_timeout, found.plain),
                         (Address("g", 2), Credentials("k", "t"), 0.5, False))

    def test_an_auth_file_has_a_key_and_its_token_and_is_its_owners_alone(self):
        for text in (b"k\nt\n", b"\xef\xbb\xbfk\r\n\r\n  t  \n\n"):
            self.assertEqual(make_settings(auth_file=self.file(text), environment={}).credentials(), Credentials("k", "t"))
        for text in (b"", b"k\n", b"k\nt\nx\n", b"k\n\xff\n", b"k" * 5000):
            with self.subTest(text=text[:9]):
                self.assertIn("auth", self.refused(auth_file=self.file(text)))
        self.assertIn("chmod 600", self.refused(auth_file=self.file(b"k\nt\n", 0o640)))
        self.assertIn("missing", self.refused(auth_file=str(self.folder / "missing")))
        self.assertIn("plain file", self.refused(auth_file="/dev/null"))

    def test_a_changed_auth_file_counts_at_the_next_connection(self):
        found = make_settings(auth_file=self.file(b"k\nt\n"), environment={})
        self.file(b"k\nnew\n")
        self.assertEqual(found.credentials(), Credentials("k", "new"))

    def test_half_a_key_or_an_empty_one_is_refused(self):
        self.assertIn("together", self.refused(key="k"))
        self.assertIn("empty", self.refused(key="k", token=" "))
        self.assertIn("either", self.refused(key="k", token="t", auth_file=self.file(b"k\nt\n")))

    def test_an_empty_tls_setting_never_means_plain_text(self):
        for more in ({"tls_ca": ""}, {"tls_pin": ""}, {"tls_pin": " , "}, {"tls_pin": []}):
            self.assertIn("empty", self.refused(**more))
        self.assertIn("empty", self.refused(environment={"ELVES_TLS_CA": ""}))
        self.assertIn("fingerprint", self.refused(tls_pin="AB:CD"))
        self.assertIn("PEM", self.refused(tls_ca=self.file(b"no PEM")))
        self.assertIn("tls_ca or tls_pin", self.refused(tls_cert="c", tls_key="k"))
        self.assertIn("together", self.refused(tls_pin="0" * 64, tls_cert="c"))
        pins = make_settings(tls_pin="AA" * 32 + "," + ":".join(["bb"] * 32), environment={}).tls.pins
        self.assertEqual(pins, ("aa" * 32, "bb" * 32))

    def test_numbers_outside_their_bounds_are_refused_by_name(self):
        for name, value in (("connect_timeout", 0), ("answer_timeout", -1), ("retry_for", "x"), ("max_frame", 1),
                            ("max_inflight", 0), ("connect_timeout", float("nan"))):
            self.assertIn(name, self.refused(**{name: value}))
        self.assertIn("answer_timeout", self.refused(environment={"ELVES_ANSWER_TIMEOUT": "soon"}))
        self.assertIn("server_user", self.refused(server_user="nobody-of-that-name"))

    def test_the_token_is_not_in_a_printed_form(self):
        self.assertNotIn("sesame", repr(make_settings(key="k", token="sesame", environment={})) + repr(Credentials("k", "sesame")))


class Trust(unittest.TestCase):
    def test_the_users_who_may_run_the_server_are_root_and_this_one(self):
        self.assertLessEqual({0, os.geteuid()}, set(server_users(None)))
        self.assertIn(4711, server_users("4711"))

    def test_a_listener_is_found_by_its_port_with_its_user(self):
        server = support.FakeServer(support.answering(lambda call: None))
        self.addCleanup(server.close)
        port = int(server.text.split(":")[1])
        self.assertEqual([(one.ip, one.uid) for one in tcp_listeners(port)], [("127.0.0.1", os.geteuid())])

    def test_loopback_is_known_in_each_spelling(self):
        for ip in ("127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"):
            self.assertTrue(is_loopback(ip), ip)
        for ip in ("10.0.0.1", "fe80::1%eth0", "::ffff:10.0.0.1"):
            self.assertFalse(is_loopback(ip), ip)


class Errors(unittest.TestCase):
    def test_each_code_of_the_protocol_has_its_class(self):
        table = (support.ROOT / "docs" / "protocol.md").read_text(encoding="utf-8").split("\n## Codes\n")[1]
        codes = re.findall(r"(?m)^\| (\d{3}\.\d+) \|", table)
        self.assertGreater(len(codes), 30)
        for code in codes + ["403.11", "409.2", "417.1", "417.2", "423.1"]:
            self.assertIsNot(errors.class_of(code), elves.Refused, code)
        self.assertIs(errors.class_of("499.1"), elves.Refused)

    def test_a_refusal_has_code_text_and_reply(self):
        why = errors.refusal("s", "m", {"flag": "false", "error_info": "[403.3] `app`\nis wrong", "held": "true"})
        self.assertIsInstance(why, elves.InvalidField)
        self.assertEqual((why.code, why.text, why.reply["held"]), ("403.3", "`app`\nis wrong", "true"))
        self.assertEqual(str(why), "s.m: [403.3] `app`\nis wrong")

    def test_an_error_survives_pickling_and_has_no_errno(self):
        for kind in (elves.Forbidden, elves.ConnectionFailed, elves.AnswerTimeout, elves.SettingsError):
            why = pickle.loads(pickle.dumps(kind("text", "401.6", "s", "m", {"x": 1})))
            self.assertEqual((type(why), why.text, why.code, why.method, why.reply), (kind, "text", "401.6", "m", {"x": 1}))
            self.assertIsNone(getattr(why, "errno", None))

    def test_a_refusal_without_a_code_is_one_all_the_same(self):
        for info in ("", "odd", None, 7, ["x"]):
            why = errors.refusal("s", "m", {"flag": "false", "error_info": info})
            self.assertEqual((type(why), why.code), (elves.Refused, ""))


if __name__ == "__main__":
    unittest.main()
