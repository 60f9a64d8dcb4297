"""Regular files: checksum, tail, get, put. `put` needs to be named in [agent] allow."""

import sys

sys.dont_write_bytecode = True  # the app's folder stays as it was installed

import base64  # noqa: E402
import binascii  # noqa: E402
import contextlib  # noqa: E402
import grp  # noqa: E402
import hashlib  # noqa: E402
import os  # noqa: E402
import pwd  # noqa: E402
import secrets  # noqa: E402
import stat  # noqa: E402
import time  # noqa: E402

from appkit import Param, is_text, shown  # noqa: E402
from worker import Failed, function, main  # noqa: E402

MAX_CONTENT = 512 * 1024  # bytes; what `get` and `put` take
MAX_TAIL = 256 * 1024  # bytes
PIECE = 1024 * 1024
SHA256 = r"[0-9a-f]{64}"
SHA256_TEXT = "a SHA-256, 64 of 0-9 a-f"


def reason(field, value, why):
    return Failed(f"`{field}` is {shown(value)}: {why.strerror if isinstance(why, OSError) else why}")


@contextlib.contextmanager
def folder_of(path):
    """A descriptor of the path's folder and the file's name in it: what is done to the two is done in one folder,
    whatever becomes of the path meanwhile."""
    place, name = os.path.split(path)
    if not name:
        raise reason("path", path, "it names no file: expected a file's path")
    try:
        folder = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as why:
        raise reason("path", path, f"its folder: {why.strerror}") from None
    try:
        yield folder, name
    finally:
        os.close(folder)


def open_regular(folder, name, path):
    """An open regular file; Failed, or FileNotFoundError. Nothing else is opened: that may wait for a writer, or start a
    device."""
    try:
        looked_at = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISLNK(looked_at.st_mode):
            raise reason("path", path, "it is a symbolic link: give the file that it leads to")
        if not stat.S_ISREG(looked_at.st_mode):
            raise reason("path", path, "it is not a regular file")
        opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except FileNotFoundError:
        raise
    except OSError as why:
        raise reason("path", path, why) from None
    if not os.path.samestat(looked_at, os.fstat(opened)):
        os.close(opened)
        raise reason("path", path, "it was replaced while it was opened: try again")
    return os.fdopen(opened, "rb")


@contextlib.contextmanager
def regular_file(path):
    with folder_of(path) as (folder, name):
        try:
            file = open_regular(folder, name, path)
        except FileNotFoundError as why:
            raise reason("path", path, why) from None
        with file:
            yield file


def digest_of(file):
    digest = hashlib.sha256()
    while True:
        piece = file.read(PIECE)
        if not piece:
            return digest.hexdigest()
        digest.update(piece)


def name_of(lookup, number):
    try:
        return lookup(number)[0]
    except KeyError:
        return str(number)


def about(path, status, digest):
    return {"path": path, "size": status.st_size, "sha256": digest, "owner": name_of(pwd.getpwuid, status.st_uid),
            "group": name_of(grp.getgrgid, status.st_gid), "mode": f"{stat.S_IMODE(status.st_mode):04o}",
            "modified": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(status.st_mtime))}


@function
def checksum(param):
    """SHA-256, size, owner and mode of a file."""
    fields = Param(param, main="path")
    path = fields.path()
    fields.done()
    with regular_file(path) as file:
        return about(path, os.fstat(file.fileno()), digest_of(file))


@function
def tail(param):
    """The last `lines` lines of a file, of its last 256 KiB."""
    fields = Param(param, main="path")
    path, lines = fields.path(), fields.number("lines", 1, 10_000, default=20)
    fields.done()
    with regular_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        begins = max(0, size - MAX_TAIL)
        file.seek(begins)
        text = file.read(MAX_TAIL).decode("utf-8", "replace")
    rows = text.splitlines(keepends=True)
    if begins and len(rows) > 1:
        rows = rows[1:]  # it begins in the middle of a line
    return "".join(rows[-lines:])


@function
def get(param):
    """A file's content of up to 512 KiB: text, or base64 where it is no UTF-8."""
    fields = Param(param, main="path")
    path = fields.path()
    fields.done()
    with regular_file(path) as file:
        status = os.fstat(file.fileno())
        content = file.read(MAX_CONTENT + 1)
    if len(content) > MAX_CONTENT:
        raise reason("path", path, f"it has {max(status.st_size, len(content))} bytes: `get` gives up to {MAX_CONTENT}")
    try:
        encoding, text = "text", content.decode("utf-8")
    except UnicodeDecodeError:
        encoding, text = "base64", base64.b64encode(content).decode()
    return {**about(path, status, hashlib.sha256(content).hexdigest()), "encoding": encoding, "content": text}


