// What becomes of a job's time once it is due: CenterCron's second half.
#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <exception>

#include "center_cron.hpp"
#include "elves/assert.hpp"
#include "elves/log.hpp"
#include "elves/one_shot.hpp"
#include "elves/quota.hpp"
#include "file_right.hpp"

namespace elves {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds first_pause = 1s;
constexpr std::chrono::milliseconds longest_pause = 60s;
/// Two firings of a job may reach the disk in the wrong order; the later one waits a moment.
constexpr std::chrono::milliseconds order_pause = 50ms;
constexpr int silent_tries = 20;

std::string text_of(CenterCron::Closing closing)
{
    switch (closing) {
    case CenterCron::Closing::paused:
        return "paused";
    case CenterCron::Closing::deleted:
        return "deleted";
    case CenterCron::Closing::changed:
        break;
    }
    return "changed";
}

} // namespace

CenterCron::Entry* CenterCron::current(Firing const& firing)
{
    auto const found = entries_.find(firing.cron_id);
    if (found == entries_.end()) return nullptr;
    auto& entry = found->second;
    // What is owed stays owed when the clock is set back.
    bool const is_debt = firing.mark == Mark::pays_debt;
    return firing.era == entry.era || (is_debt && firing.era >= entry.rule_era) ? &entry : nullptr;
}

void CenterCron::enter(TaskId id) { ++in_flight_[id]; }

void CenterCron::leave(TaskId id)
{
    auto const found = in_flight_.find(id);
    if (found == in_flight_.end() || --found->second > 0) return;
    in_flight_.erase(found);
    gone_.erase(id);
}

void CenterCron::deleting(CronJob const& job)
{
    if (in_flight_.contains(job.id)) gone_.insert_or_assign(job.id, job);
}

void CenterCron::begin(Firing firing)
{
    enter(firing.cron_id);
    if (firing.skipped.empty()) {
        auto& runs = runs_[firing.cron_id];
        ++runs.starting;
        runs.newest = std::max(runs.newest, firing.fire_time);
    } else {
        ++recording_;
    }
    auto work = carry_out(firing);
    asio::co_spawn(loop_, std::move(work),
        [this, firing = std::move(firing)](std::exception_ptr failure, Ending ending) mutable {
            // carry_out turns what it meets into an Ending; what is left is the end of the loop.
            if (!failure) ended(std::move(firing), ending);
        });
}

asio::awaitable<CenterCron::Ending> CenterCron::carry_out(Firing firing)
{
    auto const* found = jobs_.find(firing.cron_id);
    auto const gone = gone_.find(firing.cron_id);
    bool const is_late = firing.mark == Mark::stays;
    if (!found && is_late && gone != gone_.end()) found = &gone->second;
    if (!running_ || !found || (!is_late && !current(firing))) co_return Ending(Outcome::over);
    auto job = *found;
    try {
        if (firing.skipped.empty()) {
            if (auto why = missing_file_right(job, keys_); !why.empty())
                co_return Ending(Outcome::refused, std::move(why));
            co_await run(firing, std::move(job));
        } else {
            co_await record_skipped(firing, std::move(job));
        }
        co_return Ending();
    } catch (TurnRefused const& refused) {
        if (refused.over) co_return Ending(Outcome::over);
        co_return Ending(Outcome::again, refused.what(), refused.mark);
    } catch (QuotaExceeded const& error) {
        // It may be used up for the rest of the day: this time does not run, and the record says why.
        co_return Ending(Outcome::refused, error.info());
    } catch (Error const& error) {
        if (error.code() == codes::shutting_down) co_return Ending(Outcome::over);
        auto const passes = error.code() == codes::store_cannot_write || error.code() == codes::too_much;
        auto const hopeless = !passes && firing.skipped.empty();
        co_return Ending(hopeless ? Outcome::refused : Outcome::again, error.info());
    } catch (std::exception const& error) {
        ELVES_LOG(error, "cron job " << firing.cron_id.text() << ": " << error.what());
        co_return Ending(firing.skipped.empty() ? Outcome::refused : Outcome::again,
            "[500.1] internal error; the log has the details under this cron job's id");
    }
}

