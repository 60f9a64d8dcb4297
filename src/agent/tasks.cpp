#include "agent/tasks.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>

#include "elves/commit_in_doubt.hpp"
#include "elves/error.hpp"
#include "elves/log.hpp"

namespace elves::agent {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds start_retry = 1s;
/// Between two tries to write to the journal.
constexpr std::chrono::milliseconds first_pause = 1s;
constexpr std::chrono::milliseconds longest_pause = 15s;

Error too_late_error()
{
    return {codes::too_late, "the task came too late to be started, or no worker was free in time "
                             "([agent] max_workers); it did not start"};
}

WorkerReport too_late_report()
{
    WorkerReport report;
    report.result = too_late_error().info();
    report.not_started = true;
    return report;
}

WorkerReport refused_report(std::string const& why)
{
    WorkerReport report;
    report.result = Error(codes::forbidden, why).info();
    return report;
}

/// `why` of a server that refuses this machine. A run of its own jobs is over with that; of others the server
/// decides whether they may still start.
WorkerReport shut_out_report(Entry const& entry, std::string const& why)
{
    auto report = refused_report("its server refuses this machine (" + why + "); it did not start");
    report.not_started = !entry.firing || entry.firing->is_sent;
    return report;
}

WorkerReport canceled_report()
{
    WorkerReport report;
    report.result = "canceled";
    return report;
}

} // namespace

Tasks::Tasks(LoopExecutor loop, Clock& clock, ServerTime const& server_time, Journal& journal,
    Workers& workers, Limits limits, RunRules rules)
    : loop_(std::move(loop))
    , clock_(clock)
    , server_time_(server_time)
    , journal_(journal)
    , workers_(workers)
    , rules_(std::move(rules))
    , queue_(limits.max_workers, limits.max_queued)
{
}

void Tasks::listen(Listener listener) { listener_ = std::move(listener); }

void Tasks::start(std::vector<Entry> open)
{
    for (auto& entry : open) {
        if (entry.stage == Stage::done) {
            unconfirmed_.insert_or_assign(entry.id, ++last_result_);
        } else {
            begin(std::move(entry), false);
        }
    }
}

void Tasks::set_refused(std::string const& why)
{
    refused_ = why;
    if (why.empty()) return;
    std::vector<TaskId> queued;
    for (auto const& [id, held] : held_)
        if (queue_.erase(id, held.entry.account)) queued.push_back(id);
    if (!queued.empty()) ELVES_LOG(warning, "tasks.shut_out queued=" << queued.size() << ": " << why);
    for (auto const id : queued) settle(id, shut_out_report(held_.at(id).entry, why));
}

void Tasks::stop()
{
    stopping_ = true;
    retry_.stop();
    queue_.clear();
    workers_.shutdown();
}

asio::awaitable<bool> Tasks::take(Entry entry, CronMark mark)
{
    auto const id = entry.id;
    co_await wait_until_known(id);
    if (stopping_) throw Error(codes::shutting_down, "the agent is shutting down");
    if (held_.contains(id)) co_return false;
    bool const is_over = entry.stage == Stage::done;
    auto const deadline = StartDeadline::of(entry.start_by, server_time_, clock_);
    if (!is_over && deadline && deadline->is_past(clock_)) {
        // What was taken before is answered all the same.
        if (co_await look(id)) co_return false;
        throw too_late_error();
    }
    if (auto const why = is_over ? std::nullopt : refusal(entry)) {
        // What was taken before is answered all the same.
        if (co_await look(id)) co_return false;
        throw Error(codes::forbidden, *why);
    }
    bool const at_once = !is_over && !retry_.running() && queue_.can_start(entry.account);
    bool const has_to_wait = !is_over && !at_once;
    if (auto const why = has_to_wait ? queue_.refusal(entry.account) : std::nullopt) {
        // What was taken before is answered all the same.
        if (co_await look(id)) co_return false;
        throw Error(codes::too_much, *why);
    }
    entry.taken = clock_.now();
    if (at_once) {
        // One write for both: its process starts as soon as that is on disk.
        entry.stage = Stage::started;
        entry.started = entry.taken;
    }
    if (at_once) queue_.take_worker(entry.account);
    if (has_to_wait) queue_.reserve(entry.account);
    auto const place = taking_.insert(id);
    bool fresh = false;
    std::exception_ptr failure;
    try {
        fresh = co_await write_taken(entry, mark);
    } catch (...) {
        failure = std::current_exception();
    }
    taking_.erase(place);
    if (at_once && !fresh) queue_.give_back_worker(entry.account);
    if (has_to_wait) queue_.release(entry.account);
    bool const canceled = fresh && gone_.erase(id) > 0;
    if (!taking_.contains(id)) gone_.erase(id);
    if (!fresh) {
        start_next();
        if (failure) std::rethrow_exception(failure);
        co_return false;
    }
    if (is_over) {
        unconfirmed_.insert_or_assign(id, ++last_result_);
        if (listener_.on_result) listener_.on_result(id);
        co_return true;
    }
    unconfirmed_.erase(id); // It was here before, and had ended without having started.
    auto& held = held_.try_emplace(id).first->second;
    held.canceled = canceled;
    held.deadline = deadline;
    begin(std::move(entry), at_once);
    co_return true;
}

