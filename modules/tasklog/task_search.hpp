#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "elves/caller.hpp"
#include "task_records.hpp"

namespace elves {

/// One answer of `listtasks`.
struct TaskPage {
    std::vector<task_records::Row> rows;
    std::optional<std::int64_t> next; ///< `before_seq` of the next one. Nothing: that was all.
};

/// The newest `limit` that fit `filter` and that `key` (null: anybody) may see. Looks at some
/// `most_looked_at` tasks, then says where to go on: who looks for what is rare, or far back, keeps nobody
/// waiting.
[[nodiscard]] TaskPage search_tasks(Db& db, task_records::Filter filter, std::int64_t limit, Key const* key,
    std::int64_t most_looked_at = 100'000);

} // namespace elves