std::function<void(Db&)> CenterCron::mark_write(Firing const& firing)
{
    switch (firing.mark) {
    case Mark::moves:
        return CronJobs::settling(firing.cron_id, firing.from, firing.to, firing.owed);
    case Mark::pays_debt:
        return CronJobs::paying(firing.cron_id, firing.fire_time);
    case Mark::stays:
        break;
    }
    return {};
}

Task CenterCron::skipped_task(CronJob job, Instant fire_time, std::string why, Instant now)
{
    Task task;
    task.agent = job.agent;
    task.type = TaskType::cron;
    task.ins = std::move(job.ins);
    task.status = TaskStatus::skipped;
    task.by = std::move(job.by);
    task.from = "cron";
    task.start = now;
    task.end = now;
    task.cron_id = job.id;
    task.fire_time = fire_time;
    task.sync_flag = false;
    task.sync_error = std::move(why);
    return task;
}

asio::awaitable<void> CenterCron::record_skipped(Firing firing, CronJob job)
{
    auto also = mark_write(firing);
    auto task = skipped_task(std::move(job), firing.fire_time, std::move(firing.skipped), clock_.now());
    co_await engine_.record(std::move(task), std::move(also));
}

asio::awaitable<void> CenterCron::run(Firing firing, CronJob job)
{
    if (job.overlap == Overlap::replace) {
        // What runs goes on where nothing may start in its place.
        engine_.require_may_start(job.agent, job.ins);
        if (auto const last = unfinished(job.id); last && last->first < firing.fire_time) {
            co_await cancel(last->second);
        }
    }
    TaskEngine::Order order;
    order.type = TaskType::cron;
    order.agent = job.agent;
    order.ins = std::move(job.ins);
    order.by = std::move(job.by);
    order.from = "cron";
    order.cron_id = job.id;
    order.fire_time = firing.fire_time;
    order.audit_write = mark_write(firing);
    auto work = wait_for(engine_.send(std::move(order)));
    auto const sent = co_await std::move(work);

    auto superseded = false;
    if (auto const found = runs_.find(job.id); found != runs_.end()) {
        auto& runs = found->second;
        if (!runs.last || runs.last->first <= firing.fire_time) runs.last = {firing.fire_time, sent.task.id};
        superseded = runs.newest > firing.fire_time;
    }
    if (!sent.is_new) {
        // It ran before, and the clock was set back since, or the agent ran it: only the mark moves.
        ELVES_LOG(info, "cron.passed_over job=" << job.id.text() << " time=" << iso_text(firing.fire_time)
                                                << " task=" << sent.task.id.text()
                                                << ": this time has its task already");
        if (firing.mark == Mark::moves) co_await jobs_.settle(job.id, firing.from, firing.to);
        if (firing.mark == Mark::pays_debt) co_await jobs_.pay(job.id, firing.fire_time);
    }
    if (job.overlap != Overlap::replace || !superseded || !sent.is_new) co_return;
    // The next one came while this one was being handed over, and did not see it.
    std::string failure;
    try {
        co_await cancel(sent.task.id);
    } catch (std::exception const& error) {
        failure = error.what();
    }
    if (!failure.empty()) {
        ELVES_LOG(warning, "cron job " << job.id.text() << ": task " << sent.task.id.text()
                                       << " could not be canceled: " << failure);
    }
}

asio::awaitable<void> CenterCron::cancel(TaskId task)
{
    try {
        co_await engine_.cancel(task, {});
    } catch (Error const& error) {
        if (error.code() != codes::no_task) throw;
    }
}