asio::awaitable<void> Tasks::wait_until_known(TaskId id)
{
    while (in_doubt_.contains(id)) co_await pause(clock_, first_pause);
}

/// True: it is in the journal now, and was not before.
asio::awaitable<bool> Tasks::write_taken(Entry const& entry, CronMark mark)
{
    try {
        co_return co_await journal_.take(entry, mark);
    } catch (CommitInDoubt const& problem) {
        ELVES_LOG(error, "task.in_doubt task=" << entry.id.text() << " error=" << problem.what());
    }
    in_doubt_.insert(entry.id);
    bool const is_ours = co_await write_again(entry, mark);
    in_doubt_.erase(entry.id);
    co_return is_ours;
}

/// Until the disk takes it. Whoever is told that a task was refused relies on its never starting; but what is
/// in doubt may be in the journal after a crash, and would start then.
asio::awaitable<bool> Tasks::write_again(Entry const& entry, CronMark mark)
{
    for (auto wait = first_pause;; wait = std::min(wait * 2, longest_pause)) {
        co_await pause(clock_, wait);
        try {
            bool const is_new = co_await journal_.take(entry, mark);
            if (is_new) co_return true;
            std::vector<TaskId> ids{entry.id};
            auto const found = co_await journal_.find(std::move(ids));
            auto const& there = found.front();
            // Nobody else writes it: one that has not ended is what was in doubt.
            co_return there && (entry.stage == Stage::done || there->stage != Stage::done);
        } catch (std::exception const& problem) {
            ELVES_LOG(error, "task.in_doubt task=" << entry.id.text() << " error=" << problem.what());
        }
    }
}

/// Why it may not run here; the log is told.
std::optional<std::string> Tasks::refusal(Entry const& entry) const
{
    auto why = rules_.refusal(entry.ins);
    if (why) ELVES_LOG(warning, "task " << entry.id.text() << " is refused: " << *why);
    return why;
}

void Tasks::begin(Entry entry, bool at_once)
{
    auto const id = entry.id;
    auto& held = held_[id];
    held.entry = std::move(entry);
    held.since = clock_.steady();
    if (at_once) return run(id);
    // From the journal: for how long its caller waits is not known any more. The server hands it over once
    // more where he still does.
    bool const was_here_before = !held.deadline && held.entry.start_by;
    if (was_here_before && held.entry.type == TaskType::rt) return settle(id, too_late_report());
    if (held.canceled) return settle(id, canceled_report());
    if (!refused_.empty()) return settle(id, shut_out_report(held.entry, refused_));
    // The rules may have changed since it was taken.
    if (auto const why = refusal(held.entry)) return settle(id, refused_report(*why));
    queue_.push_back(id, held.entry.account);
    start_next();
    if (auto const found = held_.find(id); found != held_.end() && is_queued(id)) {
        found->second.was_queued = true;
        // The others' hand-over is answered with it.
        if (listener_.on_queued && found->second.entry.type == TaskType::rt) listener_.on_queued(id, true);
    }
}

bool Tasks::is_queued(TaskId id) const
{
    auto const found = held_.find(id);
    return found != held_.end() && found->second.entry.stage == Stage::taken && !found->second.is_starting;
}

asio::awaitable<void> Tasks::extend(std::vector<TaskId> ids, Instant start_by)
{
    std::vector<TaskId> extended;
    for (auto const id : ids) {
        if (!is_queued(id)) continue;
        auto& held = held_.at(id);
        auto& entry = held.entry;
        // The caller of a `sendsync` waits no longer.
        if (entry.type == TaskType::rt) continue;
        auto const deadline = StartDeadline::of(start_by, server_time_, clock_);
        bool const is_past = held.deadline && held.deadline->is_past(clock_);
        if (!entry.start_by || !deadline || is_past) continue;
        entry.start_by = start_by;
        if (!held.deadline || held.deadline->steady < deadline->steady) held.deadline = deadline;
        extended.push_back(id);
    }
    if (!extended.empty()) co_await journal_.extend(std::move(extended), start_by);
}

