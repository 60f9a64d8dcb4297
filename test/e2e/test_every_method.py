"""Every method that the server declares, by its own table: right use, what is missing or wrong, each spelling of a
name, and a restart in between. A method without an example here fails: none can be forgotten."""

import unittest

from elves_wire import Result, code_of
from house import HouseTest, eventually, has_console

IP = "10.0.0.1"
ID = "0123456789ABCDEF"
INS = {"app": "demo", "func": "work", "param": "p"}
RULE = "0 0 3 1 1 ?"
# A package of three bytes.
DATA, SHA256 = "YWJj", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

# What a field of each type is not, and the code that says so.
WRONG = {
    "string": ("403.10", [7, ["x"], {"x": 1}, None]),
    "ip": ("403.1", ["10.0.0", "10.0.0.1:80", " 10.0.0.1", "host", 7, None, ["10.0.0.1"]]),
    "list of ip": ("403.1", ["10.0.0.1", ["10.0.0"], [7], [None], {}]),
    "id": ("403.9", ["12", "0123456789ABCDEG", "0123456789ABCDEF0", 12, None, [ID]]),
    "list of id": ("403.9", [ID, ["12"], [12], {}]),
    "whole number": ("403.10", ["x", "1.5", 1.5, -1, [], True]),
    "seconds": ("403.10", ["x", 1.5, -1, []]),
    "true or false": ("403.10", ["maybe", 7, [], {}]),
    "list of string": ("403.10", ["x", [7], {}]),
    "list of ip range": ("403.10", ["*", ["10.0.0.0/33"], [7], {}]),
    "list of app, app.func glob or *": ("403.10", ["demo", [7], {}]),
    "app name": ("403.3", [".x", "a/b", "x" * 65, 7, None]),
    "ins": ("403.10", ["x", 7, [], None]),
    "cron rule": ("403.5", ["* * *", "0 0 0 * * *", 7, None]),
    "object": ("403.10", ["x", 7, [], None]),
    "object of name: version": ("403.10", ["x", 7, [], {"demo": 1}]),
    "object of key: value": ("403.10", ["x", 7, [], {"Env": "x"}, {"env": 7}, {"env": ""}]),
    "target": ("403.11", ["(", "evn=prod", 7, [], None]),
    "short name": ("403.10", ["Web", "@web", "x" * 65, 7, None]),
    "ins of a run": ("403.10", ["x", 7, [], None]),
    "number or percentage": ("403.10", ["x", -1, "101%", "1.5", [], {}]),
    "numbers and percentages": ("403.10", ["x", "0", "1,0%", "1,,2", [], {}]),
    "seconds or ask": ("403.10", ["x", -1, []]),
    "address, random or spread:FIELD": ("403.10", ["x", "spread:", 7]),
    "name or fail": ("403.10", ["x", 7]),
    "string of 64 characters": ("403.10", ["x" * 65, 7, []]),
    "string of 1 KiB": ("403.10", ["x" * 1025, 7, []]),
    "whole number or unlimited": ("403.10", ["x", -1, 1.5, "many", []]),
    "host states": ("403.10", ["x", ["x"], 7, {}]),
    "pause, resume, stop or cancel": ("403.10", ["x", 7, []]),
    "online or offline": ("403.10", ["away", 7]),
    "viewer, operator, agent or admin": ("403.10", ["root", 7]),
    "ip or host name": ("403.1", ["10.0.0", "-x", "a b", 7]),
    "sha-256 in hex": ("403.10", ["0" * 63, "0" * 65, "G" * 64, 7, None]),
    "ip range": ("403.10", ["*", "10.0.0.0/33", 7, ["10.0.0.0/8"]]),
    "port": ("403.10", [0, 65536, "x", -1]),
    "center or self": ("403.10", ["both", 7]),
    "skip or once": ("403.10", ["twice", 7]),
    "skip, allow or replace": ("403.10", ["ask", 7]),
    "list of inventory records": ("403.10", ["x", [7], {}]),
    "job name": ("403.10", ["-x", "a/b", "x" * 65, 7, None]),
    "time zone": ("403.10", ["Mars/Olympus", 7]),
    "version": ("403.10", ["../1", "x" * 65, 7, []]),
    "SHA-256": ("403.10", ["0" * 63, "G" * 64, 7, None]),
    "base64": ("403.10", ["!", "x", 7, []]),
}
# A key or token that is shown is no ordinary string: without it nobody is known.
SHOWN = {("checkipauthbykey", "key"), ("checkipauthbykey", "token"), ("login", "key"), ("login", "token"),
         ("join", "join_token")}


