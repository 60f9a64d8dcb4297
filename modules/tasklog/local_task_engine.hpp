#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent_calls.hpp"
#include "daily_bytes.hpp"
#include "elves/clock.hpp"
#include "elves/one_shot.hpp"
#include "elves/services/app_directory.hpp"
#include "elves/services/metrics.hpp"
#include "elves/services/quotas.hpp"
#include "elves/services/task_engine.hpp"
#include "elves/task_id_sequence.hpp"
#include "handover_flow.hpp"
#include "task_limits.hpp"
#include "task_registry.hpp"
#include "task_transitions.hpp"

namespace elves {

/// The task engine of this server: records tasks, hands them over, asks about them on each new link and when
/// something is due, and tells agents of cancels. What a task is at any moment stands in its OpenTask, and
/// every change of it is decided by elves::life through TaskTransitions. On the loop's thread.
class LocalTaskEngine final : public TaskEngine, public KeyResources {
public:
    /// `quotas`: null where there are no keys. All outlive this.
    LocalTaskEngine(LoopExecutor loop, Store& store, Clock& clock, Zone zone, Presence& presence,
        AppDirectory const& apps, Quotas const* quotas = nullptr);

    /// Reads the tasks that were open when the server ended. Before the loop runs only.
    void start();
    /// Whoever waits in `run` is told that the server stops; the tasks go on.
    void stop();
    void set_bounds(TaskLimits::Bounds bounds) { limits_.set_bounds(bounds); }
    void set_lost_after(std::chrono::seconds lost_after) { transitions_.set_lost_after(lost_after); }

    [[nodiscard]] TaskId next_id() override { return ids_.next(clock_.now()); }
    [[nodiscard]] Later<Recorded> send(Order order) override;
    [[nodiscard]] asio::awaitable<std::vector<Sent>> send_all(std::vector<Order> orders) override;
    [[nodiscard]] Later<Task> run(Order order, Authorize authorize) override;
    [[nodiscard]] asio::awaitable<Task> cancel(TaskId id, AuditWrite audit_write) override;
    [[nodiscard]] asio::awaitable<Recorded> record(Task task, AuditWrite audit_write) override;
    /// Takes a result that an agent reports, and returns when it is on disk. Throws Error 416.1, 507.1.
    [[nodiscard]] asio::awaitable<void> report(TaskId id, WorkerReport report);
    /// The same of a task that is open. `then` gets the Error, or null.
    void report(TaskId id, WorkerReport report, std::function<void(std::exception_ptr const&)> then);
    /// The same of a run that the agent itself has canceled.
    [[nodiscard]] asio::awaitable<void> report_canceled(TaskId id, WorkerReport report);
    /// The agent says that the task is queued there, or that its worker has started.
    void set_queued(TaskId id, bool is_queued);
    /// Before somebody reads from the disk.
    void flush() { transitions_.flush(); }

    [[nodiscard]] asio::awaitable<std::optional<Task>> find(TaskId id) override
    {
        return transitions_.find(id);
    }
    [[nodiscard]] Task const* open(TaskId id) const override;
    [[nodiscard]] std::vector<TaskId> open_of(Ip const& agent) const override
    {
        return registry_.of_agent(agent);
    }
    [[nodiscard]] StatusCounts open_counts_of_run(TaskId run) const override
    {
        return registry_.counts_of_run(run);
    }
    [[nodiscard]] std::vector<TaskId> open_all() const override { return registry_.all(); }
    void cron_jobs_from(std::function<std::optional<CronJobOf>(TaskId)> source) override
    {
        cron_job_ = std::move(source);
    }
    /// Nullopt where there is no such job (any more).
    [[nodiscard]] std::optional<CronJobOf> cron_job(TaskId cron) const
    {
        return cron_job_ ? cron_job_(cron) : std::nullopt;
    }
    void on_finished(std::function<void(Task const&)> then) override
    {
        on_finished_.push_back(std::move(then));
    }
    [[nodiscard]] asio::awaitable<std::vector<std::optional<LastRun>>> last_runs(
        std::vector<TaskId> crons) override;
    void keep_tasks_of(std::function<bool(Db&, TaskId)> is_open) override { kept_ = std::move(is_open); }
    /// Null where there is none; see keep_tasks_of.
    [[nodiscard]] std::function<bool(Db&, TaskId)> const& kept() const noexcept { return kept_; }
    void set_timeouts(Timeouts timeouts) override { timeouts_ = timeouts; }
    [[nodiscard]] Timeouts timeouts() const override { return timeouts_; }
    void set_start_gate(StartGate& gate) override;
    void require_may_start(Ip const& agent, Instruction const& ins) const override;
    void require_processor(Instruction const& ins) const override;
    /// How many tasks wait at the gate.
    void write_metrics(MetricWriter& to) const;
    [[nodiscard]] DailyBytes& daily_bytes() noexcept { return daily_bytes_; }

    void add_usage(std::string_view key, KeyUsage& usage) const override;
    void add_holders(std::set<std::string>& keys) const override;
    void on_key_deleted(std::string_view key) override { registry_.on_key_deleted(key); }
    /// Cancels the open tasks of one key.
    [[nodiscard]] asio::awaitable<std::size_t> end_all(std::string key) override;

private:
    using End = TaskWaiter::End;
    /// A call of `send` or `run` on its way.
    struct Sending;
    struct Running;