void Tasks::start_next()
{
    while (!stopping_ && !retry_.running()) {
        auto const id = queue_.pop();
        if (!id) return;
        if (auto const found = held_.find(*id); found != held_.end()) found->second.is_starting = true;
        spawn(start_one(*id));
    }
}

asio::awaitable<void> Tasks::start_one(TaskId id)
{
    auto const now = clock_.now();
    try {
        co_await journal_.start(id, now);
    } catch (std::exception const& problem) {
        ELVES_LOG(error, "task " << id.text() << " can't start yet, the journal: " << problem.what());
        auto const& account = held_.at(id).entry.account;
        held_.at(id).is_starting = false;
        queue_.give_back_worker(account);
        queue_.push_front(id, account);
        retry_ = clock_.after(start_retry, [this] {
            retry_.stop();
            start_next();
        });
        co_return;
    }
    auto const found = held_.find(id);
    if (found == held_.end()) co_return;
    found->second.entry.stage = Stage::started;
    found->second.entry.started = now;
    run(id);
}

/// As the worker is to run it. Whoever sent an `rt` task waits for it, so its time in the queue counts:
/// nothing begins that he was told has failed. Without time left its timeout is 0.
Instruction Tasks::in_time(Held const& held) const
{
    auto ins = held.entry.ins;
    if (held.entry.type != TaskType::rt || ins.timeout.count() == 0) return ins;
    auto const waited = std::chrono::floor<std::chrono::seconds>(clock_.steady() - held.since);
    ins.timeout = std::max(ins.timeout - waited, std::chrono::seconds(0));
    return ins;
}

void Tasks::run(TaskId id)
{
    auto& held = held_.at(id);
    if (held.canceled) return ended(id, canceled_report());
    auto const ins = in_time(held);
    bool const has_no_time = ins.timeout.count() == 0 && held.entry.ins.timeout.count() > 0;
    bool const is_too_late = held.deadline && held.deadline->is_past(clock_);
    if (has_no_time || is_too_late) return ended(id, too_late_report());
    if (held.was_queued && listener_.on_queued) listener_.on_queued(id, false);
    workers_.run(
        id, ins,
        [this, id](OutputStream stream, std::string_view text) {
            if (listener_.on_output) listener_.on_output(id, stream, text);
        },
        [this, id](WorkerReport report) { ended(id, std::move(report)); });
}

void Tasks::ended(TaskId id, WorkerReport report)
{
    queue_.give_back_worker(held_.at(id).entry.account);
    settle(id, std::move(report));
    start_next();
}

void Tasks::settle(TaskId id, WorkerReport report)
{
    auto const found = held_.find(id);
    if (found == held_.end()) return;
    report.callback_time = clock_.now();
    if (listener_.on_end && listener_.on_end(id)) report.truncated = true;
    auto& entry = found->second.entry;
    found->second.begun = entry.stage == Stage::started;
    entry.stage = Stage::done;
    entry.report = report;
    ++keeping_;
    spawn(keep(id, std::move(report)));
}

asio::awaitable<void> Tasks::keep(TaskId id, WorkerReport report)
{
    std::chrono::milliseconds wait = 1s;
    while (true) {
        bool kept = false;
        try {
            co_await journal_.finish(id, report);
            kept = true;
        } catch (std::exception const& problem) {
            ELVES_LOG(error, "the result of task "
                                 << id.text()
                                 << " is not in the journal yet, trying again: " << problem.what());
        }
        // Whoever waits hears of it all the same: a full disk here is no reason to hide what happened. Not so
        // of what did not: after a crash the journal would have it begin.
        auto const& held = held_.at(id);
        if (!held.told && (kept || held.begun)) tell(id);
        if (kept) break;
        co_await pause(clock_, wait);
        wait = std::min(wait * 2, longest_pause);
    }
    --keeping_;
    held_.erase(id);
}

void Tasks::tell(TaskId id)
{
    auto& held = held_.at(id);
    held.told = true;
    unconfirmed_.insert_or_assign(id, ++last_result_);
    auto const waiting = std::exchange(held.waiting, {});
    for (auto one : waiting) one.set(*held.entry.report);
    for (auto one : std::exchange(held.canceling, {})) one.set(true);
    if (waiting.empty() && listener_.on_result) listener_.on_result(id);
}

asio::awaitable<WorkerReport> Tasks::result(TaskId id)
{
    auto const found = held_.find(id);
    if (found != held_.end()) {
        if (found->second.told) co_return *found->second.entry.report;
        OneShot<WorkerReport> mine;
        found->second.waiting.push_back(mine);
        co_return co_await mine.wait(clock_);
    }
    auto entry = co_await look(id);
    if (!entry || !entry->report) throw Error(codes::no_task, "there is no task " + id.text() + " here");
    co_return std::move(*entry->report);
}

