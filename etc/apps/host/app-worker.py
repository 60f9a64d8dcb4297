"""What this machine is and how it does. Reads only."""

import sys

sys.dont_write_bytecode = True  # the app's folder stays as it was installed

import fcntl  # noqa: E402
import ipaddress  # noqa: E402
import os  # noqa: E402
import platform  # noqa: E402
import pwd  # noqa: E402
import socket  # noqa: E402
import struct  # noqa: E402
import time  # noqa: E402

from appkit import Param  # noqa: E402
from worker import Failed, function, main  # noqa: E402

SIOCGIFADDR = 0x8915
TCP_LISTEN, UDP_UNCONNECTED = "0A", "07"
MAX_ROWS = 1000
# File systems with content of their own that no device stands for.
WITHOUT_DEVICE = {"overlay", "zfs", "btrfs", "nfs", "nfs4", "cifs", "9p", "virtiofs"}


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def os_release():
    """The file's NAME="VALUE" lines."""
    for path in ("/etc/os-release", "/usr/lib/os-release"):
        try:
            lines = read(path).splitlines()
        except OSError:
            continue
        return {name: value.strip("\"'") for name, _, value in (line.partition("=") for line in lines)}
    return {}


def cpu_model():
    for line in read("/proc/cpuinfo").splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("model name", "Model", "Processor"):
            return value.strip()
    return ""


def ipv4_address(interface):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        try:
            answer = fcntl.ioctl(asked, SIOCGIFADDR, struct.pack("256s", interface.encode()[:15]))
        except OSError:  # it has none
            return []
    return [socket.inet_ntoa(answer[20:24])]


def ipv6_addresses():
    found = {}
    try:
        lines = read("/proc/net/if_inet6").splitlines()
    except OSError:  # the kernel has no IPv6
        return found
    for line in lines:
        digits, *_, interface = line.split()
        found.setdefault(interface, []).append(str(ipaddress.IPv6Address(bytes.fromhex(digits))))
    return found


def addresses():
    six = ipv6_addresses()
    names = sorted(name for _, name in socket.if_nameindex())
    found = {name: ipv4_address(name) + six.get(name, []) for name in names[:MAX_ROWS]}
    return {name: own for name, own in found.items() if own}


def memory_info():
    """/proc/meminfo in bytes."""
    pairs = (line.split(":") for line in read("/proc/meminfo").splitlines())
    return {name: int(value.split()[0]) * 1024 for name, value in pairs}


def uptime_seconds():
    return float(read("/proc/uptime").split()[0])


@function(params="none")
def facts():
    """Name, system, kernel, processors, memory and addresses."""
    release = os_release()
    return {"hostname": socket.gethostname(), "os": release.get("PRETTY_NAME", platform.system()),
            "os_id": release.get("ID", ""), "os_version": release.get("VERSION_ID", ""),
            "kernel": platform.release(), "architecture": platform.machine(), "cpus": os.cpu_count(),
            "cpu_model": cpu_model(), "memory": memory_info()["MemTotal"], "addresses": addresses(),
            "python": platform.python_version()}


def mounts():
    """(device, mount point, type) of file systems that hold files; each device once, as it was mounted last."""
    found = {}
    for line in read("/proc/self/mounts").splitlines()[:MAX_ROWS]:
        device, point, kind = line.split()[:3]
        # Blanks and backslashes are written as \040.
        point = point.encode().decode("unicode_escape").encode("latin-1").decode("utf-8", "replace")
        if (device.startswith("/") or kind in WITHOUT_DEVICE) and os.path.isdir(point):
            found[device, kind] = device, point, kind
    return list(found.values())


def usage(device, point, kind):
    about = os.statvfs(point)
    used = about.f_blocks - about.f_bfree
    return {"mount": point, "device": device, "type": kind, "size": about.f_blocks * about.f_frsize,
            "used": used * about.f_frsize, "available": about.f_bavail * about.f_frsize,
            "used_percent": percent(used, used + about.f_bavail),
            "inodes_used_percent": percent(about.f_files - about.f_ffree, about.f_files)}


def percent(part, whole):
    return round(100 * part / whole, 1) if whole else 0


