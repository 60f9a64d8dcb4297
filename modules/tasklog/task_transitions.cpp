#include "task_transitions.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>

#include "elves/error.hpp"
#include "task_records.hpp"

namespace elves {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds flush_soon = 50ms;
constexpr std::chrono::milliseconds flush_again = 1s;

/// What a task takes beside its texts: the rest of its row and its places in the indexes, and while it is
/// open its places in memory.
constexpr std::size_t beside_texts = 1024;

std::size_t charged_bytes(Task const& task) { return beside_texts + bytes_of(task.ins); }

std::size_t bytes_of(WorkerReport const& report) { return report.result.size() + report.stderr_text.size(); }

/// What a new row takes; that of an agent's own firing may have its result already.
std::size_t row_bytes(Task const& task)
{
    return charged_bytes(task) + (task.report ? bytes_of(*task.report) : 0);
}

/// A copy for memory: the param stays on disk. It is not copied first, since it may be large.
Task copy_without_param(Task& task)
{
    auto param = std::move(task.ins.param);
    task.ins.param.clear();
    auto copy = task;
    task.ins.param = std::move(param);
    return copy;
}

/// The processor hears of every end but that of a firing that never began.
bool owes_processor(Task const& task)
{
    return task.ins.mode == Mode::p && is_final(task.status) && task.status != TaskStatus::skipped;
}

/// A firing that is over when it is recorded takes no room that a task could have.
bool needs_room(Task const& task) { return is_open(task) || task.status == TaskStatus::undelivered; }

} // namespace

class TaskTransitions::Lock {
public:
    Lock(TaskTransitions& transitions, OpenTaskPtr open) : transitions_(transitions), open_(std::move(open))
    {
    }
    Lock(Lock const&) = delete;
    Lock& operator=(Lock const&) = delete;
    ~Lock() { transitions_.unlock(open_); }

private:
    TaskTransitions& transitions_;
    OpenTaskPtr open_;
};

/// The bytes that a new row is charged for today; taken back unless it was written.
class TaskTransitions::DayCharge {
public:
    DayCharge(DailyBytes& written, std::shared_ptr<Task const> task)
        : written_(written), task_(std::move(task))
    {
        written_.add(task_->by, row_bytes(*task_));
    }
    DayCharge(DayCharge const&) = delete;
    DayCharge& operator=(DayCharge const&) = delete;
    ~DayCharge() { take_back(); }
    void set_written() { task_ = nullptr; }
    void take_back()
    {
        auto const task = std::exchange(task_, nullptr);
        if (task) written_.take_back(task->by, row_bytes(*task));
    }

private:
    DailyBytes& written_;
    std::shared_ptr<Task const> task_; ///< Null where nothing is to be taken back.
};

struct TaskTransitions::NewTask {
    NewTask(
        TaskTransitions& to, std::shared_ptr<Task> task_, TaskEngine::AuditWrite audit_write_, bool forced)
        : task(std::move(task_))
        , audit_write(std::move(audit_write_))
        , is_forced(forced)
        , charge(to.daily_bytes_, task)
    {
        if (needs_room(*task)) room.emplace(to.registry_, task->agent, task->by, charged_bytes(*task));
    }
    std::shared_ptr<Task> task;
    TaskEngine::AuditWrite audit_write;
    bool is_forced;
    DayCharge charge;
    std::optional<TaskRegistry::Reservation> room{};
};

TaskTransitions::NewTasks::NewTasks(TaskTransitions& to) : to_(to) {}

TaskTransitions::NewTasks::~NewTasks() = default;

void TaskTransitions::NewTasks::add(Task task, TaskEngine::AuditWrite audit_write, bool is_forced)
{
    auto shared = std::make_shared<Task>(std::move(task));
    tasks_.push_back(std::make_unique<NewTask>(to_, std::move(shared), std::move(audit_write), is_forced));
}

TaskTransitions::TaskTransitions(
    LoopExecutor loop, Store& store, Clock& clock, TaskRegistry& registry, DailyBytes& daily_bytes)
    : loop_(std::move(loop)), store_(store), clock_(clock), registry_(registry), daily_bytes_(daily_bytes)
{
}

std::int64_t TaskTransitions::load()
{
    std::vector<task_records::OpenTask> tasks;
    std::int64_t newest = 0;
    store_.at_start([&](Db& db) {
        tasks = task_records::open(db);
        newest = task_records::newest_key(db);
    });
    for (auto& [task, param_bytes] : tasks) {
        auto const bytes = charged_bytes(task) + param_bytes;
        set_deadlines(*registry_.insert(std::move(task), bytes), true);
    }
    return newest;
}

