#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "elves/sql.hpp"
#include "fleet_run.hpp"

namespace elves::run_records {

// The SQL of runs. All on the store's threads.

/// With its hosts.
void insert(Db& db, FleetRun const& run);
/// The head: state, wave, limits and times. False where the run has ended already: nothing has changed then.
[[nodiscard]] bool update(Db& db, RunHead const& run);
/// The head, and what came of each host.
void finish(Db& db, FleetRun const& run);
/// Part of the transaction that records the host's task. Throws std::logic_error where it has one already:
/// then that one is not recorded.
void claim(Db& db, TaskId run, std::size_t place, TaskId task);

/// With its hosts.
[[nodiscard]] std::optional<FleetRun> find(Db& db, TaskId id);
/// Those that have not ended.
[[nodiscard]] std::vector<TaskId> open(Db& db);
[[nodiscard]] std::optional<TaskId> with_dedup(Db& db, std::string const& by, std::string const& dedup);

/// There is such a run, and it has not ended.
[[nodiscard]] bool is_open(Db& db, TaskId id);
/// That time of the schedule has its run, or the record of why there is none.
[[nodiscard]] bool has_firing(Db& db, TaskId schedule, Instant fire_time);

struct Filter {
    std::string state;
    std::optional<std::string> by;
    std::string app, func;
    std::optional<Ip> agent;
    std::optional<TaskId> schedule;
    std::optional<Instant> since, until;
    std::optional<TaskId> after;
    std::size_t limit = 100;
};
/// Heads, newest first: `limit` and one more where there are more.
[[nodiscard]] std::vector<RunHead> list(Db& db, Filter const& filter);

} // namespace elves::run_records
