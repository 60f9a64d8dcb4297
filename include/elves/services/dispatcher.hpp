#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string_view>

#include "elves/asio.hpp"
#include "elves/services/task_log.hpp"

namespace elves {

/// Runs work on agents. Offered by sheduler. On the loop's thread.
class Dispatcher {
public:
    static constexpr std::string_view service_name = "Dispatcher (sheduler)";
    virtual ~Dispatcher() = default;

    /// What to run: status and the like are the dispatcher's to fill.
    struct Order {
        TaskId id = TaskId::random(); ///< Of the task that it becomes.
        TaskType type = TaskType::async;
        Ip agent;
        Instruction ins;
        std::string by;
        std::string from;
        std::optional<TaskId> cron_id;
        std::optional<Instant> fire_time;
        std::function<void(Db&)> also; ///< Written in the transaction that records the task.
    };

    /// Records the task, hands it over, and returns when the agent has taken it, refused it, or was silent
    /// for `sheduler.handover_timeout`; at once where it is not there. The task tells which.
    [[nodiscard]] virtual asio::awaitable<TaskLog::Recorded> send(Order order) = 0;
    /// Cancels it wherever it is. Returns it as it is then, on disk. `also` is written in the transaction
    /// that ends it; where it had ended before, nothing is. Throws Error 416.1 for an unknown id.
    [[nodiscard]] virtual asio::awaitable<Task> cancel(TaskId id, std::function<void(Db&)> also) = 0;
    /// `sheduler.default_timeout`: of an instruction that gives none.
    [[nodiscard]] virtual std::chrono::seconds default_timeout() const = 0;
    /// Throws Error 413.2 where `ins` is of mode `P` and its app has no processor.
    virtual void require_processor(Instruction const& ins) const = 0;
};

} // namespace elves
