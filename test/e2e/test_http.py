"""The HTTP port: health, metrics, every method as a route, and sessions. No second way into the server."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import unittest

from elves_wire import RUN, Result
from house import HouseTest, eventually, free_port, has_console, run, binary
from web import Web, basic

IP = "10.0.0.1"

needs_console = unittest.skipUnless(has_console(), "elvesd was built without the console")


class WebTest(HouseTest):
    def web(self, **sections):
        """A server with an HTTP port, an admin's key, and who asks with it."""
        sections.setdefault("http", {}).setdefault("listen", "127.0.0.1:0")
        self.house = self.server_down(**sections)
        self.admin = self.house.init_admin()
        self.house.start()
        self.house.over_socket = True  # for the agents
        return Web(self.house, self.admin)

    def one_runs(self, web):
        caller = self.client(self.house)
        eventually(lambda: any(task["status"] in ("sent", "running") for task in caller.tasks()), what="a task that runs")

    def new_key(self, web, **fields):
        made = web.call("supervisor", "setkey", {"name": "someone", "iplist": ["*"], "applist": ["*"], **fields})
        self.assertEqual(made.status, 200, made.text)
        return {"key": made.json["key"], "token": made.json["token"]}


class Calls(WebTest):
    def test_a_method_is_called_as_over_the_rpc_port(self):
        web = self.web()
        self.agent(self.house, IP)
        sent = web.call("sheduler", "sendsync", {"agentip": IP, "ins": {"app": "demo", "func": "work"}})
        self.assertEqual(sent.status, 200, sent.text)
        self.assertEqual(sent.json["flag"], "true")
        self.assertEqual(sent.json["info"]["worker_flag"], 1)
        self.assertEqual(sent.headers["Content-Type"], "application/json")
        self.assertEqual(web.call("Scheduler", "SENDSYNC", {}).status, 400)
        self.assertEqual(web.ask("POST", "/api/elves/ping").status, 200, "a call without fields needs no body")

    def test_basic_and_bearer_show_the_same_key(self):
        web = self.web()
        self.assertEqual(web.call("elves", "stats").status, 200)
        web.key, key = None, web.key
        self.assertEqual(web.call("elves", "stats", Authorization=basic(key)).status, 200)
        self.assertEqual(web.call("elves", "stats", Authorization="bearer " + f"{key['key']}:{key['token']}").status, 200)

    def test_without_a_right_key_nothing_is_answered_also_from_loopback(self):
        for mode in ("protected", "open"):
            house = self.server(auth={"mode": mode}, http={"listen": "127.0.0.1:0"})
            web = Web(house)
            for path in ("/api/elves/ping", "/api/elves/stats", "/api/supervisor/setkey"):
                with self.subTest(mode=mode, path=path):
                    answer = web.ask("POST", path, "{}")
                    self.assertEqual(answer.status, 401, answer.text)
                    self.error_in(answer.json["error_info"], "401.1")
            for path in ("/api", "/session", "/events?topic=now", "/sd/prometheus?target=all"):
                self.assertEqual(web.get(path).status, 401, path)

    def test_what_is_no_key_is_refused(self):
        web = self.web()
        web.key = None
        for text in ("Bearer", "Bearer x", "Bearer :", "Bearer x:", "Basic", "Basic x", "Basic %%%%", "Basic " + "A" * 400,
                     "Digest a=b", "Basic eDo6", "x"):
            with self.subTest(text=text):
                self.assertEqual(web.call("elves", "ping", Authorization=text).status, 401)

    def test_each_refusal_has_the_status_of_its_code(self):
        web = self.web()
        viewer = self.new_key(web, role="viewer")
        for service, method, fields, status in (
                ("heartbeat", "getstatbyip", {"agentip": "nonsense"}, 400),
                ("heartbeat", "getinfobyip", {"agentip": "10.9.9.9"}, 404),
                ("elves", "nonsense", {}, 404), ("nonsense", "ping", {}, 404),
                ("tasklog", "canceltask", {"id": "A49B1E8FA1B43BC5"}, 404),
                ("supervisor", "acceptjoin", {"agentip": "10.8.8.8"}, 404)):
            with self.subTest(method=method):
                answer = web.call(service, method, fields)
                self.assertEqual(answer.status, status, answer.text)
                self.assertEqual(answer.json["flag"], "false")
        web.key = viewer
        self.assertEqual(web.call("supervisor", "listkeys").status, 403)
        web.key = {"key": viewer["key"], "token": "wrong"}
        self.assertEqual(web.call("elves", "stats").status, 401)

    def test_a_body_that_is_no_object_is_refused(self):
        web = self.web()
        for body in ("[]", "7", '"x"', "{", '{"a":}', "{}{}", "nonsense", '{"a":{}', "\0", '{"a":1},"b":{}}', "\u00e9"):
            with self.subTest(body=body):
                answer = web.ask("POST", "/api/elves/stats", body.encode())
                self.assertEqual(answer.status, 400, answer.text)

    def test_a_body_cannot_show_another_key_than_the_header(self):
        web = self.web()
        viewer = self.new_key(web, role="viewer")
        asked = {"auth": {"key": web.key["key"], "token": web.key["token"]}}
        web.key = viewer
        self.assertEqual(web.call("supervisor", "listkeys", asked).status, 403)

    def test_what_agents_say_is_not_taken(self):
        web = self.web()
        answer = web.call("heartbeat", "register", {"ip": "10.7.7.7"})
        self.assertEqual(answer.status, 404, answer.text)
        self.assertIn("for agents", answer.json["error_info"])

    def test_the_list_of_methods_is_an_openapi_document(self):
        web = self.web()
        document = web.get("/api").json
        self.assertEqual(document["openapi"], "3.1.0")
        listed = {f"/api/{service['service']}/{method['method']}" for service in
                  web.call("elves", "methods").json["services"] for method in service["methods"]
                  if method["right"] != "report"}
        self.assertEqual(set(document["paths"]), listed)
        schema = document["paths"]["/api/sheduler/sendasync"]["post"]["requestBody"]["content"]["application/json"]["schema"]
        self.assertIn("agentip", schema["properties"])
        self.assertEqual(schema["required"], ["agentip", "ins"])

    def test_paths_and_methods_that_are_none_are_refused(self):
        web = self.web()
        for method, path, status in (("GET", "/nothing", 404), ("POST", "/api/elves", 404), ("POST", "/api/elves/", 404),
                                     ("POST", "/api/elves/ping/x", 404), ("GET", "/api/elves/ping", 405),
                                     ("DELETE", "/metrics", 405), ("POST", "/health/live", 405), ("PUT", "/session", 405)):
            with self.subTest(path=path):
                answer = web.ask(method, path)
                self.assertEqual(answer.status, status, answer.text)
                self.assertEqual(answer.headers["X-Content-Type-Options"], "nosniff")

    def test_a_call_is_in_the_audit_trail_like_every_other(self):
        web = self.web()
        key = self.new_key(web, role="viewer")
        rows = web.call("elves", "listaudit", {"method": "supervisor.setkey"}).json["rows"]
        self.assertEqual((rows[0]["key"], rows[0]["result"]), (self.admin["key"], "ok"))
        web.key = key
        self.assertEqual(web.call("supervisor", "setkey", {"name": "x", "role": "admin"}).status, 403)
        web.key = self.admin
        rows = web.call("elves", "listaudit", {"method": "supervisor.setkey", "denied": True}).json["rows"]
        self.assertEqual(rows[0]["key"], key["key"])

    def test_who_has_gone_is_waited_for_no_longer(self):
        web = self.web(server={"shutdown_grace": 40})
        self.agent(self.house, IP, lambda call: RUN)
        connection = web.connect()
        connection.request("POST", "/api/sheduler/sendsync", json.dumps(
            {"agentip": IP, "ins": {"app": "demo", "func": "work", "timeout": 50}}),
            {"Authorization": basic(web.key)})
        self.one_runs(web)
        connection.sock.close()
        begun = time.monotonic()
        self.house.terminate()
        self.assertLess(time.monotonic() - begun, 20, "nobody waits any more")

    def test_a_call_that_waits_is_answered_before_the_server_ends(self):
        web = self.web(server={"shutdown_grace": 1})
        self.agent(self.house, IP, lambda call: RUN)
        connection = web.connect()
        connection.request("POST", "/api/sheduler/sendsync", json.dumps(
            {"agentip": IP, "ins": {"app": "demo", "func": "work", "timeout": 50}}),
            {"Authorization": basic(web.key)})
        self.one_runs(web)
        self.house.signal(signal.SIGTERM)
        answer = connection.getresponse()
        self.assertEqual(answer.status, 503)
        self.error_in(json.loads(answer.read())["error_info"], "503.1")


