#pragma once

#include <optional>
#include <vector>

#include "elves/sql.hpp"
#include "run_schedule.hpp"

namespace elves::schedule_records {

// The SQL of schedules. All on the store's threads.

/// Adds it, or takes the place of the one with that id.
void put(Db& db, RunSchedule const& schedule);
/// False where there is none.
[[nodiscard]] bool erase(Db& db, TaskId id);
[[nodiscard]] std::optional<RunSchedule> find(Db& db, TaskId id);
/// By id.
[[nodiscard]] std::vector<RunSchedule> all(Db& db);

/// The clock was set back: no mark stays ahead of `now`.
void rewind(Db& db, Instant now);

/// How far a schedule is on disk.
struct Mark {
    std::int64_t version = 0;
    Instant settled{};
    std::optional<Instant> owed{};
    friend bool operator==(Mark const&, Mark const&) = default;
};
/// Part of the transaction that records a firing: the schedule has to be at `from`, and is at `to` then.
/// False where it is not: it was changed, or this firing is on disk already.
[[nodiscard]] bool move(Db& db, TaskId id, Mark const& from, Mark const& to);

} // namespace elves::schedule_records
