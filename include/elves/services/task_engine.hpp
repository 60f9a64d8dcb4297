#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "elves/asio.hpp"
#include "elves/error.hpp"
#include "elves/later.hpp"
#include "elves/peer.hpp"
#include "elves/services/start_gate.hpp"
#include "elves/sql.hpp"
#include "elves/task.hpp"

namespace elves {

/// Runs tasks on agents and records what became of each. The one owner of every open task: nothing else
/// decides about one. Offered by tasklog. On the loop's thread.
class TaskEngine {
public:
    static constexpr std::string_view service_name = "TaskEngine (tasklog)";
    virtual ~TaskEngine() = default;

    /// Written in the same transaction as the change it belongs to, on the store's thread. May be empty.
    using AuditWrite = std::function<void(Db&)>;

    /// What to run.
    struct Order {
        TaskId id; ///< Of the task that it becomes: from `next_id`, or none where nobody needs it before.
        TaskType type = TaskType::async;
        Ip agent;
        Instruction ins;
        std::string by;   ///< The key that asks, or "".
        std::string from; ///< The address that asks.
        std::optional<TaskId> cron_id;
        std::optional<Instant> fire_time;
        std::optional<TaskId> run{}; ///< The run of many hosts that it is part of.
        AuditWrite audit_write;
        bool is_forced = false; ///< It starts although a window or a cap is against it.
        /// Who waits for the answer: its wait ends when this connection has closed. Empty: nobody in
        /// particular.
        std::weak_ptr<Peer> caller{};
    };
    struct Recorded {
        Task task;
        /// False: this one was there already, with that (agent, app, `dedup`) or (cron_id, fire_time).
        bool is_new = true;
    };

    /// An id for a new task, larger than all before it: its first 41 bits are a time.
    [[nodiscard]] virtual TaskId next_id() = 0;
    /// Records a task and hands it over. Ends when the agent has taken or refused it, or did not answer for
    /// `[sheduler] handover_timeout`; at once where the agent is offline. The task says which. Fails with
    /// Error 413.2, 423.1 (a window is closed, or a cap is full), 429.1 (too many open tasks, or a quota),
    /// 507.1: then there is no such task. With a ttl an async one waits, `waiting`, where a cap is full.
    [[nodiscard]] virtual Later<Recorded> send(Order order) = 0;
    /// The outcome of one order of `send_all`. If both members are empty, the task is recorded and is waiting
    /// or being handed over; on_finished reports its end.
    struct Sent {
        std::optional<Task> ended{};    ///< The task, if it is final already because its agent is offline.
        std::optional<Error> refused{}; ///< Error 413.2, 423.1 or 429.1: no task was recorded.
    };
    /// Records many async orders in one transaction, then starts handing them over. Returns one outcome per
    /// order, in the same sequence, once all are on disk. Orders must have no `dedup` and no `cron_id`.
    /// Throws Error 507.1 if the transaction failed; no task was recorded then.
    [[nodiscard]] virtual asio::awaitable<std::vector<Sent>> send_all(std::vector<Order> orders) = 0;
    /// Looks at the first task of a `dedup`, and throws where the caller may not wait for it.
    using Authorize = std::function<void(Task const&)>;
    /// As `send`, and ends when the task has its final state, or its `timeout` has passed. Fails with
    /// StoppedWaiting when the server stops first.
    [[nodiscard]] virtual Later<Task> run(Order order, Authorize authorize) = 0;
    /// Cancels a task wherever it is, and returns it as it is then, on disk. Of a finished one nothing
    /// changes, and `audit_write` is not run. Throws Error 416.1 for an unknown id.
    [[nodiscard]] virtual asio::awaitable<Task> cancel(TaskId id, AuditWrite audit_write) = 0;

    /// Records a task that is not handed over: a firing that did not start, or that its agent started itself.
    /// One without an id gets one; an id that it has was made by its agent. Throws Error 507.1.
    [[nodiscard]] virtual asio::awaitable<Recorded> record(Task task, AuditWrite audit_write) = 0;

    /// The task as it is on disk, finished or not.
    [[nodiscard]] virtual asio::awaitable<std::optional<Task>> find(TaskId id) = 0;
    /// The task while it is unfinished or the agent has to be told of its cancel; null otherwise. Without its
    /// `ins.param`. Valid until the next co_await.
    [[nodiscard]] virtual Task const* open(TaskId id) const = 0;
    /// The open tasks of one agent, oldest first.
    [[nodiscard]] virtual std::vector<TaskId> open_of(Ip const& agent) const = 0;
    /// By TaskStatus.
    using StatusCounts = std::array<std::size_t, task_status_count>;
    /// How many tasks of one run are in each state, of those whose end `on_finished` has not told yet. In
    /// constant time.
    [[nodiscard]] virtual StatusCounts open_counts_of_run(TaskId run) const = 0;
    /// All open tasks, in no order.
    [[nodiscard]] virtual std::vector<TaskId> open_all() const = 0;

    /// A cron job, as far as reports of its firings are checked against it.
    struct CronJobOf {
        Ip agent;
        Instruction ins;
        std::string by; ///< The key that set it, or "".
    };
    /// Who knows the cron jobs: no agent reports a firing of another agent's job.
    virtual void cron_jobs_from(std::function<std::optional<CronJobOf>(TaskId)> source) = 0;
    /// Calls `then` with each task that has reached its final state, on disk.
    virtual void on_finished(std::function<void(Task const&)> then) = 0;
    struct LastRun {
        Instant start{};
        TaskStatus status = TaskStatus::done;
    };
    /// The last finished run of each cron job, if it is still recorded.
    [[nodiscard]] virtual asio::awaitable<std::vector<std::optional<LastRun>>> last_runs(
        std::vector<TaskId> crons) = 0;

    /// Tasks of runs that are open by this stay in the log, however old they are. It runs on the store's
    /// threads.
    virtual void keep_tasks_of(std::function<bool(Db&, TaskId run)> is_open) = 0;

    /// The settings of `[sheduler]`.
    struct Timeouts {
        std::chrono::seconds handover{10};        ///< For an agent's answer to a hand-over.
        std::chrono::seconds default_timeout{90}; ///< Of an instruction that gives none.
    };
    virtual void set_timeouts(Timeouts timeouts) = 0;
    [[nodiscard]] virtual Timeouts timeouts() const = 0;
    /// From now on this one is asked before anything starts; without one everything may. Outlives this.
    virtual void set_start_gate(StartGate& gate) = 0;
    /// Throws Error 423.1 where `ins` may not start there now.
    virtual void require_may_start(Ip const& agent, Instruction const& ins) const = 0;
    /// Throws Error 413.2 where `ins` is of mode `P` and its app has no processor.
    virtual void require_processor(Instruction const& ins) const = 0;
};

/// The server stopped while a caller waited for this task: the task goes on, and its result is recorded.
class StoppedWaiting final : public Error {
public:
    explicit StoppedWaiting(Task task_)
        : Error(codes::shutting_down,
              "the server is shutting down; task " + task_.id.text() + " goes on: ask for its result later")
        , task(std::move(task_))
    {
    }
    Task task;
};

} // namespace elves
