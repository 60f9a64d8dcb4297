#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "agent/worker_queue.hpp"
#include "elves/cron_life.hpp"
#include "elves/instruction.hpp"
#include "elves/json.hpp"
#include "elves/quartz_rule.hpp"
#include "elves/task_id.hpp"

namespace elves::agent {

/// Throws Error 403.10 where `workers` is no number of workers.
[[nodiscard]] Account account_of(std::string id, std::optional<std::int64_t> workers);

/// One of the agent's own (`self`) cron jobs.
struct OwnJob {
    TaskId id;
    QuartzRule rule;
    Zone zone;
    Instruction ins;
    Account account{};
    bool on = true;
    Misfire misfire = Misfire::skip;
    Overlap overlap = Overlap::skip;
    std::chrono::seconds jitter{0};
    std::optional<Instant> start{};
    std::optional<Instant> end{};
    std::optional<Instant> since{}; ///< Its times count from then on; nothing: from when it came here.

    /// Reads an entry of `cron_list`; `otherwise`: its zone, where it names none. Throws Error 403.x, 411.1
    /// that names the field.
    [[nodiscard]] static OwnJob read(JsonValue const& entry, Zone const& otherwise);
    /// Does it fire at the same times as `other`?
    [[nodiscard]] bool same_times(OwnJob const& other) const;
    /// As the state machine sees it. Valid as long as this.
    [[nodiscard]] cron_life::Job life() const;
};

} // namespace elves::agent
