#include "elves/pruner.hpp"

#include <boost/asio/io_context.hpp>

#include "catch.hpp"
#include "manual_clock.hpp"
#include "support/inline_store.hpp"
#include "tasklog/task_records.hpp"
#include "tasklog_schema.hpp"

using namespace elves;
using namespace std::chrono_literals;

namespace {

struct House {
    asio::io_context io;
    ManualClock clock;
    InlineStore store{io.get_executor()};
    Pruner pruner{store, clock, "tasks"};
    std::uint64_t last_id = 0;
    TaskId open_run{77};

    House()
    {
        store.migrate("tasklog", tasklog_schema);
        pruner.set(100s, [this](Db& db, Instant now, std::int64_t most) {
            return task_records::prune(
                db, now, {100s, 1000s}, most, [this](Db&, TaskId run) { return run == open_run; });
        });
    }
    TaskId ended(TaskStatus status, std::chrono::milliseconds ago = 0ms, std::optional<TaskId> run = {})
    {
        Task task;
        task.id = TaskId(++last_id);
        task.agent = Ip::parse("10.0.0.1").value();
        task.status = status;
        task.run = run;
        task.start = clock.now() - ago;
        if (is_final(status)) task.end = clock.now() - ago;
        task_records::insert(store.db(), task);
        return task.id;
    }
    void pass(std::chrono::milliseconds time)
    {
        for (auto left = time; left > 0ms; left -= 10ms) {
            clock.advance(10ms);
            io.poll();
            io.restart();
        }
    }
    [[nodiscard]] std::size_t count()
    {
        std::size_t count = 0;
        task_records::list(store.db(), {}, 100'000, [&](task_records::Row const&) {
            ++count;
            return true;
        });
        return count;
    }
};

} // namespace

TEST_CASE("what failed is kept for its own time, all else for the other", "[tasklog]")
{
    House house;
    for (auto const status : {TaskStatus::done, TaskStatus::canceled, TaskStatus::skipped})
        house.ended(status);
    for (auto const status : {TaskStatus::failed, TaskStatus::timeout, TaskStatus::expired,
             TaskStatus::undelivered, TaskStatus::lost})
        house.ended(status);
    house.pruner.start();
    house.pass(99s);
    CHECK(house.count() == 8);
    house.pass(12s); // a tenth of the time at most
    CHECK(house.count() == 5);
    house.pass(880s);
    CHECK(house.count() == 5);
    house.pass(20s);
    CHECK(house.count() == 0);
}

TEST_CASE("what is unfinished or still owed is kept", "[tasklog]")
{
    House house;
    auto const owed = house.ended(TaskStatus::done, 1h);
    task_records::queue_delivery(house.store.db(), owed, house.clock.now());
    house.ended(TaskStatus::running, 1h);
    house.pruner.start();
    house.pass(60s);
    CHECK(house.count() == 2);
    task_records::drop_delivery(house.store.db(), owed);
    house.pass(20s);
    CHECK(house.count() == 1);
}

TEST_CASE(
    "many old tasks go in steps with pauses, each larger than the one before up to a bound", "[tasklog]")
{
    House house;
    house.store.db().script("BEGIN");
    for (int i = 0; i < 5'000; ++i) house.ended(TaskStatus::done, 1h);
    house.store.db().script("COMMIT");
    house.pruner.start();
    house.pass(10s);
    CHECK(house.count() == 4'800);
    for (std::size_t const left : {4'400U, 3'600U, 2'000U, 400U, 0U}) {
        house.pass(20ms);
        CHECK(house.count() == left);
    }
}

TEST_CASE("the first step after a rest is small again", "[tasklog]")
{
    House house;
    house.store.db().script("BEGIN");
    for (int i = 0; i < 500; ++i) house.ended(TaskStatus::done, 1h);
    house.pruner.start();
    house.store.db().script("COMMIT");
    house.pass(10s + 20ms);
    REQUIRE(house.count() == 0);
    house.store.db().script("BEGIN");
    for (int i = 0; i < 500; ++i) house.ended(TaskStatus::done, 1h);
    house.store.db().script("COMMIT");
    house.pass(10s);
    CHECK(house.count() == 300);
}

TEST_CASE("a store that refuses is asked again later", "[tasklog]")
{
    House house;
    house.ended(TaskStatus::done, 1h);
    house.pruner.start();
    house.store.fail_next();
    house.pass(11s);
    CHECK(house.count() == 1);
    house.pass(11s);
    CHECK(house.count() == 0);
}

TEST_CASE("a task that the clock was ahead for keeps no others from being deleted", "[tasklog]")
{
    House house;
    house.ended(TaskStatus::done, -100h);
    for (int i = 0; i < 10; ++i) house.ended(TaskStatus::done, 1h);
    house.pruner.start();
    house.pass(11s);
    CHECK(house.count() == 1);
}

TEST_CASE(
    "many tasks that are kept longer are walked over in steps, and those behind them deleted", "[tasklog]")
{
    House house;
    house.store.db().script("BEGIN");
    for (int i = 0; i < 12'000; ++i) house.ended(TaskStatus::failed, 500s);
    for (int i = 0; i < 10; ++i) house.ended(TaskStatus::done, 500s);
    house.store.db().script("COMMIT");
    house.pruner.start();
    house.pass(10s);
    CHECK(house.count() == 12'010);
    house.pass(60ms);
    CHECK(house.count() == 12'000);
}

TEST_CASE("tasks of a run that has not ended stay, however old they are", "[tasklog]")
{
    House house;
    house.ended(TaskStatus::done, 500s, TaskId(77));
    house.ended(TaskStatus::done, 500s, TaskId(78));
    house.ended(TaskStatus::done, 500s);
    house.pruner.start();
    house.pass(11s);
    CHECK(house.count() == 1);
}