class EveryMethod(HouseTest):
    deadline = 120

    def setUp(self):
        super().setUp()
        self.house = self.server(http={"listen": "127.0.0.1:0"})
        self.caller = self.wire_client(self.house)
        self.agent_ = self.agent(self.house, IP, lambda call: Result(1, "done"))
        self.asked = 0
        self.examples = self.make_examples()

    def make_examples(self):
        """For each method: a client, and fields that are right; made anew, for some use things up."""
        call, agent = self.caller, self.agent_
        task = self.send_sync(call)["id"]
        agent.wait_confirmed(task)
        self.made = call.ok("supervisor", "setkey", name="k", role="viewer", apps=["*"], iplist=["*"])
        call.ok("supervisor", "setapp", appname="demo", appip="127.0.0.1", appport="9")
        call.ok("cmdbproxy", "setcmdbinfo", agentip=IP, sn="1")
        cron = call.ok("cron", "setcronbyip", agentip=IP, rule=RULE, ins=INS)["id"]
        run = call.ok("run", "startrun", target=IP, ins=INS)["id"]
        self.version()
        return {
            ("sheduler", "sendsync"): {"agentip": IP, "ins": INS},
            ("sheduler", "sendasync"): {"agentip": IP, "ins": INS},
            ("sheduler", "canceltask"): {"id": task},
            ("heartbeat", "getstatbyip"): {"agentip": IP},
            ("heartbeat", "getinfobyip"): {"agentip": IP},
            ("heartbeat", "getstatbyiplist"): {"iplist": [IP, "10.0.0.2"]},
            ("heartbeat", "getonlinestat"): {},
            ("heartbeat", "listagents"): {},
            ("heartbeat", "getonlinehistory"): {"step": 60},
            ("heartbeat", "getagenthistory"): {"agentip": IP},
            ("heartbeat", "forgetagents"): lambda: call.ok(
                "cmdbproxy", "setcmdbinfo", agentip="10.9.9.8", sn="1") and {"iplist": ["10.9.9.8"]},
            ("heartbeat", "register"): {"agentip": "10.0.0.9"},
            ("heartbeat", "beat"): {},
            ("heartbeat", "time"): {},
            ("supervisor", "checkipauthbykey"): {"agentip": IP, "key": self.made["key"],
                                                 "token": self.made["token"]},
            ("supervisor", "getappcallbackinfo"): {"appname": "demo"},
            ("supervisor", "getauthbykey"): {"key": self.made["key"]},
            ("supervisor", "setkey"): {"key": self.made["key"], "name": "again"},
            ("supervisor", "delkey"): lambda: {"key": call.ok("supervisor", "setkey", name="gone")["key"]},
            ("supervisor", "listkeys"): {},
            ("supervisor", "setapp"): {"appname": "demo", "appip": "127.0.0.1", "appport": "9"},
            ("supervisor", "delapp"): lambda: call.ok(
                "supervisor", "setapp", appname="gone", appip="::1", appport=9) and {"appname": "gone"},
            ("supervisor", "listapps"): {},
            ("supervisor", "login"): {"key": self.made["key"], "token": self.made["token"]},
            ("supervisor", "join"): {"agentip": "10.8.0.1", "hash": "0" * 64},
            ("supervisor", "listjoins"): {},
            ("supervisor", "acceptjoin"): self.one_that_asks,
            ("supervisor", "rejectjoin"): self.one_that_asks,
            ("supervisor", "addjointoken"): {},
            ("supervisor", "listjointokens"): {},
            ("supervisor", "deljointoken"): lambda: {"id": call.ok("supervisor", "addjointoken")["id"]},
            ("cmdbproxy", "getcmdbinfobyip"): {"agentip": IP},
            ("cmdbproxy", "getcmdbinfobyiplist"): {"agentiplist": [IP, "10.0.0.2"]},
            ("cmdbproxy", "setcmdbinfo"): {"agentip": IP, "sn": "1"},
            ("cmdbproxy", "setcmdbinfolist"): {"records": [{"agentip": IP, "sn": "1"}, {"agentip": "10.0.0.2"}]},
            ("cmdbproxy", "delcmdbinfo"): lambda: call.ok(
                "cmdbproxy", "setcmdbinfo", agentip="10.9.9.9", sn="1") and {"agentip": "10.9.9.9"},
            ("cmdbproxy", "listcmdbinfo"): {},
            ("fleet", "findagents"): {"target": "all"},
            ("fleet", "counthosts"): {"target": IP, "by": "os"},
            ("fleet", "explaintarget"): {"target": "has os", "agentip": IP},
            ("fleet", "setlabels"): {"target": IP, "labels": {"env": "prod"}},
            ("fleet", "setgroup"): {"name": "web", "target": IP},
            ("fleet", "delgroup"): lambda: call.ok("fleet", "setgroup", name="gone", target="all") and {"name": "gone"},
            ("fleet", "getgroup"): lambda: call.ok("fleet", "setgroup", name="here", target="all") and {"name": "here"},
            ("fleet", "listgroups"): {},
            ("run", "planrun"): {"target": IP, "ins": INS},
            ("run", "startrun"): {"target": IP, "ins": INS},
            ("run", "getrun"): {"id": run},
            ("run", "listruns"): {},
            ("run", "listrunhosts"): {"id": run},
            ("run", "listanswers"): {"id": run},
            ("run", "steerrun"): lambda: {"id": self.pending_run(), "do": "stop"},
            ("run", "retryrun"): lambda: {"id": self.stopped_run(), "states": ["not_started"]},
            ("run", "watchrun"): {"id": run},
            ("run", "setschedule"): {"target": IP, "ins": INS, "rule": RULE},
            ("run", "delschedule"): lambda: {"id": self.schedule()},
            ("run", "startschedule"): lambda: {"id": self.schedule(on=False)},
            ("run", "stopschedule"): lambda: {"id": self.schedule()},
            ("run", "listschedules"): {},
            ("run", "setwindow"): {"name": "freeze", "target": IP, "rule": RULE, "lasts": 60},
            ("run", "delwindow"): lambda: call.ok("run", "setwindow", name="gone", target=IP, rule=RULE, lasts=1) and {"name": "gone"},
            ("run", "listwindows"): {},
            ("run", "setcap"): {"name": "few", "target": IP, "most": 100},
            ("run", "delcap"): lambda: call.ok("run", "setcap", name="gone", target=IP, most=100) and {"name": "gone"},
            ("run", "listcaps"): {},
            ("apps", "beginpush"): lambda: self.push(),
            ("apps", "pushpiece"): lambda: {"upload": self.upload(), "offset": 0, "data": DATA},
            ("apps", "endpush"): lambda: {"upload": self.upload(whole=True)},
            ("apps", "listversions"): {},
            ("apps", "delversion"): lambda: self.version(),
            ("apps", "readpiece"): lambda: {**self.version(), "offset": 0, "limit": 3},
            ("apps", "setassignment"): lambda: {**self.version(), "target": "env=none"},
            ("apps", "delassignment"): lambda: {"id": call.ok("apps", "setassignment", target="env=none", **self.version())["id"]},
            ("apps", "listassignments"): {},
            ("cron", "getcronlistbyip"): {"agentip": IP},
            ("cron", "nexttimes"): {"rule": RULE},
            ("cron", "getcronlistbykey"): {"by": self.made["key"]},
            ("cron", "listcrons"): {"agentip": IP, "limit": 10},
            ("cron", "runcron"): {"agentip": IP, "id": cron},
            ("cron", "setcronbyip"): {"agentip": IP, "rule": RULE, "ins": INS},
            ("cron", "delcronbyipid"): lambda: {"agentip": IP, "id": call.ok(
                "cron", "setcronbyip", agentip=IP, rule=RULE, ins=INS)["id"]},
            ("cron", "startcron"): {"agentip": IP, "id": cron},
            ("cron", "stopcron"): {"agentip": IP, "id": cron},
            ("tasklog", "agentasynclog"): {"id": task, "info": Result(1, "twice").info()},
            ("tasklog", "appprocessorlog"): {"id": task, "info": {"processor_sync_flag": "true"}},
            ("tasklog", "gettaskbyids"): {"id": [task]},
            ("tasklog", "listtasks"): {},
            ("tasklog", "gettaskoutput"): {"id": task},
            ("tasklog", "countfailures"): {},
            ("tasklog", "gettaskstory"): {"id": task},
            ("tasklog", "output"): {"id": task, "offset": 0, "data": "x"},
            ("tasklog", "queued"): {"id": task, "queued": "true"},
            ("elves", "ping"): {},
            ("elves", "methods"): {},
            ("elves", "stats"): {},
            ("console", "newlink"): {},
            ("elves", "doctor"): {},
            ("elves", "listaudit"): {},
            ("elves", "verifyaudit"): {},
        }

    def schedule(self, on=True):
        id_ = self.caller.ok("run", "setschedule", target=IP, ins=INS, rule=RULE)["id"]
        if not on:
            self.caller.ok("run", "stopschedule", id=id_)
        return id_

    def push(self):
        """A version that was not pushed yet."""
        self.asked += 1
        return {"app": "demo", "version": f"1.{self.asked}", "sha256": SHA256, "size": 3}

    def upload(self, whole=False):
        push = self.push()
        sha256 = "0" * 64 if not whole else SHA256
        begun = self.caller.ok("apps", "beginpush", **{**push, "sha256": sha256})
        if whole and begun["offset"] == "0":
            self.caller.ok("apps", "pushpiece", upload=begun["upload"], offset=0, data=DATA)
        return begun["upload"]

    def version(self):
        made = self.caller.ok("apps", "endpush", upload=self.upload(whole=True))
        return {"app": made["app"], "version": made["version"]}

    def pending_run(self):
        return self.caller.ok("run", "startrun", target=IP, ins=INS, at="2099-01-01 00:00:00")["id"]

    def stopped_run(self):
        run = self.pending_run()
        self.caller.ok("run", "steerrun", id=run, do="stop")
        eventually(lambda: self.caller.ok("run", "getrun", id=run)["run"]["state"] == "stopped")
        return run

    def one_that_asks(self):
        self.asked += 1
        ip = f"10.8.1.{self.asked}"
        self.caller.ok("supervisor", "join", agentip=ip, hash="0" * 64)
        return {"agentip": ip}

    def declared(self):
        for service in self.caller.ok("elves", "methods")["services"]:
            for method in service["methods"]:
                if method["method"] != "newlink" or has_console():
                    yield service["service"], method

    def ask(self, service, method, fields, spelled=None):
        """On a connection of its own: `register` and `login` change what a connection is. What an agent reports
        goes over its link."""
        if method in ("agentasynclog", "output", "queued"):
            return self.agent_.call(service, spelled or method, **fields)
        with self.wire_client(self.house) as client:
            return client.call(service, spelled or method, **fields)

    def right_fields(self, service, method):
        example = self.examples[service, method]
        return example() if callable(example) else example

    def test_each_is_answered_when_it_is_used_rightly_in_every_spelling_and_after_a_restart(self):
        for _ in range(2):
            for service, method in list(self.declared()):
                name = method["method"]
                self.assertIn((service, name), self.examples, "a method without an example")
                for spelled in (name, name.upper(), name.title(), *method["also"]):
                    with self.subTest(service=service, method=spelled):
                        reply = self.ask(service, name, self.right_fields(service, name), spelled)
                        self.assertEqual((reply["flag"], reply["error_info"]), ("true", ""), reply)
                        self.assertEqual((reply["mqt"], reply["mqs"], reply["mqf"]), ("back", service, spelled))
            self.house.restart()
            self.agent_.start_patiently()
            self.caller = self.wire_client(self.house)
            self.examples = self.make_examples()

    def test_each_required_field_is_missed_by_name(self):
        for service, method in self.declared():
            name = method["method"]
            for field in method["fields"]:
                if field["required"] != "true":
                    continue
                with self.subTest(method=name, field=field["name"]):
                    fields = {key: value for key, value in self.right_fields(service, name).items()
                              if key != field["name"]}
                    reply = self.ask(service, name, fields)
                    if name in ("setcronbyip", "checkipauthbykey") and code_of(reply) not in ("403.5", "403.10"):
                        # As printed, without this field, it is another method.
                        self.assertIn(code_of(reply), ("", "403.9", "401.1", "403.1"), reply)
                        continue
                    code = "401.1" if (name, field["name"]) in SHOWN else WRONG[field["type"]][0]
                    self.assertEqual(code_of(reply), code, reply)
                    self.assertIn(f"`{field['name']}`", reply["error_info"])

    def test_each_field_of_a_wrong_type_is_refused_by_name(self):
        for service, method in self.declared():
            name = method["method"]
            for field in method["fields"]:
                self.assertIn(field["type"], WRONG, f"{name}: a type without an example of what it is not")
                code, values = WRONG[field["type"]]
                for value in values:
                    with self.subTest(method=name, field=field["name"], value=value):
                        shown = (name, field["name"]) in SHOWN
                        fields = {**self.right_fields(service, name), field["name"]: value}
                        reply = self.ask(service, name, fields)
                        self.assertEqual(code_of(reply), "401.1" if shown else code, reply)
                        self.assertIn(f"`{field['name']}", reply["error_info"])


if __name__ == "__main__":
    unittest.main()
