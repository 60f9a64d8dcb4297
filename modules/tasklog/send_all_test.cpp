#include "catch.hpp"
#include "elves/services/task_engine.hpp"
#include "support/engine_fixture.hpp"
#include "tasklog/local_task_engine.hpp"

using namespace elves;
using namespace std::chrono_literals;

namespace {

struct ManyHouse : EngineFixture {
    std::vector<TaskEngine::Order> orders(std::size_t count, std::string const& by = {})
    {
        std::vector<TaskEngine::Order> many;
        for (std::size_t i = 0; i < count; ++i) {
            auto& one = many.emplace_back(order());
            one.id = engine->next_id();
            one.by = by;
        }
        return many;
    }
    Awaited<std::vector<TaskEngine::Sent>> send_all(std::vector<TaskEngine::Order> many)
    {
        return begin(engine->send_all(std::move(many)));
    }
    std::int64_t recorded() { return number("SELECT count(*) FROM tasks"); }
};

} // namespace

TEST_CASE("send_all records all tasks in one write, then hands them over", "[engine]")
{
    ManyHouse house;
    house.come();
    auto many = house.orders(3);
    int audited = 0;
    for (auto& one : many) one.audit_write = [&audited](Db&) { ++audited; };
    auto const before = house.store.posted();
    auto const sent = house.send_all(std::move(many));
    CHECK(house.store.posted() == before + 1);
    CHECK(audited == 3);
    CHECK(house.recorded() == 3);
    REQUIRE(sent.get().size() == 3);
    for (auto const& one : sent.get()) CHECK((!one.ended && !one.refused));
    CHECK(house.calls() == std::vector<std::string>{"instruct", "instruct", "instruct"});
}

TEST_CASE("send_all reports each refused order and records the others", "[engine]")
{
    ManyHouse house;
    house.come();
    house.quotas.keys["ops"] = FakeQuotas::unlimited();
    house.quotas.keys["ops"].waiting_tasks = 2;
    auto many = house.orders(4, "ops");
    many[1].ins.mode = Mode::p;
    auto const sent = house.send_all(std::move(many)).get();
    REQUIRE(sent.size() == 4);
    CHECK_FALSE(sent[0].refused);
    CHECK(sent[1].refused->info().starts_with("[413.2]"));
    CHECK_FALSE(sent[2].refused);
    CHECK(sent[3].refused->info().starts_with("[429.1]"));
    CHECK(house.recorded() == 2);
    CHECK(house.calls().size() == 2);
}

TEST_CASE("send_all ends tasks for offline agents at once", "[engine]")
{
    ManyHouse house;
    auto const sent = house.send_all(house.orders(2)).get();
    for (auto const& one : sent) {
        REQUIRE(one.ended);
        CHECK(one.ended->status == TaskStatus::undelivered);
    }
}

TEST_CASE("send_all records nothing and frees its quota when the write fails", "[engine]")
{
    ManyHouse house;
    house.come();
    house.quotas.keys["ops"] = FakeQuotas::unlimited();
    house.quotas.keys["ops"].waiting_tasks = 2;
    house.store.fail_next();
    CHECK(house.send_all(house.orders(2, "ops")).refusal().starts_with("[507.1]"));
    CHECK(house.recorded() == 0);
    CHECK(house.calls().empty());
    auto const again = house.send_all(house.orders(2, "ops")).get();
    CHECK_FALSE(again[0].refused);
    CHECK_FALSE(again[1].refused);
}

TEST_CASE("send_all marks each task whose agent does not answer in time as silent", "[engine]")
{
    ManyHouse house;
    house.come();
    auto many = house.orders(2);
    std::vector<TaskId> ids{many[0].id, many[1].id};
    auto const sent = house.send_all(std::move(many));
    house.pass(10s);
    for (auto const id : ids) CHECK(house.task(id).sync_error.starts_with("[410.2]"));
}

TEST_CASE("the open tasks of a run are counted by state until the end of each is told", "[engine]")
{
    ManyHouse house;
    auto const run = house.engine->next_id();
    auto const count = [&](TaskStatus status) {
        return house.engine->open_counts_of_run(run)[static_cast<std::size_t>(status)];
    };
    std::size_t counted_at_end = 1;
    house.engine->on_finished([&](Task const& task) { counted_at_end = count(task.status); });
    auto many = house.orders(3);
    for (auto& one : many) {
        one.run = run;
        one.ins.ttl = 600s;
    }
    many.back().run.reset();
    auto const id = many.front().id;
    auto const sent = house.send_all(std::move(many));
    REQUIRE(sent.get().size() == 3);
    CHECK(count(TaskStatus::waiting) == 2);
    house.come();
    CHECK(count(TaskStatus::waiting) == 0);
    CHECK(count(TaskStatus::sent) == 2);
    house.answer(true);
    CHECK(count(TaskStatus::sent) == 1);
    CHECK(count(TaskStatus::running) == 1);
    house.report(id);
    house.clock.advance(1s);
    house.settle();
    CHECK(house.status(id) == TaskStatus::done);
    CHECK(count(TaskStatus::running) == 0);
    CHECK(counted_at_end == 0);
    house.start();
    CHECK(count(TaskStatus::sent) == 1);
}
