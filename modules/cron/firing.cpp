// What becomes of a job's time once it has come: CenterCron's second half.
#include "center_cron.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <exception>

#include "elves/log.hpp"
#include "elves/quota.hpp"
#include "file_right.hpp"

namespace elves {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds first_pause = 1s;
constexpr std::chrono::milliseconds longest_pause = 60s;

} // namespace

CenterCron::State* CenterCron::current(Firing const& firing)
{
    auto const found = states_.find(firing.cron_id);
    if (found == states_.end() || found->second.era != firing.era) return nullptr;
    return &found->second;
}

void CenterCron::begin(Firing firing)
{
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
    if (!running_ || !found || !current(firing)) co_return Ending(Outcome::over);
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
        co_return Ending(refused.over ? Outcome::over : Outcome::again, refused.what());
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

asio::awaitable<void> CenterCron::record_skipped(Firing firing, CronJob job)
{
    Task task;
    task.id = TaskId::random();
    task.agent = job.agent;
    task.type = TaskType::cron;
    task.ins = std::move(job.ins);
    task.status = TaskStatus::skipped;
    task.by = std::move(job.by);
    task.from = "cron";
    task.start = clock_.now();
    task.end = task.start;
    task.cron_id = job.id;
    task.fire_time = firing.fire_time;
    task.sync_flag = false;
    task.sync_error = std::move(firing.skipped);
    auto also = CronJobs::settling(job.id, firing.from, firing.to);
    co_await engine_.record(std::move(task), std::move(also));
}

asio::awaitable<void> CenterCron::run(Firing firing, CronJob job)
{
    if (job.overlap == Overlap::replace) {
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
    order.audit_write = CronJobs::settling(job.id, firing.from, firing.to);
    auto const sent = co_await engine_.send(std::move(order));

    auto superseded = false;
    if (auto const found = runs_.find(job.id); found != runs_.end()) {
        auto& runs = found->second;
        if (!runs.last || runs.last->first <= firing.fire_time) runs.last = {firing.fire_time, sent.task.id};
        superseded = runs.newest > firing.fire_time;
    }
    // It was in the log already (set anew at a time that had run): the mark is all that is left to move.
    if (!sent.is_new) co_await jobs_.settle(job.id, firing.from, firing.to);
    if (job.overlap != Overlap::replace || !superseded) co_return;
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

void CenterCron::ended(Firing firing, Ending const& ending)
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
    auto* const state = current(firing);
    if (state && ending.outcome == Outcome::again) return hold(std::move(firing), ending.why);
    if (state && ending.outcome == Outcome::refused) {
        firing.skipped = "skipped: " + ending.why;
        return begin(std::move(firing));
    }
    let_go(firing);
    if (auto const* job = jobs_.find(firing.cron_id); job && state && firing.make_up) {
        fire(*job, *state, firing.to, *firing.make_up);
    }
    if (!timer_.running()) turn();
    count_soon();
}

void CenterCron::hold(Firing firing, std::string const& why)
{
    if (firing.pause == 0ms) ++current(firing)->held;
    firing.pause = std::clamp(firing.pause * 2, first_pause, longest_pause);
    ELVES_LOG(warning, "cron job " << firing.cron_id.text() << ", time " << iso_text(firing.fire_time)
                                   << ": not recorded, next try in "
                                   << std::chrono::ceil<std::chrono::seconds>(firing.pause).count()
                                   << " s: " << why);
    auto const number = ++last_number_;
    auto const pause = firing.pause;
    auto& [held, timer] = held_[number];
    held = std::move(firing);
    timer = clock_.after(pause, [this, number] {
        auto again = held_.extract(number);
        if (!again.empty()) begin(std::move(again.mapped().first));
    });
    if (!timer_.running()) turn();
}

void CenterCron::let_go(Firing const& firing)
{
    auto* const state = current(firing);
    if (!state || firing.pause == 0ms || --state->held > 0 || !state->behind) return;
    state->behind = false;
    state->missed_until = clock_.now();
    if (auto const* job = jobs_.find(firing.cron_id)) {
        schedule(*job, *state, state->planned);
        arm();
    }
}

} // namespace elves
