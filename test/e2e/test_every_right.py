"""Every method that the server declares, asked by a key of every role, for what is its own, for another app, and for
another address. A method that is not in REACH fails: what a new one lets whom touch has to be said here."""

import itertools
import unittest

from elves_wire import Result, code_of
from house import HouseTest

IP, APP = "10.0.0.1", "demo"
INS = {"app": APP, "func": "work"}
RULE = "0 0 3 1 1 ?"
ROLES = {"viewer": {"open", "own", "read"}, "operator": {"open", "own", "read", "operate"},
         "agent": {"open", "own", "report"}, "admin": {"open", "own", "read", "operate", "report", "manage"}}
# The key's apps and addresses, and whether what is asked for is beyond its apps, or beyond its addresses.
KEYS = {"its own": (["demo.w*"], ["10.0.0.0/8"]), "another app": (["other.*", "demo2"], ["10.0.0.0/8"]),
        "another address": (["*"], ["192.0.2.0/24"])}
REFUSED, CUT, FREE = "refused", "left out", "free"
# Method: what a key gets that may not touch the app, and what one gets that may not touch the address.
REACH = {
    "sendsync": (REFUSED, REFUSED), "sendasync": (REFUSED, REFUSED), "canceltask": (REFUSED, REFUSED),
    "getstatbyip": (FREE, REFUSED), "getinfobyip": (FREE, REFUSED), "getstatbyiplist": (FREE, REFUSED),
    "getonlinestat": (FREE, CUT), "listagents": (FREE, CUT), "register": (FREE, REFUSED), "beat": (FREE, FREE),
    "checkipauthbykey": (FREE, FREE), "getappcallbackinfo": (REFUSED, FREE), "getauthbykey": (FREE, FREE),
    "setkey": (FREE, FREE), "delkey": (FREE, FREE), "listkeys": (FREE, FREE), "setapp": (REFUSED, FREE),
    "delapp": (REFUSED, FREE), "listapps": (CUT, FREE), "login": (FREE, FREE),
    "join": (FREE, FREE), "listjoins": (FREE, CUT), "acceptjoin": (FREE, REFUSED), "rejectjoin": (FREE, REFUSED),
    "addjointoken": (FREE, FREE), "listjointokens": (FREE, FREE), "deljointoken": (FREE, FREE),
    "getcmdbinfobyip": (FREE, REFUSED), "getcmdbinfobyiplist": (FREE, REFUSED), "setcmdbinfo": (FREE, REFUSED),
    "delcmdbinfo": (FREE, REFUSED), "listcmdbinfo": (FREE, CUT),
    "getcronlistbyip": (CUT, REFUSED), "setcronbyip": (REFUSED, REFUSED), "delcronbyipid": (REFUSED, REFUSED),
    "startcron": (REFUSED, REFUSED), "stopcron": (REFUSED, REFUSED),
    "appprocessorlog": (REFUSED, REFUSED), "gettaskbyids": (REFUSED, REFUSED), "listtasks": (CUT, CUT),
    "gettaskoutput": (REFUSED, REFUSED), "gettaskstory": (REFUSED, REFUSED),
    # Over an agent's link only, whatever the key: it is bound to that agent's tasks.
    "agentasynclog": (REFUSED, REFUSED), "output": (FREE, FREE),
    "ping": (FREE, FREE), "methods": (FREE, FREE), "stats": (FREE, FREE), "doctor": (FREE, FREE),
    "listaudit": (FREE, REFUSED), "verifyaudit": (FREE, FREE),
}


class Asking(HouseTest):
    """A house with something of everything in it, and right fields for each method."""
    deadline = 120

    def setUp(self):
        super().setUp()
        self.house = self.server()
        self.root = self.client(self.house)
        self.worker = self.agent(self.house, IP, lambda call: Result(1, "done"))
        self.asked = 0
        self.task = self.send_sync(self.root)["id"]
        self.root.ok("supervisor", "setapp", appname=APP, appip="127.0.0.1", appport="9")
        self.root.ok("cmdbproxy", "setcmdbinfo", agentip=IP, sn="1")

    def cron(self):
        return self.root.ok("cron", "setcronbyip", agentip=IP, rule=RULE, ins=INS)["id"]

    def fields(self, method, key):
        """Right ones; what they name, where they name anything, is demo.work on 10.0.0.1."""
        if method in ("delcronbyipid", "startcron", "stopcron"):
            return {"agentip": IP, "id": self.cron()}
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
        if method in ("getstatbyiplist", "getcmdbinfobyiplist"):
            return {"iplist": [IP], "agentiplist": [IP]}
        if method == "delcmdbinfo":
            self.root.ok("cmdbproxy", "setcmdbinfo", agentip="10.9.9.9", sn="1")
            return {"agentip": "10.9.9.9"}
        if method == "join":
            return {"agentip": IP, "hash": "0" * 64}
        if method in ("acceptjoin", "rejectjoin", "listjoins"):
            self.asked += 1
            mark = f"{self.asked:064x}"
            self.root.call("supervisor", "rejectjoin", agentip=IP)  # those before it: so many may wait as one IP
            self.root.call("supervisor", "join", agentip=IP, hash=mark)  # a conflict, once one was accepted
            return {} if method == "listjoins" else {"agentip": IP, "fingerprint": mark, "replace": True}
        if method == "deljointoken":
            return {"id": self.root.ok("supervisor", "addjointoken")["id"]}
        if method == "addjointoken":
            return {}
        if method == "register":
            return {"agentip": "10.0.0.9"}
        return {} if method == "listtasks" else {"agentip": IP, "sn": "1"}

    def key(self, role, whose):
        apps, ips = KEYS[whose]
        made = self.root.ok("supervisor", "setkey", role=role, apps=apps, iplist=ips)
        return {"key": made["key"], "token": made["token"]}

    def ask(self, service, method, key):
        with self.client(self.house) as client:
            return client.call(service, method, auth=key, **self.fields(method, key))


class EveryRight(Asking):
    def judge(self, reply, method, right, role, whose):
        """What should have come of it, and did."""
        expected = dict(zip(KEYS, (FREE, *REACH[method])))[whose]
        if right not in ROLES[role] or (expected == REFUSED and right not in ("open", "own")):
            self.assertEqual(code_of(reply), "401.6", reply)
        elif method == "agentasynclog":  # on a connection that is no agent's link
            self.assertEqual(code_of(reply), "401.6", reply)
        elif expected == CUT:
            self.assertEqual(reply["flag"], "true", reply)
            shown = str({name: value for name, value in reply.items() if name != "auth"})
            self.assertNotIn(IP, shown)
            self.assertNotIn(f"'{APP}", shown)
        elif method == "beat":
            self.assertNotEqual(code_of(reply)[:3], "500", reply)
        else:
            self.assertEqual((reply["flag"], reply["error_info"]), ("true", ""), reply)

    def test_every_method_lets_every_role_touch_what_it_declares_and_nothing_else(self):
        for service in self.root.ok("elves", "methods")["services"]:
            for method in service["methods"]:
                name = method["method"]
                self.assertIn(name, REACH, "a method of which is not said whom it lets touch what")
                if method["mqt"] != "call":
                    continue
                for role, whose in itertools.product(ROLES, KEYS):
                    with self.subTest(method=name, role=role, whose=whose):
                        reply = self.ask(service["service"], name, self.key(role, whose))
                        self.judge(reply, name, method["right"], role, whose)


if __name__ == "__main__":
    unittest.main()
