"""Frames: what is written, and what is refused of a server."""

import json
import struct
import unittest

from . import support  # noqa: F401
from elves import ProtocolError, SettingsError, frames


class Frames(unittest.TestCase):
    def refused(self, body):
        with self.assertRaises(ProtocolError):
            frames.unpack(body)

    def test_a_frame_is_its_length_and_its_json(self):
        self.assertEqual(frames.pack({"a": "ü"}), struct.pack(">I", 10) + '{"a":"ü"}'.encode())

    def test_what_is_no_json_is_never_sent(self):
        for value in (float("nan"), object(), b"bytes", "\ud800", {1, 2}):
            with self.subTest(value=value), self.assertRaises(SettingsError):
                frames.pack({"a": value})

    def test_a_length_of_0_or_over_the_limit_is_refused(self):
        self.assertEqual(frames.length_of(struct.pack(">I", 100), 100), 100)
        for length in (0, 101, 0xFFFFFFFF, 0x16030100):  # the last one: what a TLS server says
            with self.subTest(length=length), self.assertRaises(ProtocolError):
                frames.length_of(struct.pack(">I", length), 100)

    def test_a_body_that_is_no_object_is_refused(self):
        for body in (b"", b"x", b"[]", b"7", b"null", b'"x"', b"{", b'{"a":1}x', b'\xff{"a":1}', b'{"a":"\xff"}',
                     b'{"a":NaN}', b'{"a":Infinity}'):
            with self.subTest(body=body):
                self.refused(body)

    def test_numbers_of_many_digits_are_refused(self):
        self.assertEqual(frames.unpack(b'{"a":18446744073709551615}')["a"], 2 ** 64 - 1)
        self.refused(b'{"a":' + b"9" * 100_000 + b"}")

    def test_deep_nesting_is_refused_and_harms_nothing(self):
        self.refused(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}")
        self.refused(b'{"a":' * 100_000)

    def test_more_values_than_the_bound_are_refused_before_they_are_made(self):
        for piece in (b"[],", b"{},", b"1,", b'"",'):
            with self.subTest(piece=piece):
                self.refused(b'{"a":[' + piece * (frames.MAX_VALUES + 1) + b"0]}")

    def test_marks_within_strings_are_no_values(self):
        text = ',[{\\"' * frames.MAX_VALUES + "\\"
        self.assertEqual(frames.unpack(json.dumps({"output": text}).encode())["output"], text)

    def test_only_a_reply_with_an_id_of_ours_is_one(self):
        self.assertEqual(frames.reply_id({"mqt": "back", "mqid": 7}), 7)
        for message in ({"mqt": "back"}, {"mqt": "call", "mqid": 7}, {"mqt": "back", "mqid": True},
                        {"mqt": "back", "mqid": [7]}, {"mqt": "back", "mqid": None}, {"mqt": ["back"], "mqid": 7}):
            with self.subTest(message=message):
                self.assertIsNone(frames.reply_id(message))


if __name__ == "__main__":
    unittest.main()
