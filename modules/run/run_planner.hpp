#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "elves/asio.hpp"
#include "elves/caller.hpp"
#include "elves/clock.hpp"
#include "elves/services/presence.hpp"
#include "elves/services/targets.hpp"
#include "elves/services/task_engine.hpp"
#include "fleet_run.hpp"

namespace elves {

/// What a run would be: its hosts in their order, and what is to be known before it is started.
struct RunPlan {
    TargetHosts found;     ///< Its `hosts` by address.
    std::vector<Ip> hosts; ///< In the order of the run: wave for wave.
    std::vector<std::size_t> wave_sizes;
    std::vector<Ip> offline;
    RunLimits limits;
    std::uint32_t seed = 0;
    Instant begin_at{};
    std::string digest;
};

/// Throws Error 401.6 where the caller's key may not have as many hosts in a run.
void require_run_hosts(Caller const& caller, std::size_t hosts);

/// Says what a run would be; `planrun` and `startrun` ask the same one. On the loop's thread. All that it is
/// made of outlives it.
class RunPlanner {
public:
    RunPlanner(
        TaskEngine const& engine, Presence const& presence, Targets& targets, Clock const& clock, Zone zone)
        : engine_(engine), presence_(presence), targets_(targets), clock_(clock), zone_(zone)
    {
    }

    /// Of the hosts that the target selects now. Throws Error 401.6, 403.10, 403.11, 409.2, and as
    /// Targets::find_hosts does.
    /// `is_stored`: the target was judged when it was stored, as that of a schedule.
    [[nodiscard]] asio::awaitable<RunPlan> plan(RunSpec spec, Caller caller, bool is_stored = false);
    /// Of those hosts, by address. Throws Error 403.10. Of many hosts some at a time: the loop goes on.
    [[nodiscard]] asio::awaitable<RunPlan> planned(RunSpec spec, std::vector<Ip> hosts) const;

private:
    [[nodiscard]] asio::awaitable<std::vector<Ip>> in_order(
        RunOrder order, std::vector<Ip> hosts, std::uint32_t seed) const;
    [[nodiscard]] asio::awaitable<std::vector<Ip>> spread_by(std::string field, std::vector<Ip> hosts) const;
    [[nodiscard]] Instant begin_of(RunSpec const& spec) const;

    TaskEngine const& engine_;
    Presence const& presence_;
    Targets& targets_;
    Clock const& clock_;
    Zone zone_;
};

} // namespace elves