    /// What is taken at the gate for a task, until it is known to be recorded.
    class GatePlace;
    [[nodiscard]] Task task_of(Order order, GatePlace& place);
    [[nodiscard]] std::string why_held_back(Order const& order) const;
    [[nodiscard]] bool is_held_back(OpenTaskPtr const& open);
    void tell_gate(OpenTask& open);
    void hand_over_all_held_back();
    void hand_over_freed(std::string const& place);
    /// Returns the waiter's number. Throws Error 429.1 where too many wait.
    std::uint64_t add_waiter(
        std::vector<TaskWaiter>& waiters, std::weak_ptr<Peer> caller, std::function<void(End)> then);
    static void log_not_written(TaskId id, std::exception_ptr const& failure);
    static void end_handover_wait(OpenTaskPtr const& open, std::uint64_t waiter);
    void limit_handover_wait(OpenTaskPtr const& open, std::uint64_t waiter);
    void limit_result_wait(OpenTaskPtr const& open, std::uint64_t waiter, std::chrono::milliseconds limit);
    void recorded(std::shared_ptr<Sending> const& sending, Recorded&& recorded);
    void recorded(std::shared_ptr<Running> const& running, Recorded&& recorded);
    void result_wait_ended(std::shared_ptr<Running> const& running, OpenTaskPtr const& open, End end);
    void tell_of_first(Task&& first, std::weak_ptr<Peer> caller, Later<Task>::Then then);

    HandoverFlow& flow_of(OpenTask& open);
    void take_slot(OpenTask& open);
    void free_slot(OpenTask& open);
    /// Hands over what waits for room on that agent's link, as far as there is room.
    void hand_over_next(Ip const& agent);
    void hand_over_soon(OpenTaskPtr const& open, SharedTask task);
    void hand_over_some();
    [[nodiscard]] asio::awaitable<void> hand_over_waiting(OpenTaskPtr open);
    void hand_over(OpenTaskPtr const& open, SharedTask task, std::shared_ptr<Sending> const& sending);
    /// `open` is `sent` on disk, and has its slot.
    void hand_over_now(OpenTaskPtr const& open, SharedTask task);
    [[nodiscard]] Instant start_by(OpenTask const& open) const;
    void end_handover(OpenTaskPtr const& open, Peer const* link, life::Event event);
    [[nodiscard]] asio::awaitable<void> write_event(TaskId id, life::Event event);
    void time_out_handover(OpenTaskPtr const& open, std::uint32_t handover, Clock::Steady begun);
    void on_busy(Ip const& agent);
    void run_soon(OpenTaskPtr const& open, SharedTask task);
    void end_run(OpenTaskPtr const& open, Peer const* link, std::optional<life::Event> event);
    [[nodiscard]] asio::awaitable<void> write_run_end(OpenTaskPtr open, life::Event event);
    /// Applies an event that must not be missed, again and again until the disk takes it.
    /// False: there is no such task, or the server stops.
    asio::awaitable<bool> apply_until_written(TaskId id, life::Event event);

    bool ask_instead(OpenTaskPtr const& open, WorkerReport const& report);
    [[nodiscard]] asio::awaitable<void> apply_and_confirm(OpenTaskPtr open, life::Event event);

    void on_changed(OpenTask& open);
    void on_persisted(OpenTask& open);
    void answer_waiters(OpenTask& open);
    static void answer_all(std::vector<TaskWaiter>& waiters, End end);
    [[nodiscard]] life::Due due(OpenTask const& open, bool is_online) const;
    void set_timer(OpenTask& open);
    [[nodiscard]] asio::awaitable<void> do_what_is_due(TaskId id);
    [[nodiscard]] asio::awaitable<void> resume_tasks(Ip agent);
    [[nodiscard]] asio::awaitable<void> ask_about(Ip agent, std::vector<OpenTaskPtr> tasks);
    [[nodiscard]] asio::awaitable<void> tell_cancel(Ip agent, TaskId id);
    [[nodiscard]] asio::awaitable<void> cancel_for_key(TaskId id, OneShot<bool> over);
    void spawn(asio::awaitable<void> work, TaskId id);

    LoopExecutor loop_;
    Store& store_;
    Clock& clock_;
    Presence& presence_;
    AppDirectory const& apps_;
    Quotas const* quotas_;
    StartGate* gate_ = nullptr;
    std::map<std::string, std::set<TaskId>>
        held_back_; ///< What waits at the gate, by what has to become free.
    TaskRegistry registry_;
    DailyBytes daily_bytes_;
    TaskLimits limits_;
    TaskTransitions transitions_;
    TaskIdSequence ids_;
    AgentCalls agents_;
    Timeouts timeouts_;
    std::uint64_t last_waiter_ = 0;
    std::unordered_map<Ip, HandoverFlow> flows_;
    std::deque<Ip> due_; ///< Agents for which something new is ready.
    std::vector<std::function<void(Task const&)>> on_finished_;
    std::function<std::optional<CronJobOf>(TaskId)> cron_job_;
    std::function<bool(Db&, TaskId)> kept_;
    bool is_stopping_ = false;
};

} // namespace elves
