"""Frames and replies: bytes in, checked objects out. No I/O."""

import json
import re
import struct
from typing import Any, Dict, Mapping, NoReturn, Optional, Union

from .errors import ProtocolError, SettingsError

HEADER_BYTES = 4
#: Bytes of a frame that a client accepts by default. A server's own limit, `[server] max_frame`, is 4 MiB by default.
DEFAULT_MAX_FRAME = 16 * 1024 * 1024
#: Values (objects, lists, strings, numbers) that one frame may have: some 64 bytes of memory each.
MAX_VALUES = 1_000_000
#: Digits of a whole number. Longer ones take Python quadratic time.
MAX_DIGITS = 32

_STRING = re.compile(rb'"[^"]*"')


def pack(message: Mapping[str, Any]) -> bytes:
    """One frame: four bytes of big-endian length, then the JSON text."""
    try:
        body = json.dumps(message, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8")
    except (TypeError, ValueError, RecursionError) as why:  # UnicodeEncodeError is a ValueError
        raise SettingsError(f"the call's fields are no JSON: {why}") from why
    return struct.pack(">I", len(body)) + body


def length_of(header: bytes, max_frame: int) -> int:
    """Bytes of the body that follow this header. Raises ProtocolError for a length that is not accepted."""
    (length,) = struct.unpack(">I", header)
    if not 1 <= length <= max_frame:
        raise ProtocolError(f"the server announced a frame of {length} bytes; expected 1 to {max_frame}"
                            " (max_frame): is this an Elves server, and does it speak TLS?")
    return int(length)


def _whole_number(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON")


def _count_values(text: bytes) -> int:
    return sum(text.count(mark) for mark in (b",", b"[", b"{"))


def _check_size(body: bytes) -> None:
    """Bounds what parsing may allocate: an empty list takes 3 bytes in the text and 64 in memory."""
    if _count_values(body) <= MAX_VALUES:
        return
    # The marks may stand in strings, such as a task's output: count without those.
    without_escapes = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    if _count_values(_STRING.sub(b"", without_escapes)) > MAX_VALUES:
        raise ValueError(f"it has more than {MAX_VALUES} values")


def unpack(body: bytes) -> Dict[str, Any]:
    """The object in a frame's body. Raises ProtocolError for anything else."""
    try:
        _check_size(body)
        message = json.loads(body.decode("utf-8"), parse_int=_whole_number, parse_constant=_no_number)
    except (ValueError, RecursionError) as why:
        raise ProtocolError(f"the server sent a frame that is no JSON: {why}") from None
    if not isinstance(message, dict):
        raise ProtocolError(f"the server sent a frame that is no object: {body[:80]!r}")
    return message


def reply_id(message: Mapping[str, Any]) -> Optional[Union[str, int]]:
    """The `mqid` of a reply; None for a frame that is no reply to a call with one."""
    mqid = message.get("mqid")
    if message.get("mqt") != "back" or isinstance(mqid, bool) or not isinstance(mqid, (str, int)):
        return None
    return mqid