class Strangers(WebTest):
    def test_another_host_or_origin_is_refused_and_audited(self):
        web = self.web()
        for headers in ({"Host": "evil.example"}, {"Host": "localhost.evil.example"}, {"Origin": "http://evil.example"},
                        {"Origin": "null"}, {"Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": "same-site"}):
            with self.subTest(headers=headers):
                answer = web.call("elves", "ping", **headers)
                self.assertEqual(answer.status, 403, answer.text)
                self.assertNotIn("Access-Control-Allow-Origin", answer.headers)
        rows = eventually(lambda: web.call("elves", "listaudit", {"method": "http.cross_site"}).json["rows"])
        self.assertIn("/api/elves/ping", rows[-1]["params"] if "params" in rows[-1] else json.dumps(rows[-1]))
        self.assertIn("http.cross_site", self.house.log())
        preflight = web.ask("OPTIONS", "/api/elves/ping", Origin="http://evil.example",
                            Access_Control_Request_Method="POST")
        self.assertEqual(preflight.status, 403)

    def test_a_host_that_the_settings_name_is_let_in(self):
        web = self.web(http={"hosts": "elves.example.org, other"})
        self.assertEqual(web.call("elves", "ping", Host="ELVES.example.org:1").status, 200)
        self.assertEqual(web.call("elves", "ping", Host="elves.example.com").status, 403)

    def test_a_header_that_is_too_long_or_too_slow_ends_the_connection(self):
        web = self.web()
        answer = web.get("/health/live", X_Long="x" * 9000)
        self.assertEqual(answer.status, 431)
        with socket.create_connection((web.host, web.port), timeout=30) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: ")
            begun = time.monotonic()
            self.assertEqual(sock.recv(100), b"")
            self.assertLess(time.monotonic() - begun, 20)

    def test_a_stranger_sends_no_large_body(self):
        web = self.web(server={"max_frame": 100_000, "pause_bytes": 1024 * 1024})
        large = json.dumps({"x": "y" * 50_000})
        self.assertEqual(web.ask("POST", "/api/elves/ping", large).status, 200)
        self.assertEqual(web.ask("POST", "/api/elves/ping", json.dumps({"x": "y" * 200_000})).status, 413)
        web.key = None
        self.assertEqual(web.ask("POST", "/api/elves/ping", large).status, 413)
        self.assertEqual(web.ask("POST", "/session", large, X_Elves="1").status, 413)

    def test_there_are_no_more_than_200_connections(self):
        web = self.web()
        held = [socket.create_connection((web.host, web.port)) for _ in range(200)]
        self.addCleanup(lambda: [sock.close() for sock in held])
        with socket.create_connection((web.host, web.port), timeout=10) as sock:
            sock.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertEqual(self.received(sock), b"")
        held.pop().close()
        eventually(lambda: self.status_or_none(web) == 200, what="a place that is free again")

    def received(self, sock):
        try:
            return sock.recv(100)
        except ConnectionResetError:
            return b""

    def status_or_none(self, web):
        try:
            return web.get("/health/live").status
        except OSError:
            return None

    def test_nonsense_is_answered_with_400_and_an_end(self):
        web = self.web()
        for bytes_ in (b"nonsense\r\n\r\n", b"\0\0\0\x05hello\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                       b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
                       b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"):
            with self.subTest(bytes=bytes_), socket.create_connection((web.host, web.port), timeout=10) as sock:
                sock.sendall(bytes_)
                said = b""
                while piece := self.received(sock):
                    said += piece
                self.assertIn(b" 400 ", said.split(b"\r\n")[0])

    def test_two_requests_in_one_packet_are_both_answered(self):
        web = self.web()
        with socket.create_connection((web.host, web.port), timeout=10) as sock:
            sock.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n" * 2)
            said = b""
            while said.count(b'{"loop":"ok"}') < 2:
                said += sock.recv(4096) or self.fail("it ended early")

    def test_the_rpc_port_tells_a_browser_where_to_go(self):
        web = self.web()
        for request in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"POST /api HTTP/1.1\r\n\r\n", b"HEAD / HTTP/1.0\r\n\r\n"):
            with socket.create_connection(self.house.tcp, timeout=10) as sock:
                sock.sendall(request)
                said = sock.recv(4096).decode()
            self.assertTrue(said.startswith("HTTP/1.1 400 "), said)
            self.assertIn(f"127.0.0.1:{web.port}", said)


