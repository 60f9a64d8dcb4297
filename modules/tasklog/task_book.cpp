#include "task_book.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include "elves/error.hpp"
#include "task_records.hpp"

namespace elves {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds flush_soon = 50ms;
constexpr std::chrono::milliseconds flush_again = 1s;

/// What a task takes beside its texts: the rest of its row and its places in the indexes, and while it is
/// open itself and its places in the maps.
constexpr std::size_t beside_texts = 1024;

std::size_t charged_bytes(Task const& task) { return beside_texts + bytes_of(task.ins); }

std::size_t bytes_of(WorkerReport const& report) { return report.result.size() + report.stderr_text.size(); }

/// What a new row takes; that of an agent's own firing has its result already.
std::size_t row_bytes(Task const& task)
{
    return charged_bytes(task) + (task.report ? bytes_of(*task.report) : 0);
}

Task without_param(Task const& task)
{
    auto copy = task;
    copy.ins.param = {};
    return copy;
}

bool is_open(Task const& task) { return !is_final(task.status) || task.cancel_due; }

/// The processor hears of every end but that of a firing that never began.
bool owes_processor(Task const& task)
{
    return task.ins.mode == Mode::p && is_final(task.status) && task.status != TaskStatus::skipped;
}

} // namespace

class TaskBook::Turn {
public:
    Turn(TaskBook& book, std::shared_ptr<Entry> entry) : book_(book), entry_(std::move(entry)) {}
    Turn(Turn const&) = delete;
    Turn& operator=(Turn const&) = delete;
    ~Turn() { book_.end_turn(entry_); }

private:
    TaskBook& book_;
    std::shared_ptr<Entry> entry_;
};

class TaskBook::Coming {
public:
    Coming(TaskBook& book, std::shared_ptr<Task const> task) : book_(book), task_(std::move(task))
    {
        ++book_.hold(*task_, charged_bytes(*task_)).coming;
    }
    Coming(Coming const&) = delete;
    Coming& operator=(Coming const&) = delete;
    ~Coming()
    {
        --book_.by_agent_.at(task_->agent).coming;
        book_.release(*task_, charged_bytes(*task_));
    }

private:
    TaskBook& book_;
    std::shared_ptr<Task const> task_;
};

class TaskBook::DayCharge {
public:
    DayCharge(DailyBytes& written, std::shared_ptr<Task const> task)
        : written_(written), task_(std::move(task))
    {
        written_.add(task_->by, row_bytes(*task_));
    }
    DayCharge(DayCharge const&) = delete;
    DayCharge& operator=(DayCharge const&) = delete;
    ~DayCharge()
    {
        if (!is_kept_) written_.take_back(task_->by, row_bytes(*task_));
    }
    void keep() { is_kept_ = true; }

private:
    DailyBytes& written_;
    std::shared_ptr<Task const> task_;
    bool is_kept_ = false;
};

/// A firing that is over when it comes was let in whatever there is, and keeps nobody's task out.
static bool is_weighed(Task const& coming)
{
    return is_open(coming) || coming.status == TaskStatus::undelivered;
}

TaskBook::TaskBook(Store& store, Clock& clock, Quotas const* quotas)
    : store_(store), clock_(clock), quotas_(quotas), written_(store, clock)
{
}

void TaskBook::load()
{
    std::vector<task_records::OpenTask> tasks;
    store_.at_start([&](Db& db) { tasks = task_records::open(db); });
    for (auto const& [task, param_bytes] : tasks) keep(task, charged_bytes(task) + param_bytes);
    written_.load();
}

