#include "tasklog/task_transitions.hpp"

#include <boost/asio/detached.hpp>

#include "catch.hpp"
#include "support/fake_quotas.hpp"
#include "support/transitions_fixture.hpp"

using namespace elves;
using namespace std::chrono_literals;

namespace {

using House = TransitionsFixture;

life::Event reported(int flag, std::string result) { return life::Reported{said(flag, std::move(result))}; }

} // namespace

TEST_CASE("a task is open in memory once it is on disk, and no longer than until its end", "[transitions]")
{
    House house;
    CHECK(house.record(house.task(1)).is_new);
    REQUIRE(house.open(1));
    CHECK(house.registry->of_agent(house.task(1).agent) == std::vector{TaskId(1)});
    CHECK(house.number("SELECT count(*) FROM tasks WHERE status = 'sent'") == 1);
    house.apply(1, reported(1, "fine"));
    CHECK_FALSE(house.open(1));
    CHECK(house.registry->all().empty());
    CHECK(house.finished == std::vector{TaskStatus::done});
    CHECK(house.run(house.transitions->find(TaskId(1)))->report->result == "fine");
}

TEST_CASE("what the disk does not take has not happened, and nobody is told of it", "[transitions]")
{
    House house;
    house.store.fail_next();
    CHECK(house.begin(house.transitions->insert(house.task(1), {})).refusal().starts_with("[507.1]"));
    CHECK_FALSE(house.open(1));
    house.record(house.task(2));
    house.store.fail_next();
    CHECK(house.apply(2, reported(1, "fine")).refusal().starts_with("[507.1]"));
    CHECK(house.finished.empty());
    CHECK(house.open(2)->status == TaskStatus::sent);
    // It may be tried again.
    CHECK(house.apply(2, reported(1, "fine")).get().finished);
    CHECK(house.finished == std::vector{TaskStatus::done});
}

TEST_CASE("events of one task that come at the same time are decided one after the other", "[transitions]")
{
    House house;
    house.record(house.task(1));
    auto const first = house.spawn(house.transitions->apply(TaskId(1), reported(1, "first")));
    auto const cancel = house.spawn(house.transitions->apply(TaskId(1), life::Event(life::Cancel{})));
    auto const second = house.spawn(house.transitions->apply(TaskId(1), reported(0, "second")));
    house.settle();
    CHECK(first.get().finished);
    CHECK_FALSE(cancel.get().changed);
    CHECK_FALSE(second.get().changed);
    CHECK(house.finished == std::vector{TaskStatus::done});
    CHECK(house.run(house.transitions->find(TaskId(1)))->report->result == "first");
}

TEST_CASE("an answer that waited while its task was handed over again decides nothing", "[transitions]")
{
    House house;
    auto task = house.task(1);
    task.ins.ttl = 60s;
    task.handover = 1;
    house.record(task);
    house.apply(1, life::Event(life::AgentOffline{"[410.1] off", 1}));
    auto const again = house.spawn(house.transitions->apply(TaskId(1), life::Event(life::HandedOver{})));
    auto const unknown =
        house.spawn(house.transitions->apply(TaskId(1), life::Event(life::TaskUnknownToAgent{1})));
    house.settle();
    CHECK(again.get().task.status == TaskStatus::sent);
    CHECK_FALSE(unknown.get().changed);
    CHECK(house.open(1)->status == TaskStatus::sent);
}

TEST_CASE("an event that the disk refuses does not hold up the next one", "[transitions]")
{
    House house;
    house.record(house.task(1));
    house.store.fail_next();
    auto const first = house.spawn(house.transitions->apply(TaskId(1), life::Event(life::Taken{1ms})));
    auto const second = house.spawn(house.transitions->apply(TaskId(1), reported(0, "no")));
    house.settle();
    CHECK(first.refusal().starts_with("[507.1]"));
    CHECK(second.get().task.status == TaskStatus::failed);
}

TEST_CASE(
    "a result for a task that has ended finds it on disk, and an unknown id is refused", "[transitions]")
{
    House house;
    house.record(house.task(1));
    house.apply(1, life::Event(life::TaskUnknownToAgent{}));
    auto const late = house.apply(1, reported(1, "late"));
    CHECK(late.get().changed);
    CHECK(late.get().task.status == TaskStatus::lost);
    CHECK(house.registry->all().empty());
    CHECK(house.apply(9, reported(1, "?")).refusal().starts_with("[416.1]"));
}

