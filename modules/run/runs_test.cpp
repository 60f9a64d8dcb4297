#include "run/runs.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "catch.hpp"
#include "run_schema.hpp"
#include "support/fake_peer.hpp"
#include "support/fake_presence.hpp"
#include "support/fake_task_engine.hpp"
#include "support/inline_store.hpp"
#include "support/json_of.hpp"
#include "unit/manual_clock.hpp"

using namespace elves;
using namespace std::chrono_literals;

namespace {

Ip ip(int number) { return Ip::parse("10.0.0." + std::to_string(number)).value(); }

/// Every target means the same hosts.
class FixedTargets final : public Targets {
public:
    std::vector<Ip> hosts;
    [[nodiscard]] asio::awaitable<TargetHosts> find_hosts(std::string, Caller, bool) override
    {
        TargetHosts found;
        found.hosts = hosts;
        co_return found;
    }
    [[nodiscard]] std::optional<std::string> host_value(Ip const& host, std::string_view) const override
    {
        // Two values: odd and even addresses.
        return std::to_string(host.text().back() % 2);
    }
    void runs_from(RunHosts) override {}
};

/// Agents that were here an hour before the server began.
class OldAgents final : public AgentDirectory {
public:
    [[nodiscard]] std::optional<AgentView> agent(Ip const& one) const override
    {
        AgentView view;
        view.ip = one;
        return view;
    }
    [[nodiscard]] std::vector<AgentView> agents_behind(std::optional<Ip> const&, std::size_t) const override
    {
        return {};
    }
    [[nodiscard]] json::object listed(Ip const&) const override { return {}; }
    [[nodiscard]] std::chrono::seconds offline_after() const override { return 30s; }
};

/// Five hosts, all of them online.
struct House {
    asio::io_context loop;
    ManualClock clock;
    InlineStore store{loop.get_executor()};
    FakeTaskEngine engine{store, clock};
    FakePresence presence;
    OldAgents agents;
    FixedTargets targets;
    std::unique_ptr<Runs> runs;

    House()
    {
        store.migrate("run", run_schema);
        for (int number = 1; number <= 5; ++number) {
            targets.hosts.push_back(ip(number));
            come(number);
        }
        start();
        clock.advance(31s); // past the grace that a start gives to agents
    }
    ~House() { clock.drop_timers(); }
    void come(int number)
    {
        presence.come(ip(number), std::make_shared<FakePeer>(loop.get_executor(), clock));
    }
    /// As after a crash: the disk and the log of tasks are what is left.
    void start()
    {
        if (runs) runs->stop();
        clock.drop_timers();
        engine.forget_listeners();
        presence.forget_listeners();
        runs = std::make_unique<Runs>(Runs::House{
            engine, presence, agents, targets, nullptr, store, clock, Zone(), loop.get_executor()});
        runs->start();
        turn();
    }
    void turn()
    {
        loop.restart();
        loop.poll();
    }
    void wait(std::chrono::milliseconds time)
    {
        clock.advance(time);
        turn();
    }
    template <class T>
    T of(asio::awaitable<T> work)
    {
        std::optional<T> result;
        std::exception_ptr failure;
        asio::co_spawn(loop, std::move(work), [&](std::exception_ptr thrown, T value) {
            failure = thrown;
            result = std::move(value);
        });
        turn();
        if (failure) std::rethrow_exception(failure);
        return std::move(*result);
    }
    TaskId begin(json::object fields = {})
    {
        fields["target"] = "all";
        fields["ins"] = json::object{{"app", "demo"}, {"func", "work"}};
        auto const id = of(runs->begin(RunSpec::read(json_of(fields).root()), Caller{})).id;
        turn();
        return id;
    }
    FleetRun run(TaskId id) { return *of(runs->find(id)); }
    std::string states(TaskId id)
    {
        std::string text;
        for (auto const& host : run(id).hosts) text += (text.empty() ? "" : " ") + runs->state_of(host);
        return text;
    }
    /// Ends every task that is open now.
    void end_open(TaskStatus status)
    {
        for (auto const task : engine.open_all()) engine.finish(task, status);
        turn();
    }
};

} // namespace

TEST_CASE("a run starts its hosts as parallel lets, each once, and is done", "[run]")
{
    House house;
    auto const id = house.begin({{"parallel", 2}});
    CHECK(house.states(id) == "running running held held held");
    for (int i = 0; i < 3; ++i) house.end_open(TaskStatus::done);
    CHECK(house.states(id) == "done done done done done");
    CHECK(house.run(id).state == RunState::done);
    CHECK(house.engine.tasks().size() == 5);
}

TEST_CASE("a host whose task can't be recorded for the moment is started later", "[run]")
{
    House house;
    house.engine.refuse(codes::too_much);
    auto const id = house.begin();
    CHECK(house.states(id) == "held held held held held");
    house.engine.refuse(std::nullopt);
    house.wait(2s);
    CHECK(house.states(id) == "running running running running running");
}

TEST_CASE("where a start can't succeed the run pauses and keeps its hosts", "[run]")
{
    House house;
    house.engine.refuse(codes::no_app);
    auto const id = house.begin();
    CHECK(house.run(id).state == RunState::paused);
    CHECK(house.run(id).why == RunWhy::person);
    CHECK(house.states(id) == "held held held held held");
}