def mount_of(path):
    """The mount point that a path is under."""
    point = os.path.realpath(path)
    while not os.path.ismount(point):
        point = os.path.dirname(point)
    return point


@function
def disk(param):
    """File systems in bytes and percent; with `path` the one that this path is on."""
    fields = Param(param, main="path")
    path = fields.path(default=None)
    fields.done()
    try:
        if path is None:
            return {"disks": [usage(*mount) for mount in mounts()]}
        os.stat(path)
        point = mount_of(path)
        known = {mount: (device, mount, kind) for device, mount, kind in mounts()}
        return {"disks": [usage(*known.get(point, ("", point, "")))]}
    except OSError as why:
        raise Failed(f"`path` is \"{path}\": {why.strerror}" if path else str(why)) from None


@function(params="none")
def memory():
    """Memory and swap in bytes."""
    info = memory_info()
    return {"total": info["MemTotal"], "available": info.get("MemAvailable", info["MemFree"]), "free": info["MemFree"],
            "buffers": info["Buffers"], "cached": info["Cached"], "swap_total": info["SwapTotal"],
            "swap_free": info["SwapFree"],
            "used_percent": percent(info["MemTotal"] - info.get("MemAvailable", info["MemFree"]), info["MemTotal"])}


@function(params="none")
def load():
    """The mean numbers of processes that run or wait for a disk, of 1, 5 and 15 minutes."""
    one, five, fifteen, running = read("/proc/loadavg").split()[:4]
    return {"load1": float(one), "load5": float(five), "load15": float(fifteen),
            "running": int(running.split("/")[0]), "processes": int(running.split("/")[1]), "cpus": os.cpu_count()}


@function(params="none")
def uptime():
    """Seconds since the start, and its time (UTC)."""
    seconds = uptime_seconds()
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - seconds))
    return {"seconds": int(seconds), "since": since}


def socket_address(text):
    """`0100007F:1E6C` as the kernel writes it: each 32 bits in the order of this machine."""
    digits, port = text.split(":")
    words = [int(digits[at:at + 8], 16) for at in range(0, len(digits), 8)]
    packed = b"".join(struct.pack("=I", word) for word in words)
    return str(ipaddress.ip_address(packed)), int(port, 16)


def user_name(uid):
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def listening_sockets():
    """[(protocol, address, port, uid, inode)]"""
    found = []
    for protocol, state in (("tcp", TCP_LISTEN), ("tcp6", TCP_LISTEN), ("udp", UDP_UNCONNECTED), ("udp6", UDP_UNCONNECTED)):
        try:
            lines = read(f"/proc/net/{protocol}").splitlines()[1:]
        except OSError:  # the kernel has no IPv6
            continue
        for line in lines:
            words = line.split()
            if words[3] == state:
                found.append((protocol.rstrip("6"), *socket_address(words[1]), int(words[7]), words[9]))
    return found


def links_of(pid):
    """What the open descriptors of a process lead to. Some close while this looks."""
    for number in os.listdir(f"/proc/{pid}/fd"):
        try:
            yield os.readlink(f"/proc/{pid}/fd/{number}")
        except FileNotFoundError:
            continue


def owners_of_sockets():
    """{inode: (pid, name)} of the processes that this user may look into."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            sockets = [link[8:-1] for link in links_of(pid) if link.startswith("socket:[")]
            name = read(f"/proc/{pid}/comm").rstrip("\n")
        except OSError:  # it has ended, or is another user's
            continue
        found.update((inode, (int(pid), name)) for inode in sockets)
    return found


@function(params="none")
def ports():
    """Who listens where: TCP and UDP; the process where this user may see it."""
    owners = owners_of_sockets()
    rows = []
    for protocol, address, port, uid, inode in sorted(listening_sockets()):
        pid, name = owners.get(inode, (None, None))
        rows.append({"protocol": protocol, "address": address, "port": port, "user": user_name(uid), "pid": pid,
                     "process": name})
    return {"ports": rows[:MAX_ROWS], "left_out": max(0, len(rows) - MAX_ROWS)}


if __name__ == "__main__":
    main()
