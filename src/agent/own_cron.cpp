#include "agent/own_cron.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>

#include "elves/error.hpp"
#include "elves/log.hpp"

namespace elves::agent {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds longest_wait = 60s; // the time of day may jump
constexpr std::chrono::milliseconds grace = 10s;
constexpr std::chrono::milliseconds retry_after = 5s;
constexpr std::size_t most_missed = 10'000;
constexpr std::size_t most_jobs = 1'000;

std::string count_text(MissedTimes const& times)
{
    return (times.more ? "more than " : "") + std::to_string(times.count) +
           (times.count == 1 && !times.more ? " time" : " times");
}

} // namespace

OwnCron::OwnCron(LoopExecutor loop, Clock& clock, Journal& journal, Tasks& tasks, Zone const& zone)
    : loop_(std::move(loop)), clock_(clock), journal_(journal), tasks_(tasks), zone_(zone)
{
}

void OwnCron::start(std::vector<CronRow> rows)
{
    running_ = true;
    auto const now = clock_.now();
    for (auto& row : rows) {
        try {
            auto job = OwnJob::read(JsonDocument::parse(row.entry).root(), zone_);
            auto const at = row.accounted;
            auto const [state, fresh] =
                jobs_.try_emplace(row.id, State{std::move(job), std::move(row.entry), at, at, now});
            plan(state->second);
        } catch (std::exception const& problem) {
            ELVES_LOG(error, "own cron job " << row.id.text() << " can't be used: " << problem.what());
        }
    }
    look();
}

void OwnCron::stop()
{
    running_ = false;
    timer_.stop();
}

/// The table is written whole, with its marks. A turn on its way to disk moves one of them, and would have it
/// put back: after a crash its time passed for a missed one. So a change and turns wait for each other.
asio::awaitable<std::vector<std::string>> OwnCron::set(JsonDocument cron_list)
{
    co_await wait_for_change();
    std::vector<std::string> refused;
    std::exception_ptr failure;
    try {
        refused = co_await replace(std::move(cron_list));
    } catch (...) {
        failure = std::current_exception();
    }
    changing_ = false;
    hand_on_change();
    wait();
    if (failure) std::rethrow_exception(failure);
    co_return refused;
}

asio::awaitable<void> OwnCron::wait_for_change()
{
    OneShot<bool> mine;
    changes_.push_back(mine);
    hand_on_change();
    co_await mine.wait(clock_);
}

void OwnCron::hand_on_change()
{
    if (changing_ || recording_ > 0 || changes_.empty()) return;
    changing_ = true;
    changes_.front().set(true);
    changes_.pop_front();
}

asio::awaitable<std::vector<std::string>> OwnCron::replace(JsonDocument cron_list)
{
    std::vector<std::string> refused;
    std::unordered_map<TaskId, State> next;
    std::vector<CronRow> rows;
    auto const now = clock_.now();
    for (auto const& entry : cron_list.root()) {
        auto const* const id = entry.find("cron_id");
        auto const name = id && id->is_string() ? std::string(id->string()) : "(without cron_id)";
        try {
            if (!entry.is_object()) throw Error(codes::bad_field, "it is no object");
            if (next.size() == most_jobs)
                throw Error(codes::too_much, "an agent keeps " + std::to_string(most_jobs) +
                                                 " jobs of its own; have the others run by the centre");
            auto job = OwnJob::read(entry, zone_);
            if (next.contains(job.id)) throw Error(codes::bad_field, "`cron_id` stands in the list twice");
            auto const old = jobs_.find(job.id);
            bool const goes_on = old != jobs_.end() && old->second.job.same_times(job);
            auto state = goes_on ? old->second : State{job, {}, now, now, {}};
            state.entry = json_text(entry);
            rows.push_back({job.id, state.entry, state.accounted});
            state.job = std::move(job);
            next.emplace(state.job.id, std::move(state));
        } catch (Error const& error) {
            refused.push_back("cron job " + name + ": " + error.info());
            ELVES_LOG(error, "own " << refused.back());
        }
    }
    co_await journal_.put_crons(std::move(rows));
    for (auto const& [id, state] : jobs_) {
        if (!next.contains(id)) schedule_.erase(id);
    }
    for (auto& [id, state] : next) {
        auto const old = jobs_.find(id);
        bool const goes_on = old != jobs_.end() && old->second.job.same_times(state.job);
        if (!goes_on) plan(state);
    }
    jobs_ = std::move(next);
    ELVES_LOG(info, "own cron: " << jobs_.size() << " jobs, " << refused.size() << " refused");
    co_return refused;
}

void OwnCron::plan(State& state)
{
    auto const& job = state.job;
    schedule_.erase(job.id);
    if (job.on) schedule_.set(job.id, job.rule, job.zone, job.jitter, state.planned);
}

