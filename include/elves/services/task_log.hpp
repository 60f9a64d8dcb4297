#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "elves/asio.hpp"
#include "elves/sql.hpp"
#include "elves/task.hpp"
#include "elves/task_life.hpp"

namespace elves {

/// Every task and what became of it. Offered by tasklog. The one owner of tasks: it asks elves::life, writes,
/// and only then tells. On the loop's thread.
class TaskLog {
public:
    static constexpr std::string_view service_name = "TaskLog (tasklog)";
    virtual ~TaskLog() = default;

    struct Recorded {
        Task task;
        /// False: this one was there already, with that (agent, app, `dedup`) or (cron_id, fire_time).
        bool fresh = true;
    };
    /// Writes a new task, and whatever `also` writes, in one transaction. Returns when it is on disk; throws
    /// Error 507.1 when the disk won't take it: there is no such task then.
    [[nodiscard]] virtual asio::awaitable<Recorded> record(Task task, std::function<void(Db&)> also) = 0;

    /// Decides what `event` means for the task, one event of a task after the other, and returns when that is
    /// on disk, with whatever `also` writes; where it changes nothing, nothing is written. Throws Error 416.1
    /// for an unknown id; 507.1 when the disk won't take it: nothing has changed then.
    [[nodiscard]] virtual asio::awaitable<life::Decision> apply(
        TaskId id, life::Event event, std::function<void(Db&)> also) = 0;
    [[nodiscard]] asio::awaitable<life::Decision> apply(TaskId id, life::Event event)
    {
        return apply(id, std::move(event), {});
    }
    /// The same for what a restart would find out anew by asking the agent: counts at once, and reaches the
    /// disk with the task's next event, or a moment later, or before anybody reads it from there. False where
    /// that can't be, since something else of that task is on its way to disk, or it would end by this: then
    /// nothing has happened, and `apply` is the way.
    [[nodiscard]] virtual bool note(TaskId id, life::Event const& event) = 0;

    /// The task as it is on disk, finished or not.
    [[nodiscard]] virtual asio::awaitable<std::optional<Task>> find(TaskId id) = 0;
    /// The task while it is unfinished or its cancel is due; null otherwise. From memory, so without its
    /// `ins.param` (see `param_of`); valid until the next co_await.
    [[nodiscard]] virtual Task const* open(TaskId id) const = 0;
    /// True while a decision about it is on its way to disk: `open` doesn't know it yet.
    [[nodiscard]] virtual bool is_deciding(TaskId id) const = 0;
    /// Those of one agent, oldest first.
    [[nodiscard]] virtual std::vector<TaskId> open_of(Ip const& agent) const = 0;
    /// How many those are. Here and in the next two, new ones count as soon as `record` has begun, while they
    /// are on their way to disk: so do those then that nobody could take.
    [[nodiscard]] virtual std::size_t open_count(Ip const& agent) const = 0;
    /// About what they take on disk, in bytes.
    [[nodiscard]] virtual std::size_t open_bytes(Ip const& agent) const = 0;
    /// The same of all agents' together, without those of deleted keys.
    [[nodiscard]] virtual std::size_t all_open_bytes() const = 0;
    /// All of them.
    [[nodiscard]] virtual std::vector<TaskId> open_all() const = 0;
    /// How many open tasks there are, counted like `all_open_bytes`: without those of deleted keys.
    [[nodiscard]] virtual std::size_t all_open_count() const = 0;

    /// What the open tasks of one key take, of all agents and of one. Bytes are bytes on disk.
    struct Holdings {
        std::size_t tasks = 0;
        std::size_t bytes = 0;
        std::size_t tasks_on_agent = 0;
        std::size_t bytes_on_agent = 0;
        std::int64_t bytes_today = 0; ///< Written for that key since midnight, UTC.
    };
    [[nodiscard]] virtual Holdings holdings(std::string_view key, Ip const& agent) const = 0;
    /// The ids of one key's open tasks, oldest first; from disk.
    [[nodiscard]] virtual asio::awaitable<std::vector<TaskId>> open_by(std::string key) = 0;
    /// The `param` of a task, from disk: an open task has none in memory. "" for an unknown id.
    [[nodiscard]] virtual asio::awaitable<std::string> param_of(TaskId id) = 0;

    /// `tasklog.lost_after`: how long after its timeout an unanswered task is given up.
    [[nodiscard]] virtual std::chrono::seconds lost_after() const = 0;

    /// A cron job, as far as the log has to know it.
    struct CronJobOf {
        Ip agent;
        Instruction ins;
        std::string by; ///< The key that set it, or "".
    };
    /// Who knows the cron jobs: so that no agent reports a firing of another's, or of what a job does not
    /// run.
    virtual void cron_jobs_from(std::function<std::optional<CronJobOf>(TaskId)> source) = 0;

    /// Calls `then` with each task that has reached its final state, on disk.
    virtual void on_finished(std::function<void(Task const&)> then) = 0;
    /// Not the task itself: its texts may be large, and there may be 10,000 jobs.
    struct LastRun {
        Instant start{};
        TaskStatus status = TaskStatus::done;
    };
    /// The last finished run of each cron job, if the log still has it.
    [[nodiscard]] virtual asio::awaitable<std::vector<std::optional<LastRun>>> last_runs(
        std::vector<TaskId> crons) = 0;
};

} // namespace elves
