/// What seldom happens to a data file, and what it must not cost.
#include <array>
#include <filesystem>
#include <fstream>

#include <boost/asio/io_context.hpp>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catch.hpp"
#include "elves/error.hpp"
#include "store/backup.hpp"
#include "store/file_lock.hpp"
#include "store/group_commit.hpp"
#include "store/open_db.hpp"
#include "store/sql_function.hpp"
#include "store/sqlite_error.hpp"
#include "store/sqlite_store.hpp"
#include "store/transaction.hpp"
#include "support/failing_vfs.hpp"
#include "support/temp_folder.hpp"

using namespace elves;
using Catch::Contains;

namespace {

constexpr auto schema = "-- migration 1: t\nCREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT) STRICT;\n";

Store::Work add(int n)
{
    return [n](Db& db) { db.run("INSERT INTO t (n) VALUES (?)").bind(1, n).execute(); };
}

std::string what(std::exception_ptr const& error)
{
    if (!error) return "ok";
    try {
        std::rethrow_exception(error);
    } catch (Error const& problem) {
        return problem.info();
    } catch (std::exception const& problem) {
        return problem.what();
    }
}

/// From now on the connection refuses statements of that kind (SQLITE_PRAGMA, say).
template <int kind>
void forbid(Db& db)
{
    auto const decide = [](void*, int action, char const*, char const*, char const*, char const*) {
        return action == kind ? SQLITE_DENY : SQLITE_OK;
    };
    sqlite3_set_authorizer(db.handle(), decide, nullptr);
}

struct House {
    TempFolder folder;
    asio::io_context io{1};
    std::string path = folder.file("elves.db");
    std::unique_ptr<SqliteStore> store = std::make_unique<SqliteStore>(io.get_executor(), path);

    House()
    {
        store->migrate("t", schema);
        store->apply_migrations();
    }
    std::string write(Store::Work work)
    {
        std::string result;
        store->post(std::move(work), [&](std::exception_ptr const& error) { result = what(error); });
        io.restart();
        io.run();
        return result;
    }
    std::string read(Store::Work work)
    {
        std::string result;
        store->post_read(std::move(work), [&](std::exception_ptr const& error) { result = what(error); });
        io.restart();
        io.run();
        return result;
    }
    std::uintmax_t size(std::string const& suffix = "") const
    {
        return std::filesystem::file_size(path + suffix);
    }
};

} // namespace

TEST_CASE("what the disk says is Error 507.1 in words, and nothing else is", "[store]")
{
    struct Case {
        int code;
        char const* words;
    };
    for (auto const& [code, words] : std::array<Case, 6>{{{SQLITE_FULL, "disk full"},
             {SQLITE_IOERR_WRITE, "input/output error"}, {SQLITE_READONLY, "read-only"},
             {SQLITE_CANTOPEN, "cannot be opened"}, {SQLITE_NOLFS, "too large for its file system"},
             {SQLITE_BUSY, "another program holds the file"}}}) {
        try {
            throw_sqlite_error(nullptr, code, "INSERT");
        } catch (DiskError const& error) {
            CHECK_THAT(error.what(), Contains("the store cannot write") && Contains(words));
            CHECK(error.is_full() == (code == SQLITE_FULL));
        }
    }
    CHECK_THROWS_AS(throw_sqlite_error(nullptr, SQLITE_CORRUPT, "SELECT"), DamagedFile);
    CHECK_THROWS_AS(throw_sqlite_error(nullptr, SQLITE_NOTADB, "SELECT"), DamagedFile);
    CHECK_THROWS_WITH(throw_sqlite_error(nullptr, SQLITE_INTERRUPT, "SELECT"), Contains("took too long"));
    CHECK_THROWS_WITH(throw_sqlite_error(nullptr, SQLITE_TOOBIG, "SELECT"), Contains("SQLite error 18"));
}

