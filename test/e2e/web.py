"""The HTTP port of a server, as a browser or a script sees it."""

import base64
import http.client
import json
import re
import ssl

from house import eventually


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.text = response.read().decode(errors="replace")

    @property
    def json(self):
        return json.loads(self.text)


class Web:
    """Requests to the HTTP port of `server`, each on a connection of its own. `key`: {"key": …, "token": …}."""

    def __init__(self, server, key=None, tls_ca=None):
        found = eventually(lambda: re.search(r"http\.listening on=(\S+):(\d+)", server.log(whole=False)),
                           what="the HTTP port")
        self.host, self.port = "127.0.0.1", int(found.group(2))
        self.key = key
        self.cookie = None
        self.tls = ssl.create_default_context(cafile=tls_ca) if tls_ca else None

    def connect(self, timeout=20):
        if self.tls:
            return http.client.HTTPSConnection(self.host, self.port, timeout=timeout, context=self.tls)
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout)

    def ask(self, method, path, body=None, timeout=20, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.key and "Authorization" not in headers:
            headers["Authorization"] = f"Bearer {self.key['key']}:{self.key['token']}"
        if self.cookie:
            headers["Cookie"] = self.cookie
        connection = self.connect(timeout)
        try:
            connection.request(method, path, body=body, headers=headers)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, path, **headers):
        return self.ask("GET", path, **headers)

    def call(self, service, method, fields=None, timeout=20, **headers):
        return self.ask("POST", f"/api/{service}/{method}", json.dumps(fields or {}), timeout, **headers)

    def log_in(self, key, **headers):
        """Begins a console session; further requests carry its cookie, and no key."""
        answer = self.ask("POST", "/session", json.dumps(key), **{"X_Elves": "console", **headers})
        self.key = None
        if answer.status == 200:
            self.cookie = answer.headers["Set-Cookie"].split(";")[0]
        return answer


def basic(key):
    return "Basic " + base64.b64encode(f"{key['key']}:{key['token']}".encode()).decode()
