"""Calls whose outcome goes into the history: what was acknowledged, and what perhaps happened."""

import json
import threading

from elves_wire import LinkClosed, Slow, code_of


class History:
    """What was seen, in order; in memory, and in a file where there is one."""

    def __init__(self, path=None):
        self.entries = []
        self._lock = threading.Lock()
        self._file = open(path, "a", encoding="utf-8") if path else None

    def add(self, what, **entry):
        entry = {"what": what, **entry}
        with self._lock:
            self.entries.append(entry)
            if self._file:
                self._file.write(json.dumps(entry) + "\n")
                self._file.flush()


class Caller:
    """A client whose acknowledged calls are noted."""

    def __init__(self, client, history):
        self.client, self.history = client, history

    def send(self, method, agent, token, dedup=None, **ins):
        """sendasync or sendsync; returns its `info`, or None where it was refused."""
        ins = {"app": "demo", "func": "ok", "param": token, **({"dedup": dedup} if dedup else {}), **ins}
        reply = self.client.call("sheduler", method, agentip=agent, ins=ins)
        info = reply.get("info", {})
        if reply["flag"] != "true":
            return None
        self.history.add("send", method=method, token=token, agent=agent, mode=ins.get("mode", "NP"), dedup=dedup,
                         id=info["id"], info=info)
        return info

    def cancel(self, task):
        reply = self.client.call("sheduler", "canceltask", id=task)
        if reply["flag"] == "true":
            self.history.add("cancel", id=task, status=reply["status"])

    def look(self, ids):
        """gettaskbyids; notes the states, returns the records."""
        reply = self.client.ok("tasklog", "gettaskbyids", id=ids)
        for task in reply["info"]:
            self.history.add("saw", id=task["id"], status=task["status"])
        for task in reply["missing"]:
            self.history.add("saw", id=task, status="missing")
        return reply["info"]

    def put(self, kind, name, value, service, method, /, id_field=None, **fields):
        """Sets a record, or with `value` None deletes it. `id_field`: the server names it, in that field."""
        try:
            reply = self.client.call(service, method, **fields)
        except (LinkClosed, Slow) as why:
            if name:
                came = "late" if isinstance(why, Slow) else "unknown"
                self.history.add("put", kind=kind, name=name, value=value, came=came)
            raise
        well = reply["flag"] == "true"
        name = reply.get(id_field) if id_field else name
        if name and (well or code_of(reply) in ("507.1", "500.1")):
            self.history.add("put", kind=kind, name=name, value=value, came="acked" if well else "unknown")
        return reply if well else None

    # ---- the records of each kind ----
    def set_cmdb(self, ip, sn):
        return self.put("cmdb", ip, sn, "cmdbproxy", "setcmdbinfo", agentip=ip, sn=sn)

    def del_cmdb(self, ip):
        return self.put("cmdb", ip, None, "cmdbproxy", "delcmdbinfo", agentip=ip)

    def set_app(self, name, port, host="127.0.0.1"):
        return self.put("app", name, str(port), "supervisor", "setapp", appname=name, appip=host, appport=str(port))

    def del_app(self, name):
        return self.put("app", name, None, "supervisor", "delapp", appname=name)

    def new_key(self, name):
        return self.put("key", None, name, "supervisor", "setkey", id_field="key", name=name, role="viewer",
                        apps=["*"], iplist=["*"])

    def del_key(self, key):
        return self.put("key", key, None, "supervisor", "delkey", key=key)

    def set_cron(self, agent, rule, token, **fields):
        return self.put("cron", None, rule, "cron", "setcronbyip", id_field="id", agentip=agent, rule=rule,
                        ins={"app": "demo", "func": "ok", "param": token}, **fields)

    def del_cron(self, agent, cron):
        return self.put("cron", cron, None, "cron", "delcronbyipid", agentip=agent, id=cron)
