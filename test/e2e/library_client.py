"""The project's Python client, with the words that tests use. What is about the wire itself has `elves_wire.Client`."""

import concurrent.futures
import pathlib
import sys

from elves_wire import PATIENCE, LinkClosed, Refused, Slow

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "clients" / "python"))

import elves  # noqa: E402


class LibraryClient:
    """A caller whose connection is made by its first call. A call is sent once, never again."""

    def __init__(self, address, auth=None, patience=PATIENCE):
        """`address`: (host, port), or (path of a Unix socket, 0). `auth`: {"key": ..., "token": ...}."""
        host, port = address
        self.auth = auth
        self.elves = elves.Elves(host if host.startswith("/") else f"{host}:{port}", retry_for=0, plain=True,
                                 answer_timeout=patience, **(auth or {}))

        self._begun = concurrent.futures.ThreadPoolExecutor(256)  # threads are made as they are needed

    def close(self):
        self.elves.close()
        self._begun.shutdown(wait=False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def call(self, service, method, /, *, _patience=None, **fields):
        """Returns the reply as it is, well or ill."""
        try:
            reply = self.elves.call(service, method, fields, timeout=_patience)
        except elves.Refused as why:
            return why.reply
        except elves.AnswerTimeout as why:
            raise Slow(str(why)) from None
        except elves.ConnectionFailed as why:
            raise LinkClosed(str(why)) from None
        return {"flag": "true", "error_info": "", **reply}

    def begin(self, service, method, /, **fields):
        """The same without waiting for the reply, which `finish` returns. Calls that are begun have no order."""
        return self._begun.submit(self.call, service, method, _patience=300, **fields)

    def finish(self, begun, patience=PATIENCE):
        try:
            return begun.result(patience)
        except concurrent.futures.TimeoutError:
            raise Slow(f"no reply in {patience} s") from None

    def cast(self, service, method, /, **fields):
        self.elves.cast(service, method, fields)

    def ok(self, service, method, /, **fields):
        """A call that must go well."""
        reply = self.call(service, method, **fields)
        if reply["flag"] != "true":
            raise Refused(f"{service}.{method} {fields}: {reply}")
        return reply

    def refused(self, code, service, method, /, **fields):
        """A call that must be refused with that code (`"403."` means: any of them). Returns the text."""
        try:
            reply = self.elves.call(service, method, fields)
        except elves.Refused as why:
            if why.code == code or (code.endswith(".") and why.code.startswith(code)):
                return why.reply["error_info"]
            raise
        raise AssertionError(f"expected [{code}] for {service}.{method} {fields}, got {reply}")

    # ---- what many tests ask ----
    def status_of(self, ip):
        return self.elves.getstatbyip(ip)["status"]

    def task(self, task_id):
        """One task's record, or None where the log does not know it."""
        reply = self.ok("tasklog", "gettaskbyids", id=[task_id])
        if task_id in reply.get("missing", []):
            return None
        return next(info for info in reply["info"] if info["id"] == task_id)

    def tasks(self, **filters):
        return self.ok("tasklog", "listtasks", **filters)["info"]