asio::awaitable<Task> CenterCron::run_now(CronJob job, Asked asked)
{
    find_runs(job);
    // No time of a rule has a fraction of a second: a run by hand never has the identity of a firing.
    auto fire_time = clock_.now();
    if (fire_time == std::chrono::floor<std::chrono::seconds>(fire_time)) fire_time += 1ms;
    job.by = asked.by;
    if (job.overlap == Overlap::skip && is_running(job.id)) {
        auto task = skipped_task(std::move(job), fire_time, still_going_on(job.id), clock_.now());
        task.from = asked.from;
        auto recorded = co_await engine_.record(std::move(task), std::move(asked.also));
        co_return std::move(recorded.task);
    }
    if (job.overlap == Overlap::replace) {
        engine_.require_may_start(job.agent, job.ins);
        for (auto last = unfinished(job.id); last; last = unfinished(job.id)) co_await cancel(last->second);
    }
    auto& starting = runs_[job.id];
    ++starting.starting;
    TaskEngine::Order order;
    order.type = TaskType::cron;
    order.agent = job.agent;
    order.ins = std::move(job.ins);
    order.by = std::move(asked.by);
    order.from = std::move(asked.from);
    order.cron_id = job.id;
    order.fire_time = fire_time;
    order.audit_write = std::move(asked.also);
    std::optional<TaskEngine::Recorded> sent;
    std::exception_ptr failure;
    try {
        auto work = wait_for(engine_.send(std::move(order)));
        sent = co_await std::move(work);
    } catch (...) {
        failure = std::current_exception();
    }
    if (auto const found = runs_.find(job.id); found != runs_.end()) {
        auto& runs = found->second;
        --runs.starting;
        if (sent && (!runs.last || runs.last->first <= fire_time)) runs.last = {fire_time, sent->task.id};
        if (runs.starting <= 0 && !runs.last) runs_.erase(found);
    }
    if (failure) std::rethrow_exception(failure);
    co_return std::move(sent->task);
}

asio::awaitable<void> CenterCron::close(TaskId id, Closing closing)
{
    auto const found = entries_.find(id);
    auto const* job = jobs_.find(id);
    if (found == entries_.end() || !job) co_return;
    auto const before = found->second.state;
    auto const reason = "the job was " + text_of(closing);
    auto decision = cron_life::close(life(*job), before, clock_.now());
    Firing times;
    times.cron_id = id;
    times.era = found->second.era;
    Firing debt = times;
    if (auto const* missed = std::get_if<cron_life::Missed>(&decision.action)) {
        times.from = before.accounted;
        times.to = decision.state.accounted;
        times.fire_time = missed->times.first;
        times.skipped = cron_life::closed_text(missed->times, zone_of(*job), reason);
    }
    if (before.owed) {
        debt.mark = Mark::pays_debt;
        debt.fire_time = *before.owed;
        debt.skipped = cron_life::unpaid_text(*before.owed, zone_of(*job), reason);
        decision.state.owed.reset();
    }
    if (times.skipped.empty() && debt.skipped.empty()) co_return;
    found->second.state = decision.state;
    // What comes due meanwhile waits: where the disk refuses, the job has to stand as it did before.
    ++found->second.held;
    auto const copy = *job;
    std::exception_ptr failure;
    try {
        if (!times.skipped.empty()) co_await close_one(times, copy);
        if (!debt.skipped.empty()) co_await close_one(debt, copy);
    } catch (...) {
        failure = std::current_exception();
    }
    if (auto* const entry = current(times)) {
        if (failure) entry->state = before;
        unblock(id, *entry);
    }
    if (failure) std::rethrow_exception(failure);
}

asio::awaitable<void> CenterCron::close_one(Firing firing, CronJob closed)
{
    for (int tries = 1;; ++tries) {
        try {
            co_await record_skipped(firing, closed);
            co_return;
        } catch (TurnRefused const& refused) {
            if (refused.over) co_return;
            if (tries == silent_tries)
                throw Error(codes::too_much, "an earlier time of cron job " + firing.cron_id.text() +
                                                 " is not recorded yet; try again");
        }
        co_await pause(clock_, order_pause);
    }
}

void CenterCron::ended(Firing firing, Ending const& ending)
{
    auto const id = firing.cron_id;
    finish(std::move(firing), ending);
    leave(id);
    if (running_ && is_waiting_ && !is_full() && !is_rewinding_) turn();
}

void CenterCron::finish(Firing firing, Ending const& ending)
{
    if (firing.skipped.empty()) {
        if (auto const found = runs_.find(firing.cron_id); found != runs_.end()) {
            auto& runs = found->second;
            --runs.starting;
            if (runs.starting <= 0 && !runs.last) runs_.erase(found);
        }
    } else {
        --recording_;
    }
    if (!running_) return;
    bool const is_late = firing.mark == Mark::stays;
    auto* const entry = current(firing);
    bool const counts = entry || is_late;
    auto const* const job = jobs_.find(firing.cron_id);
    bool const is_alone = in_flight_.at(firing.cron_id) == 1;
    if (entry && job && ending.mark && is_alone && firing.mark == Mark::moves)
        return go_on_from(*ending.mark, *job, *entry);
    if (counts && ending.outcome == Outcome::again) return hold(std::move(firing), ending);
    if (counts && ending.outcome == Outcome::refused && firing.skipped.empty()) {
        firing.skipped = "skipped: " + ending.why;
        return begin(std::move(firing));
    }
    bool const is_recorded = ending.outcome == Outcome::recorded;
    if (!counts && !is_recorded) return record_late(std::move(firing));
    let_go(firing);
    if (job && entry && firing.owed && is_recorded) owe(*job);
}