TEST_CASE("an operating system's refusal of the data file says what would be right", "[store]")
{
    CHECK_THAT(data_file_error("f", EACCES).what(), Contains("data file f") && Contains("read and write"));
    CHECK_THAT(data_file_error("f", EROFS).what(), Contains("read-only") && Contains("remount"));
    CHECK_THAT(data_file_error("f", EISDIR).what(), Contains("folder"));
    CHECK_THAT(data_file_error("f", EMFILE).what(), Contains("Too many open files"));
}

TEST_CASE("a folder, or a file that cannot be looked at, is refused by name", "[store]")
{
    TempFolder const folder;
    CHECK_THROWS_WITH(check_file(folder.file("")), Contains("this is a folder"));
    std::ofstream(folder.file("f")) << "x";
    CHECK_THROWS_WITH(check_file(folder.file("f/elves.db")), Contains("Not a directory"));
    CHECK_NOTHROW(check_file(folder.file("none.db")));
    CHECK_THROWS_WITH(open_db(folder.file("none.db"), Access::read_only), Contains("none.db"));
    CHECK_THROWS_WITH(open_db(folder.file(""), Access::read_only), Contains("this is a folder"));
}

namespace {

/// What the start says to the data file, and --check: the same.
std::string said_of(std::string const& path)
{
    auto const said = [&](auto look) -> std::string {
        try {
            look(path);
            return "";
        } catch (std::exception const& refused) {
            return refused.what();
        }
    };
    auto checked = said(check_file);
    CHECK(said(make_or_check_file) == checked);
    return checked;
}

/// A data file as it should be, and what may lie beside it.
struct OwnFiles {
    TempFolder folder;
    std::string path = folder.file("elves.db");

    OwnFiles() { make_or_check_file(path); }
    [[nodiscard]] std::string beside(std::string const& end) const
    {
        auto const file = folder.write("elves.db" + end, "").string();
        mode(file, 0600);
        return file;
    }
    static void mode(std::string const& file, mode_t bits) { REQUIRE(::chmod(file.c_str(), bits) == 0); }
};

constexpr std::array<char const*, 3> companions{"-wal", "-shm", "-journal"};

} // namespace

TEST_CASE("a data file that others may read or write is refused with the chmod that mends it", "[store]")
{
    OwnFiles const files;
    CHECK(said_of(files.path).empty());
    for (mode_t const bits : {0666U, 0602U, 0620U, 0604U, 0640U, 0601U}) {
        OwnFiles::mode(files.path, bits);
        CHECK(said_of(files.path) ==
              "data file " + files.path + ": others than its owner may use it; chmod 600 " + files.path);
    }
    OwnFiles::mode(files.path, 0600);
    for (auto const* const end : companions) {
        auto const file = files.beside(end);
        CHECK(said_of(files.path).empty());
        OwnFiles::mode(file, 0666);
        CHECK(said_of(files.path) ==
              "data file " + file + ": others than its owner may use it; chmod 600 " + file);
        std::filesystem::remove(file);
    }
}

TEST_CASE("a data file of another user's is refused, and so is what he left beside it", "[store]")
{
    if (::geteuid() != 0) return;
    OwnFiles const files;
    auto const is_his = [](std::string const& file) {
        return "data file " + file +
               ": belongs to user 65534, who can change what is in it; run this as that user, or look at it, "
               "then chown 0 " +
               file;
    };
    REQUIRE(::chown(files.path.c_str(), 65534, 0) == 0);
    CHECK(said_of(files.path) == is_his(files.path));
    REQUIRE(::chown(files.path.c_str(), 0, 0) == 0);
    for (auto const* const end : companions) {
        auto const file = files.beside(end);
        REQUIRE(::chown(file.c_str(), 65534, 0) == 0);
        CHECK(said_of(files.path) == is_his(file));
        std::filesystem::remove(file);
    }
}

TEST_CASE("what lies beside a data file that is not there yet is looked at, too", "[store]")
{
    TempFolder const folder;
    auto const wal = folder.write("elves.db-wal", "").string();
    OwnFiles::mode(wal, 0666);
    CHECK_THROWS_WITH(check_file(folder.file("elves.db")), Contains("chmod 600 " + wal));
}