TEST_CASE("after a crash the open tasks are there, and those whose cancel is due", "[transitions]")
{
    House house;
    for (auto const id : {1, 2, 3}) house.record(house.task(static_cast<std::uint64_t>(id)));
    house.apply(2, reported(1, "fine"));
    house.apply(3, life::Event(life::Cancel{}));
    house.start();
    CHECK(house.registry->of_agent(house.task(1).agent) == std::vector{TaskId(1), TaskId(3)});
    CHECK(house.open(3)->cancel_due);
    house.apply(3, life::Event(life::CancelAcknowledged{}));
    CHECK_FALSE(house.open(3));
}

TEST_CASE("what the open tasks take on disk is known, also after a crash, and nothing is left at their end",
    "[transitions]")
{
    House house;
    auto const agent = house.task(1).agent;
    auto large = house.task(1);
    large.ins.param = std::string(10'000, 'x');
    auto other = house.task(2);
    other.agent = Ip::parse("10.0.0.2").value();
    house.record(large);
    house.record(other);
    auto const of_agent = house.registry->bytes_of(agent);
    auto const all = house.registry->total_bytes();
    CHECK(of_agent > 10'000);
    CHECK(all == of_agent + house.registry->bytes_of(other.agent));
    house.start();
    CHECK(house.registry->bytes_of(agent) == of_agent);
    CHECK(house.registry->total_bytes() == all);
    house.apply(1, reported(1, "fine"));
    CHECK(house.registry->bytes_of(agent) == 0);
    CHECK(house.registry->total_bytes() == all - of_agent);
    house.apply(2, reported(1, "fine"));
    CHECK(house.registry->total_bytes() == 0);
}

TEST_CASE("a task takes the same while it is on its way to disk and when it is there", "[transitions]")
{
    House house;
    auto const task = house.task(1);
    auto const recorded = house.spawn(house.transitions->insert(task, {}));
    REQUIRE_FALSE(recorded.is_there());
    CHECK_FALSE(house.registry->find(task.id));
    CHECK(house.registry->count_of(task.agent) == 1);
    auto const bytes = house.registry->bytes_of(task.agent);
    CHECK(bytes > 1'000);
    CHECK(house.registry->total_bytes() == bytes);
    house.settle();
    CHECK(house.registry->count_of(task.agent) == 1);
    CHECK(house.registry->bytes_of(task.agent) == bytes);
    CHECK(house.registry->total_bytes() == bytes);
}

TEST_CASE("a firing that is over when it comes takes nothing on its way to disk", "[transitions]")
{
    House house;
    auto task = house.task(1);
    task.type = TaskType::cron;
    task.status = TaskStatus::skipped;
    task.end = task.start;
    auto const recorded = house.spawn(house.transitions->insert(task, {}));
    REQUIRE_FALSE(recorded.is_there());
    CHECK(house.registry->count_of(task.agent) == 0);
    CHECK(house.registry->total_bytes() == 0);
}

TEST_CASE("a task whose recording is given up takes nothing any more", "[transitions]")
{
    ManualClock clock;
    auto loop = std::make_unique<asio::io_context>();
    InlineStore store(loop->get_executor());
    store.migrate("tasklog", tasklog_schema);
    TaskRegistry registry;
    DailyBytes daily_bytes(store, clock);
    TaskTransitions transitions(loop->get_executor(), store, clock, registry, daily_bytes);
    auto const task = sent_task(1, clock.now());
    static_cast<void>(transitions.insert(task, {}));
    REQUIRE(registry.count_of(task.agent) == 1);
    loop.reset();
    CHECK(registry.count_of(task.agent) == 0);
    CHECK(registry.total_bytes() == 0);
}

TEST_CASE("a second task with the same dedup, or of the same firing, is the first one", "[transitions]")
{
    House house;
    auto with_dedup = [&](std::uint64_t id) {
        auto task = house.task(id);
        task.ins.dedup = "once";
        return task;
    };
    auto firing = [&](std::uint64_t id, TaskStatus status) {
        auto task = house.task(id);
        task.type = TaskType::cron;
        task.cron_id = TaskId(7);
        task.fire_time = house.clock.now();
        task.status = status;
        if (is_final(status)) task.end = house.clock.now();
        return task;
    };
    house.record(with_dedup(1));
    house.apply(1, reported(1, "fine"));
    auto const again = house.record(with_dedup(2));
    CHECK_FALSE(again.is_new);
    CHECK(again.task.id == TaskId(1));
    CHECK(again.task.status == TaskStatus::done);
    auto of_another_app = with_dedup(6);
    of_another_app.ins.app = "other";
    CHECK(house.record(of_another_app).is_new);
    of_another_app.id = TaskId(7);
    CHECK(house.record(of_another_app).task.id == TaskId(6));

    CHECK(house.record(firing(3, TaskStatus::sent)).is_new);
    CHECK(house.record(firing(4, TaskStatus::sent)).task.id == TaskId(3));
    // What was skipped is only told: it takes the place of no run, and the same record may come twice.
    CHECK(house.record(firing(5, TaskStatus::skipped)).is_new);
    CHECK_FALSE(house.record(firing(5, TaskStatus::skipped)).is_new);
    CHECK(house.number("SELECT count(*) FROM tasks") == 4);
}

TEST_CASE("what is recorded with a task is written with it or not at all", "[transitions]")
{
    House house;
    auto const fails = [](Db& db) {
        db.run("INSERT INTO outputs (id, at, data) VALUES ('x', 0, '')").execute();
        throw Error(codes::no_cron, "gone meanwhile");
    };
    CHECK(house.begin(house.transitions->insert(house.task(1), fails)).refusal().starts_with("[411.1]"));
    CHECK(house.number("SELECT count(*) FROM outputs") == 0);
    CHECK(house.number("SELECT count(*) FROM tasks") == 0);
    CHECK_FALSE(house.open(1));
}

TEST_CASE("the end of a task of mode P and what is owed to its processor are one write", "[transitions]")
{
    House house;
    auto owing = house.task(1);
    owing.ins.mode = Mode::p;
    house.record(owing);
    CHECK(house.number("SELECT count(*) FROM deliveries") == 0);
    house.store.fail_next();
    house.apply(1, reported(1, "fine"));
    CHECK(house.number("SELECT count(*) FROM deliveries") == 0);
    house.apply(1, reported(1, "fine"));
    CHECK(house.number("SELECT count(*) FROM deliveries") == 1);
    house.apply(1, reported(0, "again"));
    CHECK(house.number("SELECT count(*) FROM deliveries") == 1);
}

TEST_CASE("what is staged counts at once, and is written with the task's next event", "[transitions]")
{
    House house;
    house.record(house.task(1));
    auto const writes = house.store.posted();
    CHECK(house.stage(1, life::Taken{7ms}));
    CHECK(house.open(1)->status == TaskStatus::running);
    CHECK(house.number("SELECT count(*) FROM tasks WHERE status = 'sent'") == 1);
    house.apply(1, reported(1, "fine"));
    CHECK(house.store.posted() == writes + 1);
    CHECK(house.number("SELECT count(*) FROM tasks WHERE status = 'done' AND sync_costtime = 7") == 1);
    house.pass(2s);
    CHECK(house.store.posted() == writes + 1);
}

TEST_CASE("what is staged is written a moment later, or before somebody reads it", "[transitions]")
{
    House house;
    for (std::uint64_t id = 1; id <= 3; ++id) {
        house.record(house.task(id));
        CHECK(house.stage(id, life::Taken{7ms}));
    }
    auto const writes = house.store.posted();
    SECTION("a moment later, all of them in one write") { house.pass(1s); }
    SECTION("before a read")
    {
        CHECK(house.run(house.transitions->find(TaskId(2)))->status == TaskStatus::running);
    }
    CHECK(house.number("SELECT count(*) FROM tasks WHERE status = 'running'") == 3);
    CHECK(house.store.posted() == writes + 1);
}

TEST_CASE("what is staged and the disk refuses is written later; after a crash it is as if never said",
    "[transitions]")
{
    House house;
    house.record(house.task(1));
    CHECK(house.stage(1, life::Taken{7ms}));
    house.store.fail_next();
    house.transitions->flush();
    house.settle();
    CHECK(house.number("SELECT count(*) FROM tasks WHERE status = 'running'") == 0);
    SECTION("it lives on")
    {
        house.pass(1s);
        CHECK(house.number("SELECT count(*) FROM tasks WHERE status = 'running'") == 1);
    }
    SECTION("it crashes")
    {
        house.start();
        CHECK(house.open(1)->status == TaskStatus::sent);
    }
}

TEST_CASE("while a decision about a task is written, nothing else is staged", "[transitions]")
{
    House house;
    house.record(house.task(1));
    CHECK_FALSE(house.stage(9, life::Taken{7ms}));
    auto const cancel = house.spawn(house.transitions->apply(TaskId(1), life::Event(life::Cancel{})));
    house.loop.restart();
    for (int turn = 0; turn < 10 && !house.registry->find(TaskId(1))->is_locked; ++turn)
        house.loop.poll_one();
    REQUIRE(house.registry->find(TaskId(1))->is_locked);
    CHECK_FALSE(house.stage(1, life::Taken{7ms}));
    house.settle();
    CHECK(cancel.get().task.status == TaskStatus::canceled);
}

TEST_CASE("a result that is staged counts at once, and nothing else becomes of the task", "[transitions]")
{
    House house;
    house.record(house.task(1));
    house.store.fail_next();
    CHECK(house.stage(1, reported(1, "fine")));
    CHECK_FALSE(house.open(1));
    house.settle();
    CHECK(house.finished.empty());
    CHECK(house.number("SELECT count(*) FROM tasks WHERE status = 'sent'") == 1);
    SECTION("the disk takes it later")
    {
        house.pass(1s);
        CHECK(house.number("SELECT count(*) FROM tasks WHERE status = 'done'") == 1);
        CHECK(house.finished == std::vector{TaskStatus::done});
        CHECK(house.registry->total_count() == 0);
        CHECK_FALSE(house.registry->find(TaskId(1)));
    }
    SECTION("a cancel comes too late, and has what was staged written")
    {
        CHECK(house.apply(1, life::Event(life::Cancel{})).get().task.status == TaskStatus::done);
        CHECK(house.number("SELECT count(*) FROM tasks WHERE status = 'done'") == 1);
        CHECK(house.finished == std::vector{TaskStatus::done});
    }
    SECTION("the same result once more is confirmed only when the first is on disk")
    {
        house.store.fail_next();
        CHECK(house.apply(1, reported(1, "fine")).refusal().starts_with("[507.1]"));
        CHECK_FALSE(house.apply(1, reported(1, "fine")).get().changed);
        CHECK(house.number("SELECT count(*) FROM tasks WHERE status = 'done'") == 1);
    }
}

TEST_CASE("an open task has no param in memory, and it is read from disk when it is needed", "[transitions]")
{
    House house;
    auto task = house.task(1);
    task.ins.param = std::string(10'000, 'x');
    task.status = TaskStatus::waiting;
    CHECK(house.record(task).task.ins.param == task.ins.param);
    CHECK(house.open(1)->ins.param.empty());
    CHECK(task_records::param_of(house.store.db(), TaskId(1)) == task.ins.param);
    house.start();
    CHECK(house.open(1)->ins.param.empty());
    CHECK(house.run(house.transitions->find(TaskId(1)))->ins.param == task.ins.param);
    CHECK(task_records::param_of(house.store.db(), TaskId(2)).empty());
}

TEST_CASE(
    "what each key holds is known, also after a restart, and nothing is left at the end", "[transitions]")
{
    House house;
    auto const agent = house.task(1).agent;
    for (std::uint64_t id = 1; id <= 3; ++id) {
        auto task = house.task(id);
        task.by = id == 3 ? "B" : "A";
        task.ins.param = std::string(1'000, 'x');
        if (id == 2) task.agent = Ip::parse("10.0.0.2").value();
        house.record(task);
    }
    auto const check = [&] {
        auto const held = house.registry->holdings("A", agent);
        CHECK(held.tasks == 2);
        CHECK(held.tasks_on_agent == 1);
        CHECK(held.bytes == 2 * held.bytes_on_agent);
        CHECK(held.bytes_on_agent > 2'000);
        CHECK(task_records::open_by(house.store.db(), "A") == std::vector{TaskId(1), TaskId(2)});
    };
    check();
    CHECK(house.daily_bytes->today("A") == 2 * 2'031);
    house.daily_bytes->flush();
    house.start();
    check();
    CHECK(house.daily_bytes->today("A") == 2 * 2'031);
    for (std::uint64_t id = 1; id <= 3; ++id) house.apply(id, reported(1, "fine"));
    CHECK(house.registry->holdings("A", agent).tasks == 0);
    CHECK(house.registry->holdings("A", agent).bytes == 0);
    CHECK(house.registry->total_count() == 0);
    CHECK(house.registry->total_bytes() == 0);
    // Results are written, too.
    CHECK(house.daily_bytes->today("A") == 2 * 2'031 + 2 * 4);
    house.clock.advance(24h);
    CHECK(house.daily_bytes->today("A") == 0);
}

TEST_CASE("what the disk refuses is not charged to the key", "[transitions]")
{
    House house;
    auto task = house.task(1);
    task.by = "A";
    house.store.fail_next();
    CHECK(house.begin(house.transitions->insert(task, {})).refusal().starts_with("[507.1]"));
    CHECK(house.daily_bytes->today("A") == 0);
    CHECK(house.registry->holdings("A", task.agent).tasks == 0);
}

TEST_CASE("the tasks of a deleted key take no room in the pool of all", "[transitions]")
{
    House house;
    FakeQuotas quotas;
    quotas.keys["A"] = FakeQuotas::unlimited();
    house.start(&quotas);
    auto task = house.task(1);
    task.by = "A";
    house.record(task);
    CHECK(house.registry->total_count() == 1);
    quotas.keys.clear();
    SECTION("at once") { house.registry->on_key_deleted("A"); }
    SECTION("after a restart") { house.start(&quotas); }
    CHECK(house.registry->total_count() == 0);
    CHECK(house.registry->total_bytes() == 0);
    CHECK(house.registry->holdings("A", task.agent).tasks == 1);
    house.apply(1, reported(1, "fine"));
    CHECK(house.registry->total_count() == 0);
    CHECK(house.registry->holdings("A", task.agent).tasks == 0);
}

TEST_CASE(
    "firings that did not start for the same reason become one record, with their number", "[transitions]")
{
    House house;
    std::uint64_t next = 1;
    auto const firing = [&](std::string const& why, TaskStatus status = TaskStatus::undelivered) {
        house.pass(1s);
        auto task = house.task(next++);
        task.type = TaskType::cron;
        task.cron_id = TaskId(77);
        task.fire_time = house.clock.now();
        task.status = status;
        task.end = task.start;
        task.sync_flag = false;
        task.sync_error = why;
        task.from = "cron";
        return task;
    };
    auto const rows = [&] { return house.number("SELECT count(*) FROM tasks"); };
    for (int i = 0; i < 2; ++i) house.record(firing("away")); // These keep records of their own.
    auto const first = house.record(firing("away")).task;
    for (int i = 0; i < 4; ++i) {
        auto const recorded = house.record(firing("away"));
        CHECK(recorded.is_new);
        CHECK(recorded.task.id == first.id);
    }
    CHECK(rows() == 3);
    auto const merged = *house.run(house.transitions->find(first.id));
    CHECK(merged.firings == 5);
    CHECK(merged.fire_time == first.fire_time);
    CHECK(merged.last_fire_time == house.clock.now());
    CHECK(merged.end == house.clock.now());
    SECTION("another reason, another state or another key begins another")
    {
        house.record(firing("busy"));
        house.record(firing("busy", TaskStatus::skipped));
        auto other = firing("busy", TaskStatus::skipped);
        other.by = "A";
        house.record(other);
        CHECK(rows() == 6);
    }
    SECTION("so does a run in between")
    {
        auto run = firing("");
        run.status = TaskStatus::running;
        run.end = {};
        house.record(run);
        house.record(firing("away"));
        CHECK(rows() == 5);
    }
    SECTION("one that owes its end to a processor has a record of its own")
    {
        auto owing = firing("away");
        owing.ins.mode = Mode::p;
        house.record(owing);
        CHECK(rows() == 4);
        CHECK(house.number("SELECT count(*) FROM deliveries") == 1);
    }
    SECTION("a time that is not later than the last has one of its own")
    {
        auto old = firing("away");
        old.fire_time = first.fire_time;
        old.status = TaskStatus::skipped;
        house.record(old);
        CHECK(rows() == 4);
    }
    SECTION("after a day a new one begins")
    {
        house.clock.advance(86'400s);
        for (int i = 0; i < 3; ++i) house.record(firing("away"));
        CHECK(rows() == 4);
    }
    SECTION("what is written with it is written each time")
    {
        house.store.db().script("CREATE TABLE marks (at INTEGER)");
        for (int i = 0; i < 2; ++i) {
            house.run(house.transitions->insert(
                firing("away"), [](Db& db) { db.run("INSERT INTO marks VALUES (1)").execute(); }));
        }
        CHECK(house.number("SELECT count(*) FROM marks") == 2);
        CHECK(rows() == 3);
    }
}

TEST_CASE("a late result of a task that has ended is written once the disk takes it", "[transitions]")
{
    House house;
    house.record(house.task(1));
    house.apply(1, life::Event(life::Cancel{}));
    auto const open = house.registry->find(TaskId(1));
    house.apply(1, life::Event(life::CancelAcknowledged{}));
    REQUIRE_FALSE(house.registry->find(TaskId(1)));
    house.store.fail_next();
    CHECK(house.transitions->stage(open, reported(1, "late")));
    house.pass(3s);
    CHECK(house.number("SELECT count(*) FROM tasks WHERE worker_result = 'late'") == 1);
}
