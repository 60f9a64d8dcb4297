#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "elves/caller.hpp"
#include "task_records.hpp"

namespace elves {

/// One answer of `listtasks`.
struct TaskPage {
    std::vector<task_records::Row> rows;
    std::optional<std::int64_t> next; ///< `before_key` of the next one. Nothing: that was all.
};

/// What one page may cost.
struct PageBounds {
    std::int64_t looked_at = 100'000;                 ///< Tasks.
    std::size_t texts = std::size_t{1024} * 1024;     ///< Bytes of long texts; a single task may have more.
    std::size_t bytes = std::size_t{4} * 1024 * 1024; ///< Of all as JSON; likewise.
    std::int64_t agent_span = 4'000'000; ///< Tasks of all agents, of which those of one agent are looked up.
};

/// The newest `limit` that fit `filter` and that `key` (null: anybody) may see; fewer where their texts are
/// large. Looks at `bounds.looked_at` tasks, or among `bounds.agent_span` for an agent's, then says where to
/// go on: who looks for what is rare, or far back, keeps nobody waiting.
[[nodiscard]] TaskPage search_tasks(
    Db& db, task_records::Filter filter, std::int64_t limit, Key const* key, PageBounds const& bounds = {});

/// What there is of a task that was asked for by its id.
struct TaskById {
    bool is_there = false;
    std::optional<task_records::Row> row; ///< Nothing, too, where the key may not see it.
};
using TasksById = std::unordered_map<TaskId, TaskById>;

/// An entry for each of `ids`, read once however often it is asked for. Throws Error 429.1 before an answer
/// with all of them would be over its budget.
[[nodiscard]] TasksById find_tasks(Db& db, std::vector<TaskId> const& ids, Key const* key);

} // namespace elves
