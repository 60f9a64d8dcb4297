#pragma once

#include <array>
#include <optional>
#include <string>
#include <tuple>

#include "elves/task.hpp"

namespace elves::sim {

/// A row of the task log, as it was just committed.
struct LogRow {
    TaskId id;
    std::string agent;
    std::string app, func, param;
    std::string from; ///< Who asked for it: an address, or "cron".
    std::optional<Instant> sent;
    TaskType type = TaskType::async;
    TaskStatus status = TaskStatus::waiting;
    std::optional<std::int64_t> end;
    std::optional<std::int64_t> flag; ///< The worker's word, where there is one.
    std::string result;
    std::optional<bool> handed; ///< agent_sync_flag
    std::string error;          ///< agent_sync_error
    bool cancel_due = false;
    std::optional<TaskId> cron_id;
    std::optional<Instant> fire_time;
    std::chrono::seconds ttl{0};
    Instant accepted{}; ///< By the server's clock.
};

/// A row of an agent's journal, as it was just committed.
struct JournalRow {
    TaskId id;
    std::string stage;
    bool confirmed = false;
    std::optional<TaskId> cron_id; ///< Of the agent's own cron.
    std::optional<Instant> fire_time;
    bool skipped = false;
    std::string why; ///< Why nothing ran, where it was skipped.
};

/// All that is known of one task, outside of what may crash.
struct Facts {
    std::optional<LogRow> log;
    std::optional<JournalRow> journal;
    int starts = 0;
    std::optional<TaskStatus> went_back_from; ///< It provably had not started, and waits again.
    std::array<std::string, 2> printed;       ///< By OutputStream.
    std::optional<WorkerReport> worker;       ///< What it said at its end; nothing for one that was cut off.
    bool processor_took = false;
    bool heard_true = false; ///< A client was told that the worker said true.
};

} // namespace elves::sim
