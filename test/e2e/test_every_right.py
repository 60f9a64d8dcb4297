"""Every method that the server declares, asked by a key of every role, for what is its own, for another app, and for
another address. A method that is not in REACH, or whose right is not the one there, fails: what a new one lets whom touch
has to be said here."""

import itertools
import unittest

from elves_wire import Result, code_of
from house import HouseTest, eventually, has_console

IP, APP, LATER = "10.0.0.1", "demo", "2099-01-01 00:00:00"
INS = {"app": APP, "func": "work"}
RULE = "0 0 3 1 1 ?"
# A package of three bytes.
DATA, SHA256 = "YWJj", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
ROLES = {"viewer": {"open", "own", "read"}, "operator": {"open", "own", "read", "operate"},
         "agent": {"open", "own", "report"}, "admin": {"open", "own", "read", "operate", "report", "manage"}}
# The key's apps and addresses, and whether what is asked for is beyond its apps, or beyond its addresses.
KEYS = {"its own": (["demo.w*"], ["10.0.0.0/8"]), "another app": (["other.*", "demo2"], ["*"]),
        "another address": (["*"], ["192.0.2.0/24"]), "everything": (["*"], ["*"])}
# Over an agent's link only, whatever the key: it is bound to that agent's tasks.
REFUSED, CUT, FREE, LINK = "refused", "left out", "free", "over the agent's link only"
# Something else is asked for, and a list in the answer is cut.
PART = "in part"
# Refused where an address is named, and a list that is not named is cut.
TARGET = "refused, or left out"
# Method: its right; what a key gets that may not touch the app; what one gets that may not touch the address.
REACH = {
    "sheduler": {
        "sendsync": ("operate", REFUSED, REFUSED), "sendasync": ("operate", REFUSED, REFUSED),
        "canceltask": ("operate", REFUSED, REFUSED)},
    "heartbeat": {
        "getstatbyip": ("read", FREE, REFUSED), "getinfobyip": ("read", PART, REFUSED),
        "getstatbyiplist": ("read", FREE, REFUSED), "getonlinestat": ("read", FREE, CUT),
        "listagents": ("read", FREE, CUT), "getonlinehistory": ("read", FREE, FREE),
        "getagenthistory": ("read", FREE, REFUSED), "forgetagents": ("manage", FREE, REFUSED), "register": ("report", FREE, REFUSED), "beat": ("report", FREE, FREE),
        "time": ("report", FREE, FREE)},
    "supervisor": {
        "checkipauthbykey": ("open", FREE, FREE), "getappcallbackinfo": ("read", REFUSED, FREE),
        "getauthbykey": ("own", FREE, FREE), "setkey": ("manage", FREE, FREE), "delkey": ("manage", FREE, FREE),
        "listkeys": ("manage", FREE, FREE), "setapp": ("manage", REFUSED, FREE), "delapp": ("manage", REFUSED, FREE),
        "listapps": ("read", CUT, FREE), "login": ("open", FREE, FREE), "join": ("open", FREE, FREE),
        "listjoins": ("manage", FREE, CUT), "acceptjoin": ("manage", FREE, REFUSED),
        "rejectjoin": ("manage", FREE, REFUSED), "addjointoken": ("manage", FREE, FREE),
        "listjointokens": ("manage", FREE, FREE), "deljointoken": ("manage", FREE, FREE)},
    "cmdbproxy": {
        "getcmdbinfobyip": ("read", FREE, REFUSED), "getcmdbinfobyiplist": ("read", FREE, REFUSED),
        "setcmdbinfo": ("manage", FREE, REFUSED), "setcmdbinfolist": ("manage", FREE, REFUSED),
        "delcmdbinfo": ("manage", FREE, REFUSED),
        "listcmdbinfo": ("read", FREE, CUT)},
    "fleet": {
        "findagents": ("read", FREE, CUT), "counthosts": ("read", FREE, CUT),
        "explaintarget": ("read", FREE, REFUSED), "setlabels": ("manage", FREE, TARGET),
        "setgroup": ("manage", FREE, FREE), "delgroup": ("manage", FREE, FREE), "getgroup": ("read", FREE, CUT),
        "listgroups": ("read", FREE, CUT)},
    "run": {
        "planrun": ("operate", REFUSED, TARGET), "startrun": ("operate", REFUSED, REFUSED),
        "getrun": ("read", REFUSED, PART), "listruns": ("read", CUT, FREE), "listrunhosts": ("read", REFUSED, CUT),
        "listanswers": ("read", REFUSED, CUT), "steerrun": ("operate", REFUSED, REFUSED),
        "retryrun": ("operate", REFUSED, REFUSED), "watchrun": ("read", REFUSED, CUT),
        "setschedule": ("operate", REFUSED, REFUSED), "delschedule": ("operate", REFUSED, REFUSED),
        "startschedule": ("operate", REFUSED, REFUSED), "stopschedule": ("operate", REFUSED, REFUSED),
        "listschedules": ("read", CUT, FREE), "setwindow": ("manage", FREE, REFUSED), "delwindow": ("manage", FREE, FREE),
        "listwindows": ("read", FREE, FREE), "setcap": ("manage", FREE, REFUSED), "delcap": ("manage", FREE, FREE),
        "listcaps": ("read", FREE, FREE)},
    "cron": {
        "getcronlistbyip": ("read", CUT, REFUSED), "getcronlistbykey": ("read", CUT, CUT),
        "setcronbyip": ("operate", REFUSED, REFUSED),
        "delcronbyipid": ("operate", REFUSED, REFUSED), "startcron": ("operate", REFUSED, REFUSED),
        "stopcron": ("operate", REFUSED, REFUSED), "runcron": ("operate", REFUSED, REFUSED),
        "listcrons": ("read", CUT, CUT), "nexttimes": ("read", FREE, FREE)},
    "tasklog": {
        "agentasynclog": ("report", LINK, LINK), "appprocessorlog": ("operate", REFUSED, REFUSED),
        "gettaskbyids": ("read", REFUSED, REFUSED), "listtasks": ("read", CUT, CUT),
        "countfailures": ("read", CUT, CUT),
        "gettaskoutput": ("read", REFUSED, REFUSED), "gettaskstory": ("read", REFUSED, REFUSED),
        "output": ("report", LINK, LINK), "queued": ("report", LINK, LINK)},
    "apps": {
        "beginpush": ("manage", REFUSED, FREE), "pushpiece": ("manage", REFUSED, FREE),
        "endpush": ("manage", REFUSED, FREE), "listversions": ("read", CUT, FREE),
        "delversion": ("manage", REFUSED, FREE), "readpiece": ("report", REFUSED, FREE),
        "setassignment": ("manage", REFUSED, FREE), "delassignment": ("manage", REFUSED, FREE),
        "listassignments": ("read", CUT, PART)},
    "console": {"newlink": ("own", FREE, FREE)},
    "elves": {
        "ping": ("open", FREE, FREE), "methods": ("read", FREE, FREE), "stats": ("read", FREE, FREE),
        "doctor": ("manage", FREE, FREE), "listaudit": ("manage", PART, REFUSED), "verifyaudit": ("manage", FREE, FREE)},
}