TEST_CASE("a disk that takes no task starts no host, and takes the run up when it can", "[run]")
{
    House house;
    auto const id = house.begin({{"waves", "1"}, {"pause", 5}});
    house.store.fail_all(true);
    house.end_open(TaskStatus::done);
    house.wait(5s);
    CHECK(house.states(id) == "done held held held held");
    house.store.fail_all(false);
    house.wait(4s);
    CHECK(house.states(id) == "done running held held held");
}

TEST_CASE("after a restart a run goes on, though the log can't be read at first", "[run]")
{
    House house;
    auto const id = house.begin({{"waves", "2"}});
    for (auto const task : house.engine.open_all()) house.engine.set_status(task, TaskStatus::done);
    house.engine.fail_finds(2);
    house.start();
    house.wait(2s);
    house.wait(2s);
    house.wait(2s);
    CHECK(house.states(id) == "done done running running held");
    house.end_open(TaskStatus::done);
    house.end_open(TaskStatus::done);
    CHECK(house.run(id).state == RunState::done);
    CHECK(house.engine.tasks().size() == 5);
}

TEST_CASE("after a restart an agent that was there before has time to come back", "[run]")
{
    House house;
    auto const id = house.begin({{"waves", "1,100%"}});
    house.presence.go(ip(2));
    house.start();
    house.end_open(TaskStatus::done);
    CHECK(house.states(id) == "done held running running running");
    house.come(2);
    house.turn();
    CHECK(house.states(id) == "done running running running running");
}

TEST_CASE("a host that is away under ttl is started when it is back, and expires when it is not", "[run]")
{
    House house;
    house.presence.go(ip(1));
    house.presence.go(ip(2));
    auto const id = house.begin({{"ttl", 60}});
    CHECK(house.states(id) == "held held running running running");
    house.come(2);
    house.turn();
    CHECK(house.states(id) == "held running running running running");
    house.wait(60s);
    CHECK(house.states(id) == "expired running running running running");
    house.end_open(TaskStatus::done);
    CHECK(house.run(id).state == RunState::partial);
}

TEST_CASE("hosts that expire together fail no faster than parallel lets them", "[run]")
{
    House house;
    for (int const number : {1, 2, 3}) house.presence.go(ip(number));
    auto const id = house.begin({{"ttl", 60}, {"parallel", 1}, {"silent", "fail"}});
    house.end_open(TaskStatus::done);
    house.end_open(TaskStatus::done);
    house.wait(60s);
    CHECK(house.states(id) == "expired held held done done");
    CHECK(house.run(id).why == RunWhy::max_fail);
}

TEST_CASE("a host whose start was refused for the moment keeps its ttl", "[run]")
{
    House house;
    house.engine.refuse(codes::too_much);
    auto const id = house.begin({{"ttl", 60}});
    house.engine.refuse(std::nullopt);
    house.presence.go(ip(1));
    house.wait(2s);
    CHECK(house.states(id) == "held running running running running");
    house.wait(60s);
    CHECK(house.states(id) == "expired running running running running");
}

TEST_CASE("the ttl of a host begins once, though its agent comes and goes again", "[run]")
{
    House house;
    house.presence.go(ip(1));
    auto const id = house.begin({{"ttl", 60}, {"max_fail", 5}});
    house.end_open(TaskStatus::done);
    house.engine.refuse(codes::too_much);
    house.come(1);
    house.turn();
    house.presence.go(ip(1));
    house.wait(30s);
    CHECK(house.states(id) == "held done done done done");
    house.engine.refuse(std::nullopt);
    house.wait(30s);
    CHECK(house.states(id) == "expired done done done done");
}

TEST_CASE("of two that steer one run at once neither undoes what the other was told", "[run]")
{
    House house;
    auto const id = house.begin({{"waves", "2"}});
    std::optional<RunState> first, second;
    auto const steer = [&](Runs::Steer what, std::optional<RunState>& state) {
        asio::co_spawn(house.loop, house.runs->steer(id, what, std::nullopt, Caller{}),
            [&state](std::exception_ptr const& failure, FleetRun const& run) {
                if (!failure) state = run.state;
            });
    };
    SECTION("a stop and a pause")
    {
        steer(Runs::Steer::stop, first);
        steer(Runs::Steer::pause, second);
        house.turn();
        CHECK(first);
        CHECK_FALSE(second);
        house.end_open(TaskStatus::done);
        CHECK(house.run(id).state == RunState::stopped);
    }
    SECTION("a cancel and a stop")
    {
        steer(Runs::Steer::cancel, first);
        steer(Runs::Steer::stop, second);
        house.turn();
        CHECK(first);
        CHECK(house.run(id).state == RunState::canceled);
    }
}

TEST_CASE("a run that goes on to its next wave while it is paused stays there", "[run]")
{
    House house;
    auto const id = house.begin({{"waves", "2"}});
    asio::co_spawn(
        house.loop, house.runs->steer(id, Runs::Steer::pause, std::nullopt, Caller{}), asio::detached);
    for (auto const task : house.engine.open_all()) house.engine.finish(task, TaskStatus::done);
    house.turn();
    auto const run = house.run(id);
    CHECK(run.state == RunState::paused);
    CHECK(house.states(id).starts_with("done done"));
    CHECK((run.wave == 1) == house.states(id).ends_with("running running held"));
}

TEST_CASE("hosts are spread so that neighbours differ where possible", "[run]")
{
    House house;
    auto const id = house.begin({{"order", "spread:idc"}, {"parallel", 1}});
    std::string order;
    for (auto const& host : house.run(id).hosts) order += std::to_string(host.ip.text().back() % 2);
    CHECK(order == "10101");
}
