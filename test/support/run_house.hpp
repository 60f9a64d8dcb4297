#pragma once

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "elves/one_shot.hpp"
#include "run/run_gate.hpp"
#include "run/runs.hpp"
#include "run/schedules.hpp"
#include "run_schema.hpp"
#include "support/fake_authority.hpp"
#include "support/fake_peer.hpp"
#include "support/fake_presence.hpp"
#include "support/fake_task_engine.hpp"
#include "support/inline_store.hpp"
#include "support/json_of.hpp"
#include "unit/manual_clock.hpp"

namespace elves {

inline Ip host_ip(int number)
{
    return Ip::parse("10.0." + std::to_string(number / 256) + "." + std::to_string(number % 256)).value();
}

/// Every target means the same hosts; asked about one host, a target that is an address means that one.
class FixedTargets final : public Targets {
public:
    std::vector<Ip> hosts;
    Clock* slow_by = nullptr; ///< Where it is set, a search takes a second.
    [[nodiscard]] asio::awaitable<TargetHosts> find_hosts(std::string, Caller, bool) override
    {
        if (slow_by) co_await pause(*slow_by, std::chrono::milliseconds(1'000));
        TargetHosts found;
        found.hosts = hosts;
        co_return found;
    }
    [[nodiscard]] std::optional<std::string> host_value(Ip const& host, std::string_view) const override
    {
        // Two values: odd and even addresses.
        return std::to_string(host.text().back() % 2);
    }
    [[nodiscard]] std::unique_ptr<HostTest> host_test(std::string const& target) const override
    {
        struct Test final : HostTest {
            explicit Test(std::string text_) : text(std::move(text_)) {}
            bool selects(Ip const& host) override { return text == "all" || text == host.text(); }
            std::string text;
        };
        return std::make_unique<Test>(target);
    }
    void require_field(std::string_view, std::string_view) const override {}
    void group_users_from(GroupUsers) override {}
    [[nodiscard]] std::set<std::string> groups_of(std::string const&) const override { return {}; }
    void runs_from(RunHosts) override {}
};

/// Agents that were here before the server began; those in `registered` since then, too.
class OldAgents final : public AgentDirectory {
public:
    Instant last_heard{}; ///< Of all of them.
    std::set<Ip> registered;

    [[nodiscard]] std::optional<AgentView> agent(Ip const& one) const override
    {
        AgentView view;
        view.ip = one;
        view.last_heard = last_heard;
        view.has_registered = registered.contains(one);
        return view;
    }
    [[nodiscard]] std::vector<AgentView> agents_behind(std::optional<Ip> const&, std::size_t) const override
    {
        return {};
    }
    [[nodiscard]] json::object listed(Ip const&) const override { return {}; }
    [[nodiscard]] std::chrono::seconds offline_after() const override { return std::chrono::seconds(30); }
};

/// Five hosts, all of them online.
struct RunHouse {
    asio::io_context loop;
    ManualClock clock;
    InlineStore store{loop.get_executor()};
    FakeTaskEngine engine{store, clock};
    FakePresence presence;
    OldAgents agents;
    FixedTargets targets;
    FakeAuthority authority;
    std::unique_ptr<RunGate> gate;
    std::unique_ptr<Runs> runs;
    std::unique_ptr<Schedules> schedules;

    RunHouse()
    {
        store.migrate("run", run_schema);
        for (int number = 1; number <= 5; ++number) {
            targets.hosts.push_back(host_ip(number));
            come(number);
        }
        start();
        clock.advance(std::chrono::seconds(31)); // past the grace that a start gives to agents
    }
    ~RunHouse() { clock.drop_timers(); }
    void come(int number)
    {
        presence.come(host_ip(number), std::make_shared<FakePeer>(loop.get_executor(), clock));
    }
    /// As after a crash: the disk and the log of tasks are what is left.
    void start()
    {
        stop();
        clock.drop_timers();
        engine.forget_listeners();
        presence.forget_listeners();
        gate = std::make_unique<RunGate>(engine, targets, store, clock, Zone());
        engine.set_start_gate(*gate);
        runs = std::make_unique<Runs>(Runs::House{
            engine, presence, agents, targets, &authority, *gate, store, clock, Zone(), loop.get_executor()});
        schedules = std::make_unique<Schedules>(
            Schedules::House{*runs, targets, &authority, store, clock, Zone(), loop.get_executor()});
        gate->start();
        runs->start();
        schedules->start();
        turn();
    }
    void stop()
    {
        if (!runs) return;
        schedules->stop();
        runs->stop();
        gate->stop();
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
        auto const id = of(runs->begin(RunSpec::read(json_of(fields).root()), Caller{})).run->id;
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
    /// Ends the oldest task that is open now.
    void end_one(TaskStatus status)
    {
        auto const all = engine.open_all();
        engine.finish(*std::min_element(all.begin(), all.end()), status);
        turn();
    }
    template <class T>
    void set(T window_or_cap)
    {
        did(gate->set(std::move(window_or_cap), {}));
    }
    void did(asio::awaitable<void> work)
    {
        std::exception_ptr failure;
        asio::co_spawn(loop, std::move(work), [&](std::exception_ptr thrown) { failure = thrown; });
        turn();
        if (failure) std::rethrow_exception(failure);
    }
    /// Ends every task that is open now.
    void end_open(TaskStatus status)
    {
        for (auto const task : engine.open_all()) engine.finish(task, status);
        turn();
    }
};

} // namespace elves
