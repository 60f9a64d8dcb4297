#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "elves/ip.hpp"
#include "elves/task.hpp"
#include "elves/task_id.hpp"
#include "run_life.hpp"
#include "run_spec.hpp"

namespace elves {

/// What came of one host in a run: what its task came to, or `not_started`.
struct RunOutcome {
    std::string state;
    std::optional<std::int64_t> exit_code{};
    std::optional<std::chrono::milliseconds> cost{};
    std::string answer{}; ///< At most 512 bytes.

    [[nodiscard]] static RunOutcome of(Task const& task);
    [[nodiscard]] bool is_done() const noexcept { return state == "done"; }
    [[nodiscard]] bool is_failure(bool silent_fails) const noexcept;
};

struct RunHost {
    Ip ip;
    std::size_t wave = 0;
    std::optional<TaskId> task{};        ///< The only one that it ever gets in this run.
    std::optional<RunOutcome> outcome{}; ///< Once it is final.
    std::string waits_for{}; ///< In memory only: what it waits for at the start gate; "" for nothing.
};

/// A run without its hosts, as it is on disk. A plain value.
struct RunHead {
    TaskId id;
    RunState state = RunState::pending;
    RunWhy why = RunWhy::time;
    RunEnding ending = RunEnding::none;
    RunSpec spec;
    std::string by;   ///< The key that started it, or "".
    std::string from; ///< The address that did.
    std::optional<TaskId> retry_of{};
    std::optional<TaskId> schedule{};   ///< Whose firing it is,
    std::optional<Instant> fire_time{}; ///< and of which of its times.
    std::string skipped{};              ///< Why nothing of that firing ran; "" where it is a run.
    std::size_t host_count = 0;
    std::size_t max_fail = 0; ///< Hosts; `resume` may have raised it.
    std::uint32_t seed = 0;   ///< Of a random order.
    std::size_t wave = 0;
    Instant created{};
    Instant begin_at{};
    std::optional<Instant> started{};
    std::optional<Instant> paused{};
    std::optional<Instant> ended{};
    std::map<std::string, std::size_t> counts{}; ///< Hosts by state, of one that has ended and was read.

    [[nodiscard]] RunLimits limits() const
    {
        auto limits = spec.limits(host_count);
        limits.max_fail = max_fail;
        return limits;
    }
};

/// A run as it is on disk. A plain value.
struct FleetRun : RunHead {
    std::vector<RunHost> hosts{}; ///< In its order.

    [[nodiscard]] std::size_t wave_count() const { return hosts.empty() ? 0 : hosts.back().wave + 1; }
};

} // namespace elves