asio::awaitable<TaskLog::Recorded> TaskBook::record(Task task, std::function<void(Db&)> also)
{
    auto const fresh = std::make_shared<Task const>(std::move(task));
    struct Written {
        std::optional<Task> twin;
        std::optional<TaskId> merged_into;
    };
    std::function<Written(Db&)> work = [fresh, also = std::move(also), now = clock_.now()](Db& db) {
        Written written{task_records::find_twin(db, *fresh), {}};
        if (written.twin) return written;
        written.merged_into = task_records::merge_firing(db, *fresh);
        if (!written.merged_into) task_records::insert(db, *fresh);
        if (owes_processor(*fresh)) task_records::queue_delivery(db, fresh->id, now);
        if (also) also(db);
        return written;
    };
    Written written;
    DayCharge charge(written_, fresh);
    {
        std::optional<Coming> coming;
        if (is_weighed(*fresh)) coming.emplace(*this, fresh);
        written = co_await store_.write_for<Written>(std::move(work));
    }
    if (written.twin) co_return Recorded{std::move(*written.twin), false};
    if (written.merged_into) {
        Recorded merged{*fresh, true};
        merged.task.id = *written.merged_into;
        co_return merged;
    }
    charge.keep();
    if (is_open(*fresh)) keep(without_param(*fresh), charged_bytes(*fresh));
    if (is_final(fresh->status)) tell_finished(*fresh);
    co_return Recorded{*fresh, true};
}

asio::awaitable<life::Decision> TaskBook::apply(TaskId id, life::Event event, std::function<void(Db&)> also)
{
    std::shared_ptr<Entry> entry;
    if (auto const found = entries_.find(id); found != entries_.end()) {
        entry = found->second;
    } else {
        entry = co_await fetch(id);
    }
    if (std::exchange(entry->busy, true)) co_await wait_for_turn(entry);
    Turn const turn(*this, entry);
    auto decision = life::decide(entry->task, event, clock_.now());
    if (!decision.changed) co_return decision;
    Store::Work work = [task = decision.task, finished = decision.finished, now = clock_.now()](Db& db) {
        task_records::update(db, task);
        if (finished && owes_processor(task)) task_records::queue_delivery(db, task.id, now);
    };
    work = together(std::move(work), std::move(also));
    // A result has been told to whoever waits for it, or is waited for by its agent alone.
    bool const is_result = std::holds_alternative<life::Reported>(event);
    if (is_result) {
        co_await store_.write_soon(std::move(work));
    } else {
        co_await store_.write(std::move(work));
    }
    entry->task = decision.task;
    entry->ahead = false;
    if (is_result && decision.task.report) {
        written_.add(decision.task.by, bytes_of(*decision.task.report));
    }
    settle(*entry);
    if (decision.finished) tell_finished(decision.task);
    co_return decision;
}

bool TaskBook::note(TaskId id, life::Event const& event)
{
    auto const found = entries_.find(id);
    if (found == entries_.end() || found->second->busy) return false;
    auto& entry = *found->second;
    auto decision = life::decide(entry.task, event, clock_.now());
    if (decision.finished) return false;
    if (!decision.changed) return true;
    entry.task = std::move(decision.task);
    if (!std::exchange(entry.ahead, true)) ahead_.push_back(found->second);
    flush_after(flush_soon);
    return true;
}

void TaskBook::flush_after(std::chrono::milliseconds delay)
{
    if (!flushing_.running()) flushing_ = clock_.after(delay, [this] { flush(); });
}

void TaskBook::flush()
{
    flushing_.stop();
    std::vector<Task> tasks;
    std::vector<std::shared_ptr<Entry>> written;
    for (auto const& entry : std::exchange(ahead_, {})) {
        if (!entry->ahead) continue; // It was written with its next event.
        if (entry->busy) {
            ahead_.push_back(entry); // That may be refused.
            continue;
        }
        entry->ahead = false;
        tasks.push_back(entry->task);
        written.push_back(entry);
    }
    if (!ahead_.empty()) flush_after(flush_soon);
    if (tasks.empty()) return;
    store_.post_soon(
        [tasks = std::move(tasks)](Db& db) {
            for (auto const& task : tasks) task_records::update(db, task);
        },
        [this, written = std::move(written)](std::exception_ptr const& failure) {
            if (failure) fall_behind(written);
        });
}

/// The disk did not take it.
void TaskBook::fall_behind(std::vector<std::shared_ptr<Entry>> entries)
{
    for (auto& entry : entries) {
        if (!entry->listed || std::exchange(entry->ahead, true)) continue;
        ahead_.push_back(std::move(entry));
    }
    flush_after(flush_again);
}

