#!/usr/bin/env python3
"""Serves the built console beside an elvesd that has no HTTP port, for development of the pages.

    test/console/dev_server.py --files FOLDER --server HOST:PORT [--listen HOST:PORT] [--key KEY --token TOKEN]

FOLDER is what `node build.mjs --out FOLDER` wrote; it is read anew for each request. Sessions, calls and their HTTP
statuses are as the server's HTTP port has them. `/events` is not: it asks the server twice a second whether a topic
changed. With --key and --token it prints a link with a single-use code.
"""

import argparse
import http.server
import json
import mimetypes
import pathlib
import secrets
import socket
import struct
import threading
import time
import urllib.parse

CSP = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; font-src 'self'; "
       "frame-ancestors 'none'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'")
STATUS = {"400": 400, "401": 401, "403": 400, "404": 404, "409": 409, "410": 404, "411": 404, "413": 404, "414": 404,
          "415": 404, "416": 404, "417": 404, "423": 423, "429": 429, "500": 500, "503": 503, "507": 507}
RIGHTS = {"viewer": {"open", "own", "read"}, "operator": {"open", "own", "read", "operate"},
          "admin": {"open", "own", "read", "operate", "report", "manage"}}


class Refused(Exception):
    def __init__(self, reply):
        super().__init__(reply.get("error_info", ""))
        self.reply = reply


class Wire:
    """Calls of the server's RPC port, a connection each."""

    def __init__(self, address):
        host, _, port = address.rpartition(":")
        self.address = host, int(port)

    def call(self, auth, service, method, fields):
        message = {**fields, "mqt": "call", "mqs": service, "mqf": method, "auth": auth}
        text = json.dumps(message).encode()
        with socket.create_connection(self.address, timeout=30) as sock:
            sock.sendall(struct.pack(">I", len(text)) + text)
            reply = json.loads(self._exactly(sock, struct.unpack(">I", self._exactly(sock, 4))[0]))
        for name in ("mqt", "mqs", "mqf"):
            reply.pop(name, None)
        return reply

    def ok(self, auth, service, method, **fields):
        reply = self.call(auth, service, method, fields)
        if reply["flag"] != "true":
            raise Refused(reply)
        return reply

    @staticmethod
    def _exactly(sock, size):
        data = bytearray()
        while len(data) < size:
            piece = sock.recv(size - len(data))
            if not piece:
                raise ConnectionError("the server closed the connection")
            data += piece
        return bytes(data)


