#include "store/backup.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>

#include <sys/resource.h>
#include <unistd.h>

#include "catch.hpp"
#include "store/file_lock.hpp"
#include "store/migrations.hpp"
#include "store/open_db.hpp"
#include "support/temp_folder.hpp"

using namespace elves;
using Catch::Contains;

namespace {

constexpr auto schema = "-- migration 1: t\nCREATE TABLE t (n INTEGER PRIMARY KEY) STRICT;\n";

void add(Db& db, std::int64_t n) { db.run("INSERT INTO t (n) VALUES (?)").bind(1, n).execute(); }

std::unique_ptr<Db> make_file(std::string const& path)
{
    make_or_check_file(path);
    auto db = open_db(path, Access::read_write);
    migrate(*db, {{"m", schema}});
    return db;
}

std::int64_t rows(std::string const& path)
{
    auto const db = open_db(path, Access::read_only);
    auto row = db->run("SELECT count(*) FROM t");
    return row.next() ? row.number(0) : -1;
}

void damage(std::string const& path)
{
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096);
    file << std::string(3000, '\xff');
}

} // namespace

TEST_CASE("a backup holds what was committed, and nothing of what is being written", "[backup]")
{
    TempFolder const folder;
    auto const live = make_file(folder.file("live.db"));
    add(*live, 1);
    live->script("BEGIN IMMEDIATE");
    add(*live, 2);
    auto const size = back_up(folder.file("live.db"), folder.file("copy.db"));
    live->script("COMMIT");
    CHECK(size == static_cast<std::int64_t>(std::filesystem::file_size(folder.file("copy.db"))));
    CHECK(rows(folder.file("copy.db")) == 1);
    CHECK(rows(folder.file("live.db")) == 2);
}

TEST_CASE("a backup stands alone, is for its owner only, and replaces nothing", "[backup]")
{
    TempFolder const folder;
    make_file(folder.file("live.db"));
    auto const copy = folder.file("copy.db");
    back_up(folder.file("live.db"), copy);
    CHECK(std::filesystem::status(copy).permissions() == std::filesystem::perms(0600));
    CHECK(rows(copy) == 0);
    CHECK_FALSE(std::filesystem::exists(copy + "-wal"));
    CHECK_FALSE(std::filesystem::exists(copy + ".part"));
    CHECK_THROWS_WITH(back_up(folder.file("live.db"), copy), Contains("is there already"));
}