asio::awaitable<std::shared_ptr<TaskBook::Entry>> TaskBook::fetch(TaskId id)
{
    auto task = co_await find(id);
    if (!task) throw Error(codes::no_task, "no task " + id.text());
    // Somebody else may have fetched it meanwhile: one task, one entry.
    auto& entry = entries_[id];
    if (!entry) {
        entry = std::make_shared<Entry>();
        entry->task = std::move(*task);
        entry->task.ins.param = {};
    }
    co_return entry;
}

asio::awaitable<void> TaskBook::wait_for_turn(std::shared_ptr<Entry> entry)
{
    auto const executor = co_await asio::this_coro::executor;
    auto initiation = [entry, executor](auto handler) {
        entry->waiting.emplace_back(
            [executor, handler = std::move(handler)]() mutable { asio::post(executor, std::move(handler)); });
    };
    co_await asio::async_initiate<asio::use_awaitable_t<LoopExecutor> const, void()>(
        std::move(initiation), asio::use_awaitable);
}

void TaskBook::end_turn(std::shared_ptr<Entry> const& entry)
{
    if (!entry->waiting.empty()) {
        auto next = std::move(entry->waiting.front());
        entry->waiting.pop_front();
        std::move(next)();
        return;
    }
    entry->busy = false;
    if (!is_open(entry->task)) entries_.erase(entry->task.id);
}

TaskBook::OfAgent& TaskBook::hold(Task const& task, std::size_t bytes)
{
    auto& of_agent = by_agent_[task.agent];
    of_agent.bytes += bytes;
    hold_for_key(of_agent, task.by, bytes);
    return of_agent;
}

void TaskBook::release(Task const& task, std::size_t bytes)
{
    auto const found = by_agent_.find(task.agent);
    found->second.bytes -= bytes;
    release_for_key(found->second, task.by, bytes);
    if (found->second.tasks.empty() && found->second.coming == 0) by_agent_.erase(found);
}

void TaskBook::hold_for_key(OfAgent& of_agent, std::string const& key, std::size_t bytes)
{
    auto const [of_key, is_new] = by_key_.try_emplace(key);
    auto& [held, is_deleted] = of_key->second;
    if (is_new && quotas_) is_deleted = !quotas_->limits_of(key).is_known;
    held.tasks += 1;
    held.bytes += bytes;
    if (!is_deleted) {
        all_open_count_ += 1;
        all_open_bytes_ += bytes;
    }
    auto& keys = of_agent.keys;
    auto place = std::find_if(keys.begin(), keys.end(), [&](auto const& each) { return each.first == key; });
    if (place == keys.end()) place = keys.emplace(keys.end(), key, Held());
    place->second.tasks += 1;
    place->second.bytes += bytes;
}

void TaskBook::release_for_key(OfAgent& of_agent, std::string const& key, std::size_t bytes)
{
    auto const of_key = by_key_.find(key);
    auto& [held, is_deleted] = of_key->second;
    held.tasks -= 1;
    held.bytes -= bytes;
    if (!is_deleted) {
        all_open_count_ -= 1;
        all_open_bytes_ -= bytes;
    }
    if (held.tasks == 0) by_key_.erase(of_key);
    auto& keys = of_agent.keys;
    auto const place =
        std::find_if(keys.begin(), keys.end(), [&](auto const& each) { return each.first == key; });
    place->second.tasks -= 1;
    place->second.bytes -= bytes;
    if (place->second.tasks == 0) keys.erase(place);
}

void TaskBook::keep(Task const& task, std::size_t bytes)
{
    auto& entry = entries_[task.id];
    if (!entry) entry = std::make_shared<Entry>();
    entry->task = task;
    entry->bytes = bytes;
    entry->order = ++last_order_;
    entry->listed = true;
    hold(task, bytes).tasks.emplace(entry->order, task.id);
}

void TaskBook::settle(Entry& entry)
{
    if (!entry.listed || is_open(entry.task)) return;
    entry.listed = false;
    by_agent_.at(entry.task.agent).tasks.erase(entry.order);
    release(entry.task, entry.bytes);
}