class State:
    def __init__(self, options):
        self.files = pathlib.Path(options.files)
        self.wire = Wire(options.server)
        self.sessions = {}
        self.codes = {}
        self.seq = 1
        self.lock = threading.Lock()

    def next_seq(self):
        with self.lock:
            self.seq += 1
            return self.seq

    def session_of(self, auth):
        found = self.wire.ok(auth, "supervisor", "getauthbykey", key=auth["key"])["auth"]
        rights = RIGHTS[found["role"]]
        services = self.wire.ok(auth, "elves", "methods")["services"]
        methods = [f"{service['service']}.{method['method']}" for service in services for method in service["methods"]
                   if method["right"] in rights]
        now = int(time.time() * 1000)
        version = self.wire.ok(auth, "elves", "stats")["stats"]["version"]
        return {"key": auth["key"], "methods": methods, "idle_end": now + 1_800_000, "end": now + 43_200_000,
                "server": {"name": socket.gethostname(), "version": version}}

    def look(self, auth, topic):
        """What differs when something of the topic changed."""
        kind, _, name = topic.partition(":")
        if kind == "run":
            return self.wire.call(auth, "run", "getrun", {"id": name})
        if kind == "task":
            return [self.wire.call(auth, "tasklog", "gettaskbyids", {"id": [name]}),
                    self.wire.call(auth, "tasklog", "gettaskoutput", {"id": name, "limit": 1})]
        seen = [self.wire.call(auth, "heartbeat", "getonlinestat", {}),
                self.wire.call(auth, "fleet", "findagents", {"target": "all", "limit": 100})["agents"]
                if kind == "hosts" else self.wire.call(auth, "tasklog", "listtasks", {"limit": 20})]
        if kind == "hosts":
            for agent in seen[1]:
                agent.pop("last_hb_time")
            return seen
        return seen + [self.wire.call(auth, "run", "listruns", {"limit": 20}),
                       self.wire.call(auth, "supervisor", "listjoins", {"limit": 20})]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state = None

    def log_message(self, *_):
        pass

    def answer(self, status, body, content_type="application/json", **headers):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Security-Policy", CSP)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def auth(self):
        for part in self.headers.get("Cookie", "").split(";"):
            name, _, value = part.strip().partition("=")
            if name == "elves" and value in self.state.sessions:
                return self.state.sessions[value]
        return None

    def body(self):
        return json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        if url.path == "/":
            return self.answer(302, b"", Location="/console/")
        if url.path == "/session":
            auth = self.auth()
            if not auth:
                return self.answer(401, {"error": "401.1", "why": "no session"})
            return self.answer(200, self.state.session_of(auth))
        if url.path == "/events":
            return self.events(urllib.parse.parse_qs(url.query).get("topic", []))
        if url.path.startswith("/console/"):
            return self.file(url.path)
        return self.answer(404, {"error": "404", "why": "no such path"})

    def file(self, path):
        name = path.rsplit("/", 1)[-1]
        found = self.state.files / "console" / (name if "." in name else "index.html")
        if not found.is_file():
            return self.answer(404, b"no such file", "text/plain")
        return self.answer(200, found.read_bytes(), mimetypes.guess_type(found.name)[0])

    def do_POST(self):
        if self.headers.get("X-Elves") != "console":
            return self.answer(403, {"error": "403", "why": "the header X-Elves is missing"})
        if self.path == "/session":
            return self.sign_in(self.body())
        auth = self.auth()
        if not auth:
            return self.answer(401, {"flag": "false", "error_info": "[401.1] no session"})
        _, _, service, method = self.path.split("/")
        seq = self.state.seq
        reply = self.state.wire.call(auth, service, method, self.body())
        code = reply["error_info"][1:].partition("]")[0] if reply["flag"] == "false" else ""
        status = 200 if not code else 403 if code == "401.6" else STATUS.get(code[:3], 500)
        return self.answer(status, reply, Elves_Seq=str(seq))

    def sign_in(self, proof):
        auth = self.state.codes.pop(proof["code"], None) if "code" in proof else proof
        try:
            session = self.state.session_of(auth) if auth else None
        except Refused as why:
            return self.answer(401, {"error": "401.5", "why": str(why).partition("] ")[2]})
        if not session:
            return self.answer(401, {"error": "401.5", "why": "this link was used, or its minute is over"})
        name = secrets.token_hex(32)
        self.state.sessions[name] = auth
        return self.answer(200, session, Set_Cookie=f"elves={name}; HttpOnly; SameSite=Strict; Path=/")

    def do_DELETE(self):
        auth = self.auth()
        for name in [name for name, value in self.state.sessions.items() if value is auth]:
            del self.state.sessions[name]
        self.answer(204, b"")

    def events(self, topics):
        auth = self.auth()
        if not auth:
            return self.answer(401, {"error": "401.1", "why": "no session"})
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.close_connection = True
        seen, heard = {}, 0.0
        try:
            while True:
                if time.monotonic() - heard > 15:
                    heard = time.monotonic()
                    self.event("here", {})
                for topic in topics:
                    now = json.dumps(self.state.look(auth, topic), sort_keys=True)
                    if seen.get(topic, now) != now:
                        self.event("change", {"topic": topic}, self.state.next_seq())
                    seen[topic] = now
                time.sleep(0.5)
        except OSError:
            return None

    def event(self, kind, data, seq=None):
        head = f"id: {seq}\n" if seq else ""
        self.wfile.write(f"{head}event: {kind}\ndata: {json.dumps(data)}\n\n".encode())
        self.wfile.flush()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", required=True)
    parser.add_argument("--server", required=True, metavar="HOST:PORT")
    parser.add_argument("--listen", default="127.0.0.1:0", metavar="HOST:PORT")
    parser.add_argument("--key")
    parser.add_argument("--token")
    options = parser.parse_args()
    Handler.state = State(options)
    host, _, port = options.listen.rpartition(":")
    server = http.server.ThreadingHTTPServer((host, int(port)), Handler)
    server.daemon_threads = True
    url = f"http://{host}:{server.server_address[1]}/console/"
    if options.key:
        code = secrets.token_hex(16)
        Handler.state.codes[code] = {"key": options.key, "token": options.token}
        url += f"#code={code}"
    print(url, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
