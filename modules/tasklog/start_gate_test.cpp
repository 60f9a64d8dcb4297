#include "catch.hpp"
#include "elves/services/start_gate.hpp"
#include "support/engine_fixture.hpp"

using namespace elves;
using namespace std::chrono_literals;
using Calls = std::vector<std::string>;

namespace {

/// A cap for all tasks together, or a window that a test closes and opens.
class FakeGate final : public StartGate {
public:
    std::size_t most = 100;
    bool is_closed = false;
    std::set<TaskId> running;

    [[nodiscard]] bool is_capped(Instruction const&) const override { return true; }
    [[nodiscard]] std::optional<Obstacle> obstacle(Ip const&, Instruction const&) override
    {
        if (is_closed) return Obstacle{"window w", "window w: closed until tomorrow", false};
        if (running.size() >= most) return Obstacle{"cap c", "cap c: too many", true};
        return std::nullopt;
    }
    void begun(TaskId task, Ip const&, Instruction const&) override { running.insert(task); }
    void ended(TaskId task) override
    {
        if (running.erase(task) > 0) free("cap c");
    }
    void on_free(std::function<void(std::string const&)> then) override { then_ = std::move(then); }
    void free(std::string const& place) { then_(place); }
    void open()
    {
        is_closed = false;
        free("window w");
    }

private:
    std::function<void(std::string const&)> then_;
};

struct GateHouse : EngineFixture {
    FakeGate gate;

    GateHouse() { engine->set_start_gate(gate); }
    TaskEngine::Order with_ttl()
    {
        auto one = order();
        one.ins.ttl = 600s;
        return one;
    }
    /// Sends, and the agent takes it.
    TaskId taken()
    {
        auto const sent = send();
        answer(true);
        return sent.get().task.id;
    }
};

} // namespace

TEST_CASE("a send while a window is closed is refused, and nothing of it is on disk", "[engine][gate]")
{
    GateHouse house;
    house.come();
    house.gate.is_closed = true;
    CHECK(house.send().refusal() == "[423.1] window w: closed until tomorrow");
    CHECK(house.send(house.with_ttl()).refusal().starts_with("[423.1]"));
    CHECK(house.begin(house.engine->run(house.order(TaskType::rt), {})).refusal().starts_with("[423.1]"));
    CHECK(house.calls().empty());
    CHECK(house.number("SELECT count(*) FROM tasks") == 0);
}

TEST_CASE("a send that is forced starts against windows and caps", "[engine][gate]")
{
    GateHouse house;
    house.come();
    house.gate.is_closed = true;
    auto forced = house.order();
    forced.is_forced = true;
    auto const sent = house.send(forced);
    house.answer(true);
    CHECK(sent.get().task.status == TaskStatus::running);
    CHECK(house.gate.running.size() == 1);
}

TEST_CASE("a send that finds its first task takes no place while it waits for that", "[engine][gate]")
{
    GateHouse house;
    house.come();
    auto order = house.order(GENERATE(TaskType::async, TaskType::rt));
    order.ins.dedup = "once";
    auto const call = [&] {
        if (order.type == TaskType::async) house.send(order);
        if (order.type == TaskType::rt) house.begin(house.engine->run(order, {}));
    };
    call();
    CHECK(house.gate.running.size() == 1);
    call();
    CHECK(house.gate.running.size() == 1);
    CHECK(house.calls() == Calls{"instruct"});
}

TEST_CASE("a send that is forced starts though its param is too large to wait in memory", "[engine][gate]")
{
    GateHouse house;
    house.come();
    house.gate.is_closed = true;
    auto forced = house.order();
    forced.is_forced = true;
    forced.ins.param = std::string(2 * 1024 * 1024, 'x');
    auto const sent = house.send(forced);
    CHECK(house.calls() == Calls{"instruct"});
    house.answer(true);
    CHECK(sent.get().task.status == TaskStatus::running);
}

