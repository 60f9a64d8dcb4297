#include "store/sqlite_store.hpp"

#include <filesystem>

#include <fstream>
#include <iterator>
#include <mutex>
#include <set>

#include <sys/stat.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "catch.hpp"
#include "elves/error.hpp"
#include "store/open_db.hpp"
#include "support/failing_vfs.hpp"
#include "support/temp_folder.hpp"

using namespace elves;
using Catch::Contains;

namespace {

constexpr auto schema =
    "-- migration 1: t\nCREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT) STRICT;\n"
    "CREATE TABLE child (n INTEGER REFERENCES t (n) DEFERRABLE INITIALLY DEFERRED) STRICT;\n";

Store::Work add(int n)
{
    return [n](Db& db) { db.run("INSERT INTO t (n) VALUES (?)").bind(1, n).execute(); };
}

std::set<std::int64_t> rows(Db& db)
{
    std::set<std::int64_t> found;
    auto row = db.run("SELECT n FROM t");
    while (row.next()) found.insert(row.number(0));
    return found;
}

std::string code_of(std::exception_ptr const& error)
{
    if (!error) return "ok";
    try {
        std::rethrow_exception(error);
    } catch (Error const& failure) {
        return std::string(failure.code().text);
    } catch (std::exception const&) {
        return "other";
    }
}

std::string message_of(std::function<void()> const& run)
{
    try {
        run();
    } catch (std::exception const& error) {
        return error.what();
    }
    return "nothing was thrown";
}

std::string bytes_of(std::string const& path)
{
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// Holds the writer, so that what is posted meanwhile becomes one group.
class Gate {
public:
    Gate() { mutex_.lock(); }
    ~Gate() { open(); }
    Gate(Gate const&) = delete;
    Gate& operator=(Gate const&) = delete;
    void open()
    {
        if (std::exchange(shut_, false)) mutex_.unlock();
    }
    Store::Work work()
    {
        return [this](Db&) { std::lock_guard const wait(mutex_); };
    }

private:
    std::mutex mutex_;
    bool shut_ = true;
};

/// A loop, a file, a store on it, and what became of the writes, in order.
struct House {
    TempFolder folder;
    asio::io_context io{1};
    std::string path = folder.file("elves.db");
    std::vector<std::string> results;
    std::unique_ptr<SqliteStore> store;

    explicit House(SqliteStore::Limits limits = {}) { open(limits); }
    void open(SqliteStore::Limits limits = {})
    {
        store = std::make_unique<SqliteStore>(io.get_executor(), path, limits);
        store->migrate("t", schema);
        store->apply_migrations();
    }
    void post(Store::Work work)
    {
        store->post(std::move(work), [this](std::exception_ptr error) { results.push_back(code_of(error)); });
    }
    void run()
    {
        io.restart();
        io.run();
    }
    std::set<std::int64_t> all()
    {
        std::set<std::int64_t> found;
        store->at_start([&](Db& db) { found = rows(db); });
        return found;
    }
};

using Results = std::vector<std::string>;
using Rows = std::set<std::int64_t>;

} // namespace

TEST_CASE("what is queued goes to disk in one commit, answered in order", "[store]")
{
    House house;
    Gate gate;
    house.post(gate.work());
    while (house.store->counters().queued != 1) {
    }
    for (int n = 1; n <= 500; ++n) house.post(add(n));
    auto const before = house.store->counters();
    gate.open();
    house.run();
    auto const after = house.store->counters();
    CHECK(before.posted == 501);
    CHECK(before.queued > 0);
    CHECK(after.queued == 0);
    CHECK(after.failed == 0);
    // The gate alone and the 500, or all together where the writer was late.
    CHECK(after.commits <= 2);
    CHECK(house.results == Results(501, "ok"));
    CHECK(house.all().size() == 500);
}

TEST_CASE("what may wait a moment shares the commit of what comes next, in order", "[store]")
{
    SqliteStore::Limits limits;
    limits.soon = std::chrono::hours(1);
    House house(limits);
    std::vector<int> order;
    house.store->post_soon(add(1), [&](std::exception_ptr) { order.push_back(1); });
    SECTION("a write that may not")
    {
        house.store->post(add(2), [&](std::exception_ptr) { order.push_back(2); });
    }
    SECTION("a read, which has to see it")
    {
        house.store->post_read(
            [](Db& db) { CHECK(rows(db) == Rows{1}); }, [&](std::exception_ptr) { order.push_back(2); });
    }
    house.run();
    CHECK(order == std::vector{1, 2});
    CHECK(house.store->counters().commits == 1);
}

TEST_CASE("what may wait a moment waits no longer than that", "[store]")
{
    House house;
    house.store->post_soon(add(1), [](std::exception_ptr) {});
    house.run();
    CHECK(house.all() == Rows{1});
}

TEST_CASE("what may wait a moment does not where the store ends", "[store]")
{
    SqliteStore::Limits limits;
    limits.soon = std::chrono::hours(1);
    House house(limits);
    house.store->post_soon(add(1), [](std::exception_ptr) {});
    house.store->close();
    house.store.reset();
    house.open();
    CHECK(house.all() == Rows{1});
}

TEST_CASE("one bad unit is undone and does not lose its neighbours", "[store]")
{
    House house;
    Gate gate;
    house.post(gate.work());
    house.post(add(1));
    house.post([](Db& db) {
        add(2)(db);
        throw Error(codes::no_task, "no");
    });
    house.post(add(3));
    house.post(add(3)); // the key is taken
    house.post(add(4));
    gate.open();
    house.run();
    CHECK(house.results == Results{"ok", "ok", "416.1", "ok", "other", "ok"});
    CHECK(house.all() == Rows{1, 3, 4});
    CHECK(house.store->counters().failed == 2);
}

TEST_CASE("a unit that only COMMIT can refuse does not lose its neighbours", "[store]")
{
    House house;
    Gate gate;
    house.post(gate.work());
    house.post(add(1));
    house.post([](Db& db) { db.script("INSERT INTO child (n) VALUES (77)"); });
    house.post(add(2));
    gate.open();
    house.run();
    CHECK(house.results == Results{"ok", "ok", "other", "ok"});
    CHECK(house.all() == Rows{1, 2});
}

TEST_CASE("a read sees the writes posted before it, and answers after them", "[store]")
{
    House house;
    std::vector<std::string> order;
    Rows seen;
    for (int n = 1; n <= 20; ++n) {
        house.store->post(add(n), [&order](std::exception_ptr) { order.push_back("write"); });
    }
    house.store->post_read([&seen](Db& db) { seen = rows(db); },
        [&order](std::exception_ptr error) { order.push_back(error ? "failed" : "read"); });
    house.run();
    CHECK(seen.size() == 20);
    REQUIRE(order.size() == 21);
    CHECK(order.back() == "read");
}

TEST_CASE("a read cannot write", "[store]")
{
    House house;
    std::string result;
    house.store->post_read(add(1), [&result](std::exception_ptr error) { result = code_of(error); });
    house.run();
    CHECK(result == "507.1");
    CHECK(house.all().empty());
}

TEST_CASE("a read over its time is ended with Error 429.1, and the next one runs", "[store]")
{
    House house({.writes = 10, .reads = 10, .read_time = std::chrono::milliseconds(20)});
    Results results;
    auto const done = [&results](std::exception_ptr error) { results.push_back(code_of(error)); };
    house.store->post_read(
        [](Db& db) {
            db.script(
                "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT sum(n) FROM c");
        },
        done);
    house.store->post_read([](Db& db) { (void)rows(db); }, done);
    house.run();
    CHECK(results == Results{"429.1", "ok"});
}

namespace {

/// What makes scans wait until it is told otherwise; on the store's threads.
class Barrier {
public:
    Store::Work work()
    {
        return [this](Db&) {
            ++waiting;
            while (!open_) std::this_thread::yield();
        };
    }
    void open() { open_ = true; }
    std::atomic<int> waiting = 0;

private:
    std::atomic<bool> open_ = false;
};

} // namespace

TEST_CASE("a look-up does not wait for the scans before it, however long they take", "[store]")
{
    House house;
    Barrier barrier;
    Results order;
    auto const note = [&order](std::string what) {
        return [&order, what](std::exception_ptr) { order.push_back(what); };
    };
    for (int n = 0; n < 5; ++n) house.store->post_scan(barrier.work(), note("scan"));
    house.store->post_read([](Db&) {},
        [&](std::exception_ptr) {
            order.push_back("look-up");
            barrier.open();
        });
    house.run();
    CHECK(order == Results{"look-up", "scan", "scan", "scan", "scan", "scan"});
}

TEST_CASE("as many scans run at a time as there are threads for them, and one does not wait for the other",
    "[store]")
{
    House house;
    Barrier barrier;
    house.store->post_scan(barrier.work(), nullptr);
    bool short_one_ran = false;
    house.store->post_scan([](Db&) {},
        [&](std::exception_ptr) {
            short_one_ran = true;
            barrier.open();
        });
    house.run();
    CHECK(short_one_ran);
}

TEST_CASE("a scan sees what was posted before it", "[store]")
{
    House house;
    house.store->post_soon(add(1), nullptr);
    house.post(add(2));
    Rows seen;
    house.store->post_scan([&seen](Db& db) { seen = rows(db); }, nullptr);
    house.run();
    CHECK(seen == Rows{1, 2});
}

TEST_CASE("a scan over its time is ended with Error 429.1, and one too many is refused with it", "[store]")
{
    House house({.read_time = std::chrono::milliseconds(20), .scans = 1, .scan_threads = 1});
    Results results;
    auto const done = [&results](std::exception_ptr error) { results.push_back(code_of(error)); };
    auto const endless = [](Db& db) {
        db.script("WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT sum(n) FROM c");
    };
    Gate gate;
    house.post(gate.work());
    house.store->post_scan(endless, done);
    house.store->post_scan(endless, done);
    gate.open();
    house.run();
    CHECK(results == Results{"429.1", "429.1"});
}

TEST_CASE("closing the store ends the scans that run, and destroys what waits", "[store]")
{
    House house;
    auto const alive = std::make_shared<int>(1);
    auto const endless = [](Db& db) {
        db.script("WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT sum(n) FROM c");
    };
    for (int n = 0; n < 4; ++n) house.store->post_scan(endless, [alive](std::exception_ptr) {});
    house.store->close();
    CHECK(alive.use_count() == 1);
}

TEST_CASE("a full queue refuses one more with Error 429.1", "[store]")
{
    House house({.writes = 3, .reads = 1, .read_time = std::chrono::seconds(10)});
    Gate gate;
    house.post(gate.work());
    for (int n = 1; n <= 3; ++n) house.post(add(n));
    Results reads;
    for (int n = 1; n <= 2; ++n) {
        house.store->post_read(
            [](Db&) {}, [&reads](std::exception_ptr error) { reads.push_back(code_of(error)); });
    }
    gate.open();
    house.run();
    CHECK(std::count(house.results.begin(), house.results.end(), "429.1") == 1);
    CHECK(std::count(house.results.begin(), house.results.end(), "ok") == 3);
    CHECK(house.all() == Rows{1, 2});
    CHECK(reads == Results{"429.1", "ok"});
}

TEST_CASE("a file opened again has all that was acknowledged, and no -wal beside it", "[store]")
{
    House house;
    for (int n = 1; n <= 50; ++n) house.post(add(n));
    house.run();
    house.store.reset();
    CHECK_FALSE(std::filesystem::exists(house.path + "-wal"));
    house.open();
    CHECK(house.all().size() == 50);
    struct stat about {};
    REQUIRE(::stat(house.path.c_str(), &about) == 0);
    CHECK((about.st_mode & 0777U) == 0600U);
}

TEST_CASE("the destructor brings to disk what is queued, and calls nothing", "[store]")
{
    House house;
    for (int n = 1; n <= 50; ++n) house.post(add(n));
    house.store.reset();
    house.run();
    CHECK(house.results.empty());
    house.open();
    CHECK(house.all().size() == 50);
}

TEST_CASE("a coroutine that waits for a store that ends is unwound by the loop, not called", "[store]")
{
    House house;
    auto const alive = std::make_shared<int>(1);
    Gate gate;
    auto body = [](Store& store, Store::Work work, std::shared_ptr<int>) -> asio::awaitable<void> {
        co_await store.write(std::move(work));
    };
    asio::co_spawn(house.io, body(*house.store, gate.work(), alive), [](std::exception_ptr) {});
    house.io.poll();
    CHECK(alive.use_count() > 1);
    gate.open();
    house.store.reset();
    // Asio unwinds a coroutine through the loop.
    house.run();
    CHECK(alive.use_count() == 1);
}

TEST_CASE("a coroutine that comes to a closed store is unwound by the loop, not called", "[store]")
{
    House house;
    auto const alive = std::make_shared<int>(1);
    bool went_on = false;
    auto body = [](Store& store, bool& over, std::shared_ptr<int>, bool reads) -> asio::awaitable<void> {
        Store::Work work = [](Db&) { FAIL("the store is closed"); };
        if (reads) {
            std::function<int(Db&)> read = [work](Db& db) { return work(db), 1; };
            co_await store.read<int>(std::move(read));
        } else {
            co_await store.write(std::move(work));
        }
        over = true;
    };
    house.store->close();
    for (bool const reads : {false, true}) {
        asio::co_spawn(house.io, body(*house.store, went_on, alive, reads), [](std::exception_ptr) {});
    }
    house.run();
    CHECK(alive.use_count() == 1);
    CHECK_FALSE(went_on);
}

TEST_CASE("a coroutine gets its write's exception and its read's value", "[store]")
{
    House house;
    std::string result;
    auto body = [](Store& store) -> asio::awaitable<std::string> {
        std::string info;
        try {
            Store::Work work = [](Db&) { throw Error(codes::no_task, "no"); };
            co_await store.write(std::move(work));
        } catch (Error const& error) {
            info = error.info();
        }
        std::function<std::string(Db&)> read = [](Db& db) {
            auto row = db.run("SELECT 'seven'");
            return row.next() ? std::string(row.text(0)) : std::string();
        };
        co_return info + " " + co_await store.read(std::move(read));
    };
    asio::co_spawn(house.io, body(*house.store),
        [&result](std::exception_ptr error, std::string text) { result = error ? code_of(error) : text; });
    house.run();
    CHECK(result == "[416.1] no seven");
}

TEST_CASE("an exception of a completion leaves the loop, and the other completions are called", "[store]")
{
    House house;
    Gate gate;
    house.post(gate.work());
    house.store->post(add(1), [](std::exception_ptr) { throw std::runtime_error("from a handler"); });
    house.post(add(2));
    gate.open();
    CHECK_THROWS_WITH(house.run(), "from a handler");
    house.run();
    CHECK(house.results == Results{"ok", "ok"});
}

TEST_CASE("a file of a newer program is refused by module and numbers, and left untouched", "[store]")
{
    House house;
    house.store->migrate(
        "cron", "-- migration 1: a\nCREATE TABLE a (n);\n-- migration 2: b\nCREATE TABLE b (n);\n");
    house.store->apply_migrations();
    house.store.reset();
    auto const before = bytes_of(house.path);
    {
        SqliteStore store(house.io.get_executor(), house.path);
        store.migrate("other", "-- migration 1: a\nCREATE TABLE other (n);\n");
        store.migrate("cron", "-- migration 1: a\nCREATE TABLE a (n);\n");
        CHECK_THROWS_WITH(store.apply_migrations(),
            Contains("newer program") && Contains("cron") && Contains("2") && Contains("knows 1"));
    }
    CHECK(bytes_of(house.path) == before);
}

TEST_CASE("a second store on one file is refused by the first one's number", "[store]")
{
    House house;
    CHECK_THROWS_WITH(SqliteStore(house.io.get_executor(), house.path),
        Contains(house.path) && Contains("in use by process " + std::to_string(::getpid())));
    house.store.reset();
    CHECK_NOTHROW(SqliteStore(house.io.get_executor(), house.path));
}

TEST_CASE("a file that cannot be a store is refused in one line", "[store]")
{
    TempFolder folder;
    asio::io_context io(1);
    auto const message = [&](std::string const& path) {
        return message_of([&] { SqliteStore(io.get_executor(), path); });
    };
    CHECK_THAT(message(folder.file("none/elves.db")), Contains("folder does not exist"));
    CHECK_THAT(message(folder.file("")), Contains("folder"));
    std::ofstream(folder.file("text.db")) << "These are notes, not a database.";
    CHECK_THAT(message(folder.file("text.db")), Contains("text.db") && Contains("not a database"));
    // The right head and nothing behind it.
    std::ofstream(folder.file("cut.db"), std::ios::binary) << std::string("SQLite format 3\0", 16) << "cut";
    CHECK_THAT(message(folder.file("cut.db")), Contains("cut.db"));
    CHECK_THAT(message(folder.file("cut.db")), !Contains("\n"));
    if (::geteuid() != 0) {
        std::filesystem::create_directory(folder.file("locked"));
        std::filesystem::permissions(folder.file("locked"), std::filesystem::perms::none);
        CHECK_THAT(message(folder.file("locked/elves.db")), Contains("no permission"));
        std::filesystem::permissions(folder.file("locked"), std::filesystem::perms::owner_all);
    }
}

TEST_CASE("a write that does not fit gets Error 507.1; a smaller one beside it is kept", "[store]")
{
    House house;
    house.store->at_start([](Db&) {});
    house.post([](Db& db) { db.script("PRAGMA max_page_count = 20"); });
    house.run();
    Gate gate;
    house.post(gate.work());
    house.post(add(1));
    house.post([](Db& db) { db.script("INSERT INTO t (n, text) VALUES (2, hex(zeroblob(1000000)))"); });
    house.post(add(3));
    gate.open();
    house.run();
    CHECK(house.results == Results{"ok", "ok", "ok", "507.1", "ok"});
    CHECK(house.all() == Rows{1, 3});
}

TEST_CASE("a full disk refuses with Error 507.1, and takes writes again when there is room", "[store]")
{
    FailingVfs disk;
    House house;
    FailingVfs::write_result = SQLITE_FULL;
    house.post(add(1));
    house.run();
    FailingVfs::write_result = SQLITE_OK;
    house.post(add(2));
    house.run();
    CHECK(house.results == Results{"507.1", "ok"});
    CHECK(house.all() == Rows{2});
    house.store.reset();
}

TEST_CASE("after an I/O error at COMMIT nothing is written until the file has been opened again", "[store]")
{
    FailingVfs disk;
    House house;
    house.post(add(1));
    house.run();
    Gate gate;
    house.post(gate.work());
    house.post(add(2));
    house.post(add(3));
    FailingVfs::sync_result = SQLITE_IOERR_FSYNC;
    gate.open();
    house.run();
    FailingVfs::sync_result = SQLITE_OK;
    FailingVfs::open_result = SQLITE_CANTOPEN;
    house.post(add(4));
    house.run();
    FailingVfs::open_result = SQLITE_OK;
    house.post(add(5));
    house.run();
    REQUIRE(house.results.size() == 6);
    // The gate may have been a group of its own, with nothing to sync.
    CHECK(
        Results(house.results.begin() + 2, house.results.end()) == Results{"507.1", "507.1", "507.1", "ok"});
    auto const found = house.all();
    CHECK(found.contains(1));
    CHECK_FALSE(found.contains(4));
    CHECK(found.contains(5));
    house.store.reset();
}

TEST_CASE("what waits for its commit is posted from many turns of a busy loop", "[store]")
{
    House house;
    int done = 0;
    int next = 0;
    std::function<void(std::exception_ptr)> again = [&](std::exception_ptr error) {
        if (!error) ++done;
        if (next < 2'000) house.store->post(add(++next), again);
        if (next % 7 == 0)
            house.store->post_read([](Db& db) { db.run("SELECT max(n) FROM t").execute(); }, {});
    };
    for (int n = 0; n < 50; ++n) house.store->post(add(++next), again);
    house.run();
    CHECK(done == 2'000);
    CHECK(house.all().size() == 2'000);
    CHECK(house.store->counters().commits < 2'000);
}

TEST_CASE("of a large commit some are told, then what else is ready has its turn, then the rest", "[store]")
{
    House house;
    Gate gate;
    house.post(gate.work());
    int told = 0;
    int told_before_it = 0;
    for (int n = 1; n <= 200; ++n) {
        house.store->post(add(n), [&](std::exception_ptr const&) {
            if (++told == 1) asio::post(house.io, [&] { told_before_it = told; });
        });
    }
    gate.open();
    house.run();
    CHECK(told == 200);
    CHECK(told_before_it > 0);
    CHECK(told_before_it < 100);
}

TEST_CASE("a file that is mostly free pages is made smaller while nothing else is to be written", "[store]")
{
    TempFolder const folder;
    auto const path = folder.file("elves.db");
    make_or_check_file(path);
    {
        auto const db = open_db(path, Access::read_write);
        migrate(*db, {{"m", schema}});
        db->script(
            "INSERT INTO t (text) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i "
            "< 4000) SELECT printf('%4000d', i) FROM n; DELETE FROM t");
    }
    auto const full = std::filesystem::file_size(path);
    REQUIRE(full > 12'000'000);
    asio::io_context loop;
    auto store = std::make_unique<SqliteStore>(loop.get_executor(), path);
    store->post(add(1), {});
    store.reset();
    CHECK(std::filesystem::file_size(path) < full / 4);
}

TEST_CASE("a data file that is removed is noticed, and nothing is acknowledged from then on", "[store]")
{
    House house;
    house.post(add(1));
    house.run();
    CHECK(house.store->file_fault().empty());
    auto const away = house.path + ".away";
    std::filesystem::rename(house.path, away);
    house.post(add(2));
    house.run();
    CHECK(house.store->file_fault() == house.path + " was removed");
    house.post(add(3));
    house.run();
    CHECK(house.results == Results{"ok", "507.1", "507.1"});
    std::filesystem::rename(away, house.path);
    house.post(add(4));
    house.run();
    CHECK(house.store->file_fault().empty());
    CHECK(house.results.back() == "ok");
    // What was refused while the file was away may be there: nobody was told that it is not.
    CHECK(house.all().contains(4));
}
