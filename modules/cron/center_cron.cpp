#include "center_cron.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <limits>

#include "elves/log.hpp"

namespace elves {

namespace {

using namespace std::chrono_literals;

/// The clock is looked at this often, whatever comes next: it may have been set.
constexpr std::chrono::milliseconds longest_wait = 60s;
/// What comes to its turn later than this is not run, but counted as missed.
constexpr std::chrono::milliseconds grace = 60s;
/// Firings that are begun before the loop does something else.
constexpr std::size_t turn_limit = 1'000;
/// Records on their way, and firings held up, before no more are begun: the jobs wait in the schedule.
constexpr std::size_t waiting_limit = 1'000;
constexpr std::size_t missed_limit = 100'000;

/// Times that are counted before the loop does something else.
constexpr std::size_t count_slice = 500;

/// Counts at most `most` more of the times up to `until`. False: there are more, and `missed_limit` is not
/// reached.
bool count_some(MissedTimes& times, QuartzRule const& rule, Zone const& zone, Instant after, Instant until,
    std::size_t most)
{
    auto const from = times.count == 0 ? after : times.last;
    auto const some = missed_times(rule, zone, from, until, std::min(most, missed_limit - times.count));
    if (times.count == 0) times.first = some.first;
    if (some.count > 0) times.last = some.last;
    times.count += some.count;
    times.more = some.more;
    return !times.more || times.count >= missed_limit;
}

/// Where not all were counted: the latest of them, found by halving.
Instant latest_in(QuartzRule const& rule, Zone const& zone, Instant after, Instant until)
{
    // There is a time after `from`, and none after `to`: halved until they meet.
    auto latest = after;
    auto to = until;
    for (auto from = after; to - from > 1s;) {
        auto const middle = from + (to - from) / 2;
        auto const next = rule.next_after(middle, zone);
        if (next && *next <= until) {
            from = latest = *next;
        } else {
            to = middle;
        }
    }
    auto const next = rule.next_after(latest, zone);
    return next && *next <= until ? *next : latest;
}

} // namespace

CenterCron::CenterCron(CronJobs& jobs, TaskEngine& engine, Clock& clock, Zone zone, LoopExecutor loop)
    : jobs_(jobs), engine_(engine), clock_(clock), zone_(zone), loop_(std::move(loop))
{
}

void CenterCron::start()
{
    running_ = true;
    started_ = clock_.now();
    for (auto const id : engine_.open_all()) {
        auto const* task = engine_.open(id);
        if (!task || !task->cron_id || !task->fire_time || is_final(task->status)) continue;
        auto& last = runs_[*task->cron_id].last;
        if (!last || last->first < *task->fire_time) last = {*task->fire_time, id};
    }
    for (auto const& [id, job] : jobs_.all()) {
        changed(id);
        if (auto const state = states_.find(id); state != states_.end()) {
            state->second.missed_until = started_;
        }
    }
    arm();
}

void CenterCron::stop()
{
    running_ = false;
    timer_.stop();
    held_.clear();
    counting_.clear();
}

void CenterCron::changed(TaskId id)
{
    auto const* job = jobs_.find(id);
    if (!job) runs_.erase(id);
    if (!job || !job->on || job->type != CronType::center) {
        schedule_.erase(id);
        states_.erase(id);
        return;
    }
    auto& state = states_[id] = State{};
    state.era = ++last_number_;
    state.planned = job->settled;
    schedule(*job, state, job->settled);
    if (running_) arm();
}

void CenterCron::schedule(CronJob const& job, State& state, Instant after)
{
    if (job.jitter.most > 0s && state.jitter == 0s) {
        // How much later than its times this job is, only the schedule knows.
        CronSchedule alone;
        alone.set(job.id, job.rule, zone_of(job), job.jitter.most, after);
        auto const time = alone.next_fire_time(job.id);
        auto const due = alone.next_due();
        if (time && due) state.jitter = std::chrono::duration_cast<std::chrono::seconds>(*due - *time);
    }
    schedule_.set(job.id, job.rule, zone_of(job), job.jitter.most, after);
}

void CenterCron::arm()
{
    if (!running_) return;
    auto wait = longest_wait;
    if (auto const next = schedule_.next_due()) wait = std::clamp(*next - clock_.now(), 0ms, longest_wait);
    timer_ = clock_.after(wait, [this] { turn(); });
}

bool CenterCron::is_full() const { return recording_ + held_.size() >= waiting_limit; }

void CenterCron::turn()
{
    if (!running_) return;
    timer_.stop();
    for (std::size_t begun = 0; begun < turn_limit;) {
        if (is_full()) return; // Goes on when one of them has ended.
        auto const now = clock_.now();
        auto const due = schedule_.take_due(now, 100);
        if (due.empty()) return arm();
        for (auto const& one : due) take(one, now);
        begun += due.size();
    }
    asio::post(loop_, [this] { turn(); });
}

void CenterCron::take(CronSchedule::Due const& due, Instant now)
{
    auto const found = states_.find(due.cron_id);
    auto const* job = jobs_.find(due.cron_id);
    if (found == states_.end() || !job) return;
    auto& state = found->second;
    if (due.fire_time <= state.planned) return; // Accounted for with an earlier one.
    if (state.is_counting) return;              // Accounted for when that is done.
    if (state.held > 0) {
        state.behind = true;
        return;
    }
    auto const due_at = due.fire_time + state.jitter;
    if (due_at <= state.missed_until || due_at + grace < now) return count_missed(*job, state, now);
    fire(*job, state, state.planned, due.fire_time);
}

/// A job of every second has 86,400 of them a day: they are counted in slices, job after job, and the job
/// stays out of the schedule until that is done.
void CenterCron::count_missed(CronJob const& job, State& state, Instant now)
{
    schedule_.erase(job.id);
    state.is_counting = true;
    counting_.push_back({job.id, state.era, now - state.jitter, {}});
    count_soon();
}

void CenterCron::count_soon()
{
    if (!running_ || counting_.empty() || is_full() || std::exchange(is_count_posted_, true)) return;
    asio::post(loop_, [this] { count_on(); });
}

void CenterCron::count_on()
{
    is_count_posted_ = false;
    for (std::size_t counted = 0; counted < count_slice && !counting_.empty() && !is_full(); ++counted) {
        auto counting = std::move(counting_.front());
        counting_.pop_front();
        auto const* const job = jobs_.find(counting.cron_id);
        auto const state = states_.find(counting.cron_id);
        // One that was changed meanwhile begins anew.
        if (!job || state == states_.end() || state->second.era != counting.era) continue;
        auto const before = counting.times.count;
        bool const is_done = count_some(counting.times, job->rule, zone_of(*job), state->second.planned,
            counting.until, count_slice - counted);
        counted += counting.times.count - before;
        if (is_done) {
            missed(*job, state->second, counting);
        } else {
            counting_.push_back(std::move(counting));
        }
    }
    arm();
    count_soon();
}

void CenterCron::missed(CronJob const& job, State& state, Counting const& counted)
{
    state.is_counting = false;
    auto const until = counted.until;
    auto times = counted.times;
    if (times.more) times.last = latest_in(job.rule, zone_of(job), times.last, until);
    schedule(job, state, until);
    if (times.count == 0) return;
    Firing firing{job.id, state.era, state.planned, until, times.first, {}, {}, {}};
    state.planned = until;
    if (job.misfire == Misfire::once) {
        // The last time stays open until its run is recorded: a crash in between loses nothing.
        firing.to = times.last - 1ms;
        firing.make_up = times.last;
        state.planned = times.last;
    }
    auto const zone = zone_of(job);
    firing.skipped = "skipped: " + std::string(times.more ? "more than " : "") + std::to_string(times.count) +
                     (times.count == 1 ? " time" : " times") + " from " + zone.text(times.first) + " to " +
                     zone.text(times.last) + " passed while the server " +
                     (times.first + state.jitter <= started_ ? "was down" : "was held up") +
                     (firing.make_up ? "; it runs once for them" : "");
    begin(std::move(firing));
}

void CenterCron::fire(CronJob const& job, State& state, Instant from, Instant fire_time)
{
    Firing firing{job.id, state.era, from, fire_time, fire_time, {}, {}, {}};
    state.planned = std::max(state.planned, fire_time);
    if (job.overlap == Overlap::skip) firing.skipped = still_going_on(job.id);
    begin(std::move(firing));
}

std::optional<std::pair<Instant, TaskId>> CenterCron::unfinished(TaskId id)
{
    auto const found = runs_.find(id);
    if (found == runs_.end()) return std::nullopt;
    auto& runs = found->second;
    if (runs.starting > 0) {
        // Not back yet from the dispatcher, but perhaps in the log.
        auto const* job = jobs_.find(id);
        for (auto const task_id : job ? engine_.open_of(job->agent) : std::vector<TaskId>{}) {
            auto const* task = engine_.open(task_id);
            if (!task || task->cron_id != id || !task->fire_time || is_final(task->status)) continue;
            if (!runs.last || runs.last->first < *task->fire_time) runs.last = {*task->fire_time, task_id};
        }
    }
    if (!runs.last) return std::nullopt;
    auto const* task = engine_.open(runs.last->second);
    if (task && !is_final(task->status)) return runs.last;
    runs.last.reset();
    if (runs.starting == 0) runs_.erase(found);
    return std::nullopt;
}

std::string CenterCron::still_going_on(TaskId id)
{
    if (auto const last = unfinished(id)) {
        auto const* job = jobs_.find(id);
        return "skipped: the run of " + (job ? zone_of(*job) : zone_).text(last->first) + " (task " +
               last->second.text() + ") is still going on";
    }
    auto const found = runs_.find(id);
    if (found != runs_.end() && found->second.starting > 0) return "skipped: its last run is still starting";
    return {};
}

} // namespace elves