class Health(WebTest):
    def test_live_and_ready_need_no_key_and_name_no_version(self):
        web = self.web()
        web.key = None
        for path in ("/health/live", "/health/ready"):
            answer = web.get(path, Host="anything.example")
            self.assertEqual(answer.status, 200)
            self.assertNotRegex(answer.text, r"\d|/")
            self.assertEqual(web.ask("HEAD", path).status, 200)

    def test_a_server_that_stands_still_is_not_live(self):
        web = self.web()
        self.house.signal(signal.SIGSTOP)
        try:
            with self.assertRaises(OSError):
                web.ask("GET", "/health/live", timeout=1)
        finally:
            self.house.signal(signal.SIGCONT)
        self.assertEqual(web.get("/health/live").status, 200)

    def test_while_it_stops_it_is_not_ready(self):
        web = self.web(server={"shutdown_grace": 10})
        self.agent(self.house, IP, lambda call: RUN)
        waiting = self.wire_client(self.house)
        waiting.begin("sheduler", "sendsync", agentip=IP, ins={"app": "demo", "func": "work", "timeout": 50})
        self.one_runs(web)
        self.house.signal(signal.SIGTERM)
        answer = eventually(lambda: (a := web.get("/health/ready")).status == 503 and a)
        self.assertEqual(answer.json["server"], "stopping")
        self.assertEqual(web.get("/health/live").status, 200)
        self.assertEqual(web.call("elves", "ping").status, 503)

    @unittest.skipUnless(os.geteuid() == 0, "mounting a file system takes root")
    def test_a_full_disk_is_not_ready_and_live_and_comes_back_by_itself(self):
        disk = self.folder("disk")
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)],
                          stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("no file system can be mounted here")
        self.addCleanup(subprocess.run, ["umount", "--lazy", str(disk)])
        web = self.web(store={"path": str(disk / "elves.db")})
        self.assertEqual(web.get("/health/ready").status, 200)
        ballast = disk / "ballast"
        with open(ballast, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass
        eventually(lambda: web.call("cmdbproxy", "setcmdbinfo", {"agentip": IP, "sn": "x" * 4000}).status == 507)
        answer = eventually(lambda: (a := web.get("/health/ready")).status == 503 and a, 12)
        self.assertIn(answer.json["store"], ("full", "failing"))
        self.assertEqual(web.get("/health/live").status, 200)
        ballast.unlink()
        eventually(lambda: web.get("/health/ready").status == 200, 15)


    def test_e4_a_data_file_that_was_taken_away_is_not_ready(self):
        folder = self.folder("data")
        web = self.web(store={"path": str(folder / "elves.db")})
        self.assertEqual(web.get("/health/ready").status, 200)
        (folder / "elves.db").rename(folder / "away.db")
        answer = eventually(lambda: (a := web.get("/health/ready")).status == 503 and a)
        self.assertEqual(answer.json["store"], "failing")
        self.assertEqual(web.get("/health/live").status, 200)
        (folder / "away.db").rename(folder / "elves.db")
        eventually(lambda: web.get("/health/ready").status == 200)


class Sessions(WebTest):
    def test_a_browser_logs_in_and_calls_with_its_cookie_and_the_header_that_no_other_page_can_send(self):
        web = self.web()
        answer = web.log_in(self.admin)
        cookie = answer.headers["Set-Cookie"]
        for word in ("HttpOnly", "SameSite=Strict", "Path=/"):
            self.assertIn(word, cookie)
        self.assertNotIn(self.admin["token"], cookie)
        self.assertEqual(web.call("elves", "stats", X_Elves="console").status, 200)
        self.assertEqual(web.call("elves", "stats").status, 403, "the header is missing")
        me = web.get("/session").json
        self.assertEqual((me["key"], me["role"]), (self.admin["key"], "admin"))
        self.assertIn("supervisor.setkey", me["methods"])
        self.assertNotIn("heartbeat.register", me["methods"])

    def test_a_form_that_another_page_sends_is_refused(self):
        web = self.web()
        web.log_in(self.admin)
        answer = web.ask("POST", "/api/supervisor/setkey", "name=x&role=admin",
                         Content_Type="application/x-www-form-urlencoded", Origin="http://evil.example")
        self.assertEqual(answer.status, 403)
        answer = web.ask("POST", "/api/supervisor/setkey", '{"name":"x"}', Content_Type="text/plain")
        self.assertEqual(answer.status, 403)
        self.assertEqual(web.ask("POST", "/session", '{"key":"a","token":"b"}').status, 403)

    def test_a_session_ends_with_its_key_and_with_log_out_and_with_the_server(self):
        web = self.web()
        key = self.new_key(web, role="viewer")
        browser = Web(self.house)
        browser.log_in(key)
        self.assertEqual(browser.call("elves", "stats", X_Elves="1").status, 200)
        self.assertEqual(web.call("supervisor", "delkey", {"key": key["key"]}).status, 200)
        self.assertEqual(browser.call("elves", "stats", X_Elves="1").status, 401)
        self.assertEqual(browser.get("/session").status, 401)
        denied = web.call("elves", "listaudit", {"denied": True}).json["rows"]
        self.assertTrue(any("401.5" in json.dumps(row) for row in denied), denied)

        other = Web(self.house)
        other.log_in(self.admin)
        self.assertEqual(other.ask("DELETE", "/session", X_Elves="1").status, 204)
        self.assertEqual(other.get("/session").status, 401)

        other.log_in(self.admin)
        self.house.terminate()
        self.house.start()
        again = Web(self.house)
        again.cookie = other.cookie
        self.assertEqual(again.get("/session").status, 401)

    def test_a_wrong_token_is_slowed_and_audited_as_over_rpc(self):
        web = self.web()
        self.assertEqual(web.log_in({"key": self.admin["key"], "token": "wrong"}).status, 401)
        begun = time.monotonic()
        for _ in range(4):
            Web(self.house).log_in({"key": self.admin["key"], "token": "wrong"})
        self.assertGreater(time.monotonic() - begun, 0.2)
        web.key = self.admin
        rows = web.call("elves", "listaudit", {"method": "supervisor.login", "denied": True}).json["rows"]
        self.assertTrue(rows)
        self.assertNotIn("wrong", json.dumps(rows[0].get("params", "")))

    @needs_console
    def test_elvesctl_console_prints_a_link_that_logs_in_once(self):
        web = self.web()
        self.house.over_socket = False
        done = self.ctl(self.house, "--json", "console", auth=self.admin)
        self.assertEqual(done.code, 0, done.err)
        link = json.loads(done.out)["link"]
        self.assertIn(f":{web.port}/console/#code=", link)
        code = link.split("#code=")[1]
        browser = Web(self.house)
        answer = browser.log_in({"code": code})
        self.assertEqual(answer.status, 200, answer.text)
        self.assertEqual(browser.get("/session").json["key"], self.admin["key"])
        self.assertEqual(Web(self.house).log_in({"code": code}).status, 401)
        self.assertEqual(Web(self.house).log_in({"code": "nonsense"}).status, 401)

    @needs_console
    def test_who_needs_no_key_gets_a_session_until_the_first_admin_key_is_made(self):
        house = self.server(http={"listen": "127.0.0.1:0"})
        link = json.loads(self.ctl(f"127.0.0.1:{house.port}", "--json", "console").out)["link"]
        browser = Web(house)
        self.assertEqual(browser.log_in({"code": link.split("#code=")[1]}).status, 200)
        made = browser.call("supervisor", "setkey", {"name": "first", "role": "admin"}, X_Elves="1")
        self.assertEqual(made.status, 200, made.text)
        self.assertEqual(browser.call("elves", "stats", X_Elves="1").status, 401)

    @needs_console
    def test_over_the_unix_socket_the_link_is_the_local_admins(self):
        self.web()
        self.house.over_socket = True
        link = json.loads(self.ctl(self.house, "--json", "console").out)["link"]
        browser = Web(self.house)
        self.assertEqual(browser.log_in({"code": link.split("#code=")[1]}).status, 200)
        self.assertTrue(browser.get("/session").json["key"].startswith("unix:uid="))
        self.assertEqual(browser.call("supervisor", "listkeys", X_Elves="1").status, 200)


class Events(WebTest):
    def stream(self, web, path):
        connection = web.connect()
        headers = {"Authorization": basic(web.key)} if web.key else {"Cookie": web.cookie}
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        self.addCleanup(connection.close)
        return response

    def next_event(self, response):
        fields = {}
        while line := response.readline().decode().rstrip("\n"):
            name, _, value = line.partition(": ")
            fields[name] = value
        return fields

    def test_a_page_is_told_at_once_and_whenever_something_of_its_topic_has_changed(self):
        web = self.web()
        answer = web.call("heartbeat", "getonlinestat")
        seen = int(answer.headers["Elves-Seq"])
        response = self.stream(web, f"/events?since={seen}&topic=hosts")
        self.assertEqual((response.status, response.headers["Content-Type"]), (200, "text/event-stream"))
        first = self.next_event(response)
        self.assertEqual((first["event"], json.loads(first["data"])), ("change", {"topic": "hosts"}))
        self.agent(self.house, IP)
        self.assertEqual(json.loads(self.next_event(response)["data"]), {"topic": "hosts"})
        self.assertGreater(int(web.call("heartbeat", "getonlinestat").headers["Elves-Seq"]), seen)

    def test_a_task_and_its_run_are_told_of_while_they_go_on(self):
        web = self.web()
        agent = self.agent(self.house, IP, lambda call: RUN)
        started = web.call("run", "startrun", {"target": IP, "ins": {"app": "demo", "func": "work"}}).json
        self.assertEqual(started["flag"], "true", started)
        run_id = started["id"]
        task = eventually(lambda: self.client(self.house).tasks())[0]["id"]
        response = self.stream(web, f"/events?topic=run:{run_id}&topic=task:{task}")
        self.next_event(response), self.next_event(response)
        agent.finish(task, Result())
        told = set()
        while told != {f"run:{run_id}", f"task:{task}"}:
            event = self.next_event(response)
            self.assertEqual(event["event"], "change")
            told.add(json.loads(event["data"])["topic"])

    def test_topics_that_are_none_are_refused(self):
        web = self.web()
        for path in ("/events", "/events?topic=", "/events?topic=nothing", "/events?" + "&".join(f"topic=run:{i}" for i in range(17))):
            self.assertEqual(web.get(path).status, 400, path)

    def test_streams_are_bounded_and_freed(self):
        web = self.web()
        streams = [self.stream(web, "/events?topic=now") for _ in range(100)]
        self.assertEqual(web.get("/events?topic=now").status, 429)
        for stream in streams:
            stream.close()

    def test_the_server_stops_although_pages_are_open(self):
        web = self.web()
        response = self.stream(web, "/events?topic=now")
        self.next_event(response)
        begun = time.monotonic()
        self.assertEqual(self.house.terminate(), 0)
        self.assertLess(time.monotonic() - begun, 5)


class Discovery(WebTest):
    def test_prometheus_finds_the_hosts_of_a_target_with_their_labels(self):
        web = self.web()
        self.agent(self.house, IP)
        self.agent(self.house, "fd00::7")
        set_ = web.call("fleet", "setlabels", {"target": IP, "labels": {"env": "prod", "rack_no": "4"}})
        self.assertEqual(set_.status, 200, set_.text)
        found = web.get(f"/sd/prometheus?target=env=prod&port=9100")
        self.assertEqual(found.status, 200, found.text)
        self.assertEqual(len(found.json), 1)
        self.assertEqual(found.json[0]["targets"], [f"{IP}:9100"])
        labels = found.json[0]["labels"]
        self.assertEqual((labels["__meta_elves_env"], labels["__meta_elves_rack_no"]), ("prod", "4"))
        self.assertEqual(labels["__meta_elves_status"], "online")
        everyone = web.get("/sd/prometheus?target=all").json
        self.assertEqual({host["targets"][0] for host in everyone}, {f"{IP}:9100", "[fd00::7]:9100"})

    def test_a_target_or_port_that_is_none_is_refused(self):
        web = self.web()
        for path, status in (("/sd/prometheus", 400), ("/sd/prometheus?target=", 400), ("/sd/prometheus?target=env=", 400),
                             ("/sd/prometheus?target=all&port=x", 400), ("/sd/prometheus?target=@nobody", 404)):
            self.assertEqual(web.get(path).status, status, path)


class Metrics(WebTest):
    def samples(self, web, **headers):
        found = {}
        for line in web.get("/metrics", **headers).text.splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                found[name] = float(value)
        return found

    def test_the_numbers_are_those_of_what_has_happened(self):
        web = self.web()
        self.agent(self.house, IP)
        caller = self.client(self.house)
        for _ in range(7):
            self.send_sync(caller, IP)
        self.send_async(caller, "10.9.9.9")
        web.call("elves", "stats", Authorization="Bearer x:y")
        found = self.samples(web)
        ended = sum(value for name, value in found.items() if name.startswith("elves_tasks_total"))
        self.assertEqual(ended, len(caller.tasks(limit=1000)))
        self.assertEqual(found['elves_tasks_total{type="rt",status="done"}'], 7)
        self.assertEqual(found['elves_app_tasks_total{app="demo",status="done"}'], 7)
        self.assertEqual(found['elves_calls_total{service="sheduler",method="sendsync",code=""}'], 7)
        self.assertEqual(found['elves_auth_failures_total{reason="wrong_key"}'], 1)
        self.assertEqual(found['elves_agents{status="online"}'], 1)
        self.assertEqual(found['elves_task_worker_seconds_count{type="rt"}'], 7)
        self.assertGreater(found["elves_store_commits_total"], 0)
        self.assertGreater(found["process_resident_memory_bytes"], 1e6)
        self.assertLess(abs(found["process_start_time_seconds"] - time.time()), 60)
        self.assertEqual(found["elves_store_up"], 1)

    def test_nothing_that_somebody_sends_becomes_a_label_without_bound(self):
        web = self.web()
        self.agent(self.house, IP)
        caller = self.client(self.house)
        for i in range(130):
            self.send_sync(caller, IP, app=f"app{i}")
            web.call("elves", f"nothing{i}")
        text = web.get("/metrics").text
        self.assertEqual(text.count("elves_app_tasks_total{"), 101)
        self.assertIn('app="other"', text)
        self.assertNotIn("nothing7", text)
        self.assertNotIn(IP, text)
        self.assertNotIn(self.admin["key"], text)
        self.assertLess(len(text), 256 * 1024)

    def test_openmetrics_is_written_where_it_is_asked_for(self):
        web = self.web()
        answer = web.get("/metrics", Accept="application/openmetrics-text; version=1.0.0")
        self.assertTrue(answer.headers["Content-Type"].startswith("application/openmetrics-text"))
        self.assertTrue(answer.text.endswith("# EOF\n"))
        self.assertIn("# TYPE elves_store_commits counter", answer.text)

    @unittest.skipUnless(shutil.which("promtool"), "promtool is not installed")
    def test_promtool_has_nothing_to_say(self):
        web = self.web()
        self.agent(self.house, IP)
        self.send_sync(self.client(self.house), IP)
        done = subprocess.run(["promtool", "check", "metrics"], input=web.get("/metrics").text, text=True,
                              capture_output=True, timeout=30)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))