TEST_CASE("a link in the place of a data file is not followed, nor is one beside it", "[store]")
{
    OwnFiles const files;
    auto const link = files.folder.file("link.db");
    std::filesystem::create_symlink(files.path, link);
    CHECK_THAT(said_of(link), Contains("data file " + link + ": is a symbolic link"));
    auto const nowhere = files.folder.file("nowhere.db");
    std::filesystem::create_symlink("none", nowhere);
    CHECK_THAT(said_of(nowhere), Contains("is a symbolic link"));
    CHECK_FALSE(std::filesystem::exists(files.folder.file("none")));
    for (auto const* const end : companions) {
        std::filesystem::create_symlink(link, files.path + end);
        CHECK_THAT(said_of(files.path), Contains(files.path + end + ": is not a regular file"));
        std::filesystem::remove(files.path + end);
    }
    auto const other = files.folder.write("other", "not to be cut off").string();
    std::filesystem::create_symlink(other, files.path + ".lock");
    CHECK_THROWS_WITH(FileLock(files.path), Contains(files.path + ".lock: is a symbolic link"));
    CHECK(std::filesystem::file_size(other) == 17);
}

TEST_CASE("a pipe in the place of a data file is refused at once", "[store]")
{
    TempFolder const folder;
    REQUIRE(::mkfifo(folder.file("elves.db").c_str(), 0600) == 0);
    CHECK_THAT(said_of(folder.file("elves.db")), Contains("is not a regular file"));
}

TEST_CASE("a new file on a disk that takes nothing is refused by name", "[store]")
{
    FailingVfs const disk;
    TempFolder const folder;
    make_or_check_file(folder.file("new.db"));
    FailingVfs::write_result = SQLITE_IOERR_WRITE;
    CHECK_THROWS_WITH(open_db(folder.file("new.db"), Access::read_write),
        Contains("new.db") && Contains("check disk and permissions"));
    FailingVfs::write_result = SQLITE_OK;
    CHECK_NOTHROW(open_db(folder.file("new.db"), Access::read_write));
}

TEST_CASE("a parameter that the statement does not have is an error", "[store]")
{
    auto const db = open_in_memory();
    auto run = db->run("SELECT ?1");
    CHECK_THROWS_AS(run.bind(2, "text"), std::runtime_error);
    CHECK_THROWS_AS(run.bind(2, std::int64_t{1}), std::runtime_error);
    CHECK_THROWS_AS(run.bind_null(2), std::runtime_error);
    CHECK_THROWS_AS(db->run(" "), std::logic_error);
}

TEST_CASE("what a function of ours throws is an error of the statement", "[store]")
{
    auto const db = open_in_memory();
    define_function(*db, "ours", 1, [](auto const& values) -> SqlValue {
        if (std::holds_alternative<std::monostate>(values.front())) throw std::runtime_error("no value");
        return values.front();
    });
    auto row = db->run("SELECT ours(5), ours('five')");
    REQUIRE(row.next());
    CHECK(row.number(0) == 5);
    CHECK(row.text(1) == "five");
    CHECK_THROWS_WITH(db->run("SELECT ours(NULL)").execute(), Contains("no value"));
}

TEST_CASE("work that hides its failure, and the transaction with it, is refused all the same", "[store]")
{
    House house;
    auto const hides = [](Db& db) {
        try {
            db.run("INSERT OR ROLLBACK INTO t (n) VALUES (1), (1)").execute();
        } catch (std::exception const&) { // as if nothing had happened
        }
    };
    CHECK_THAT(house.write(hides), Contains("[507.1]") && Contains("rolled back"));
    CHECK(house.write(add(1)) == "ok");
}

TEST_CASE("while another program holds the file a write is refused, and then taken", "[store]")
{
    House house;
    CHECK(house.write([](Db& db) { sqlite3_busy_timeout(db.handle(), 0); }) == "ok");
    auto const other = open_db(house.path, Access::read_write);
    other->script("BEGIN IMMEDIATE");
    CHECK_THAT(house.write(add(1)), Contains("[507.1]") && Contains("another program holds the file"));
    other->script("COMMIT");
    CHECK(house.write(add(1)) == "ok");
}

