#pragma once

#include <functional>
#include <string>
#include <vector>

#include "elves/asio.hpp"
#include "sim/heard.hpp"
#include "sim/process.hpp"
#include "sim/run_clients.hpp"
#include "sim/run_watch.hpp"

namespace elves::sim {

/// What clients ask of schedules of runs: they set, change, stop, start and delete some, and look at their
/// firings. The runs that those begin are steered and looked at like others.
class ScheduleClients {
public:
    struct Place {
        Process& home;
        std::vector<Machine*> agents;
        Invariants& invariants;
        RunWatch& watch;
    };
    ScheduleClients(Place place, RunClients& runs, RunClients::Call call)
        : place_(std::move(place)), runs_(runs), call_(std::move(call))
    {
    }

    [[nodiscard]] asio::awaitable<void> ask_something();
    /// Deletes all of them, as long as it takes.
    [[nodiscard]] asio::awaitable<void> delete_all();

private:
    [[nodiscard]] asio::awaitable<void> set(std::string id);
    [[nodiscard]] asio::awaitable<void> change(std::string method, std::string id);
    [[nodiscard]] asio::awaitable<void> look(std::string id);
    void refused(Heard const& heard, std::vector<std::string> const& allowed);

    Place place_;
    RunClients& runs_;
    RunClients::Call call_;
    std::vector<std::string> ids_;
    int asked_ = 0;
};

} // namespace elves::sim
