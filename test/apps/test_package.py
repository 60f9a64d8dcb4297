"""package: what reads and what only simulates asks this machine's apt; what changes something asks one of this test's."""

import shutil
import unittest

from support import AppTest

APT_GET = r'''
echo "$*" >> FOLDER/calls
env | grep -E '^(DEBIAN_FRONTEND|APT_LIST)' | sort >> FOLDER/environment
echo "Reading package lists..."
[ ! -e FOLDER/broken ] || { echo "E: no" >&2; exit 100; }
case $* in
*' install '*|*' upgrade'*) printf 'ii \tnginx\t2.0\nii \tnew\t1\n' > FOLDER/installed ;;
esac
'''


@unittest.skipUnless(shutil.which("apt-get") and shutil.which("dpkg-query"), "this machine has no apt")
class OfThisMachine(AppTest):
    app = "package"

    def test_installed_lists_versions_by_pattern(self):
        (row,) = self.done("installed", "dpkg")["packages"]
        self.assertTrue(row["version"][0].isdigit())
        self.assertGreater(self.done("installed")["count"], 50)
        self.assertEqual(self.done("installed", {"name": "no-such-package"}), {"packages": [], "count": 0})
        self.assertIn("`name` is ", self.failed("installed", "a b"))

    def test_upgradable_asks_apt_and_changes_nothing(self):
        answer = self.done("upgradable")
        self.assertEqual(answer["count"], len(answer["packages"]))

    def test_a_simulated_install_names_what_apt_does_not_know(self):
        self.assertIn("Unable to locate package no-such-package",
                      self.failed("install", {"names": ["no-such-package"], "simulate": True}))
        self.assertIn("'0.0~none'", self.failed("install", {"names": "dpkg=0.0~none", "simulate": True}))
        self.assertIn("simulated", self.done("upgrade", {"names": ["dpkg"], "simulate": True}))

    def test_a_name_is_no_pattern_for_apt(self):
        self.assertIn("Unable to locate package", self.failed("install", {"names": "lib.sl", "simulate": True}))


class Changes(AppTest):
    app = "package"

    def setUp(self):
        super().setUp()
        (self.folder / "installed").write_text("ii \tnginx\t1.0\nrc \tgone\t1\n")
        self.program("apt-get", APT_GET.replace("FOLDER", str(self.folder)))
        self.program("dpkg-query", f"cat {self.folder}/installed")

    def words(self):
        return [line.split("--force-confold ")[1] for line in self.called("calls")]

    def test_install_and_upgrade_say_what_has_changed(self):
        changed = {"changed": [{"name": "new", "from": "", "to": "1"}, {"name": "nginx", "from": "1.0", "to": "2.0"}]}
        self.assertEqual(self.done("install", {"names": ["nginx=2.0", "new"]}), changed)
        self.assertEqual(self.done("install", "new"), {"changed": []})
        self.assertEqual(self.done("upgrade", {"update": True}), {"changed": []})
        self.assertEqual(self.done("upgrade", "nginx"), {"changed": []})
        self.assertEqual(self.words(), ["install -- nginx=2.0 new", "install -- new", "update", "upgrade --with-new-pkgs",
                                        "install --only-upgrade -- nginx"])

    def test_apt_asks_nothing_and_removes_nothing(self):
        self.done("install", "new")
        self.assertEqual((self.folder / "environment").read_text(),
                         "APT_LISTCHANGES_FRONTEND=none\nDEBIAN_FRONTEND=noninteractive\n")
        for word in ("--yes", "--no-remove", "--force-confdef"):
            self.assertIn(word, self.called("calls")[0])

    def test_a_failure_of_apt_is_one_of_the_task(self):
        (self.folder / "broken").touch()
        self.assertEqual(self.failed("install", "new"), "apt-get install -- new ended with 100: the task's output says why")

    def test_hostile_names_reach_no_program(self):
        for name in ("-y", "--purge", "nginx-", "a b", "./x.deb", "/x.deb", "^task", "a*", "?x", "A", "$(id)", "x=", "x=1 2",
                     "a:b-", "", 5, None):
            self.assertIn("`names` is ", self.failed("install", {"names": [name]}))
            self.assertIn("`names` is ", self.failed("upgrade", {"names": [name]}))
        self.assertIn("`names` is missing", self.failed("install"))
        self.assertIn("`purge` is no field", self.failed("install", {"names": "x", "purge": True}))
        self.assertEqual(self.called("calls"), [])


if __name__ == "__main__":
    unittest.main()