class Asking(HouseTest):
    """A house with something of everything in it, and right fields for each method."""
    deadline = 120

    def setUp(self):
        super().setUp()
        self.house = self.server_of_admins(http={"listen": "127.0.0.1:0"})
        self.root = self.client(self.house)
        self.worker = self.agent(self.house, IP, lambda call: Result(1, "done"))
        self.asked = 0
        self.roles = {}
        self.task = self.send_sync(self.root)["id"]
        self.root.ok("supervisor", "setapp", appname=APP, appip="127.0.0.1", appport="9")
        self.root.ok("cmdbproxy", "setcmdbinfo", agentip=IP, sn="1")
        self.root.ok("supervisor", "join", agentip=IP, hash="f" * 64)
        self.run_ = self.root.ok("run", "startrun", target="all", ins=INS)["id"]
        self.stopped = self.root.ok("run", "startrun", target=IP, ins=INS, at=LATER)["id"]
        self.root.ok("run", "steerrun", id=self.stopped, do="stop")
        eventually(lambda: self.root.ok("run", "getrun", id=self.run_)["run"]["end_time"])

    def pending_run(self, key):
        """One of that key, where it may start one."""
        fields = {"target": IP, "ins": INS, "at": LATER}
        begun = {}
        if self.roles[key["key"]] in ("operator", "admin"):
            with self.client(self.house, tcp=True) as client:
                begun = client.call("run", "startrun", auth=key, **fields)
        return begun.get("id") or self.root.ok("run", "startrun", **fields)["id"]

    def schedule(self, key):
        """One of that key's own, where it may set one."""
        fields = {"target": IP, "ins": INS, "rule": RULE}
        made = {}
        if key and self.roles[key["key"]] in ("operator", "admin"):
            with self.client(self.house, tcp=True) as client:
                made = client.call("run", "setschedule", auth=key, **fields)
        return made.get("id") or self.root.ok("run", "setschedule", **fields)["id"]

    def cron(self):
        return self.root.ok("cron", "setcronbyip", agentip=IP, rule=RULE, ins=INS)["id"]

    def upload(self, whole):
        """Of a version that was not pushed yet."""
        self.asked += 1
        push = {"app": APP, "version": f"1.{self.asked}", "sha256": SHA256 if whole else "0" * 64, "size": 3}
        begun = self.root.ok("apps", "beginpush", **push)
        if whole and begun["offset"] == "0":
            self.root.ok("apps", "pushpiece", upload=begun["upload"], offset=0, data=DATA)
        return begun["upload"]

    def version(self):
        made = self.root.ok("apps", "endpush", upload=self.upload(whole=True))
        return {"app": made["app"], "version": made["version"]}

    def apps_fields(self, method):
        """For the service `apps`."""
        if method == "beginpush":
            self.asked += 1
            return {"app": APP, "version": f"1.{self.asked}", "sha256": "0" * 64, "size": 3}
        if method == "pushpiece":
            return {"upload": self.upload(whole=False), "offset": 0, "data": DATA}
        if method == "endpush":
            return {"upload": self.upload(whole=True)}
        assignment = {**self.version(), "target": "env=none"}
        if method == "delassignment":
            return {"id": self.root.ok("apps", "setassignment", **assignment)["id"]}
        if method == "listassignments":
            self.root.ok("apps", "setassignment", **assignment)
            return {}
        return assignment if method == "setassignment" else {**self.version(), "offset": 0, "limit": 3} if method == "readpiece" \
            else {} if method == "listversions" else self.version()

    def fields(self, method, key):
        """Right ones; what they name, where they name anything, is demo.work on 10.0.0.1."""
        if method in REACH["apps"]:
            return self.apps_fields(method)
        if method in ("delcronbyipid", "startcron", "stopcron", "runcron"):
            return {"agentip": IP, "id": self.cron()}
        if method == "listcrons":
            self.cron()
            return {"limit": 100}
        if method == "getcronlistbykey":
            self.cron()
            return {"by": ""}
        if method in ("sendsync", "sendasync"):
            return {"agentip": IP, "ins": INS}
        if method == "setcronbyip":
            return {"agentip": IP, "rule": RULE, "ins": INS}
        if method in ("canceltask", "gettaskoutput", "gettaskstory"):
            return {"id": self.task}
        if method == "gettaskbyids":
            return {"id": [self.task]}
        if method == "agentasynclog":
            return {"id": self.task, "info": Result(1, "again").info()}
        if method == "appprocessorlog":
            return {"id": self.task, "info": {"processor_sync_flag": "true"}}
        if method == "queued":
            return {"id": self.task, "queued": "true"}
        if method == "output":
            return {"id": self.task, "offset": 0, "data": "x"}
        if method in ("checkipauthbykey", "login"):
            return {"agentip": IP, **key}
        if method in ("getauthbykey", "delkey", "setkey"):
            return {"key": key["key"] if method == "getauthbykey" else
                    self.root.ok("supervisor", "setkey", name="one to change")["key"], "name": "x"}
        if method in ("getappcallbackinfo", "setapp", "delapp"):
            self.root.ok("supervisor", "setapp", appname=APP, appip="127.0.0.1", appport="9")
            return {"appname": APP, "appip": "127.0.0.1", "appport": "9"}
        if method in ("planrun", "startrun"):
            return {"target": IP, "ins": INS}
        if method in ("getrun", "listrunhosts", "listanswers", "watchrun"):
            return {"id": self.run_}
        if method in ("listruns", "listwindows", "listcaps"):
            return {}
        if method == "listschedules":
            self.schedule(None)
            return {}
        if method == "setschedule":
            return {"target": IP, "ins": INS, "rule": RULE}
        if method in ("delschedule", "startschedule", "stopschedule"):
            id_ = self.schedule(key)
            if method == "startschedule":
                self.root.ok("run", "stopschedule", id=id_)
            return {"id": id_}
        if method in ("setwindow", "delwindow"):
            window = {"name": "to-change", "target": IP, "rule": RULE, "lasts": 1}
            self.root.ok("run", "setwindow", **window)
            return window if method == "setwindow" else {"name": "to-change"}
        if method in ("setcap", "delcap"):
            cap = {"name": "to-change", "target": IP, "most": 1000}
            self.root.ok("run", "setcap", **cap)
            return cap if method == "setcap" else {"name": "to-change"}
        if method == "steerrun":
            return {"id": self.pending_run(key), "do": "stop"}
        if method == "retryrun":
            return {"id": self.stopped, "states": ["not_started"]}
        if method in ("findagents", "counthosts"):
            return {"target": "all", **({"by": "os"} if method == "counthosts" else {})}
        if method == "explaintarget":
            return {"target": "all", "agentip": IP}
        if method in ("setlabels", "setgroup"):
            return {"target": IP if method == "setlabels" else "all", **({"labels": {"env": "prod"}} if method == "setlabels" else {"name": "to-change"})}
        if method in ("delgroup", "getgroup"):
            self.root.ok("fleet", "setgroup", name=f"{method}-it", target="all")
            return {"name": f"{method}-it"}
        if method == "listgroups":
            return {}
        if method in ("getstatbyiplist", "getcmdbinfobyiplist"):
            return {"iplist": [IP], "agentiplist": [IP]}
        if method == "forgetagents":
            return {"iplist": [IP], "plan": True}
        if method == "setcmdbinfolist":
            return {"records": [{"agentip": IP, "sn": "1"}]}
        if method == "delcmdbinfo":
            self.root.ok("cmdbproxy", "setcmdbinfo", agentip="10.9.9.9", sn="1")
            return {"agentip": "10.9.9.9"}
        if method == "join":
            return {"agentip": IP, "hash": "0" * 64}
        if method in ("acceptjoin", "rejectjoin"):
            self.asked += 1
            mark = f"{self.asked:064x}"
            self.root.call("supervisor", "rejectjoin", agentip=IP)  # those before it: so many may wait as one IP
            self.root.call("supervisor", "join", agentip=IP, hash=mark)  # a conflict, once one was accepted
            return {"agentip": IP, "fingerprint": mark, "replace": True}
        if method == "deljointoken":
            return {"id": self.root.ok("supervisor", "addjointoken")["id"]}
        if method == "addjointoken":
            return {}
        if method == "register":
            return {"agentip": "10.0.0.9"}
        if method == "nexttimes":
            return {"rule": RULE}
        return {} if method in ("listtasks", "listjoins", "countfailures", "getonlinehistory") else {"agentip": IP, "sn": "1"}

    def key(self, role, whose):
        apps, ips = KEYS[whose]
        made = self.root.ok("supervisor", "setkey", role=role, apps=apps, iplist=ips)
        self.roles[made["key"]] = role
        return {"key": made["key"], "token": made["token"]}

    def ask(self, service, method, key):
        with self.client(self.house, tcp=True) as client:
            return client.call(service, method, auth=key, **self.fields(method, key))