TEST_CASE("a connection with a transaction of somebody else is beyond use", "[store]")
{
    auto const db = open_in_memory();
    db->script("CREATE TABLE t (n INTEGER); BEGIN");
    std::vector<Unit> units;
    units.push_back({add(1), nullptr});
    CHECK(commit_group(*db, units).in_doubt);
    CHECK(units.front().error != nullptr);
}

TEST_CASE("a roll-back that fails is logged, and thrown by nobody", "[store]")
{
    auto const db = open_in_memory();
    {
        Transaction const transaction(*db);
        forbid<SQLITE_TRANSACTION>(*db);
    }
    CHECK(sqlite3_get_autocommit(db->handle()) == 0);
    sqlite3_set_authorizer(db->handle(), nullptr, nullptr);
    db->script("ROLLBACK");
}

TEST_CASE("a write whose commit the disk failed is not said to be gone", "[store]")
{
    FailingVfs const disk;
    House house;
    CHECK(house.write(add(1)) == "ok");
    FailingVfs::sync_result = SQLITE_IOERR_FSYNC;
    CHECK_THAT(house.write(add(2)), Contains("[507.1]") && Contains("not known whether this is on disk"));
    FailingVfs::sync_result = SQLITE_OK;
    CHECK(house.write(add(3)) == "ok");
}

TEST_CASE("a read that the disk refuses costs that read alone, and the next opens the file anew", "[store]")
{
    FailingVfs const disk;
    House house;
    CHECK(house.write(add(1)) == "ok");
    CHECK_THAT(house.read([](Db& db) { throw_sqlite_error(db.handle(), SQLITE_IOERR_READ, "SELECT"); }),
        Contains("[507.1]") && Contains("cannot read: input/output error"));
    FailingVfs::open_result = SQLITE_CANTOPEN;
    CHECK_THAT(house.read([](Db&) {}), Contains("[507.1]") && Contains("its file cannot be opened"));
    FailingVfs::open_result = SQLITE_OK;
    CHECK(house.read([](Db& db) { CHECK(db.run("SELECT n FROM t").next()); }) == "ok");
    house.store.reset();
}

TEST_CASE("a long -wal file is written back between commits; where that fails, after a later one", "[store]")
{
    FailingVfs const disk;
    House house;
    constexpr std::uintmax_t digits = 34'000'000; // so many pages are written back however busy the store is
    FailingVfs::fail_data_file = true;
    CHECK(house.write([](Db& db) {
        db.run("INSERT INTO t (n, text) VALUES (1, hex(zeroblob(17000000)))").execute();
    }) == "ok");
    CHECK(house.write(add(2)) == "ok"); // by then the first one's write-back is over
    CHECK(house.size() < digits);
    CHECK(house.size("-wal") > digits);
    FailingVfs::fail_data_file = false;
    CHECK(house.write(add(3)) == "ok");
    CHECK(house.write(add(4)) == "ok");
    CHECK(house.size() > digits);
    house.store.reset();
}

TEST_CASE("housekeeping that fails is logged, and nothing else", "[store]")
{
    House house;
    CHECK(house.write([](Db& db) {
        add(1)(db);
        forbid<SQLITE_PRAGMA>(db); // counting free pages, behind the first commit, and optimize at the end
    }) == "ok");
    CHECK(house.write(add(2)) == "ok");
    house.store.reset();
    CHECK(open_db(house.path, Access::read_only)->run("SELECT n FROM t").next());
}

TEST_CASE("a backup that does not fit says so, and leaves nothing behind", "[store]")
{
    FailingVfs const disk;
    House house;
    CHECK(house.write(add(1)) == "ok");
    auto const copy = house.folder.file("copy.db");
    FailingVfs::write_result = SQLITE_FULL;
    CHECK_THROWS_WITH(back_up(house.path, copy), Contains("copy.db") && Contains("could not be written"));
    FailingVfs::write_result = SQLITE_OK;
    CHECK_FALSE(std::filesystem::exists(copy));
    CHECK_FALSE(std::filesystem::exists(copy + ".part"));
    house.store.reset();
}
