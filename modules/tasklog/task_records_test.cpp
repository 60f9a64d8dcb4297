#include "tasklog/task_records.hpp"

#include "catch.hpp"
#include "store/transaction.hpp"
#include "support/task_house.hpp"
#include "tasklog/task_blocks.hpp"

using namespace elves;
using namespace std::chrono_literals;
using task_records::TaskBlocks;

namespace {

struct Log : TaskHouse {
    ~Log() { drop_unfinished(); }

    Db& db() { return store.db(); }
    /// Tasks that are `done` at once, with the ids after the last one's.
    void add_done(std::int64_t count)
    {
        db().script("BEGIN");
        for (; count > 0; --count) add(TaskStatus::done);
        db().script("COMMIT");
    }
    Task add(TaskStatus status)
    {
        auto task = sent_task(++last, clock.now());
        task.status = status;
        if (is_final(status)) task.end = clock.now();
        task_records::insert(db(), task);
        return task;
    }
    void end(Task task)
    {
        task.status = TaskStatus::done;
        task.end = clock.now();
        task_records::update(db(), task);
    }
    std::vector<TaskId> open()
    {
        std::vector<TaskId> ids;
        for (auto const& each : task_records::open(db())) ids.push_back(each.task.id);
        return ids;
    }
    std::string text(std::string const& sql)
    {
        auto row = db().run(sql);
        return row.next() ? std::string(row.text(0)) : "nothing";
    }

    std::uint64_t last = 0;
};

constexpr std::int64_t recent = 17 * TaskBlocks::tasks_a_block;
using Ids = std::vector<TaskId>;

} // namespace

TEST_CASE("the words of the view are those of the protocol", "[tasklog]")
{
    Log log;
    for (int i = 0; i <= static_cast<int>(TaskStatus::lost); ++i) {
        auto const status = static_cast<TaskStatus>(i);
        auto const id = log.add(status).id.text();
        CHECK(log.text("SELECT status FROM tasks WHERE id = '" + id + "'") == status_text(status));
    }
    for (auto const type : {TaskType::rt, TaskType::async, TaskType::cron}) {
        log.db().script("UPDATE task_requests SET type = " + std::to_string(static_cast<int>(type)));
        CHECK(log.text("SELECT type FROM tasks") == type_text(type));
    }
    for (auto const mode : {Mode::np, Mode::p}) {
        log.db().script("UPDATE task_requests SET mode = " + std::to_string(static_cast<int>(mode)));
        CHECK(log.text("SELECT mode FROM tasks") == mode_text(mode));
    }
}

TEST_CASE("a task is written once, and again only when something came of it", "[tasklog]")
{
    Log log;
    auto task = log.add(TaskStatus::sent);
    log.add(TaskStatus::waiting);
    CHECK(log.number("SELECT count(*) FROM task_requests") == 2);
    // A waiting one that was sent before has more to say than that it waits.
    CHECK(log.number("SELECT count(*) FROM task_outcomes") == 1);
    CHECK(task_records::find(log.db(), task.id)->task.sent == task.start);
    CHECK(log.number("SELECT sent_time FROM tasks WHERE key = 1") == task.start.time_since_epoch().count());
    task.taken = task.start + 5ms;
    task.status = TaskStatus::running;
    task_records::update(log.db(), task);
    task.report = said(1, "fine");
    log.end(task);
    CHECK(log.number("SELECT count(*) FROM task_outcomes") == 2);
    auto const found = task_records::find(log.db(), task.id)->task;
    CHECK(found.status == TaskStatus::done);
    CHECK(found.taken == task.taken);
    CHECK(found.report->result == "fine");
}

