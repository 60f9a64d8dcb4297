"""Lists and searches of a large history delay no look-up: neither one by id, nor a cancel, nor a delivery."""

import sqlite3
import unittest

from house import HouseTest

ROWS = 120_000
LISTS = 40


class ReadLanes(HouseTest):
    def large_history(self):
        """A server whose data file has that many finished tasks, and the id of one of them."""
        house = self.server()
        first = self.wire_client(house).ok("sheduler", "sendasync", agentip="10.0.0.1",
                                      ins={"app": "demo", "func": "work"})["info"]["id"]
        self.assertEqual(house.terminate(), 0)
        with sqlite3.connect(house.folder / "elves.db") as db:
            key = db.execute("SELECT key FROM tasks WHERE id = ?", (first,)).fetchone()[0]
            for table in ("task_requests", "task_outcomes"):
                columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
                values = ", ".join({"key": "n", "block": "n / 1024"}.get(name, name) for name in columns)
                db.execute(f"WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {ROWS}) "
                           f"INSERT INTO {table} SELECT {values} FROM c, (SELECT * FROM {table} WHERE key = ?)", (key,))
            # The blocks of those before the first one of the server's own.
            db.execute("UPDATE task_blocks SET block = block + 1000")
            db.execute("UPDATE task_requests SET block = block + 1000 WHERE key = ?", (key,))
            db.execute("INSERT INTO task_blocks SELECT block, min(key) FROM task_requests WHERE block < 1000 GROUP BY block")
        db.close()
        house.start()
        return house, first

    def test_a_look_up_by_id_and_a_cancel_do_not_wait_for_lists_that_were_asked_for_before(self):
        house, task = self.large_history()
        client = self.wire_client(house)
        lists = [client.begin("tasklog", "listtasks", func="there-is-none") for _ in range(LISTS)]
        found = client.ok("tasklog", "gettaskbyids", id=[task])["info"]
        self.assertEqual([one["id"] for one in found], [task])
        client.call("sheduler", "canceltask", id=task)
        answered = [mqid for mqid in lists if mqid in client._early]
        self.assertLess(len(answered), LISTS // 2, "the lists were answered first")
        for mqid in lists:
            client.finish(mqid, 60)
        self.assertEqual(house.terminate(), 0)

    def test_a_server_that_is_stopped_while_it_reads_lists_ends_at_once(self):
        house, _ = self.large_history()
        client = self.wire_client(house)
        for _ in range(LISTS):
            client.begin("tasklog", "listtasks", func="there-is-none")
        self.assertEqual(house.terminate(), 0)


if __name__ == "__main__":
    unittest.main()