/// From the times of day on disk: a clock that was set back since gives no task more than its whole span.
void TaskTransitions::set_deadlines(OpenTask& open, bool is_loaded)
{
    auto const& task = open.task;
    auto const steady = clock_.steady();
    auto const left = [&](Instant since, std::chrono::milliseconds span) {
        return std::clamp<std::chrono::milliseconds>(since + span - clock_.now(), 0ms, span);
    };
    auto start = left(task.start, life::start_span(task, lost_after_));
    // Nobody gave it a time to wait: what it gets must not be used up by our own absence, after which its
    // agent has to come back first. The caller of a `sendsync` is gone.
    if (is_loaded && task.type != TaskType::rt && task.ins.ttl == 0s)
        start = std::max<std::chrono::milliseconds>(start, lost_after_);
    open.start_deadline = steady + start;
    if (is_final(task.status) || task.status == TaskStatus::waiting) return;
    auto silence = left(task.sent.value_or(task.start), life::silence_span(task, lost_after_));
    // Before the restart its time to start may have been extended by as much.
    if (is_loaded && task.type != TaskType::rt)
        silence = std::max<std::chrono::milliseconds>(silence, lost_after_);
    open.silence_deadline = steady + silence;
}

void TaskTransitions::begin_silence(OpenTask& open, std::chrono::milliseconds span)
{
    open.silence_deadline = clock_.steady() + span;
}

life::Context TaskTransitions::context_of(OpenTask const& open) const
{
    auto const left = open.start_deadline - clock_.steady();
    return {clock_.now(), lost_after_, std::chrono::ceil<std::chrono::milliseconds>(left)};
}

/// A new task on its way to the disk.
struct TaskTransitions::Insertion {
    Insertion(TaskTransitions& to, Task task, TaskEngine::AuditWrite audit_write, bool is_forced)
        : fresh(to, std::make_shared<Task>(std::move(task)), std::move(audit_write), is_forced)
        , now(to.clock_.now())
    {
    }

    /// On the store's thread.
    void write(Db& db)
    {
        auto const& task = *fresh.task;
        merged_into.reset();
        twin = task_records::find_twin(db, task);
        if (twin) return;
        merged_into = task_records::merge_firing(db, task);
        if (!merged_into) task_records::insert(db, task);
        if (owes_processor(task)) task_records::queue_delivery(db, task.id, now);
        if (fresh.audit_write) fresh.audit_write(db);
    }

    NewTask fresh;
    Instant now;
    std::optional<Task> twin{};
    std::optional<TaskId> merged_into{};
    Later<TaskEngine::Recorded> recorded{};
};

Later<TaskEngine::Recorded> TaskTransitions::insert(
    Task task, TaskEngine::AuditWrite audit_write, bool is_forced)
{
    auto const insertion =
        std::make_shared<Insertion>(*this, std::move(task), std::move(audit_write), is_forced);
    store_.post([insertion](Db& db) { insertion->write(db); },
        [this, insertion](std::exception_ptr const& failure) { inserted(*insertion, failure); });
    return insertion->recorded;
}

void TaskTransitions::inserted(Insertion& insertion, std::exception_ptr const& failure)
{
    auto& fresh = insertion.fresh;
    fresh.room.reset();
    bool const is_new_row = !failure && !insertion.twin && !insertion.merged_into;
    is_new_row ? fresh.charge.set_written() : fresh.charge.take_back();
    if (failure) return insertion.recorded.fail(failure);
    if (insertion.twin) return insertion.recorded.set({std::move(*insertion.twin), false});
    // The write is over: the store does not read it any more.
    TaskEngine::Recorded recorded{std::move(*fresh.task), true};
    if (insertion.merged_into) {
        recorded.task.id = *insertion.merged_into;
    } else {
        enter(recorded.task, fresh.is_forced);
    }
    insertion.recorded.set(std::move(recorded));
}

/// It has just been written.
void TaskTransitions::enter(Task& stored, bool is_forced)
{
    if (is_open(stored)) {
        auto const open = registry_.insert(copy_without_param(stored), charged_bytes(stored));
        set_deadlines(*open, false);
        // Before anybody hears of it: it may be its turn at once.
        open->is_forced = is_forced;
        listener_.on_changed(*open);
    }
    if (is_final(stored.status)) listener_.on_finished(stored);
}