class EveryRight(Asking):
    deadline = 180

    def methods(self):
        return [(service["service"], method["method"], method["right"])
                for service in self.root.ok("elves", "methods")["services"] for method in service["methods"]]

    def judge(self, reply, service, method, role, whose):
        """What should have come of it, and did."""
        right, by_app, by_ip = REACH[service][method]
        expected = {"another app": by_app, "another address": by_ip}.get(whose, FREE)
        if right not in ROLES[role]:
            self.is_refused(reply, f"needs one with the right {right}")
        elif LINK in (by_app, by_ip):
            self.is_refused(reply, "this connection is no agent's link")
        elif expected in (REFUSED, TARGET):
            self.is_refused(reply, "has no rights on")
        else:
            self.assertEqual((reply["flag"], reply["error_info"]), ("true", ""), reply)
            self.assertEqual(reply.get("left_out") == "true", self.is_cut(by_app, by_ip, whose), reply)
        if expected == CUT:
            shown = str({name: value for name, value in reply.items() if name != "auth"})
            self.assertNotIn(IP, shown)
            self.assertNotIn(f"'{APP}", shown)

    def is_refused(self, reply, why):
        self.assertEqual(code_of(reply), "401.6", reply)
        self.assertIn(why, reply["error_info"])

    def is_cut(self, by_app, by_ip, whose):
        apps, ips = KEYS[whose]
        return (by_app in (CUT, PART) and "*" not in apps) or (by_ip in (CUT, PART, TARGET) and "*" not in ips)

    def test_every_method_has_the_right_that_is_meant(self):
        meant = [(service, method, right) for service, methods in REACH.items()
                 for method, (right, _, _) in methods.items()]
        self.assertCountEqual(self.methods(), meant)

    def test_every_method_lets_every_role_touch_what_it_declares_and_nothing_else(self):
        for service, method, _ in self.methods():
            self.assertIn(method, REACH[service], "a method of which is not said whom it lets touch what")
            if method == "newlink" and not has_console():
                continue
            for role, whose in itertools.product(ROLES, KEYS):
                with self.subTest(method=method, role=role, whose=whose):
                    reply = self.ask(service, method, self.key(role, whose))
                    self.judge(reply, service, method, role, whose)

    def test_who_casts_what_he_may_not_call_is_denied_too(self):
        viewer, denied = self.key("viewer", "everything"), []
        with self.client(self.house, tcp=True, auth=viewer) as client:
            for service, method, right in self.methods():
                if right not in ROLES["viewer"]:
                    client.cast(service, method, **self.fields(method, viewer))
                    denied.append((f"{service}.{method}", "401.6"))
        self.assertIn(("tasklog.output", "401.6"), denied)
        eventually(lambda: self.assertCountEqual(self.denied(viewer), denied) or True)

    def denied(self, key):
        rows = self.root.ok("elves", "listaudit", key=key["key"], denied=True, limit=1000)["rows"]
        return [(row["method"], row["result"]) for row in rows]


if __name__ == "__main__":
    unittest.main()
