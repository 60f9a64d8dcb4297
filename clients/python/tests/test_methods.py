"""One method for each of the server's: the client's signatures and reply types against a running elvesd.

Fails where the server has a method that the client lacks, or the other way round, and where fields differ."""

import asyncio
import inspect
import typing
import unittest

from . import support  # noqa: F401
from elves_wire import Result
from house import HouseTest
import test_every_method

from elves import AGENT_METHODS, AsyncElves, Elves
from elves.async_methods import AsyncMethods

IP = test_every_method.IP
#: What the client adds to the server's methods.
OWN = {"call", "wait", "run"} | {name for name in vars(AsyncMethods) if name.startswith("iter_")}
#: `ins` as the arguments that it is in a send.
INS = {"sendsync": {"app", "func", "param", "mode", "timeout", "proxy", "dedup"},
       "sendasync": {"app", "func", "param", "mode", "timeout", "proxy", "dedup", "ttl"}}
#: What the iterators go through.
LISTS = {"iter_agents": "listagents", "iter_keys": "listkeys", "iter_apps": "listapps", "iter_joins": "listjoins",
         "iter_cmdbinfo": "listcmdbinfo", "iter_crons": "listcrons", "iter_crons_of_key": "getcronlistbykey",
         "iter_tasks": "listtasks", "iter_audit": "listaudit", "iter_found_agents": "findagents",
         "iter_runs": "listruns", "iter_run_hosts": "listrunhosts", "iter_answers": "listanswers",
         "iter_versions": "listversions"}


def faults_of(value, kind, where):
    """How a reply differs from its declared type; nothing where it does not."""
    if kind is typing.Any:
        return []
    if kind is None or kind is type(None):
        return [] if value is None else [f"{where}: {value!r} is not None"]
    if hasattr(kind, "__required_keys__"):  # a TypedDict
        return faults_of_object(value, kind, where)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Union:
        return [] if any(not faults_of(value, one, where) for one in arguments) else [f"{where}: {value!r} is no {kind}"]
    if origin is list:
        if not isinstance(value, list):
            return [f"{where}: {value!r} is no list"]
        return [fault for index, one in enumerate(value) for fault in faults_of(one, arguments[0], f"{where}[{index}]")]
    if origin is dict:
        if not isinstance(value, dict):
            return [f"{where}: {value!r} is no object"]
        return [fault for name, one in value.items() for fault in faults_of(one, arguments[1], f"{where}.{name}")]
    return [] if type(value) is kind else [f"{where}: {value!r} is no {kind.__name__}"]


def faults_of_object(value, kind, where):
    if not isinstance(value, dict):
        return [f"{where}: {value!r} is no object"]
    declared = typing.get_type_hints(kind)
    faults = [f"{where}.{name} is missing" for name in sorted(kind.__required_keys__ - set(value))]
    faults += [f"{where}.{name} is not declared in replies.py" for name in sorted(set(value) - set(declared))]
    return faults + [fault for name in declared if name in value
                     for fault in faults_of(value[name], declared[name], f"{where}.{name}")]


def parameters_of(method):
    """{name on the wire: is it required}"""
    found = {}
    for name, parameter in inspect.signature(method).parameters.items():
        if name != "self":
            found[name.rstrip("_")] = parameter.default is inspect.Parameter.empty
    return found


