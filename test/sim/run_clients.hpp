#pragma once

#include <functional>
#include <string>
#include <vector>

#include "elves/asio.hpp"
#include "elves/zone.hpp"
#include "sim/gate_watch.hpp"
#include "sim/heard.hpp"
#include "sim/process.hpp"
#include "sim/run_watch.hpp"

namespace elves::sim {

/// What clients ask of runs: they start some, steer them, retry them and look at them, and set the labels by
/// which targets select hosts. What they hear is checked.
class RunClients {
public:
    /// On a link to the server.
    using Call = std::function<asio::awaitable<Answer>(
        std::string service, std::string method, json::object fields, std::chrono::milliseconds limit)>;
    struct Place {
        Process& home;
        std::vector<Machine*> agents;
        Invariants& invariants;
        RunWatch& watch;
        GateWatch& gates;
        Zone zone; ///< The server's.
    };
    RunClients(Place place, Call call) : place_(std::move(place)), call_(std::move(call)) {}

    [[nodiscard]] asio::awaitable<void> ask_something();
    /// Ends what does not end by itself, and returns when every run has ended.
    [[nodiscard]] asio::awaitable<void> end_all();

    [[nodiscard]] RunAsk some_limits();
    /// The limits as fields of `startrun`.
    static void add_limits(json::object& fields, RunAsk const& ask);
    [[nodiscard]] json::object instruction(std::string const& param);
    /// A run that nobody asked for: from now on it is steered and looked at like the others.
    void adopt(TaskId run, RunAsk const& ask);

private:
    struct Started {
        TaskId id;
        RunAsk ask;
    };

    [[nodiscard]] asio::awaitable<void> begin();
    [[nodiscard]] asio::awaitable<void> retry();
    [[nodiscard]] asio::awaitable<void> steer();
    [[nodiscard]] asio::awaitable<void> steer_with(TaskId run, std::string action, std::size_t max_fail);
    [[nodiscard]] asio::awaitable<void> look();
    [[nodiscard]] asio::awaitable<void> look_at_hosts(TaskId run);
    [[nodiscard]] asio::awaitable<void> watch_one(TaskId run);
    [[nodiscard]] asio::awaitable<void> set_labels();
    [[nodiscard]] asio::awaitable<std::string> planned_digest(json::object fields);
    void add_times(json::object& fields);
    [[nodiscard]] std::string some_target();
    [[nodiscard]] std::string next_param() { return "run " + std::to_string(++asked_); }
    [[nodiscard]] Started const& some_run();
    void hear_begin(std::string const& param, RunAsk const& ask, Heard const& heard);
    void hear_counts(TaskId run, json::object const& counts, std::size_t count);
    void refused(Heard const& heard, std::vector<std::string> const& allowed);

    Place place_;
    Call call_;
    std::vector<Started> runs_;
    int asked_ = 0;
};

} // namespace elves::sim
