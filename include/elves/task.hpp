#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "elves/instruction.hpp"
#include "elves/ip.hpp"
#include "elves/task_id.hpp"
#include "elves/zone.hpp"

namespace elves {

/// How a task was asked for: `sendsync`, `sendasync`, a cron rule. The data file holds its number.
enum class TaskType { rt, async, cron };

/// Moves forward: waiting, sent, running, then one of the final ones (from `done` on). One step back exists:
/// a task that was handed over and provably never started is `waiting` again, while it may still start. The
/// data file holds its number: a new one goes to the end.
enum class TaskStatus {
    waiting,     ///< For its agent to be online and to take it.
    sent,        ///< Handed to the agent's connection; not confirmed.
    running,     ///< The agent has taken it.
    done,        ///< The worker said true.
    failed,      ///< The worker said false or died, or the agent refused it.
    timeout,     ///< Its `timeout` passed first.
    canceled,    ///< Canceled by a caller; it may have run in part, unless it was still waiting.
    expired,     ///< Its `ttl` passed first; it never started.
    undelivered, ///< It never started, and is safe to repeat.
    skipped,     ///< A firing that did not start.
    lost,        ///< Nobody knows whether it ran: the agent does not know it, or did not come back.
};

inline constexpr std::size_t task_status_count = static_cast<std::size_t>(TaskStatus::lost) + 1;

[[nodiscard]] std::string_view type_text(TaskType type) noexcept;
[[nodiscard]] std::string_view status_text(TaskStatus status) noexcept;
[[nodiscard]] std::optional<TaskType> parse_type(std::string_view text) noexcept;
[[nodiscard]] std::optional<TaskStatus> parse_status(std::string_view text) noexcept;
[[nodiscard]] constexpr bool is_final(TaskStatus status) noexcept { return status >= TaskStatus::done; }

/// What came of a worker, as the agent reports it.
struct WorkerReport {
    int flag = -1; ///< 1 the worker said true, 0 it said false, -1 it could not run, ran out of time or died.
    std::string result;
    std::chrono::milliseconds costtime{0};
    std::optional<Instant> callback_time; ///< The agent's word for when; the server's where it gave none.
    std::string stderr_text;
    std::optional<std::int64_t> exit_code;
    bool truncated = false;
    /// Its time to start (`start_by`) was over before its turn came: it did not start, and will not.
    bool not_started = false;
};

/// One task: what was asked, how far it is, what came of it. A plain value.
struct Task {
    TaskId id;
    /// Of its row in the data file, where the id is not: that of an id which this server did not make. 0: the
    /// id is the key.
    std::int64_t key = 0;
    Ip agent;
    TaskType type = TaskType::async;
    Instruction ins;
    TaskStatus status = TaskStatus::sent;
    std::string by;   ///< The key that asked, or "".
    std::string from; ///< The address that asked.
    Instant start{};
    std::optional<Instant> sent;     ///< When it was handed to the agent's connection.
    std::optional<Instant> taken;    ///< When the agent said that it took it.
    std::optional<Instant> reported; ///< When its result came here.
    std::optional<Instant> end;      ///< When it reached its final state.
    std::optional<TaskId> cron_id;
    std::optional<Instant> fire_time;
    /// How many firings of its cron job this record stands for, the first due at `fire_time`. More than one
    /// only where none of them started, for the same reason.
    std::int64_t firings = 1;
    std::optional<Instant> last_fire_time; ///< Of the last of them; empty where there is one.

    std::optional<TaskId> run{}; ///< The run of many hosts that it is part of.

    std::optional<bool> sync_flag; ///< Was it handed to the agent? Nothing: not known yet.
    std::string sync_error;        ///< Why not, or why it was skipped, expired, given up.
    std::optional<std::chrono::milliseconds> sync_costtime;
    std::optional<WorkerReport> report;
    bool cancel_due = false; ///< Canceled, and the agent has not acknowledged it yet.

    // In memory only.
    std::uint32_t handover = 0;      ///< Counts how often it was handed over since this server started.
    std::optional<Instant> start_by; ///< The agent does not start it after this; the server's clock.
    bool is_queued = false;          ///< The agent has taken it, and its worker has not started.
};

} // namespace elves