TEST_CASE("a task with an id of its agent's is found by that, and lies where its time is", "[tasklog]")
{
    Log log;
    auto own = sent_task(0xFFFF'0000'0000'0001, log.clock.now());
    own.key = 500;
    own.cron_id = TaskId(7);
    own.fire_time = log.clock.now();
    own.status = TaskStatus::running;
    log.last = 400;
    log.add(TaskStatus::done);
    task_records::insert(log.db(), own);
    log.last = 600;
    log.add(TaskStatus::done);
    CHECK(task_records::find(log.db(), own.id)->key == 500);
    CHECK_FALSE(task_records::find(log.db(), TaskId(500)));
    CHECK(task_records::param_of(log.db(), own.id) == own.ins.param);
    CHECK(task_records::find_twin(log.db(), own)->id == own.id);
    Ids listed;
    task_records::list(log.db(), {}, 10, [&](task_records::Row const& row) {
        listed.push_back(row.task.id);
        return true;
    });
    CHECK(listed == Ids{TaskId(601), own.id, TaskId(401)});
    CHECK(log.text("SELECT id FROM tasks WHERE key = 500") == "FFFF000000000001");
    auto const open = task_records::open(log.db());
    REQUIRE(open.size() == 1);
    log.end(open[0].task);
    CHECK(task_records::find(log.db(), own.id)->task.status == TaskStatus::done);
    CHECK_THROWS(task_records::insert(log.db(), own));
}

TEST_CASE("a new task never has the id of an agent's firing", "[tasklog]")
{
    Log log;
    auto own = sent_task(700, log.clock.now());
    own.key = 500;
    task_records::insert(log.db(), own);
    log.last = 699;
    CHECK_THROWS_WITH(log.add(TaskStatus::sent), Catch::Contains("00000000000002BC"));
    CHECK(task_records::find(log.db(), TaskId(700))->key == 500);
}

TEST_CASE("a new task never has the id of an agent's firing that came after other new tasks", "[tasklog]")
{
    Log log;
    log.last = 600;
    log.add(TaskStatus::sent);
    std::int64_t key = 601;
    for (std::uint64_t const id : {0xFFFF'0000'0000'0001ULL, 800ULL, 700ULL, 500ULL}) {
        auto own = sent_task(id, log.clock.now());
        own.key = ++key;
        task_records::insert(log.db(), own);
    }
    log.last = 650;
    log.add(TaskStatus::sent);
    for (std::uint64_t const id : {700, 800}) {
        log.last = id - 1;
        CHECK_THROWS_WITH(log.add(TaskStatus::sent), Catch::Contains("firing already"));
        log.last = id;
        log.add(TaskStatus::sent);
    }
}

TEST_CASE("open tasks are found however many others came after them", "[tasklog]")
{
    Log log;
    auto const first = log.add(TaskStatus::running);
    auto canceled = log.add(TaskStatus::canceled);
    canceled.cancel_due = true;
    task_records::update(log.db(), canceled);
    log.add_done(recent);
    auto const newest = log.add(TaskStatus::waiting);
    CHECK(log.number("SELECT key FROM open_since") > 2);
    CHECK(log.open() == Ids{first.id, canceled.id, newest.id});
    CHECK(log.number("SELECT count(*) FROM open_tasks") == 3);
    CHECK(task_records::open_by(log.db(), "") == Ids{first.id, newest.id});
    log.end(first);
    canceled.cancel_due = false;
    task_records::update(log.db(), canceled);
    CHECK(log.open() == Ids{newest.id});
    CHECK(log.number("SELECT count(*) FROM open_before") == 0);
}

TEST_CASE("an old task that is open again is in the list of open ones again", "[tasklog]")
{
    Log log;
    auto task = log.add(TaskStatus::done);
    log.add_done(recent);
    CHECK(log.open().empty());
    task.cancel_due = true;
    task_records::update(log.db(), task);
    CHECK(log.open() == Ids{task.id});
}

TEST_CASE("an open task that is written late, with an old id, is in the list of open ones", "[tasklog]")
{
    Log log;
    log.last = 10;
    log.add_done(recent);
    log.last = 2;
    auto const late = log.add(TaskStatus::running);
    CHECK(log.open() == Ids{late.id});
    CHECK(log.number("SELECT block FROM task_requests WHERE key = 3") == 0);
    CHECK(log.number("SELECT first FROM task_blocks WHERE block = 0") == 3);
}

TEST_CASE("what a transaction that is rolled back did to blocks and open tasks is forgotten", "[tasklog]")
{
    Log log;
    auto const first = log.add(TaskStatus::running);
    log.add_done(recent - 2 * TaskBlocks::tasks_a_block);
    auto const before = log.number("SELECT max(block) FROM task_blocks");
    {
        Transaction const transaction(log.db());
        for (int i = 0; i < 4'000; ++i) log.add(TaskStatus::done);
        CHECK(log.number("SELECT max(block) FROM task_blocks") > before);
    }
    CHECK(log.number("SELECT max(block) FROM task_blocks") == before);
    CHECK(log.open() == Ids{first.id});
    log.add_done(3'000);
    CHECK(log.number("SELECT key FROM open_since") > 1);
    CHECK(log.open() == Ids{first.id});
    CHECK(log.number("SELECT count(*) FROM task_requests AS r WHERE block <> "
                     "(SELECT max(block) FROM task_blocks WHERE first <= r.key)") == 0);
}

TEST_CASE("reading the open tasks reads no others", "[tasklog]")
{
    Log log;
    for (auto const* const part :
        {"SELECT * FROM open_tasks", "SELECT * FROM open_tasks WHERE asked_by = 'x'"}) {
        auto plan = log.db().run("EXPLAIN QUERY PLAN " + std::string(part));
        while (plan.next()) {
            std::string const step(plan.text(3));
            CHECK((!step.starts_with("SCAN") || step == "SCAN open_since"));
        }
    }
}
