"""service, against a systemctl of this test's: it says what the real one says, and writes down how it was called."""

import os
import unittest

from support import AppTest

SYSTEMCTL = r'''
echo "$*" >> FOLDER/calls
shift 2
case $1 in
show)
    for unit; do :; done
    case $unit in
    nosuch.service) echo LoadState=not-found; exit ;;
    esac
    state=$(cat FOLDER/state)
    printf 'Id=%s\nLoadState=loaded\nActiveState=%s\nSubState=running\nMainPID=42\nMemoryCurrent=[not set]\n' "$unit" "$state"
    printf 'Result=%s\nDescription=a = b\n' "$(cat FOLDER/result)" ;;
stop) echo inactive > FOLDER/state ;;
*)
    [ ! -e FOLDER/broken ] || { echo "Job for $3 failed." >&2; echo "See journalctl." >&2; exit 1; }
    cat FOLDER/next > FOLDER/state ;;
esac
'''


class Service(AppTest):
    app = "service"

    def setUp(self):
        super().setUp()
        self.program("systemctl", SYSTEMCTL.replace("FOLDER", str(self.folder)))
        self.states("inactive", "active")

    def states(self, now, then, result="success"):
        for name, text in (("state", now), ("next", then), ("result", result)):
            (self.folder / name).write_text(text)

    def test_status_shows_the_unit_and_that_it_does_not_run_is_no_failure(self):
        state = self.done("status", "nginx")
        self.assertEqual((state["name"], state["active"], state["main_pid"]), ("nginx.service", "inactive", 42))
        self.assertEqual((state["description"], state["memory"]), ("a = b", None))
        self.assertEqual(self.done("status", '{"name": "a@b.socket"}')["name"], "a@b.socket")
        self.assertEqual(self.failed("status", "nosuch"), '`name` is "nosuch.service": this machine has no such unit')

    def test_each_verb_changes_that_unit_and_returns_its_state(self):
        for verb in ("start", "restart", "reload"):
            self.states("inactive", "active")
            self.assertEqual(self.done(verb, "nginx")["active"], "active")
        self.assertEqual(self.done("stop", "nginx")["active"], "inactive")
        self.assertEqual([line for line in self.called("calls") if " show " not in line],
                         [f"--no-pager --no-ask-password {verb} -- nginx.service"
                          for verb in ("start", "restart", "reload", "stop")])

    def test_a_change_fails_where_systemctl_does_or_where_the_unit_is_not_in_that_state(self):
        self.states("inactive", "failed", result="exit-code")
        self.assertEqual(self.failed("start", "nginx"), "nginx.service is failed (running, exit-code) after start")
        (self.folder / "broken").touch()
        self.assertEqual(self.failed("restart", "nginx"), "Job for nginx.service failed.; See journalctl.")

    def test_a_unit_that_has_done_its_work_and_ended_was_started(self):
        self.states("inactive", "inactive")
        self.assertEqual(self.done("start", "once")["active"], "inactive")

    def test_hostile_names_reach_no_program(self):
        for name in ("-H host", "--force", "", "a b", "a;b", "$(id)", "a/b", "nginx\n", "é", "x" * 256, "reboot.target",
                     "a.mount", 5, ["nginx"]):
            self.assertIn("`name` is ", self.failed("restart", {"name": name}))
        self.assertIn("`name` is missing", self.failed("restart"))
        self.assertIn("`now` is no field", self.failed("restart", {"name": "nginx", "now": True}))
        self.assertEqual(self.called("calls"), [])

    def test_a_machine_without_systemd_says_so(self):
        os.environ["PATH"] = str(self.folder / "none")
        self.assertEqual(self.failed("status", "nginx"), "systemctl could not be started: No such file or directory")


if __name__ == "__main__":
    unittest.main()
