#!/usr/bin/env python3
"""Makes a data file that has a bit of everything in it, for test/data/stores: one for each schema that was ever
released, so that test_upgrade.py can bring each up to date.

    test/e2e/make_store.py FILE.db

Run it with the binaries of that release ($ELVES_BIN), before the schema changes. Never make a stored file anew.
"""

import pathlib
import shutil
import sqlite3
import sys
import tempfile

from elves_wire import RUN, Agent, Client, Refuse, Result
from house import Server, eventually

HERE, AWAY = "10.0.0.1", "10.0.0.2"


def ins(func, **more):
    return {"app": "demo", "func": func, "param": '{"my":"toryzen"}', **more}


def on_instruct(call):
    func = call["ins"]["func"]
    if func == "well":
        return Result(1, "all is well \u2713")
    if func == "ill":
        return Result(0, "it did not work", 12)
    if func == "refused":
        return Refuse("[413.2] no such app")
    return RUN


def fill(client, address):
    agent = Agent(address, HERE, on_instruct, hw_config='{"cpu":{"cores":2}}', os="linux", version="0.1.0",
                  asset="web-1", apps={"demo": "1"}).start()
    send = lambda method, ip=HERE, **fields: client.ok("sheduler", method, agentip=ip, ins=ins(**fields))["info"]["id"]
    client.ok("supervisor", "setapp", appname="demo", appip="127.0.0.1", appport="9")  # nobody listens there
    made = {"rt_done": send("sendsync", func="well"), "done": send("sendasync", func="well", dedup="once"),
            "failed": send("sendasync", func="ill"), "refused": send("sendasync", func="refused"),
            "undelivered": send("sendasync", AWAY, func="well"),
            "waiting": send("sendasync", AWAY, func="well", ttl=31536000),
            "expired": send("sendasync", AWAY, func="well", ttl=1),
            "canceled": send("sendasync", func="long"), "running": send("sendasync", func="long", timeout=86400),
            "processor": send("sendasync", func="well", mode="P"), "lost": send("sendasync", func="long", timeout=1)}
    client.ok("sheduler", "canceltask", id=made["canceled"])
    agent.output(made["running"], 0, "as it is printed\n")
    agent.journal.pop(made["lost"])
    cron = client.ok("cron", "setcronbyip", agentip=HERE, rule="* * * * * ?", ins=ins("long"))["id"]
    client.ok("cron", "setcronbyip", agentip=HERE, rule="0 0 3 1 1 ?", cron_type="self", ins=ins("well"),
              timezone="Europe/Berlin", misfire="once", overlap="replace", jitter=60)
    client.ok("supervisor", "setkey", name="viewer", role="viewer", apps=["demo"], iplist=["10.0.0.0/8"])
    client.ok("cmdbproxy", "setcmdbinfo", agentip=HERE, sn="S1", iplist=HERE, idc="i", main_cat="m", sub_cat="s",
              app_info="a", manager="me")
    status = lambda name: client.task(made[name])["status"]
    for name in ("done", "failed", "canceled", "expired", "lost"):
        eventually(lambda: status(name) == name, what=name)
    eventually(lambda: client.tasks(status="skipped"), what="a skipped firing")
    client.ok("cron", "stopcron", agentip=HERE, id=cron)
    eventually(lambda: client.task(made["processor"])["module_sync_flag"] == "false", what="a failed delivery")
    client.ok("tasklog", "appprocessorlog", id=made["done"], info={"processor_message": "put away"})
    client.ok("tasklog", "gettaskoutput", id=made["running"])
    agent.stop()


def main(target):
    with tempfile.TemporaryDirectory() as folder:
        server = Server(pathlib.Path(folder), tasklog={"lost_after": 1})
        server.start()
        with Client.connect(*server.address) as client:
            fill(client, server.address)
        server.terminate()
        with sqlite3.connect(pathlib.Path(folder) / "elves.db") as db:
            db.execute("PRAGMA journal_mode = DELETE")
        shutil.copy(pathlib.Path(folder) / "elves.db", target)


if __name__ == "__main__":
    main(sys.argv[1])
