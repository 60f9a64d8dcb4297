#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "cron_job.hpp"
#include "cron_jobs.hpp"
#include "elves/services/metrics.hpp"

namespace elves {

/// What metrics show of the jobs that share one watch name.
struct WatchedName {
    /// Of the job that is worst off: one whose last run did not end well, and of several the one whose last
    /// success is the longest ago.
    std::optional<Instant> ended;
    std::optional<Instant> succeeded;
    /// When the first of them is due that is on and has not run for that time yet: in the past while it is
    /// overdue.
    std::optional<Instant> next;
};

/// `jobs` has one at least.
[[nodiscard]] WatchedName watched_name(std::vector<CronJob const*> const& jobs, Zone const& server);

/// Writes the numbers of all jobs that are watched.
void write_watch_metrics(CronJobs const& jobs, Zone const& server, MetricWriter& to);

/// A watched job that is overdue for so long needs a person: the shipped alert waits as long.
constexpr std::chrono::minutes overdue_after{15};

/// A line that names the watched jobs that are overdue, the first few of them; "" where none is.
[[nodiscard]] std::string overdue_warning(CronJobs const& jobs, Zone const& server, Instant now);

} // namespace elves