class Files(WebTest):
    @needs_console
    def test_the_console_is_served_to_anybody_with_a_policy_that_takes_scripts_from_here_alone(self):
        web = self.web()
        web.key = None
        self.assertEqual((web.get("/").status, web.get("/").headers["Location"]), (302, "/console/"))
        gzip = {"Accept_Encoding": "gzip"}
        index = web.get("/console/", **gzip)
        self.assertEqual(index.status, 200)
        self.assertEqual(index.headers["Content-Encoding"], "gzip")
        policy = index.headers["Content-Security-Policy"]
        for part in ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "trusted-types"):
            self.assertIn(part, policy)
        self.assertNotIn("unsafe", policy)
        self.assertEqual(web.get("/console/runs/A1", Sec_Fetch_Site="cross-site", **gzip).status, 200,
                         "a view is an address, also for a link in a mail")
        self.assertEqual(web.get("/console/nothing.js", **gzip).status, 404)
        self.assertEqual(web.get("/console/../elves.conf", **gzip).status, 404)
        self.assertEqual(web.get("/console/", Host="evil.example", **gzip).status, 403)
        self.assertEqual(web.get("/console/", If_None_Match=index.headers["ETag"], **gzip).status, 304)

    @unittest.skipIf(has_console(), "elvesd was built with the console")
    def test_without_the_console_its_address_says_so_and_the_rest_works(self):
        web = self.web()
        answer = web.get("/console/", Accept_Encoding="gzip")
        self.assertEqual(answer.status, 404)
        self.assertIn("built without", answer.text)
        self.assertEqual(web.call("elves", "ping").status, 200)
        self.assertNotEqual(self.ctl(self.house, "console").code, 0)

    def test_the_console_can_be_switched_off(self):
        web = self.web(http={"console": "false"})
        self.assertEqual(web.get("/console/", Accept_Encoding="gzip").status, 404)
        self.assertEqual(web.call("elves", "ping").status, 200)
        self.assertNotEqual(self.ctl(self.house, "console").code, 0)


