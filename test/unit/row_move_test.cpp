#include "store/row_move.hpp"

#include "catch.hpp"
#include "store/migrations.hpp"
#include "store/open_db.hpp"
#include "support/log_capture.hpp"

using namespace elves;
using Catch::Contains;

namespace {

std::string const old_schema = "-- migration 1: a\nCREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT);\n";
std::string const new_schema =
    old_schema + "-- migration 2: b\n"
                 "ALTER TABLE t RENAME TO old_t;\n"
                 "CREATE TABLE t (id INTEGER PRIMARY KEY, size INTEGER NOT NULL CHECK (size < 100));\n"
                 "-- move old_t\n"
                 "INSERT INTO t SELECT id, length(text) FROM old_t WHERE id > ?1 AND id <= ?2;\n"
                 "-- moved\n"
                 "CREATE INDEX t_size ON t (size);\n"
                 "DROP TABLE old_t;\n";
std::string const newest_schema = new_schema + "-- migration 3: c\nCREATE TABLE u (n);\n";

std::int64_t number(Db& db, std::string const& sql)
{
    auto row = db.run(sql);
    return row.next() ? row.number(0) : -1;
}

void fill(Db& db, int rows)
{
    db.script("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " +
              std::to_string(rows) + ") INSERT INTO t SELECT i, 'text' FROM n");
}

} // namespace

TEST_CASE("the rows of an old table are moved, and what comes after them is applied", "[migrations]")
{
    LogCapture log;
    auto const db = open_in_memory();
    migrate(*db, {{"m", old_schema}});
    fill(*db, 5'000);
    db->script("INSERT INTO t VALUES (900000000000, 'far')");
    migrate(*db, {{"m", newest_schema}}, std::chrono::milliseconds(0));
    CHECK(module_version(*db, "m") == 3);
    CHECK(number(*db, "SELECT count(*) FROM t WHERE size = 4") == 5'000);
    CHECK(number(*db, "SELECT size FROM t WHERE id = 900000000000") == 3);
    CHECK(number(*db, "SELECT count(*) FROM sqlite_schema WHERE name IN ('old_t', 'module_move')") == 0);
    CHECK(number(*db, "SELECT count(*) FROM sqlite_schema WHERE name IN ('t_size', 'u')") == 2);
    CHECK_THAT(log.text(), Contains("store.migrating module=m from=1 to=2 seconds=0 rows=1000 of=5001"));
    CHECK_THAT(log.text(), Contains("store.migrated module=m version=2"));
}

TEST_CASE("where there is nothing to move, the end follows at once", "[migrations]")
{
    auto const db = open_in_memory();
    migrate(*db, {{"m", newest_schema}});
    CHECK(module_version(*db, "m") == 3);
    CHECK(number(*db, "SELECT count(*) FROM sqlite_schema WHERE name IN ('t_size', 'u')") == 2);
    CHECK(number(*db, "SELECT count(*) FROM sqlite_schema WHERE name = 'module_move'") == 0);
}

TEST_CASE("a move that was broken off goes on where it was", "[migrations]")
{
    auto const db = open_in_memory();
    migrate(*db, {{"m", old_schema}});
    fill(*db, 5'000);
    // One of the later rows cannot be moved.
    db->script("UPDATE t SET text = printf('%200d', 0) WHERE id = 4000");
    CHECK_THROWS(migrate(*db, {{"m", newest_schema}}));
    CHECK(module_version(*db, "m") == 2);
    auto const pending = pending_move(*db, "m");
    REQUIRE(pending);
    CHECK(pending->version == 2);
    CHECK(pending->after >= 1'000);
    CHECK(pending->after < 4'000);
    CHECK(number(*db, "SELECT count(*) FROM t") == pending->after);
    // An older program does not open it.
    CHECK_THROWS_WITH(migrate(*db, {{"m", old_schema}}), Contains("newer program"));

    db->script("UPDATE old_t SET text = 'text' WHERE id = 4000");
    migrate(*db, {{"m", newest_schema}});
    CHECK(module_version(*db, "m") == 3);
    CHECK_FALSE(pending_move(*db, "m"));
    CHECK(number(*db, "SELECT count(*) FROM t WHERE size = 4") == 5'000);
}

TEST_CASE("a move that the disk has no room for is refused, and says how much is needed", "[migrations]")
{
    auto const db = open_in_memory();
    migrate(*db, {{"m", old_schema}});
    fill(*db, 100'000);
    db->script("UPDATE t SET text = printf('%1000d', 0) WHERE id % 2 = 0");
    RowMove const move{"t", "SELECT ?1, ?2;", "DROP TABLE t;"};
    constexpr std::int64_t mib = 1024 * 1024;
    // 100,000 rows of about 600 bytes, and 128 MiB beside them.
    CHECK_THROWS_WITH(begin_move(*db, "m", 2, move, 150 * mib),
        Contains("150 MiB of room") && Contains("expected at least 18") && Contains("make room"));
    CHECK_FALSE(pending_move(*db, "m"));
    begin_move(*db, "m", 2, move, 190 * mib);
    CHECK(pending_move(*db, "m"));
}

TEST_CASE("a move in a schema has both of its lines, once", "[migrations]")
{
    CHECK_FALSE(split_part("A;\n").move);
    auto const part = split_part("A;\n-- move t\nB;\n-- moved\nC;\n");
    CHECK(part.sql == "A;\n");
    REQUIRE(part.move);
    CHECK(part.move->table == "t");
    CHECK(part.move->step == "B;\n");
    CHECK(part.move->finish == "C;\n");
    CHECK_THROWS_WITH(split_part("-- moved\nC;\n"), Contains("without `-- move TABLE`"));
    CHECK_THROWS_WITH(split_part("-- move t\nB;\n"), Contains("without `-- moved`"));
    CHECK_THROWS_WITH(split_part("-- move t\nB;\n-- move u\nB;\n-- moved\nC;"), Contains("two lines"));
}
