"""`cmake --install`: what lands where, that it works from there, and that settings which were changed stay."""

import os
import re
import subprocess
import unittest

from house import BIN, ROOT, HouseTest

FILES = {"usr/local/bin/elvesd", "usr/local/bin/elves-agent", "usr/local/bin/elvesctl",
         "usr/local/share/man/man8/elvesd.8", "usr/local/share/man/man8/elves-agent.8",
         "usr/local/share/man/man1/elvesctl.1", "etc/elves/elves.conf", "etc/elves/agent.conf",
         "usr/local/lib/systemd/system/elvesd.service", "usr/local/lib/systemd/system/elves-agent.service",
         "usr/local/share/bash-completion/completions/elvesctl", "usr/local/share/zsh/vendor-completions/_elvesctl",
         "usr/local/share/fish/vendor_completions.d/elvesctl.fish", "usr/local/lib/elves/apps/apptest/app-worker.py",
         "usr/local/include/elves/module.hpp", "usr/local/share/cmake/elves/elvesConfig.cmake",
         "usr/local/share/elves/elves-worker.sh", "usr/local/share/elves/grafana/elves.json",
         "usr/local/share/elves/prometheus/elves.rules.yml",
         *(f"usr/local/lib/elves/apps/{app}/{name}" for app in ("host", "service", "package", "file", "process", "shell")
           for name in ("app.json", "app-worker.py", "worker.py", "appkit.py"))}


class Install(HouseTest):
    deadline = 300

    def install(self, into, *more):
        subprocess.run(["cmake", "--install", str(BIN.parent), *more], check=True,
                       env={**os.environ, "DESTDIR": str(into)}, stdout=subprocess.DEVNULL)

    def setUp(self):
        super().setUp()
        cache = BIN.parent / "CMakeCache.txt"
        if not cache.exists():
            self.skipTest(f"{BIN} is not in a folder of a build")
        self.is_sanitized = re.search(r"(?m)^ELVES_SANITIZE:STRING=.", cache.read_text())
        self.root = self.folder("root")
        self.install(self.root)

    def text(self, path):
        return (self.root / path).read_text()

    def test_every_part_is_there_and_names_no_path_of_the_build(self):
        there = {str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file()}
        self.assertEqual(FILES - there, set())
        self.assertEqual([path for path in there if re.search(r"_test|\.pyc$|/debian/", path)], [])
        for path in FILES - {"usr/local/bin/elvesd", "usr/local/bin/elves-agent", "usr/local/bin/elvesctl"}:
            self.assertNotIn(str(ROOT), self.text(path), path)
        self.assertTrue(os.access(self.root / "usr/local/lib/elves/apps/apptest/app-worker.py", os.X_OK))

    def test_the_manual_and_the_completions_name_the_installed_program(self):
        self.assertIn("/usr/local/bin/elvesctl", self.text("usr/local/share/bash-completion/completions/elvesctl"))
        self.assertTrue(self.text("usr/local/share/man/man1/elvesctl.1").startswith(".TH ELVESCTL 1"))

    def test_the_installed_programs_run_with_the_installed_settings(self):
        conf = self.root / "etc/elves/elves.conf"
        self.assertIn("path = /var/lib/elves/elves.db\n", conf.read_text())
        self.assertIn("\nsocket = /run/elves/elvesd.sock\n", conf.read_text())
        state = self.folder("state")
        conf.write_text(conf.read_text().replace("/var/lib/elves/", f"{state}/").replace("/run/elves/", f"{state}/"))
        checked = subprocess.run([self.root / "usr/local/bin/elvesd", "--config", conf, "--check"], capture_output=True)
        self.assertEqual(checked.returncode, 0, checked)
        agent = self.root / "etc/elves/agent.conf"
        self.assertIn("user = elves-apps\n", agent.read_text())
        self.assertIn("/lib/elves/apps\n", agent.read_text())

    def test_settings_that_were_changed_stay(self):
        conf = self.root / "etc/elves/elves.conf"
        conf.write_text("mine\n")
        self.install(self.root)
        self.assertEqual(conf.read_text(), "mine\n")

    def test_components_can_be_installed_one_by_one(self):
        root = self.folder("ctl")
        self.install(root, "--component", "ctl")
        self.assertEqual([str(path.relative_to(root)) for path in root.rglob("bin/*")], ["usr/local/bin/elvesctl"])
        self.assertFalse((root / "etc").exists())

    def test_a_module_builds_against_the_installed_headers_and_is_loaded(self):
        if self.is_sanitized:
            self.skipTest("the server shares objects with the module, which is built without sanitizers")
        example = self.root / "usr/local/share/doc/libelves-dev/examples/guestbook"
        build = self.folder("build")
        subprocess.run(["cmake", "-S", str(example), "-B", str(build), "-G", "Ninja",
                        f"-DCMAKE_PREFIX_PATH={self.root}/usr/local"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["cmake", "--build", str(build)], check=True, stdout=subprocess.DEVNULL)
        modules = self.folder("modules")
        (modules / "guestbook.so").write_bytes((build / "guestbook.so").read_bytes())
        house = self.server(modules={"path": str(modules)}, guestbook={"greeting": "welcome"})
        self.assertEqual(self.client(house).ok("guestbook", "sign", name="ada")["info"], "welcome ada")


if __name__ == "__main__":
    unittest.main()