asio::awaitable<bool> Tasks::cancel(TaskId id)
{
    bool const was_here = cancel_held(id);
    // Behind the write that takes it, if that is under way.
    auto const entry = co_await look(id);
    if (!entry) co_return was_here;
    auto const held = held_.find(id);
    if (held == held_.end() || held->second.entry.stage == Stage::started || held->second.told)
        co_return true;
    OneShot<bool> mine;
    held->second.canceling.push_back(mine);
    co_return co_await mine.wait(clock_);
}

/// False: it is not here, or no longer.
bool Tasks::cancel_held(TaskId id)
{
    auto const found = held_.find(id);
    if (found == held_.end()) {
        if (!taking_.contains(id)) return false;
        gone_.insert(id);
        return true;
    }
    auto& held = found->second;
    if (held.entry.stage == Stage::done || held.canceled) return true;
    held.canceled = true;
    if (queue_.erase(id, held.entry.account)) {
        settle(id, canceled_report());
    } else if (held.entry.stage == Stage::started) {
        workers_.cancel(id);
    }
    return true;
}

asio::awaitable<std::vector<std::optional<Entry>>> Tasks::look(std::vector<TaskId> ids)
{
    auto found = co_await journal_.find(ids);
    for (auto const id : ids) {
        if (in_doubt_.contains(id))
            throw Error(codes::store_cannot_write,
                "it is not known whether task " + id.text() + " is in the journal; ask again later");
    }
    for (std::size_t i = 0; i < ids.size(); ++i) {
        auto const held = held_.find(ids[i]);
        if (held == held_.end()) continue;
        found[i] = held->second.entry;
        if (!held->second.told) found[i]->report.reset();
    }
    co_return found;
}

asio::awaitable<std::optional<Entry>> Tasks::look(TaskId id)
{
    std::vector<TaskId> ids{id};
    auto found = co_await look(std::move(ids));
    co_return std::move(found.front());
}

std::vector<TaskId> Tasks::running_firings() const
{
    std::vector<TaskId> ids;
    for (auto const& [id, held] : held_) {
        auto const& firing = held.entry.firing;
        if (firing && !firing->is_sent && held.entry.stage != Stage::done) ids.push_back(id);
    }
    return ids;
}

std::vector<TaskId> Tasks::running_of(TaskId cron_id) const
{
    std::vector<TaskId> ids;
    for (auto const& [id, held] : held_) {
        auto const& entry = held.entry;
        if (entry.firing && entry.firing->cron_id == cron_id && entry.stage != Stage::done) ids.push_back(id);
    }
    return ids;
}

void Tasks::confirm_result(TaskId id, std::uint64_t number)
{
    auto const found = unconfirmed_.find(id);
    if (found != unconfirmed_.end() && found->second == number) confirm({id});
}

void Tasks::confirm(std::vector<TaskId> const& ids)
{
    std::vector<TaskId> known;
    for (auto const id : ids) {
        // On its way into the journal once more, since it had not started: what comes of it is not confirmed.
        if (!taking_.contains(id) && unconfirmed_.erase(id) > 0) known.push_back(id);
    }
    if (known.empty()) return;
    spawn(keep_confirmed(std::move(known)));
}

/// Were it not repeated, the result would be repeated to the server after each start, and never pruned.
asio::awaitable<void> Tasks::keep_confirmed(std::vector<TaskId> ids)
{
    for (std::chrono::milliseconds wait = 1s;; wait = std::min(wait * 2, longest_pause)) {
        // Handed over once more meanwhile: what comes of it now is not confirmed.
        std::erase_if(ids, [this](TaskId id) {
            auto const held = held_.find(id);
            return unconfirmed_.contains(id) || (held != held_.end() && !held->second.told);
        });
        if (ids.empty()) co_return;
        try {
            co_await journal_.confirm(ids, clock_.now());
            co_return;
        } catch (std::exception const& problem) {
            ELVES_LOG(warning,
                "what the server has confirmed is not in the journal yet, trying again: " << problem.what());
        }
        co_await pause(clock_, wait);
    }
}

void Tasks::spawn(asio::awaitable<void> work)
{
    asio::co_spawn(loop_, std::move(work), [](std::exception_ptr escaped) {
        try {
            if (escaped) std::rethrow_exception(escaped);
        } catch (std::exception const& problem) {
            ELVES_LOG(error, "the journal: " << problem.what());
        }
    });
}

} // namespace elves::agent
