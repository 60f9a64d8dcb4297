#pragma once

#include <optional>

#include "cron_job.hpp"
#include "elves/json.hpp"
#include "elves/services/task_engine.hpp"

namespace elves {

/// A job as `cron_list` carries it. `next`: its next time; `server`: the zone of its times of day, and the
/// job's own where it has none.
[[nodiscard]] json::object cron_entry(CronJob const& job, std::optional<TaskEngine::LastRun> const& last_run,
    std::optional<Instant> next, Zone const& server);

/// The next `count` times of a job after `after`, each as it is and with its jitter.
[[nodiscard]] json::array next_times(
    CronJob const& job, Instant after, std::size_t count, Zone const& server);

/// The most bytes that the job's entry takes in a frame.
[[nodiscard]] std::size_t entry_size(CronJob const& job);

} // namespace elves