def content_of(fields):
    """The bytes to write, whose SHA-256 is what the caller says."""
    encoding = fields.choice("encoding", ("text", "base64"), default="text")
    text = fields.text("content", "text", is_text)
    digest = fields.text("sha256", SHA256_TEXT + ", of the content", SHA256)
    try:
        content = text.encode() if encoding == "text" else base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as why:
        raise Failed(f"`content` is no base64: {why}") from None
    if len(content) > MAX_CONTENT:
        raise Failed(f"`content` has {len(content)} bytes: expected up to {MAX_CONTENT}")
    found = hashlib.sha256(content).hexdigest()
    if found != digest:
        raise Failed(f"`sha256` is \"{digest}\": `content` has {found}")
    return content, digest


def check_replaced(status, path):
    """What a new file of the same name could not stand for."""
    if status.st_mode & (stat.S_ISUID | stat.S_ISGID):
        raise reason("path", path, "it has the set-user-ID or set-group-ID bit: `put` replaces no such file")
    if status.st_nlink > 1:
        raise reason("path", path, f"it has {status.st_nlink} names (hard links): `put` would replace one of them only")


def look_at_old(folder, name, path, expected):
    """The status of the file that is there, None without one; its content has to have the SHA-256 `expected`, if any."""
    try:
        file = open_regular(folder, name, path)
    except FileNotFoundError as why:
        if expected is not None:
            raise reason("path", path, why) from None
        return None
    with file:
        status = os.fstat(file.fileno())
        check_replaced(status, path)
        if expected is not None:
            found = digest_of(file)
            if found != expected:
                raise Failed(f"`old_sha256` is \"{expected}\": the file has {found}, so somebody has changed it")
        return status


def write_beside(folder, name, content, mode, owner):
    """A whole, synced file of a new name in the folder; returns that name. Nothing stays where it fails."""
    beside = f".{name[:200]}.{secrets.token_hex(8)}.new"
    opened = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder)
    try:
        with os.fdopen(opened, "wb") as file:
            file.write(content)
            file.flush()
            if owner is not None:
                os.fchown(opened, *owner)
            os.fchmod(opened, mode)  # after the owner, which could take bits away
            os.fsync(opened)
    except BaseException:
        os.unlink(beside, dir_fd=folder)
        raise
    return beside


def keep_old(folder, name):
    """Gives the old content a second name, so that there is no moment without the file; returns that name."""
    backup = f"{name}.{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}.{secrets.token_hex(2)}.bak"
    os.link(name, backup, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    return backup


def replace(folder, name, content, mode, backup, old):
    """Returns the backup's name, None without one."""
    owner = (old.st_uid, old.st_gid) if old else None
    if mode is None:
        mode = stat.S_IMODE(old.st_mode) if old else 0o644
    beside = write_beside(folder, name, content, mode, owner)
    kept = None
    try:
        if old and backup:
            kept = keep_old(folder, name)
        os.rename(beside, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        for left in filter(None, (beside, kept)):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(left, dir_fd=folder)
        raise
    return kept


def sync(folder, path):
    try:
        os.fsync(folder)
    except OSError as why:
        raise reason("path", path, f"it is replaced, but its folder was not synced ({why.strerror})") from None


@function(params="json")
def put(value):
    """Replaces a file's content, or makes a file: written beside it, then renamed. Owner and mode stay."""
    fields = Param.of(value)
    path = fields.path()
    content, digest = content_of(fields)
    expected = fields.text("old_sha256", SHA256_TEXT + ", of the present content", SHA256, default=None)
    mode = fields.text("mode", "three or four octal digits without set-user-ID and the like, such as \"0644\"",
                       r"0?[0-7]{3}", default=None)
    backup = fields.flag("backup", default=True)
    fields.done()
    with folder_of(path) as (folder, name):
        old = look_at_old(folder, name, path, expected)
        try:
            kept = replace(folder, name, content, None if mode is None else int(mode, 8), backup, old)
        except OSError as why:
            raise reason("path", path, f"it could not be written ({why.strerror}), and is as it was") from None
        sync(folder, path)
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    return {**about(path, status, digest), "created": old is None,
            "backup": os.path.join(os.path.dirname(path), kept) if kept else None}


if __name__ == "__main__":
    main()