TEST_CASE("a backup for which there is no room leaves nothing behind", "[backup]")
{
    TempFolder const folder;
    auto const live = make_file(folder.file("live.db"));
    live->script("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)"
                 " INSERT INTO t SELECT i FROM n");
    std::filesystem::create_directory(folder.file("backups"));
    // What a backup that was killed has left must not be taken for a part of this one.
    folder.write("backups/copy.db.part", "rubbish");
    folder.write("backups/copy.db.part-journal", "rubbish");
    auto const copy = folder.file("backups/copy.db");
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    ::signal(SIGXFSZ, SIG_IGN);
    rlimit const small{64 * 1024, before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
    CHECK_THROWS(back_up(folder.file("live.db"), copy));
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
    ::signal(SIGXFSZ, SIG_DFL);
    CHECK(std::filesystem::is_empty(folder.file("backups")));
    CHECK(back_up(folder.file("live.db"), copy) > 64 * 1024);
    CHECK(rows(copy) == 20000);
}

TEST_CASE("what is damaged or none of ours leaves no backup behind", "[backup]")
{
    TempFolder const folder;
    auto const live = folder.file("live.db");
    add(*make_file(live), 1);
    damage(live);
    CHECK_THROWS(back_up(live, folder.file("copy.db")));
    open_draft(folder.write("other.db", "").string())->script("CREATE TABLE x (n)");
    CHECK_THROWS_WITH(
        back_up(folder.file("other.db"), folder.file("copy.db")), Contains("no data file of elvesd"));
    CHECK_THROWS_WITH(back_up(folder.file("none.db"), folder.file("copy.db")), Contains("does not exist"));
    CHECK_FALSE(std::filesystem::exists(folder.file("copy.db")));
    CHECK_FALSE(std::filesystem::exists(folder.file("copy.db.part")));
}

TEST_CASE("restoring puts the backup in place and keeps what was there, with its -wal file", "[backup]")
{
    TempFolder const folder;
    auto const path = folder.file("elves.db");
    add(*make_file(path), 1);
    back_up(path, folder.file("copy.db"));
    auto const crashed = open_db(path, Access::read_write);
    add(*crashed, 2); // in the -wal file, which a killed server leaves behind
    REQUIRE(std::filesystem::exists(path + "-wal"));
    auto const kept = restore(folder.file("copy.db"), path);
    CHECK(rows(path) == 1);
    CHECK(rows(kept) == 2);
}

TEST_CASE("restoring is refused while a server uses the file, and from what is no backup", "[backup]")
{
    TempFolder const folder;
    auto const path = folder.file("elves.db");
    add(*make_file(path), 1);
    auto const copy = folder.file("copy.db");
    back_up(path, copy);
    {
        FileLock const server(path);
        CHECK_THROWS_WITH(restore(copy, path), Contains("is in use"));
    }
    damage(copy);
    CHECK_THROWS(restore(copy, path));
    CHECK(rows(path) == 1);
    CHECK_FALSE(std::filesystem::exists(path + ".restoring"));
}

TEST_CASE("a file may be restored where there is none", "[backup]")
{
    TempFolder const folder;
    add(*make_file(folder.file("live.db")), 1);
    back_up(folder.file("live.db"), folder.file("copy.db"));
    CHECK(restore(folder.file("copy.db"), folder.file("new.db")).empty());
    CHECK(rows(folder.file("new.db")) == 1);
}

TEST_CASE("a file in somebody else's folder is not restored: the server could not use it", "[backup]")
{
    if (::geteuid() != 0) return; // Nobody else can give a folder away.
    TempFolder const folder;
    add(*make_file(folder.file("live.db")), 1);
    back_up(folder.file("live.db"), folder.file("copy.db"));
    REQUIRE(::chown(folder.path().c_str(), 65'534, 65'534) == 0);
    CHECK_THROWS_WITH(restore(folder.file("copy.db"), folder.file("new.db")), Contains("owns its folder"));
    CHECK_FALSE(std::filesystem::exists(folder.file("new.db")));
}

TEST_CASE(
    "before its tables are brought up to date a data file is copied beside itself", "[backup][migrations]")
{
    TempFolder const folder;
    auto const path = folder.file("live.db");
    auto const copy = path + ".before-upgrade";
    auto const db = make_file(path);
    CHECK_FALSE(std::filesystem::exists(copy)); // It had no tables.
    add(*db, 1);
    auto const newer = std::string(schema) + "-- migration 2: u\nCREATE TABLE u (n INTEGER) STRICT;\n";
    migrate(*db, {{"m", newer}});
    CHECK(rows(copy) == 1);
    CHECK(module_version(*open_db(copy, Access::read_only), "m") == 1);
    add(*db, 2);
    migrate(*db, {{"m", newer}, {"other", "-- migration 1: o\nCREATE TABLE o (n INTEGER) STRICT;\n"}});
    CHECK(rows(copy) == 1); // Nothing was done to tables that an older program uses.
    migrate(*db, {{"m", newer + "-- migration 3: v\nCREATE TABLE v (n INTEGER) STRICT;\n"}});
    CHECK(rows(copy) == 2);
    CHECK(module_version(*open_db(copy, Access::read_only), "m") == 2);
}

TEST_CASE("an upgrade that goes on leaves the copy of its beginning", "[backup][migrations]")
{
    TempFolder const folder;
    auto const path = folder.file("live.db");
    auto const copy = path + ".before-upgrade";
    auto const db = make_file(path);
    add(*db, 1);
    auto const newer =
        std::string(schema) +
        "-- migration 2: u\nCREATE TABLE u (n INTEGER) STRICT;\n-- move t\nINSERT INTO u SELECT n FROM t"
        " WHERE rowid > ?1 AND rowid <= ?2;\nINSERT INTO no_such_table SELECT 1 WHERE ?1 = ?2;\n"
        "-- moved\nDROP TABLE t;\n-- migration 3: v\nCREATE TABLE v (n INTEGER) STRICT;\n";
    CHECK_THROWS(migrate(*db, {{"m", newer}}));
    std::filesystem::last_write_time(copy, std::filesystem::file_time_type());
    CHECK_THROWS(migrate(*db, {{"m", newer}}));
    CHECK(std::filesystem::last_write_time(copy) == std::filesystem::file_time_type());
    CHECK(rows(copy) == 1);
}