class Settings(WebTest):
    def check(self, **sections):
        house = self.server_down(**sections)
        return run(binary("elvesd"), "--config", str(house.conf_path), "--check")

    def test_beyond_loopback_it_needs_tls(self):
        for place in ("0.0.0.0:7789", "[::]:7789", "10.0.0.1:7789", "example.org:7789"):
            done = self.check(http={"listen": place})
            self.assertNotEqual(done.code, 0)
            self.assertIn("[http] listen", done.err)
            self.assertIn("[tls] cert", done.err)
            self.assertEqual(done.err.count("\n"), 1)

    def test_wrong_values_are_refused_by_name(self):
        for http, name in (({"listen": "7789"}, "listen"), ({"listen": "127.0.0.1:0", "metrics": "all"}, "metrics"),
                           ({"console": "maybe"}, "console"), ({"lisen": "127.0.0.1:1"}, "lisen")):
            done = self.check(http=http)
            self.assertNotEqual(done.code, 0, http)
            self.assertIn(name, done.err)

    def test_a_port_that_is_taken_is_named(self):
        port = free_port()
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", port))
            sock.listen()
            house = self.server_down(http={"listen": f"127.0.0.1:{port}"})
            done = run(binary("elvesd"), "--config", str(house.conf_path))
            self.assertEqual(done.code, 1)
            self.assertIn("[http] listen: cannot listen on", done.err + done.out)

    def test_without_the_setting_there_is_no_port(self):
        house = self.server()
        done = self.ctl(f"127.0.0.1:{house.port}", "console")
        self.assertNotEqual(done.code, 0)
        self.assertIn("[http] listen", done.err)
        with socket.create_connection(house.tcp, timeout=10) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
            self.assertIn("[http] listen", sock.recv(4096).decode())

    def test_sighup_takes_hosts_and_metrics_over(self):
        web = self.web(http={"metrics": "key"})
        web.key = None
        self.assertEqual(web.get("/metrics").status, 401)
        self.assertEqual(web.get("/metrics", Authorization=basic(self.admin)).status, 200)
        self.house.settings(http={"metrics": "open", "hosts": "late.example"})
        self.house.signal(signal.SIGHUP)
        eventually(lambda: web.get("/metrics", Host="late.example").status == 200)


