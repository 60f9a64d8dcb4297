"""Whether a key may be sent to whoever listens at an address: the same rules as `elvesctl` and `elves-agent` apply.

While the server is down, any local user can listen on its loopback port; and on a plain connection to another machine
anybody in between can read a token."""

import ipaddress
import os
import pwd
import socket
import stat
import struct
import sys
from dataclasses import dataclass
from typing import FrozenSet, List, Optional

from .errors import SettingsError

PACKAGED_SOCKET_FOLDER = "/run/elves"
#: What the kernel reports for a user without a number in this process's user namespace. It may be anybody.
_UNMAPPED = 65534
_LISTENS = "0A"


def _folder_fault(folder: str, owner: int) -> bool:
    """Whether others than root and `owner` could put a file into `folder`."""
    path = "/"
    parts = [part for part in folder.split("/") if part]
    for index in range(len(parts) + 1):
        path = "/" + "/".join(parts[:index])
        about = os.lstat(path)
        is_last = index == len(parts)
        if not stat.S_ISDIR(about.st_mode) or about.st_uid not in (0, owner):
            return True
        is_sticky = bool(about.st_mode & stat.S_ISVTX)
        if about.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and (is_last or not is_sticky):
            return True
    return False


def _sole_owner(folder: str) -> Optional[int]:
    try:
        real = os.path.realpath(folder)
        owner = os.lstat(real).st_uid
        return None if owner == _UNMAPPED or _folder_fault(real, owner) else owner
    except OSError:
        return None


def server_users(named: Optional[str]) -> FrozenSet[int]:
    """Users who may run the server: root, this process's, the owner of /run/elves, and `named` (a name or a uid)."""
    users = {0, os.geteuid(), _sole_owner(PACKAGED_SOCKET_FOLDER)}
    if named is not None:
        try:
            users.add(int(named) if named.isdigit() else pwd.getpwnam(named).pw_uid)
        except KeyError:
            raise SettingsError(f"server_user is {named!r}: this machine has no such user; give a name or a"
                                " uid") from None
    return frozenset(user for user in users if user is not None and user != _UNMAPPED)


def fault_of_socket(path: str, connection: socket.socket, users: FrozenSet[int]) -> Optional[str]:
    """Why a key must not be sent over that Unix socket; None where it may."""
    if not hasattr(socket, "SO_PEERCRED"):
        return "the system does not say who listens there"
    _, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
    if uid in users or (uid != _UNMAPPED and _sole_owner(os.path.dirname(path)) == uid):
        return None
    return f"uid {uid} listens there, who is neither root nor you, nor the owner of the socket's folder"


@dataclass(frozen=True)
class Listener:
    ip: str
    port: int
    uid: int
    inode: int


def _address_in(digits: str) -> str:
    """/proc prints 32-bit words in this machine's byte order."""
    words = (int(digits[at:at + 8], 16) for at in range(0, len(digits), 8))
    return str(ipaddress.ip_address(b"".join(word.to_bytes(4, sys.byteorder) for word in words)))


def tcp_listeners(port: int) -> List[Listener]:
    """Who listens on that port of this machine. Empty where the system does not say."""
    found: List[Listener] = []
    for path in ("/proc/self/net/tcp", "/proc/self/net/tcp6"):
        try:
            with open(path, encoding="ascii") as lines:
                next(lines, "")
                for line in lines:
                    words = line.split()
                    if len(words) < 10 or words[3] != _LISTENS:
                        break  # listeners come first; 100,000 connections may follow
                    digits, _, number = words[1].partition(":")
                    if int(number, 16) == port:
                        found.append(Listener(_address_in(digits), port, int(words[7]), int(words[9])))
        except (OSError, ValueError):
            continue
    return found


def _reached_by(ip: str, listeners: List[Listener]) -> List[Listener]:
    for address in (ip, "0.0.0.0" if ":" not in ip else ip, "::"):
        found = [one for one in listeners if one.ip == address]
        if found:
            return found
    return []


def fault_of_loopback(ip: str, port: int, before: List[Listener], users: FrozenSet[int]) -> Optional[str]:
    """Why a key must not be sent over a plain connection to loopback, just made; None where it may. `before`: who
    listened there before: whoever is in both lists listened all the while, so the connection is theirs."""
    now = _reached_by(ip, tcp_listeners(port))
    if not now:
        return "the system does not say who listens there"
    for one in now:
        if one.uid not in users:
            return f"uid {one.uid} listens there, who is neither root nor you; use the server's Unix socket, or" \
                   " give its user: server_user"
        if one not in before:
            return "another process has begun to listen there just now; try again"
    return None


def is_loopback(ip: str) -> bool:
    address = ipaddress.ip_address(ip.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
