"""A module that elvesd loads from a shared object (test/loadable), and those that it won't."""

import shutil
import unittest

from house import BIN, HouseTest, binary, eventually, run

LOADABLE = BIN.parent / "loadable"


class Loadable(HouseTest):
    def modules(self, *names):
        folder = self.folder("modules")
        for name in names:
            shutil.copy(LOADABLE / f"{name}.so", folder)
        return folder

    def refused(self, folder, **sections):
        house = self.server_down(modules={"path": str(folder)}, **sections)
        done = run(binary("elvesd"), "--config", str(house.conf_path), patience=20)
        self.assertGreater(done.code, 0, done)
        self.assertEqual(len(done.err.strip().splitlines()), 1, done.err)
        return done.err

    def test_its_methods_are_called_like_any_others_and_its_data_outlives_a_crash(self):
        house = self.server(modules={"path": str(self.modules("guestbook"))}, guestbook={"greeting": "welcome"})
        client = self.client(house)
        self.assertEqual(client.ok("guestbook", "sign", name="ada")["info"], "welcome ada")
        self.assertIn("guestbook", str(client.ok("elves", "methods")))
        house.restart()
        self.assertEqual(self.client(house).ok("guestbook", "count")["info"], "1")
        self.assertEqual(house.terminate(), 0)

    def test_its_refusals_and_its_declared_fields_answer_like_any_others(self):
        house = self.server(modules={"path": str(self.modules("guestbook"))}, guestbook={"longest": 3})
        client = self.client(house)
        self.error_in(client.call("guestbook", "sign", name="adam")["error_info"], "403.10")
        self.error_in(client.call("guestbook", "sign")["error_info"], "403.10")
        self.error_in(client.call("guestbook", "sing")["error_info"], "404.2")

    def test_it_can_be_switched_off(self):
        enabled = "heartbeat, supervisor, cmdbproxy, tasklog, sheduler, cron"
        house = self.server(modules={"path": str(self.modules("guestbook")), "enabled": enabled},
                            guestbook={"greeting": "unread"})
        self.error_in(self.client(house).call("guestbook", "count")["error_info"], "402.1")

    def test_a_bad_or_unknown_setting_of_it_is_an_error(self):
        folder = self.modules("guestbook")
        self.assertIn("longest", self.refused(folder, guestbook={"longest": "very"}))
        self.assertIn("greting", self.refused(folder, guestbook={"greting": "hi"}))

    def test_its_calls_that_wait_when_the_server_stops_end_before_it_is_destroyed(self):
        house = self.server(modules={"path": str(self.modules("lingerer"))}, server={"shutdown_grace": 1})
        client = self.wire_client(house)
        for how in ("time", "store", "time"):
            client.begin("lingerer", "linger", how=how)
        eventually(lambda: self.wire_client(house).ok("lingerer", "waiting")["info"] == "3", what="three calls wait")
        self.assertEqual(house.terminate(), 0, house.log())

    def test_one_of_another_api_version_is_refused_by_name(self):
        self.assertRegex(self.refused(self.modules("too_old")), r"too_old\.so.*module API 0")

    def test_one_that_was_compiled_otherwise_is_refused_by_name(self):
        said = self.refused(self.modules("other_build"))
        self.assertRegex(said, r"other_build\.so.*compiled with .*Boost 1_99, and this server with .*Boost 1_(?!99)")

    def test_a_file_that_is_no_module_is_refused_by_name(self):
        folder = self.folder("modules")
        (folder / "letter.so").write_text("not an object\n")
        self.assertIn("letter.so", self.refused(folder))

    def test_a_folder_that_is_not_there_is_refused_by_name(self):
        self.assertIn("/nonexistent/modules", self.refused("/nonexistent/modules"))


if __name__ == "__main__":
    unittest.main()