class Tls(WebTest):
    def setUp(self):
        super().setUp()
        made = self.folder("tls") / "made"
        done = run(binary("elvesctl"), "--json", "tls", "init", str(made), "127.0.0.1", "localhost")
        self.assertEqual(done.code, 0, done.err)
        self.made = json.loads(done.out)

    def test_the_port_speaks_https_with_the_servers_certificate_and_the_cookie_is_secure(self):
        self.web(tls={"cert": self.made["cert"], "key": self.made["key"]})
        browser = Web(self.house, tls_ca=self.made["ca"])
        self.assertEqual(browser.get("/health/live").status, 200)
        cookie = browser.log_in(self.admin).headers["Set-Cookie"]
        self.assertTrue(cookie.startswith("__Host-elves_session="), cookie)
        self.assertIn("; Secure", cookie)
        self.assertEqual(browser.call("elves", "stats", X_Elves="1").status, 200)
        self.assertEqual(Web(self.house).get("/health/live").status, 200, "loopback may speak in plain text")

    def test_who_shows_a_certificate_gets_no_further_by_it(self):
        self.web(tls={"cert": self.made["cert"], "key": self.made["key"], "client_ca": self.made["ca"]})
        browser = Web(self.house, tls_ca=self.made["ca"])
        browser.tls.load_cert_chain(self.made["cert"], self.made["key"])
        self.assertEqual(browser.get("/health/live").status, 200)
        self.assertEqual(browser.call("elves", "stats").status, 401)


if __name__ == "__main__":
    unittest.main()
