#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "daily_bytes.hpp"
#include "elves/later.hpp"
#include "elves/services/task_engine.hpp"
#include "elves/store.hpp"
#include "elves/task_life.hpp"
#include "task_registry.hpp"

namespace elves {

/// Decides what an event means for a task, writes that, and only then lets others know. The events of one
/// task are decided one after the other. On the loop's thread.
class TaskTransitions {
public:
    struct Listener {
        std::function<void(OpenTask&)> on_changed;    ///< Its state in memory has changed.
        std::function<void(OpenTask&)> on_persisted;  ///< What was ahead of the disk is on it.
        std::function<void(Task const&)> on_finished; ///< Its final state is on disk.
    };
    TaskTransitions(
        LoopExecutor loop, Store& store, Clock& clock, TaskRegistry& registry, DailyBytes& daily_bytes);
    /// Once, before anything else.
    void listen(Listener listener) { listener_ = std::move(listener); }
    void set_lost_after(std::chrono::seconds lost_after) { lost_after_ = lost_after; }
    [[nodiscard]] std::chrono::seconds lost_after() const noexcept { return lost_after_; }

    /// Reads the open tasks into the registry. Returns the largest key of all tasks, 0 without any. Before
    /// the loop runs only.
    std::int64_t load();
    /// Writes a new task and its audit record in one transaction. Ends when it is on disk; fails with Error
    /// 507.1: then there is no such task. `is_forced`: no window and no cap holds it back. The task counts
    /// as there when this returns.
    [[nodiscard]] Later<TaskEngine::Recorded> insert(
        Task task, TaskEngine::AuditWrite audit_write, bool is_forced = false);
    /// New tasks that are to be written together. They count as there from `add` on.
    class NewTasks;
    /// The same of many, in one transaction: all are written or none. Returns them in their sequence.
    [[nodiscard]] asio::awaitable<std::vector<Task>> insert_all(NewTasks& fresh);
    /// Applies an event to a task in memory, and ends when that is on disk. Where it changes nothing, nothing
    /// is written. Fails with Error 507.1: then nothing has changed.
    [[nodiscard]] Later<life::Decision> apply(
        OpenTaskPtr const& open, life::Event event, TaskEngine::AuditWrite audit_write = {});
    /// The same of any task, for coroutines. Throws Error 416.1 for an unknown id, and as above.
    [[nodiscard]] asio::awaitable<life::Decision> apply(
        TaskId id, life::Event event, TaskEngine::AuditWrite audit_write = {});
    /// Applies an event in memory at once, and writes it a moment later, again and again until the disk takes
    /// it. For what the agent still has, and tells again after a crash of this server: that it took a task,
    /// or its result. False, and nothing has happened, while another decision about the task is being
    /// written.
    [[nodiscard]] bool stage(OpenTaskPtr const& open, life::Event const& event);
    /// Hands what is staged to the store: before somebody reads from it.
    void flush();
    [[nodiscard]] asio::awaitable<std::optional<Task>> find(TaskId id);

private:
    /// The right to decide about one task; the next in the queue has it when this is gone.
    class Lock;
    class DayCharge;
    struct NewTask;
    struct Insertion;
    struct Application;

    void inserted(Insertion& insertion, std::exception_ptr const& failure);
    void enter(Task& stored, bool is_forced);
    [[nodiscard]] asio::awaitable<OpenTaskPtr> fetch(TaskId id);
    void apply_locked(std::shared_ptr<Application> const& application);
    void applied(Application& application, std::exception_ptr const& failure);
    void unlock(OpenTaskPtr const& open);
    [[nodiscard]] life::Context context_of(OpenTask const& open) const;
    void take_over(OpenTask& open, life::Decision const& decision);
    void persisted(OpenTaskPtr const& open);
    void flush_after(std::chrono::milliseconds delay);
    void requeue_unflushed(std::vector<OpenTaskPtr> const& tasks);
    void begin_silence(OpenTask& open, std::chrono::milliseconds span);
    void set_deadlines(OpenTask& open, bool is_loaded);

    LoopExecutor loop_;
    Store& store_;
    Clock& clock_;
    TaskRegistry& registry_;
    DailyBytes& daily_bytes_;
    Listener listener_;
    std::chrono::seconds lost_after_{0};
    std::vector<OpenTaskPtr> ahead_;
    Timer flushing_;
};

class TaskTransitions::NewTasks {
public:
    explicit NewTasks(TaskTransitions& to);
    NewTasks(NewTasks const&) = delete;
    NewTasks& operator=(NewTasks const&) = delete;
    /// Those that were not written do not count any more.
    ~NewTasks();

    void add(Task task, TaskEngine::AuditWrite audit_write, bool is_forced);
    [[nodiscard]] bool empty() const noexcept { return tasks_.empty(); }

private:
    friend class TaskTransitions;
    TaskTransitions& to_;
    std::vector<std::unique_ptr<NewTask>> tasks_;
};

} // namespace elves