class EveryMethod(HouseTest):
    deadline = 300
    # What test/e2e shows as right use of each method.
    make_examples = test_every_method.EveryMethod.make_examples
    one_that_asks = test_every_method.EveryMethod.one_that_asks
    schedule = test_every_method.EveryMethod.schedule
    pending_run = test_every_method.EveryMethod.pending_run
    stopped_run = test_every_method.EveryMethod.stopped_run
    push = test_every_method.EveryMethod.push
    upload = test_every_method.EveryMethod.upload
    version = test_every_method.EveryMethod.version

    def setUp(self):
        super().setUp()
        self.house = self.server(http={"listen": "127.0.0.1:0"})
        self.caller = self.client(self.house)
        self.agent_ = self.agent(self.house, IP, lambda call: Result(1, "done"))
        self.asked = 0
        self.elves = Elves(self.house.text, answer_timeout=60)
        self.addCleanup(self.elves.close)
        self.declared = {(service["service"], method["method"]): method
                         for service in self.elves.methods()["services"] for method in service["methods"]}
        self.services = {service for service, _ in self.declared}

    def examples(self):
        found = {name: fields for name, fields in self.make_examples().items() if name in self.declared}
        return found

    def service_of(self, name):
        """The service that a method of the client calls, by its source."""
        return inspect.getsource(getattr(AsyncMethods, name)).split('"' + name + '"')[0].rsplit('"', 2)[1]

    def test_each_method_of_the_server_has_one_of_its_name_and_the_other_way_round(self):
        own = {name for name in vars(AsyncMethods) if not name.startswith("_")} - OWN
        for service, name in self.declared:
            if (service, name) not in AGENT_METHODS:
                self.assertIn(name, own, f"the client has no method for {service}.{name}")
                self.assertEqual(self.service_of(name), service)
        wanted = {name for _, name in self.declared}
        for name in own:
            if self.service_of(name) in self.services:  # another one's module may not be built yet
                self.assertIn(name, wanted, f"the server has no method {name}")
        self.assertLessEqual({one for one in AGENT_METHODS if one[0] in self.services}, set(self.declared))

    def test_each_method_takes_the_fields_that_the_server_declares(self):
        for (service, name), method in self.declared.items():
            if (service, name) in AGENT_METHODS:
                continue
            with self.subTest(method=name):
                declared = {field["name"]: field["required"] == "true" for field in method["fields"]}
                if name in INS:
                    del declared["ins"]
                    declared.update({field: field in ("app", "func") for field in INS[name]})
                self.assertEqual(parameters_of(getattr(Elves, name)), declared)

    def test_each_reply_is_what_the_types_say(self):
        for (service, name), fields in self.examples().items():
            if (service, name) in AGENT_METHODS:
                continue
            with self.subTest(method=name):
                fields = dict(fields() if callable(fields) else fields)
                if name in INS:
                    fields.update(fields.pop("ins"))
                with Elves(self.house.text, answer_timeout=60) as client:  # `login` changes who it is
                    reply = getattr(client, name)(**fields)
                kind = typing.get_type_hints(getattr(Elves, name))["return"]
                self.assertEqual(faults_of(reply, kind, name), [])

    def test_each_method_has_an_example(self):
        self.assertEqual(set(self.declared) - set(self.examples()), set())

    def test_the_asyncio_client_gives_the_same_replies(self):
        async def ask():
            async with AsyncElves(self.house.text, answer_timeout=60) as client:
                sent = await client.sendsync(IP, "demo", "work", {"my": 1})
                tasks = await client.wait([sent["info"]["id"]], 60)
                agents = [agent["agentip"] async for agent in client.iter_agents()]
                return sent["info"]["worker_result"], tasks[0]["param"], agents
        self.assertEqual(asyncio.run(ask()), ("done", '{"my":1}', [IP]))

    def test_each_iterator_goes_through_its_list(self):
        self.examples()
        self.one_that_asks()
        self.elves.run(IP, "demo", "work").wait(timeout=200)
        run = next(self.elves.iter_runs())["id"]
        self.assertEqual(set(LISTS), {name for name in OWN if name.startswith("iter_")})
        for name, method in LISTS.items():
            if self.service_of(method) not in self.services:
                continue
            with self.subTest(name=name):
                more = {"iter_crons_of_key": {"by": self.made["key"]}, "iter_found_agents": {"target": "all"},
                        "iter_run_hosts": {"id": run}, "iter_answers": {"id": run}}.get(name, {})
                rows = list(getattr(self.elves, name)(**more))
                if name != "iter_crons_of_key":
                    self.assertTrue(rows)
                row = typing.get_args(typing.get_type_hints(getattr(Elves, name))["return"])[0]
                self.assertEqual([fault for one in rows for fault in faults_of(one, row, name)], [])
                listed = set(parameters_of(getattr(Elves, method))) - {"after", "limit"} - ({"id"} if name == "iter_crons" else set())
                self.assertEqual(set(parameters_of(getattr(Elves, name))), listed)


if __name__ == "__main__":
    unittest.main()