asio::awaitable<std::vector<Task>> TaskTransitions::insert_all(NewTasks& fresh)
{
    std::vector<std::pair<std::shared_ptr<Task const>, TaskEngine::AuditWrite>> rows;
    for (auto const& one : fresh.tasks_) rows.emplace_back(one->task, std::move(one->audit_write));
    Store::Work work = [rows = std::move(rows), now = clock_.now()](Db& db) {
        for (auto const& [task, audit_write] : rows) {
            task_records::insert(db, *task);
            if (owes_processor(*task)) task_records::queue_delivery(db, task->id, now);
            if (audit_write) audit_write(db);
        }
    };
    co_await store_.write(std::move(work));
    std::vector<Task> stored;
    for (auto const& one : fresh.tasks_) {
        one->charge.set_written();
        one->room.reset();
        // The write is over: the store does not read it any more.
        enter(stored.emplace_back(std::move(*one->task)), one->is_forced);
    }
    co_return stored;
}

/// An event on its way to the disk. Has the lock of its task from `apply_locked` on.
struct TaskTransitions::Application {
    Application(OpenTaskPtr open_, life::Event event_, TaskEngine::AuditWrite audit_write_)
        : open(std::move(open_)), event(std::move(event_)), audit_write(std::move(audit_write_))
    {
    }

    OpenTaskPtr open;
    life::Event event;
    TaskEngine::AuditWrite audit_write;
    std::optional<Lock> lock{};
    life::Decision decision{};
    bool has_ended = false;
    Instant now{};
    Later<life::Decision> decided{};

    /// On the store's thread.
    void write(Db& db) const
    {
        task_records::update(db, decision.task);
        if (has_ended && owes_processor(decision.task))
            task_records::queue_delivery(db, decision.task.id, now);
        if (audit_write) audit_write(db);
    }
};

Later<life::Decision> TaskTransitions::apply(
    OpenTaskPtr const& open, life::Event event, TaskEngine::AuditWrite audit_write)
{
    auto const application = std::make_shared<Application>(open, std::move(event), std::move(audit_write));
    if (std::exchange(open->is_locked, true)) {
        open->lock_waiters.emplace_back([this, application] { apply_locked(application); });
    } else {
        apply_locked(application);
    }
    return application->decided;
}

asio::awaitable<life::Decision> TaskTransitions::apply(
    TaskId id, life::Event event, TaskEngine::AuditWrite audit_write)
{
    auto open = registry_.find(id);
    if (!open) open = co_await fetch(id);
    auto decided = apply(open, std::move(event), std::move(audit_write));
    auto work = wait_for(std::move(decided));
    co_return co_await std::move(work);
}

void TaskTransitions::apply_locked(std::shared_ptr<Application> const& application)
{
    auto& open = *application->open;
    application->lock.emplace(*this, application->open);
    auto& decision = application->decision = life::decide(open.task, application->event, context_of(open));
    bool const is_behind = open.is_ahead || open.is_flushing;
    if (!decision.changed && !is_behind) {
        open.task = decision.task;
        application->lock.reset();
        return application->decided.set(std::move(decision));
    }
    // What was staged is written with it: whoever is told that it is on disk can rely on that.
    if (!decision.changed) application->audit_write = nullptr;
    application->has_ended = decision.finished || open.is_end_unwritten;
    application->now = clock_.now();
    Store::Work work = [application](Db& db) { application->write(db); };
    Store::Done done = [this, application](
                           std::exception_ptr const& failure) { applied(*application, failure); };
    // A result has been told to whoever waits for it, or is waited for by its agent alone.
    bool const is_result = std::holds_alternative<life::Reported>(application->event);
    if (is_result) {
        store_.post_soon(std::move(work), std::move(done));
    } else {
        store_.post(std::move(work), std::move(done));
    }
}

void TaskTransitions::applied(Application& application, std::exception_ptr const& failure)
{
    auto const& open = application.open;
    if (!failure) {
        if (application.decision.finished) open->is_end_unwritten = true;
        open->is_ahead = false;
        open->is_superseded = true;
        take_over(*open, application.decision);
        persisted(open);
    }
    application.lock.reset();
    failure ? application.decided.fail(failure) : application.decided.set(std::move(application.decision));
}

