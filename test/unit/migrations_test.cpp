#include "store/migrations.hpp"

#include "catch.hpp"
#include "store/open_db.hpp"
#include "support/log_capture.hpp"

using namespace elves;
using Catch::Contains;

TEST_CASE("a schema is divided at its migration lines", "[migrations]")
{
    CHECK(migration_parts("m", "").empty());
    CHECK(migration_parts("m", "\n-- only a comment\n").empty());
    auto const parts =
        migration_parts("m", "-- head\n-- migration 1: a\nA;\n-- note\n-- migration 2: b\r\nB;");
    REQUIRE(parts.size() == 2);
    CHECK(parts[0] == "A;\n-- note\n");
    CHECK(parts[1] == "B;\n");
}

TEST_CASE("a schema with a gap, or SQL outside, is refused by module", "[migrations]")
{
    for (auto const* schema : {"-- migration 2: a\n", "-- migration 1: a\n-- migration 3: b\n",
             "-- migration 1: a\n-- migration 1: b\n", "-- migration one: a\n", "-- migration 1\n",
             "CREATE TABLE t (n);\n-- migration 1: a\n"}) {
        CAPTURE(schema);
        CHECK_THROWS_WITH(
            migration_parts("cron", schema), Contains("module cron") && Contains("-- migration"));
    }
}

TEST_CASE("only what is missing is applied, and each module counts for itself", "[migrations]")
{
    auto const db = open_in_memory();
    std::string const first = "-- migration 1: a\nCREATE TABLE a (n); INSERT INTO a VALUES (1);\n";
    migrate(*db, {{"m", first}});
    migrate(*db, {{"m", first}});
    CHECK(module_version(*db, "m") == 1);
    migrate(*db, {{"m", first + "-- migration 2: b\nINSERT INTO a VALUES (2);\n"}});
    CHECK(module_version(*db, "m") == 2);
    CHECK(module_version(*db, "other") == 0);
    auto row = db->run("SELECT count(*) FROM a");
    REQUIRE(row.next());
    CHECK(row.number(0) == 2);
}

TEST_CASE("a migration that fails leaves neither tables nor version", "[migrations]")
{
    auto const db = open_in_memory();
    CHECK_THROWS(
        migrate(*db, {{"m", "-- migration 1: a\nCREATE TABLE a (n);\n-- migration 2: b\nNO SQL;\n"}}));
    CHECK(module_version(*db, "m") == 0);
    auto row = db->run("SELECT count(*) FROM sqlite_schema");
    REQUIRE(row.next());
    CHECK(row.number(0) == 0);
}

TEST_CASE("where one module's tables are of a newer program, no other's are touched", "[migrations]")
{
    auto const db = open_in_memory();
    std::string const one = "-- migration 1: a\nCREATE TABLE a (n);\n";
    std::string const two = "-- migration 1: b\nCREATE TABLE b (n);\n";
    migrate(*db, {{"newer", one + "-- migration 2: more\nCREATE TABLE more (n);\n"}});
    CHECK_THROWS_WITH(migrate(*db, {{"older", two}, {"newer", one}}), Contains("newer program"));
    CHECK(module_version(*db, "older") == 0);
    CHECK(module_version(*db, "newer") == 2);
}

TEST_CASE("while a migration takes long the log says so", "[migrations]")
{
    LogCapture log;
    auto const db = open_in_memory();
    migrate(*db,
        {{"one", "-- migration 1: long\nCREATE TABLE numbers AS WITH RECURSIVE n(i) AS"
                 " (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT i FROM n;"}},
        std::chrono::milliseconds(0));
    CHECK_THAT(log.text(), Contains("store.migrating module=one from=0 to=1 seconds="));
}