TEST_CASE(
    "where a cap is full a send without ttl is refused, and one with ttl waits in order", "[engine][gate]")
{
    GateHouse house;
    house.come();
    house.gate.most = 1;
    auto const first = house.taken();
    CHECK(house.send().refusal() == "[423.1] cap c: too many");
    auto firing = house.with_ttl();
    firing.type = TaskType::cron;
    CHECK(house.send(firing).refusal() == "[423.1] cap c: too many");

    auto const second = house.send(house.with_ttl()).get().task;
    auto const third = house.send(house.with_ttl()).get().task;
    CHECK(second.status == TaskStatus::waiting);
    CHECK(house.task(second.id).sync_error == "[423.1] cap c: too many");
    CHECK(house.calls() == Calls{"instruct"});

    house.report(first);
    CHECK(house.status(second.id) == TaskStatus::sent);
    CHECK(house.status(third.id) == TaskStatus::waiting);
    house.answer(true);
    CHECK(house.task(second.id).sync_error.empty());
    house.report(second.id);
    house.answer(true);
    CHECK(house.status(third.id) == TaskStatus::running);
    house.report(third.id);
    CHECK(house.gate.running.empty());
}

TEST_CASE("a task that waits for a cap expires with its ttl, and the record says why", "[engine][gate]")
{
    GateHouse house;
    house.come();
    house.gate.most = 1;
    house.taken();
    auto order = house.with_ttl();
    order.ins.ttl = 20s;
    auto const id = house.send(order).get().task.id;
    house.pass(20s);
    CHECK(house.status(id) == TaskStatus::expired);
    CHECK(
        house.task(id).sync_error == "[423.1] cap c: too many; its ttl of 20 s was over before that changed");
}

TEST_CASE("a task that waits for a cap can be canceled", "[engine][gate]")
{
    GateHouse house;
    house.come();
    house.gate.most = 1;
    auto const first = house.taken();
    auto const second = house.send(house.with_ttl()).get().task.id;
    auto const third = house.send(house.with_ttl()).get().task.id;
    CHECK(house.cancel(second).get().status == TaskStatus::canceled);
    house.report(first);
    house.answer(true);
    CHECK(house.status(third) == TaskStatus::running);
}

TEST_CASE("what waits for its agent starts after the window, though the agent comes before", "[engine][gate]")
{
    GateHouse house;
    auto const id = house.send(house.with_ttl()).get().task.id;
    house.gate.is_closed = true;
    house.come();
    CHECK(house.calls().empty());
    house.pass(1s);
    CHECK(house.task(id).sync_error == "[423.1] window w: closed until tomorrow");
    house.gate.open();
    house.settle();
    CHECK(house.calls() == Calls{"instruct"});
    house.answer(true);
    CHECK(house.status(id) == TaskStatus::running);
}

TEST_CASE("a task that its agent could not take gives its place back, and takes one again", "[engine][gate]")
{
    GateHouse house;
    house.come();
    house.gate.most = 1;
    auto const sent = house.send(house.with_ttl());
    house.answer(false, "[429.1] busy");
    auto const id = sent.get().task.id;
    CHECK(house.status(id) == TaskStatus::waiting);
    CHECK(house.gate.running.empty());
    house.pass(2s);
    house.answer(true);
    CHECK(house.status(id) == TaskStatus::running);
    CHECK(house.gate.running.size() == 1);
}

TEST_CASE("a send that the disk refuses, or that was there before, keeps no place", "[engine][gate]")
{
    GateHouse house;
    house.come();
    house.store.fail_next();
    CHECK(house.send().refusal().starts_with("[507.1]"));
    CHECK(house.gate.running.empty());

    auto order = house.order();
    order.ins.dedup = "once";
    auto const first = house.send(order);
    house.answer(true);
    static_cast<void>(first.get());
    CHECK(house.send(order).get().task.id == first.get().task.id);
    CHECK(house.gate.running.size() == 1);
}

TEST_CASE("tasks that ran before the server did take their places", "[engine][gate]")
{
    GateHouse house;
    house.come();
    auto const id = house.taken();
    house.gate.running.clear();
    house.start();
    house.engine->set_start_gate(house.gate);
    house.come();
    house.answer_status(id, "running");
    CHECK(house.gate.running.contains(id));
}
