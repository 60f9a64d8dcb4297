"""What a start page needs, for scripts as well: how many were online, when a host came and went, what failed, when a rule
fires, how the hosts of runs did, and which windows hold a plan back."""

import unittest
from datetime import datetime, timedelta, timezone

from elves_wire import Result, code_of
from house import HouseTest, eventually

IP, OTHER = "10.0.0.1", "10.0.0.2"
INS = {"app": "demo", "func": "work"}


def at(seconds):
    return (datetime.now(timezone.utc) + timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M:%S")


class Overview(HouseTest):
    deadline = 120

    def setUp(self):
        super().setUp()
        self.house = self.server(heartbeat={"interval": 1, "offline_after": 3})
        self.caller = self.client(self.house)

    def statuses(self, ip=IP):
        return [change["status"] for change in self.caller.ok("heartbeat", "getagenthistory", agentip=ip)["changes"]]

    def test_a_host_that_went_and_came_back_has_both_in_its_history_and_a_restart_adds_nothing(self):
        agent = self.agent(self.house, IP)
        eventually(lambda: self.statuses() == ["online"], what="that it came")
        agent.stop()
        eventually(lambda: self.statuses() == ["online", "offline"], what="that it went")
        self.agent(self.house, IP)
        eventually(lambda: self.statuses() == ["online", "offline", "online"], what="that it is back")
        self.house.kill9()
        self.house.start()
        self.caller = self.client(self.house)
        self.agent(self.house, IP)
        eventually(lambda: self.caller.status_of(IP) == "online")
        self.assertEqual(self.statuses(), ["online", "offline", "online"])
        self.caller.refused("414.1", "heartbeat", "getagenthistory", agentip="10.9.9.9")

    def test_how_many_are_online_is_noted(self):
        self.agent(self.house, IP)

        def is_noted():  # The minute in which the server began may be noted before the agent came.
            counts = self.caller.ok("heartbeat", "getonlinehistory", step=60)["counts"]
            return counts and (counts[-1]["online"], counts[-1]["known"]) == ("1", "1")
        eventually(is_noted, 80, "a minute")
        self.caller.refused("403.10", "heartbeat", "getonlinehistory", step=61)

    def test_failures_are_counted_by_app_also_after_a_restart(self):
        self.agent(self.house, IP, lambda call: Result(0, "no space left"))
        for app in ("backup", "backup", "nginx"):
            self.send_sync(self.caller, IP, app=app)

        def told():
            found = self.caller.ok("tasklog", "countfailures")["failures"]
            return [(one["app"], one["count"], one["counts"], one["latest"]["message"]) for one in found]
        expected = [("backup", "2", {"failed": "2"}, "no space left"), ("nginx", "1", {"failed": "1"}, "no space left")]
        eventually(lambda: told() == expected, what="what failed")
        self.house.restart()
        self.caller = self.client(self.house)
        eventually(lambda: told() == expected, what="what failed before the restart")
        self.assertEqual(self.caller.ok("tasklog", "countfailures", since=at(60))["failures"], [])

    def test_the_next_times_of_a_rule_are_told_with_its_zone(self):
        told = self.caller.ok("cron", "nexttimes", rule="0 0 2 * * ?", timezone="Asia/Tokyo", times=2)
        self.assertEqual(told["timezone"], "Asia/Tokyo")
        self.assertEqual([time["local"][11:] for time in told["times"]], ["02:00:00", "02:00:00"])
        self.assertEqual([time["fire_time"][11:] for time in told["times"]], ["17:00:00", "17:00:00"])
        self.assertEqual(len(self.caller.ok("cron", "nexttimes", rule="0 0 2 * * ?")["times"]), 5)
        self.assertEqual(self.caller.ok("cron", "nexttimes", rule="0 0 0 1 1 ? 2020")["times"], [])
        until = self.caller.ok("cron", "nexttimes", rule="0 0 2 * * ?", end_date=at(30 * 3600)[:10], times=100)["times"]
        self.assertIn(len(until), (1, 2))
        for fields, code in (({"rule": "nonsense"}, "403.5"), ({"rule": "0 0 2 * * ?", "times": 101}, "403.10"),
                             ({"rule": "0 0 2 * * ?", "start_date": "soon"}, "403.10")):
            self.assertEqual(code_of(self.caller.call("cron", "nexttimes", **fields)), code, fields)

    def test_schedules_are_listed_with_their_next_times(self):
        self.agent(self.house, IP)
        self.caller.ok("run", "setschedule", target=IP, ins=INS, rule="0 0 2 * * ?", timezone="Asia/Tokyo")
        schedule = self.caller.ok("run", "listschedules", times=2)["schedules"][0]
        self.assertEqual(len(schedule["next_times"]), 2)
        self.assertEqual(schedule["next_times"][0]["fire_time"], schedule["next_time"])
        self.assertEqual(schedule["next_times"][0]["local"][11:], "02:00:00")
        self.caller.ok("run", "stopschedule", id=schedule["id"])
        self.assertEqual(self.caller.ok("run", "listschedules")["schedules"][0]["next_times"], [])

    def test_a_list_of_runs_has_how_their_hosts_did(self):
        self.agent(self.house, IP)
        self.agent(self.house, OTHER, lambda call: Result(0, "not today"))
        ended = self.caller.ok("run", "startrun", target=f"{IP} or {OTHER}", ins=INS, max_fail=2)["id"]
        later = self.caller.ok("run", "startrun", target=IP, ins=INS, at=at(3600))["id"]

        def counts():
            return {run["id"]: run["counts"] for run in self.caller.ok("run", "listruns")["runs"]}
        eventually(lambda: counts() == {ended: {"done": "1", "failed": "1"}, later: {"held": "1"}}, what=str(counts()))
        self.house.restart()
        self.caller = self.client(self.house)
        self.assertEqual(counts()[ended], {"done": "1", "failed": "1"})

    def test_a_plan_names_the_windows_that_are_closed_when_it_starts_and_whom_they_hold_back(self):
        for ip in (IP, OTHER):
            self.agent(self.house, ip)
        self.caller.ok("run", "setwindow", name="freeze", target=OTHER, **{"from": at(-60)}, to=at(600), note="the holidays")
        self.caller.ok("run", "setwindow", name="other-app", target="all", apps=["nginx"], **{"from": at(-60)}, to=at(600))
        plan = self.caller.ok("run", "planrun", target="all", ins=INS)
        self.assertEqual([(one["name"], one["hosts"], one["first"], one["note"]) for one in plan["windows"]],
                         [("freeze", "1", [OTHER], "the holidays")])
        later = self.caller.ok("run", "planrun", target="all", ins=INS, at=at(1200))
        self.assertEqual(later["windows"], [])


    def test_elvesctl_shows_them(self):
        agent = self.agent(self.house, IP, lambda call: Result(0, "no space left"))
        self.send_sync(self.caller, IP, app="backup")
        eventually(lambda: "no space left" in self.ctl(self.house, "failures").out, what="what failed")
        eventually(lambda: self.statuses() == ["online"], what="that it came")
        agent.stop()
        eventually(lambda: self.statuses() == ["online", "offline"], what="that it went")
        self.assertIn("offline", str(self.ctl(self.house, "agents", "history", IP)))
        eventually(lambda: "known" in self.ctl(self.house, "agents", "history").out, 20, "a minute")
        self.caller.ok("run", "setwindow", name="freeze", target=IP, **{"from": at(-60)}, to=at(600))
        done = self.ctl(self.house, "run", IP, "--plan", "--", "demo", "work")
        self.assertIn("window freeze holds 1 hosts back until", done.out)


class Watched(HouseTest):
    def test_a_job_that_is_watched_is_listed_so_and_500_are_the_most(self):
        house = self.server()
        caller = self.client(house)
        job = caller.ok("cron", "setcronbyip", agentip=IP, rule="0 0 3 * * ?", ins=INS, watch="nightly")["id"]
        self.assertEqual(caller.ok("cron", "listcrons", id=job)["cron_list"][0]["watch"], "nightly")
        house.restart()
        caller = self.client(house)
        self.assertEqual(caller.ok("cron", "listcrons", id=job)["cron_list"][0]["watch"], "nightly")
        for number in range(499):
            caller.ok("cron", "setcronbyip", agentip=IP, rule="0 0 3 * * ?", ins=INS, watch=f"job{number}")
        caller.refused("429.1", "cron", "setcronbyip", agentip=IP, rule="0 0 3 * * ?", ins=INS, watch="one-more")


if __name__ == "__main__":
    unittest.main()
