"""Params of the shipped apps: what is no field, missing or wrong is named."""

import json
import unittest

from support import APPS, load

module = load("file")
Param, Failed = module.Param, module.Failed


def refusal(work):
    try:
        work()
    except Failed as why:
        return str(why)
    return ""


class Params(unittest.TestCase):
    def test_a_param_is_a_json_object_or_the_text_of_its_main_field(self):
        self.assertEqual(Param('{"name": "x"}', main="name").text("name", "a name", "x"), "x")
        self.assertEqual(Param("x", main="name").text("name", "a name", "x"), "x")
        self.assertEqual(Param("  ", main="name").number("n", 1, 2, default=2), 2)
        self.assertIn("no JSON object", refusal(lambda: Param("x")))
        self.assertIn("no JSON: ", refusal(lambda: Param("{", main="name")))
        self.assertIn("no JSON: ", refusal(lambda: Param("{" * 100_000)))
        self.assertIn("expected a JSON object", refusal(lambda: Param.of([1])))

    def test_what_is_wrong_is_named_with_what_is_expected(self):
        self.assertEqual(refusal(lambda: Param("").text("name", "a name", "x")), "`name` is missing: expected a name")
        self.assertEqual(refusal(lambda: Param.of({"n": 0}).number("n", 1, 9)),
                         "`n` is 0: expected a whole number from 1 to 9")
        for wrong in (True, 1.0, None, "x", [1], "9" * 30):
            self.assertIn("`n` is ", refusal(lambda: Param.of({"n": wrong}).number("n", 1, 9)))
        for wrong in (5, None, ["x"], "xx", "x\n", "\ud800"):
            self.assertIn("`name` is ", refusal(lambda: Param.of({"name": wrong}).text("name", "a name", "x")))
        self.assertIn("`flag` is 1: expected true or false", refusal(lambda: Param.of({"flag": 1}).flag("flag")))
        self.assertIn("expected one of a, b", refusal(lambda: Param.of({"c": ["a"]}).choice("c", ("a", "b"))))
        self.assertIn("has 0 entries", refusal(lambda: Param.of({"l": []}).texts("l", "names", "x")))
        self.assertIn("has 101 entries", refusal(lambda: Param.of({"l": ["x"] * 101}).texts("l", "names", "x")))
        self.assertIn('`l` is "y"', refusal(lambda: Param.of({"l": ["x", "y"]}).texts("l", "names", "x")))

    def test_a_field_that_nobody_has_read_is_refused(self):
        param = Param.of({"a": "x", "b": 1})
        param.text("a", "a name", "x")
        self.assertEqual(refusal(param.done), "`b` is no field of this function: leave it out")

    def test_a_path_is_absolute_and_plain(self):
        for right in ("/", "/etc/hosts", "/a/..b/c", "/a b"):
            self.assertEqual(Param.of({"path": right}).path(), right)
        for wrong in ("", "etc", "/a/../b", "/a/./b", "/a\0b", "/" + "a" * 4096, "\ud800", 5):
            self.assertIn("`path` is ", refusal(lambda: Param.of({"path": wrong}).path()))

    def test_a_long_value_is_shortened_in_an_error(self):
        self.assertLess(len(refusal(lambda: Param.of({"path": "x" * 100_000}).path())), 200)

    def test_programs_are_bounded(self):
        self.assertEqual(refusal(lambda: module_of_kit.run_program(["sleep", "60"], timeout=0.05)),
                         "sleep has not ended within 0.05 s")
        self.assertEqual(module_of_kit.run_program(["printf", "abcdef"], most=3).out, "def")
        self.assertIn("could not be started", refusal(lambda: module_of_kit.run_program(["no-such-program"])))
        self.assertEqual(module_of_kit.run_program(["printf", "%s", "$(id) ; x"]).out, "$(id) ; x")


module_of_kit = __import__("sys").modules["appkit"]


class Manifests(unittest.TestCase):
    """An app.json and the functions of its worker are one."""

    def test_each_function_is_in_the_manifest_with_the_params_that_it_takes(self):
        for app in ("host", "service", "package", "file", "process", "shell"):
            with self.subTest(app=app):
                functions = json.loads((APPS / app / "app.json").read_text())["functions"]
                declared = load(app).library._functions
                self.assertEqual(set(functions), set(declared))
                for name, about in functions.items():
                    self.assertEqual(about.get("params", "text"), declared[name].params, name)

    def test_what_changes_something_has_to_be_named_in_allow_and_what_reads_does_not(self):
        needing = {f"{app.name}.{name}" for app in APPS.iterdir() if (app / "app.json").exists()
                   for name, about in json.loads((app / "app.json").read_text())["functions"].items()
                   if about.get("needs_allow")}
        self.assertEqual(needing, {"service.start", "service.stop", "service.restart", "service.reload", "package.install",
                                   "package.upgrade", "file.put", "process.signal", "shell.run", "shell.script"})

    def test_each_app_has_the_worker_library_beside_it(self):
        for app in ("host", "service", "package", "file", "process", "shell"):
            for name, source in (("worker.py", "clients/python/elves/worker.py"), ("appkit.py", "etc/apps-shared/appkit.py")):
                self.assertEqual((APPS / app / name).read_bytes(), (APPS.parents[1] / source).read_bytes(), (app, name))


if __name__ == "__main__":
    unittest.main()
