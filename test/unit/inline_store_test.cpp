#include "support/inline_store.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "catch.hpp"

using namespace elves;

namespace {

void add_row(Db& db) { db.run("INSERT INTO t (n) VALUES (1)").execute(); }

std::int64_t rows(Db& db)
{
    auto row = db.run("SELECT count(*) FROM t");
    return row.next() ? row.number(0) : -1;
}

template <class T>
T run(asio::io_context& io, asio::awaitable<T> work)
{
    std::optional<T> value;
    std::exception_ptr error;
    asio::co_spawn(io, std::move(work), [&](std::exception_ptr failure, T result) {
        error = std::move(failure);
        value = std::move(result);
    });
    io.restart();
    io.run();
    if (error) std::rethrow_exception(error);
    return std::move(value.value());
}

asio::awaitable<std::int64_t> write_then_count(Store& store)
{
    Store::Work work = add_row;
    co_await store.write(std::move(work));
    std::function<std::int64_t(Db&)> count = rows;
    co_return co_await store.read(std::move(count));
}

asio::awaitable<std::string> code_of_write(Store& store)
{
    try {
        Store::Work work = add_row;
        co_await store.write(std::move(work));
    } catch (Error const& error) {
        co_return std::string(error.code().text);
    }
    co_return "none";
}

} // namespace

TEST_CASE("a coroutine waits for its write and reads it back", "[store]")
{
    asio::io_context io(1);
    InlineStore store(io.get_executor());
    store.migrate("t", "-- migration 1: t\nCREATE TABLE t (n INTEGER) STRICT;\n");
    CHECK(run(io, write_then_count(store)) == 1);
    CHECK(run(io, write_then_count(store)) == 2);
}

TEST_CASE("an injected fault reaches the waiting coroutine as Error 507.1, once", "[store]")
{
    asio::io_context io(1);
    InlineStore store(io.get_executor());
    store.migrate("t", "-- migration 1: t\nCREATE TABLE t (n INTEGER) STRICT;\n");
    store.fail_next();
    CHECK(run(io, code_of_write(store)) == "507.1");
    CHECK(run(io, code_of_write(store)) == "none");
    store.fail_all(true);
    CHECK(run(io, code_of_write(store)) == "507.1");
    CHECK(rows(store.db()) == 1);
}

TEST_CASE("work that throws leaves nothing behind", "[store]")
{
    asio::io_context io(1);
    InlineStore store(io.get_executor());
    store.migrate("t", "-- migration 1: t\nCREATE TABLE t (n INTEGER) STRICT;\n");
    std::exception_ptr seen;
    store.post(
        [](Db& db) {
            add_row(db);
            throw std::runtime_error("no");
        },
        [&](std::exception_ptr error) { seen = std::move(error); });
    CHECK_FALSE(seen);
    io.run();
    CHECK(seen);
    CHECK(rows(store.db()) == 0);
}

TEST_CASE("a coroutine that waits is destroyed with its loop", "[store]")
{
    auto const alive = std::make_shared<int>(1);
    {
        asio::io_context io(1);
        InlineStore store(io.get_executor());
        auto body = [](Store& s, std::shared_ptr<int>) -> asio::awaitable<void> {
            Store::Work work = [](Db&) {};
            co_await s.write(std::move(work));
        };
        asio::co_spawn(io, body(store, alive), [](std::exception_ptr) {});
        io.run_one(); // starts, and waits
        CHECK(alive.use_count() > 1);
    }
    CHECK(alive.use_count() == 1);
}
