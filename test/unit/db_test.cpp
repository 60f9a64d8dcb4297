#include "elves/sql.hpp"

#include "catch.hpp"
#include "store/open_db.hpp"

using namespace elves;
using Catch::Contains;

TEST_CASE("text, numbers and nulls come back as they were bound", "[db]")
{
    auto const db = open_in_memory();
    std::string const text("a\0b", 3);
    auto row = db->run("SELECT ?1, ?2, ?3, ?4");
    row.bind(1, text)
        .bind(2, std::int64_t{-5})
        .bind(3, std::optional<std::string_view>())
        .bind(4, std::string_view());
    REQUIRE(row.next());
    CHECK(row.text(0) == text);
    CHECK(row.number(1) == -5);
    CHECK(row.is_null(2));
    CHECK_FALSE(row.is_null(3));
    CHECK_FALSE(row.next());
}

TEST_CASE("a time that no text of ours can say is the nearest that one can", "[db]")
{
    auto const db = open_in_memory();
    auto row = db->run("SELECT 1795000000000, 9223372036854775807, -9223372036854775807 - 1");
    REQUIRE(row.next());
    CHECK(iso_text(row.instant(0)) == "2026-11-18T11:06:40Z");
    CHECK(iso_text(row.instant(1)) == "9999-12-31T23:59:59Z");
    CHECK(iso_text(row.instant(2)) == "0000-01-01T00:00:00Z");
}

TEST_CASE("a statement is ready again after an error and after use", "[db]")
{
    auto const db = open_in_memory();
    db->script("CREATE TABLE t (n INTEGER PRIMARY KEY) STRICT; -- done\n");
    auto const add = [&](int n) { db->run("INSERT INTO t VALUES (?)").bind(1, n).execute(); };
    add(1);
    CHECK_THROWS_AS(add(1), std::runtime_error);
    add(2);
    CHECK(db->changes() == 1);
    auto many = db->run("INSERT INTO t VALUES (?)");
    many.bind(1, 3).execute();
    many.bind(1, 4).execute();
}

TEST_CASE("an error names code and SQL, never a value", "[db]")
{
    auto const db = open_in_memory();
    db->script("CREATE TABLE t (n TEXT PRIMARY KEY) STRICT");
    auto const add = [&] { db->run("INSERT INTO t VALUES (?)").bind(1, "secret").execute(); };
    add();
    CHECK_THROWS_WITH(add(), Contains("1555") && Contains("INSERT INTO t") && !Contains("secret"));
    CHECK_THROWS_WITH((void)db->run("SELEKT"), Contains("SELEKT"));
    CHECK_THROWS_WITH(db->script("SELECT 1; SELEKT 2"), Contains("SELEKT 2") && !Contains("SELECT 1"));
}

TEST_CASE("a statement inside its own rows is refused", "[db]")
{
    auto const db = open_in_memory();
    auto outer = db->run("SELECT 1 UNION ALL SELECT 2");
    REQUIRE(outer.next());
    CHECK_THROWS_AS(db->run("SELECT 1 UNION ALL SELECT 2"), std::logic_error);
    CHECK(outer.next());
}