bool TaskTransitions::stage(OpenTaskPtr const& open, life::Event const& event)
{
    if (open->is_locked) return false;
    auto decision = life::decide(open->task, event, context_of(*open));
    if (decision.changed && !std::exchange(open->is_ahead, true)) ahead_.push_back(open);
    if (decision.finished) open->is_end_unwritten = true;
    take_over(*open, decision);
    if (decision.finished) {
        flush();
    } else if (decision.changed) {
        flush_after(flush_soon);
    }
    return true;
}

void TaskTransitions::take_over(OpenTask& open, life::Decision const& decision)
{
    bool const is_result = decision.task.report && !open.task.report;
    bool const is_handed_over =
        decision.task.status == TaskStatus::sent && open.task.status == TaskStatus::waiting;
    open.task = decision.task;
    if (is_result) daily_bytes_.add(open.task.by, bytes_of(*open.task.report));
    if (is_handed_over) begin_silence(open, life::silence_span(open.task, lost_after_));
    registry_.update_lists(open);
    listener_.on_changed(open);
}

/// Nothing is ahead of the disk any more, unless it was staged meanwhile.
void TaskTransitions::persisted(OpenTaskPtr const& open)
{
    if (open->is_ahead) return;
    bool const has_ended = std::exchange(open->is_end_unwritten, false);
    if (!is_open(open->task)) {
        registry_.remove_from_totals(*open);
    } else if (has_ended) {
        registry_.update_lists(*open); // Its cancel is still to be told to the agent.
    }
    listener_.on_persisted(*open);
    if (has_ended) listener_.on_finished(open->task);
    if (!open->is_locked && !is_open(open->task)) registry_.erase(open->task.id);
}

void TaskTransitions::flush_after(std::chrono::milliseconds delay)
{
    if (!flushing_.running()) flushing_ = clock_.after(delay, [this] { flush(); });
}

void TaskTransitions::flush()
{
    flushing_.stop();
    std::vector<Task> tasks;
    std::vector<TaskId> owed;
    std::vector<OpenTaskPtr> written;
    for (auto const& open : std::exchange(ahead_, {})) {
        if (!open->is_ahead) continue; // It was written with its next event.
        if (open->is_locked) {
            ahead_.push_back(open); // That may be refused.
            continue;
        }
        open->is_ahead = false;
        open->is_flushing = true;
        open->is_superseded = false;
        tasks.push_back(open->task);
        if (open->is_end_unwritten && owes_processor(open->task)) owed.push_back(open->task.id);
        written.push_back(open);
    }
    if (!ahead_.empty()) flush_after(flush_soon);
    if (tasks.empty()) return;
    store_.post_soon(
        [tasks = std::move(tasks), owed = std::move(owed), now = clock_.now()](Db& db) {
            for (auto const& task : tasks) task_records::update(db, task);
            for (auto const id : owed) task_records::queue_delivery(db, id, now);
        },
        [this, written = std::move(written)](std::exception_ptr const& failure) {
            for (auto const& open : written) open->is_flushing = false;
            if (failure) return requeue_unflushed(written);
            for (auto const& open : written) persisted(open);
        });
}

/// The disk did not take it.
void TaskTransitions::requeue_unflushed(std::vector<OpenTaskPtr> const& tasks)
{
    for (auto const& open : tasks) {
        if (open->is_superseded || std::exchange(open->is_ahead, true)) continue;
        ahead_.push_back(open);
    }
    flush_after(flush_again);
}

asio::awaitable<OpenTaskPtr> TaskTransitions::fetch(TaskId id)
{
    auto task = co_await find(id);
    if (!task) throw Error(codes::no_task, "no task " + id.text());
    co_return registry_.insert_finished(std::move(*task));
}

void TaskTransitions::unlock(OpenTaskPtr const& open)
{
    if (!open->lock_waiters.empty()) {
        // In a turn of its own: the one before goes on first.
        asio::post(loop_, std::move(open->lock_waiters.front()));
        open->lock_waiters.pop_front();
        return;
    }
    open->is_locked = false;
    bool const is_dirty = open->is_ahead || open->is_flushing;
    if (!is_open(open->task) && !is_dirty) registry_.erase(open->task.id);
}

asio::awaitable<std::optional<Task>> TaskTransitions::find(TaskId id)
{
    flush();
    std::function<std::optional<Task>(Db&)> work = [id](Db& db) -> std::optional<Task> {
        auto row = task_records::find(db, id);
        if (!row) return std::nullopt;
        return std::move(row->task);
    };
    co_return co_await store_.read<std::optional<Task>>(std::move(work));
}

} // namespace elves
