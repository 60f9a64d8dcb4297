"""Every example of README.md is run as it is printed, with a real server and agent."""

import os
import re
import subprocess
import sys
import unittest

from . import support
from house import HouseTest, eventually

from elves import Elves

README = (support.PYTHON / "README.md").read_text(encoding="utf-8")
IP = "10.0.0.5"


def blocks(language):
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```$", README)


class Readme(HouseTest):
    deadline = 300

    def run_program(self, *argv, cwd, **environment):
        done = subprocess.run(argv, cwd=cwd, capture_output=True, encoding="utf-8", timeout=120, stdin=subprocess.DEVNULL,
                              env={**os.environ, "PYTHONPATH": str(support.PYTHON), **environment})
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_each_example_prints_what_it_should(self):
        client, many, runs, errors, worker = blocks("python")
        install, attempt, shell_worker, work = blocks("sh")
        house = self.server()
        agent = self.real_agent(house, IP)
        agent.app_from_tree("apptest")
        agent.start()
        with Elves(house.text, answer_timeout=60) as elves:
            eventually(lambda: elves.getstatbyip(IP)["status"] == "online", 120)
            version = elves.getinfobyip(IP)["version"]
        folder, there = self.folder(), {"ELVES_SERVER": house.text}
        said = self.run_program(sys.executable, "-c", client, cwd=folder, **there)
        self.assertEqual(said, f"1 toryzen\ndone\n{IP} {version}\n")
        self.assertEqual(self.run_program(sys.executable, "-c", many, cwd=folder, **there), "1\n")
        self.assertEqual(self.run_program(sys.executable, "-c", runs, cwd=folder, **there), f"{IP} done\n1 toryzen\n")
        self.assertTrue(self.run_program(sys.executable, "-c", errors, cwd=folder, **there).startswith("414.1 "))
        (folder / "app-worker.py").write_text(worker)
        self.assertEqual(self.run_program("sh", "-c", attempt, cwd=folder), "stretching\nworker_flag 1\nabcabc\n")
        (folder / "app-worker.sh").write_text(shell_worker)
        (folder / "elves-worker.sh").write_text((support.ROOT / "clients" / "shell" / "elves-worker.sh").read_text())
        self.assertRegex(self.run_program("sh", "app-worker.sh", "--try", "usage", cwd=folder),
                         r"\Alooking\nworker_flag 1\n\d+%\n\Z")
        for command in re.findall(r"PYTHONPATH=\$PWD/(\S+)|^cd (\S+)", install + work, re.M):
            self.assertTrue((support.ROOT / "".join(command)).is_dir(), command)
        for script in re.findall(r"-m (tests\.\w+)|python3 (\w+\.py)", work):
            self.assertTrue((support.PYTHON / ("".join(script).replace("tests.", "tests/").removesuffix(".py") + ".py")).exists())

    def test_links_lead_somewhere(self):
        for link in re.findall(r"\]\(([^)#]+)", README):
            self.assertTrue((support.PYTHON / link).exists(), link)


if __name__ == "__main__":
    unittest.main()
