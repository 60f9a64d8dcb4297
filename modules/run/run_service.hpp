#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "elves/json_document.hpp"
#include "elves/module.hpp"
#include "run_gate.hpp"
#include "runs.hpp"

namespace elves {

/// Which states of hosts: those that `listrunhosts` and `retryrun` know.
struct RunHostStates {
    std::set<std::string> states;
};
struct RunSteering {
    Runs::Steer what = Runs::Steer::pause;
};
/// The `run` service: an instruction on many hosts, in waves. On the loop's thread. `runs` and `gate`
/// outlive it.
class RunService : public Module {
public:
    RunService(Runs& runs, RunGate const& gate, Store& store, AgentDirectory const& agents, Zone zone)
        : runs_(runs), gate_(gate), store_(store), agents_(agents), zone_(zone)
    {
    }

    [[nodiscard]] std::string_view name() const override { return "run"; }
    void configure(Section const& section) override;
    void declare(MethodTable& table) override;
    void start() override { runs_.start(); }
    void stop() override { runs_.stop(); }

private:
    struct ById {
        TaskId id;
    };
    struct List {
        std::string state;
        std::optional<std::string> by;
        std::string app, func;
        std::optional<Ip> agentip;
        std::optional<TaskId> schedule;
        std::string since, until;
        std::optional<TaskId> after;
        std::int64_t limit = 100;
    };
    struct Hosts {
        TaskId id;
        RunHostStates state;
        std::optional<std::int64_t> wave;
        std::optional<std::int64_t> after;
        std::int64_t limit = 100;
    };
    struct Steering {
        TaskId id;
        RunSteering action;
        std::optional<RunAmount> max_fail;
        Note note;
    };
    struct Retry {
        TaskId id;
        RunHostStates states;
        RunSpec spec;
    };
    struct Watch {
        TaskId id;
        std::int64_t since = 0;
    };

    [[nodiscard]] asio::awaitable<Reply> plan(RunSpec spec, Caller caller);
    [[nodiscard]] asio::awaitable<Reply> begin(RunSpec spec, Caller caller);
    [[nodiscard]] asio::awaitable<Reply> get(ById in, Caller caller);
    [[nodiscard]] asio::awaitable<Reply> list(List in, Caller caller);
    [[nodiscard]] asio::awaitable<Reply> hosts(Hosts in, Caller caller);
    [[nodiscard]] asio::awaitable<Reply> answers(Hosts in, Caller caller);
    [[nodiscard]] asio::awaitable<Reply> steer(Steering in, Caller caller);
    [[nodiscard]] Method::Answer retry(JsonValue const& call, Caller const& caller);
    [[nodiscard]] asio::awaitable<Reply> retry_with(JsonDocument call, Caller caller);
    [[nodiscard]] asio::awaitable<Reply> watch(Watch in, Caller caller);

    [[nodiscard]] asio::awaitable<std::shared_ptr<FleetRun const>> visible(TaskId id, Caller caller);
    [[nodiscard]] json::object head_of(RunHead const& run) const;
    [[nodiscard]] json::object counts_of(FleetRun const& run, Caller const& caller) const;
    /// Of all its hosts; nothing where there are too many to count.
    [[nodiscard]] std::optional<json::object> listed_counts(
        RunHead const& head, std::size_t& looked_at) const;
    [[nodiscard]] std::optional<Instant> time_of(std::string_view field, std::string const& text) const;

    Runs& runs_;
    RunGate const& gate_;
    Store& store_;
    AgentDirectory const& agents_;
    Zone zone_;
};

} // namespace elves
