#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "elves/clock.hpp"
#include "fleet_run.hpp"

namespace elves {

/// A run that has not ended, in memory: where each of its hosts is, and what may be started. It decides
/// nothing (see run_life) and does no I/O. On the loop's thread.
class ActiveRun {
public:
    /// Hosts with a task and no outcome are open.
    ActiveRun(FleetRun run, Instant now);

    [[nodiscard]] FleetRun const& run() const noexcept { return run_; }
    [[nodiscard]] RunHead& head() noexcept { return run_; }
    [[nodiscard]] RunHost const& host(std::size_t place) const { return run_.hosts[place]; }
    [[nodiscard]] RunFacts facts() const;
    /// How many hosts have come to which end.
    [[nodiscard]] std::map<std::string, std::size_t> const& end_counts() const noexcept { return ends_; }
    /// How many have no task and no outcome.
    [[nodiscard]] std::size_t held() const noexcept { return held_; }

    /// The next ready host of the wave that runs; nothing where there is none. It is taken out: start it,
    /// `set_away` or `set_ready`.
    [[nodiscard]] std::optional<std::size_t> take_ready();
    void set_ready(std::size_t place);
    /// Its agent is waited for, until then.
    void set_away(std::size_t place, Clock::Steady until);
    /// The start gate is closed for it: it waits until `place` is free.
    void set_held_back(std::size_t place, std::string gate_place);
    /// The first host that waits for that place at the gate is ready; with "" all that wait for any. False
    /// where none does.
    bool let_through(std::string const& gate_place);
    /// Some host waits for that place; with "" for any.
    [[nodiscard]] bool waits_at_gate(std::string const& gate_place) const
    {
        return gate_place.empty() ? held_back_count_ > 0 : held_back_.contains(gate_place);
    }
    /// Calls `tell` with each place at the gate that hosts wait for, and how many do.
    template <class Tell>
    void each_held_back(Tell const& tell) const
    {
        for (auto const& [gate_place, hosts] : held_back_) tell(gate_place, hosts.size());
    }
    /// Its task is on its way.
    void set_open(std::size_t place, TaskId task);
    /// The task that was on its way was not recorded: the host has none.
    void unset_open(std::size_t place);
    void set_final(std::size_t place, RunOutcome outcome, Instant now);
    /// The run ends: what has not started never will.
    void end_all_held();

    /// Goes on to that wave.
    void begin_wave(std::size_t wave);
    /// The agent is back: what waits for it is ready.
    void agent_is_back(Ip const& agent);
    /// A host whose agent was waited for until `now` or before; it is taken out as by take_ready.
    [[nodiscard]] std::optional<std::size_t> take_waited_out(Clock::Steady now);
    [[nodiscard]] std::optional<Clock::Steady> next_waited_out() const;
    [[nodiscard]] std::optional<std::size_t> place_of(TaskId task) const;
    [[nodiscard]] std::vector<TaskId> open_tasks() const;
    /// Hosts whose task is on its way.
    [[nodiscard]] std::size_t open_count() const noexcept { return open_.size(); }

private:
    struct WaveCount {
        std::size_t open = 0;
        std::size_t done = 0;
    };
    void forget_waiting();
    void count_final(std::size_t wave, RunOutcome const& outcome);

    FleetRun run_;
    std::vector<WaveCount> waves_;
    std::deque<std::size_t> ready_;             ///< Of the wave that runs, in order.
    std::map<std::size_t, Clock::Steady> away_; ///< Of the wave that runs.
    /// Of the wave that runs, by what they wait for at the gate; none of the sets is empty.
    std::map<std::string, std::set<std::size_t>> held_back_;
    std::size_t held_back_count_ = 0;
    std::map<TaskId, std::size_t> open_;
    std::map<std::string, std::size_t> ends_;
    std::size_t held_ = 0;
    std::size_t done_ = 0;
    std::size_t failures_ = 0;
    std::optional<Instant> wave_ended_;
};

} // namespace elves