void OwnCron::look()
{
    if (!running_ || changing_ || !changes_.empty()) return;
    auto const now = clock_.now();
    if (clock_.steady() >= held_until_) {
        constexpr std::size_t at_once = 100;
        for (auto const& due : schedule_.take_due(now, at_once)) {
            auto const found = jobs_.find(due.cron_id);
            if (found == jobs_.end() || due.fire_time <= found->second.planned) continue;
            auto& state = found->second;
            auto const latest = due.fire_time + state.job.jitter;
            bool const missed = latest < std::min(state.missed_until, now) || latest + grace < now;
            missed ? miss(state, now) : fire(state, due.fire_time);
        }
    }
    wait();
}

void OwnCron::wait()
{
    if (!running_) return;
    auto const now = clock_.now();
    auto delay = longest_wait;
    if (auto const due = schedule_.next_due()) delay = std::min(delay, *due - now);
    auto const held = std::chrono::ceil<std::chrono::milliseconds>(held_until_ - clock_.steady());
    timer_ = clock_.after(std::max({delay, held, 0ms}), [this] { look(); });
}

void OwnCron::fire(State& state, Instant fire_time)
{
    Turn turn{Firing{state.job.id, fire_time, false}, fire_time, {}};
    auto const before = tasks_.running_of(state.job.id);
    if (!before.empty() && state.job.overlap == Overlap::skip)
        turn.why = "skipped: its last run (task " + before.front().text() + ") is still going on";
    if (state.job.overlap == Overlap::replace) {
        for (auto const id : before) static_cast<void>(tasks_.cancel_held(id));
    }
    begin(state, std::move(turn));
}

void OwnCron::miss(State& state, Instant now)
{
    auto const& job = state.job;
    auto const until = now - job.jitter;
    auto const times = missed_times(job.rule, job.zone, state.planned, until, most_missed);
    bool const down = times.first + job.jitter < state.missed_until;
    Turn turn{Firing{job.id, times.first, true}, until, {}};
    turn.why = "skipped: " + count_text(times) + " from " + job.zone.text(times.first) + " to " +
               job.zone.text(times.last) + " passed while the agent " + (down ? "was down" : "was held up") +
               (job.once ? "; it runs once for them" : "");
    if (times.count == 0) {
        turn = {};
    } else if (job.once) {
        // A firing is (job, time): the run has the last of them, so this record must not, were it the only
        // one.
        if (times.first == times.last) turn.firing.fire_time -= 1s;
        turn.accounted = times.last - 1ms;
    }
    auto const last = times.last;
    if (times.count > 0) begin(state, std::move(turn));
    if (times.count > 0 && job.once) begin(state, Turn{Firing{job.id, last, false}, until, {}});
    state.planned = std::max(state.planned, until);
    plan(state);
}

void OwnCron::begin(State& state, Turn turn)
{
    state.planned = std::max(state.planned, turn.accounted);
    ++recording_;
    asio::co_spawn(loop_, record(std::move(turn), state.job.ins, state.job.account),
        [this, id = state.job.id](std::exception_ptr escaped) {
            --recording_;
            if (escaped) again(id);
            hand_on_change();
        });
}

asio::awaitable<void> OwnCron::record(Turn turn, Instruction ins, Account account)
{
    Entry entry;
    entry.id = TaskId::random();
    entry.type = TaskType::cron;
    entry.ins = std::move(ins);
    entry.account = std::move(account);
    entry.firing = turn.firing;
    auto const skip = [&](std::string why) {
        entry.firing->skipped = true;
        entry.stage = Stage::done;
        entry.report = WorkerReport{};
        entry.report->callback_time = clock_.now();
        entry.report->result = std::move(why);
    };
    if (!turn.why.empty()) skip(std::move(turn.why));
    std::string refused;
    try {
        co_await tasks_.take(entry, turn.accounted);
    } catch (Error const& error) {
        bool const full = error.code() == codes::too_much;
        if (entry.stage == Stage::done || (!full && error.code() != codes::forbidden)) throw;
        refused = full ? "skipped: the agent has too many tasks waiting ([agent] max_queued)"
                       : "skipped: " + error.info();
    }
    if (!refused.empty()) {
        skip(std::move(refused));
        co_await tasks_.take(entry, turn.accounted);
    }
    if (auto const found = jobs_.find(turn.firing.cron_id); found != jobs_.end())
        found->second.accounted = std::max(found->second.accounted, turn.accounted);
}

void OwnCron::again(TaskId cron_id)
{
    auto const found = jobs_.find(cron_id);
    if (found == jobs_.end() || !running_) return;
    ELVES_LOG(
        error, "a turn of own cron job " << cron_id.text() << " is not in the journal yet, trying again");
    held_until_ = clock_.steady() + retry_after;
    found->second.planned = found->second.accounted;
    plan(found->second);
    wait();
}

} // namespace elves::agent