/// The mark on disk is another one than in memory, and no firing is on its way that would move it: a write of
/// which it was said that it failed is on disk.
void CenterCron::go_on_from(Instant mark, CronJob const& job, Entry& entry)
{
    ELVES_LOG(warning, "cron.mark_read_again job=" << job.id.text() << " mark=" << iso_text(mark)
                                                   << ": a write that was said to have failed is on disk");
    entry.era = ++last_number_;
    entry.held = 0;
    entry.behind = false;
    entry.state = cron_life::resume(life(job), mark, entry.state.owed, entry.state.absent_until);
    enqueue(job.id, job, entry);
    arm();
}

/// The job was changed, paused or deleted while this was on its way: what has not started is recorded all the
/// same. Not where its time is ahead again, since the clock was set back: then it comes due once more.
void CenterCron::record_late(Firing firing)
{
    auto const found = entries_.find(firing.cron_id);
    bool const is_debt = firing.mark == Mark::pays_debt;
    bool const comes_again =
        !is_debt && found != entries_.end() && firing.fire_time > found->second.state.accounted;
    bool const is_known = jobs_.find(firing.cron_id) || gone_.contains(firing.cron_id);
    if (comes_again || !is_known) return;
    auto const* job = jobs_.find(firing.cron_id);
    auto const was = std::string("the job was ") + (!job ? "deleted" : job->on ? "changed" : "paused");
    if (firing.skipped.empty()) {
        firing.skipped = "skipped: " + was + " before this time was started";
    } else {
        // Nothing is owed for a job as it was before.
        constexpr std::string_view promise = "; it runs once for them";
        if (firing.skipped.ends_with(promise)) firing.skipped.resize(firing.skipped.size() - promise.size());
        firing.skipped += "; " + was + " before this was recorded";
    }
    firing.owed.reset();
    firing.mark = Mark::stays;
    firing.pause = 0ms;
    firing.tries = 0;
    begin(std::move(firing));
}

void CenterCron::hold(Firing firing, Ending const& ending)
{
    auto* const entry = current(firing);
    bool const blocks = firing.mark == Mark::moves && entry;
    if (blocks && firing.tries == 0) ++entry->held;
    ++firing.tries;
    auto wait = order_pause;
    if (!ending.mark || firing.tries > silent_tries) {
        firing.pause = std::clamp(firing.pause * 2, first_pause, longest_pause);
        wait = firing.pause;
        ELVES_LOG(warning, "cron job " << firing.cron_id.text() << ", time " << iso_text(firing.fire_time)
                                       << ": not recorded, next try in "
                                       << std::chrono::ceil<std::chrono::seconds>(wait).count()
                                       << " s: " << ending.why);
    }
    auto const id = firing.cron_id;
    enter(id);
    auto const number = ++last_number_;
    auto& [held, timer] = held_[number];
    held = std::move(firing);
    timer = clock_.after(wait, [this, number, id] {
        auto again = held_.extract(number);
        if (!again.empty()) begin(std::move(again.mapped().first));
        leave(id);
    });
}

void CenterCron::let_go(Firing const& firing)
{
    auto* const entry = current(firing);
    if (entry && firing.mark == Mark::moves && firing.tries > 0) unblock(firing.cron_id, *entry);
}

void CenterCron::unblock(TaskId id, Entry& entry)
{
    ELVES_ASSERT(entry.held > 0, "unblock was called for a cron job that is not blocked");
    if (--entry.held > 0) return;
    if (std::exchange(entry.behind, false)) entry.state.held_until = clock_.now();
    if (auto const* job = jobs_.find(id)) enqueue(id, *job, entry);
    arm();
}

} // namespace elves