TaskLog::Holdings TaskBook::holdings(std::string_view key, Ip const& agent) const
{
    Holdings holdings;
    holdings.bytes_today = written_.today(key);
    auto const of_key = by_key_.find(key);
    if (of_key == by_key_.end()) return holdings;
    holdings.tasks = of_key->second.held.tasks;
    holdings.bytes = of_key->second.held.bytes;
    auto const of_agent = by_agent_.find(agent);
    if (of_agent == by_agent_.end()) return holdings;
    for (auto const& [name, held] : of_agent->second.keys) {
        if (name != key) continue;
        holdings.tasks_on_agent = held.tasks;
        holdings.bytes_on_agent = held.bytes;
    }
    return holdings;
}

void TaskBook::add_usage(std::string_view key, KeyUsage& usage) const
{
    usage.bytes_today += written_.today(key);
    auto const found = by_key_.find(key);
    if (found == by_key_.end()) return;
    usage.waiting_tasks += static_cast<std::int64_t>(found->second.held.tasks);
    usage.waiting_bytes += static_cast<std::int64_t>(found->second.held.bytes);
}

void TaskBook::add_holders(std::set<std::string>& keys) const
{
    for (auto const& [key, of_key] : by_key_) keys.insert(key);
    written_.add_holders(keys);
}

void TaskBook::on_key_deleted(std::string_view key)
{
    auto const found = by_key_.find(key);
    if (found == by_key_.end() || std::exchange(found->second.is_deleted, true)) return;
    all_open_count_ -= found->second.held.tasks;
    all_open_bytes_ -= found->second.held.bytes;
}

asio::awaitable<std::vector<TaskId>> TaskBook::open_by(std::string key)
{
    std::function<std::vector<TaskId>(Db&)> work = [key = std::move(key)](
                                                       Db& db) { return task_records::open_by(db, key); };
    co_return co_await store_.read<std::vector<TaskId>>(std::move(work));
}

asio::awaitable<std::string> TaskBook::param_of(TaskId id)
{
    std::function<std::string(Db&)> work = [id](Db& db) { return task_records::param_of(db, id); };
    co_return co_await store_.read<std::string>(std::move(work));
}

void TaskBook::tell_finished(Task const& task)
{
    for (auto const& then : on_finished_) then(task);
}

asio::awaitable<std::optional<Task>> TaskBook::find(TaskId id)
{
    flush();
    std::function<std::optional<Task>(Db&)> work = [id](Db& db) -> std::optional<Task> {
        auto row = task_records::find(db, id);
        if (!row) return std::nullopt;
        return std::move(row->task);
    };
    co_return co_await store_.read<std::optional<Task>>(std::move(work));
}

Task const* TaskBook::open(TaskId id) const
{
    auto const found = entries_.find(id);
    return found != entries_.end() && is_open(found->second->task) ? &found->second->task : nullptr;
}

bool TaskBook::is_deciding(TaskId id) const
{
    auto const found = entries_.find(id);
    return found != entries_.end() && found->second->busy;
}

std::vector<TaskId> TaskBook::open_of(Ip const& agent) const
{
    std::vector<TaskId> ids;
    if (auto const found = by_agent_.find(agent); found != by_agent_.end()) {
        for (auto const& [order, id] : found->second.tasks) ids.push_back(id);
    }
    return ids;
}

std::size_t TaskBook::open_count(Ip const& agent) const
{
    auto const found = by_agent_.find(agent);
    return found == by_agent_.end() ? 0 : found->second.tasks.size() + found->second.coming;
}

std::size_t TaskBook::open_bytes(Ip const& agent) const
{
    auto const found = by_agent_.find(agent);
    return found == by_agent_.end() ? 0 : found->second.bytes;
}

std::vector<TaskId> TaskBook::open_all() const
{
    std::vector<TaskId> ids;
    for (auto const& [id, entry] : entries_) {
        if (is_open(entry->task)) ids.push_back(id);
    }
    return ids;
}

asio::awaitable<std::vector<std::optional<TaskLog::LastRun>>> TaskBook::last_runs(std::vector<TaskId> crons)
{
    using Runs = std::vector<std::optional<LastRun>>;
    std::function<Runs(Db&)> work = [crons = std::move(crons)](Db& db) {
        Runs runs;
        for (auto const cron : crons) runs.push_back(task_records::last_run(db, cron));
        return runs;
    };
    co_return co_await store_.read<Runs>(std::move(work));
}

} // namespace elves
