#include "agent/own_cron.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include "elves/error.hpp"
#include "elves/log.hpp"

namespace elves::agent {

namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

constexpr std::chrono::milliseconds retry_after = 5s;
constexpr std::chrono::milliseconds rewind_retry = 1s;
constexpr std::chrono::milliseconds worth_a_line = 10s;
/// A run that is over by then is known to the server by its result alone: it costs one call, not two.
constexpr std::chrono::milliseconds announced_after = 250ms;
constexpr std::size_t most_jobs = 1'000;
/// Jobs with something to decide that are handled before the loop does something else.
constexpr std::size_t at_once = 100;

} // namespace

OwnCron::OwnCron(LoopExecutor loop, Clock& clock, Journal& journal, Tasks& tasks, Zone const& zone)
    : loop_(std::move(loop)), clock_(clock), journal_(journal), tasks_(tasks), zone_(zone)
{
}

void OwnCron::start(std::vector<CronRow> rows)
{
    running_ = true;
    auto const now = clock_.now();
    static_cast<void>(watch_.look(now, clock_.steady()));
    bool is_ahead = false;
    for (auto& row : rows) {
        is_ahead = is_ahead || row.accounted > now;
        try {
            auto job = OwnJob::read(JsonDocument::parse(row.entry).root(), zone_);
            auto state = cron_life::resume(job.life(), row.accounted, row.owed, now);
            auto const [entry, is_new] = jobs_.try_emplace(
                row.id, Entry{std::move(job), std::move(row.entry), state, row.accounted, row.owed});
            enqueue(entry->second);
        } catch (std::exception const& problem) {
            ELVES_LOG(error, "own cron job " << row.id.text() << " can't be used: " << problem.what());
            unusable_.emplace(row.id, row.accounted);
        }
    }
    // It was set back while the agent was down.
    if (is_ahead) set_back(now);
    look();
}

void OwnCron::stop()
{
    running_ = false;
    timer_.stop();
    announcing_.clear();
}

/// The table is written whole, with its marks. A turn on its way to disk moves one of them, and would have it
/// put back: after a crash its time passed for a missed one. So a change and turns wait for each other.
asio::awaitable<OwnCron::Answer> OwnCron::set(JsonDocument cron_list)
{
    co_await wait_for_change();
    Answer answer;
    std::exception_ptr failure;
    try {
        answer = co_await replace(std::move(cron_list));
    } catch (...) {
        failure = std::current_exception();
    }
    changing_ = false;
    hand_on_change();
    wait();
    if (failure) std::rethrow_exception(failure);
    co_return answer;
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
    if (changing_ || is_rewinding_ || recording_ > 0 || changes_.empty()) return;
    changing_ = true;
    changes_.front().set(true);
    changes_.pop_front();
}

OwnCron::Entries OwnCron::read_list(JsonDocument const& cron_list, std::vector<std::string>& refused) const
{
    Entries next;
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
            auto const key = job.id;
            next.emplace(key, entered(std::move(job), json_text(entry)));
        } catch (Error const& error) {
            refused.push_back("cron job " + name + ": " + error.info());
            ELVES_LOG(error, "own " << refused.back());
        }
    }
    return next;
}

/// A job of a list, with the state that it has from now on.
OwnCron::Entry OwnCron::entered(OwnJob job, std::string text) const
{
    auto const now = clock_.now();
    if (auto const old = jobs_.find(job.id); old != jobs_.end()) {
        auto entry = old->second;
        bool const goes_on = entry.job.same_times(job);
        entry.job = std::move(job);
        entry.text = std::move(text);
        if (goes_on) return entry;
        // Its old times are accounted for by then.
        entry.accounted = now;
        entry.owed.reset();
        entry.state = cron_life::resume(entry.job.life(), now, {}, {});
        return entry;
    }
    // The server may have had it for a while before the agent came: those times were missed.
    auto const since = job.since ? std::min(*job.since, now) : now;
    auto state = cron_life::resume(job.life(), since, {}, now);
    return {std::move(job), std::move(text), state, since, {}, "did not have the job"};
}

asio::awaitable<OwnCron::Answer> OwnCron::replace(JsonDocument cron_list)
{
    Answer answer;
    auto next = read_list(cron_list, answer.refused);
    co_await close_old(next);
    std::vector<CronRow> rows;
    for (auto const& [id, entry] : next) rows.push_back({id, entry.text, entry.accounted, entry.owed});
    co_await journal_.put_crons(std::move(rows));
    for (auto const& [id, entry] : jobs_) {
        if (next.contains(id)) continue;
        queue_.erase(id);
        answer.removed.emplace_back(id, entry.accounted);
    }
    for (auto const& [id, accounted] : unusable_) {
        if (!next.contains(id)) answer.removed.emplace_back(id, accounted);
    }
    unusable_.clear();
    jobs_ = std::move(next);
    for (auto const& [id, entry] : jobs_) enqueue(entry);
    ELVES_LOG(info, "own cron: " << jobs_.size() << " jobs, " << answer.refused.size() << " refused");
    co_return answer;
}

/// Accounts for what is due of jobs that are gone or change, and has not started.
asio::awaitable<void> OwnCron::close_old(Entries const& next)
{
    auto const now = clock_.now();
    std::vector<TaskId> ids;
    for (auto const& [id, entry] : jobs_) {
        auto const now_one = next.find(id);
        if (now_one == next.end() || !now_one->second.job.same_times(entry.job)) ids.push_back(id);
    }
    for (auto const id : ids) {
        auto const& entry = jobs_.at(id);
        auto const& zone = entry.job.zone;
        auto const reason = "the job was "s + (next.contains(id) ? "changed" : "taken from the agent");
        auto const decision = cron_life::close(entry.job.life(), entry.state, now);
        if (auto const* missed = std::get_if<cron_life::Missed>(&decision.action)) {
            auto const& times = missed->times;
            Turn turn{Firing{id, times.first, true}, {}, {.accounted = decision.state.accounted}, false};
            turn.why = cron_life::closed_text(times, zone, reason);
            turn.failed_before = *entry.order.failed;
            co_await record(std::move(turn), entry.job.ins, entry.job.account, entry.order);
        }
        if (auto const owed = entry.state.owed) {
            Turn turn{Firing{id, *owed, true}, {}, {.paid = owed}, false};
            turn.why = cron_life::unpaid_text(*owed, zone, reason);
            turn.failed_before = *entry.order.failed;
            co_await record(std::move(turn), entry.job.ins, entry.job.account, entry.order);
        }
        auto& state = jobs_.at(id).state;
        state = decision.state;
        state.owed.reset();
    }
}

void OwnCron::enqueue(Entry const& entry)
{
    // One without a time may still have a run that is owed.
    auto deadline = entry.job.on ? cron_life::deadline(entry.job.life(), entry.state) : std::nullopt;
    if (entry.job.on && entry.state.owed) deadline = std::min(deadline.value_or(clock_.now()), clock_.now());
    queue_.set(entry.job.id, deadline);
}

void OwnCron::look()
{
    if (!running_ || changing_ || is_rewinding_ || !changes_.empty()) return;
    look_at_clock();
    if (is_rewinding_) return;
    auto const now = clock_.now();
    if (!is_held(now) && clock_.steady() >= held_until_) {
        for (auto const id : queue_.take(now, at_once)) {
            auto const found = jobs_.find(id);
            if (found == jobs_.end()) continue;
            step(found->second, now);
            enqueue(found->second);
        }
    }
    wait();
}

bool OwnCron::is_held(Instant now)
{
    auto const hold = hold_of_ ? hold_of_() : std::nullopt;
    bool const was_held = hold_.has_value();
    if (hold && !was_held && !jobs_.empty())
        ELVES_LOG(warning, "cron.held jobs=" << jobs_.size() << ": " << hold->why);
    if (!hold && was_held) release(now);
    hold_ = hold;
    return hold.has_value();
}

/// What came due meanwhile was missed.
void OwnCron::release(Instant now)
{
    if (!jobs_.empty()) ELVES_LOG(info, "cron.released jobs=" << jobs_.size());
    for (auto& [id, entry] : jobs_) {
        entry.state = cron_life::resume(entry.job.life(), entry.state.accounted, entry.state.owed, now);
        entry.absence = hold_->absence;
        enqueue(entry);
    }
}

void OwnCron::look_at_clock()
{
    auto const now = clock_.now();
    auto const moved = watch_.look(now, clock_.steady());
    if (moved < 0ms) set_back(now);
    if (moved < worth_a_line) return;
    ELVES_LOG(
        warning, "cron.clock_jumped_ahead seconds=" << std::chrono::floor<std::chrono::seconds>(moved).count()
                                                    << ": the clock was set, or the machine was suspended");
}

/// Jobs fire again from `now` on. A time that ran already has its task in the journal, and is not run twice.
void OwnCron::set_back(Instant now)
{
    std::size_t ahead = 0;
    for (auto& [id, entry] : jobs_) {
        if (entry.state.accounted <= now) continue;
        ++ahead;
        entry.state = cron_life::set_back(entry.job.life(), entry.state, now);
        enqueue(entry);
    }
    ELVES_LOG(warning,
        "cron.clock_set_back jobs=" << ahead << " now=" << iso_text(now) << ": they fire again from now on");
    if (ahead == 0 || std::exchange(is_rewinding_, true)) return;
    asio::co_spawn(loop_, rewind_marks(now), [this](std::exception_ptr) {
        is_rewinding_ = false;
        hand_on_change();
        look();
    });
}

asio::awaitable<void> OwnCron::rewind_marks(Instant now)
{
    while (running_) {
        bool is_written = false;
        try {
            co_await journal_.rewind_crons(now);
            is_written = true;
        } catch (std::exception const& problem) {
            ELVES_LOG(warning, "cron.marks_not_written retry=1s: " << problem.what());
        }
        if (is_written) break;
        co_await pause(clock_, rewind_retry);
    }
    for (auto& [id, entry] : jobs_) entry.accounted = std::min(entry.accounted, now);
}

void OwnCron::wait()
{
    if (!running_) return;
    auto const now = clock_.now();
    auto delay = cron_life::longest_wait;
    bool const is_released = hold_ && !hold_of_();
    if (is_released) delay = std::chrono::milliseconds(0);
    if (auto const due = queue_.next(); due && !hold_) delay = std::min(delay, *due - now);
    auto const held = std::chrono::ceil<std::chrono::milliseconds>(held_until_ - clock_.steady());
    timer_ = clock_.after(std::max({delay, held, std::chrono::milliseconds(0)}), [this] { look(); });
}

void OwnCron::step(Entry& entry, Instant now)
{
    auto const id = entry.job.id;
    auto const view = entry.job.life();
    bool const asks = view.overlap == Overlap::skip;
    auto const decision = cron_life::decide(view, entry.state, now, asks && !tasks_.running_of(id).empty());
    entry.state = decision.state;
    Turn turn;
    turn.mark.accounted = decision.state.accounted;
    if (auto const* due = std::get_if<cron_life::Run>(&decision.action)) {
        turn.firing = {id, due->fire_time, false};
        turn.replaces = due->replaces;
    } else if (auto const* skip = std::get_if<cron_life::Skip>(&decision.action)) {
        turn.firing = {id, skip->fire_time, true};
        turn.why = still_going_on(id);
    } else if (auto const* missed = std::get_if<cron_life::Missed>(&decision.action)) {
        turn.firing = {id, missed->times.first, true};
        turn.why = cron_life::missed_text(*missed, entry.job.zone, "agent", entry.absence);
        if (missed->makes_up) turn.mark.owed = missed->times.last;
    } else {
        return make_up(entry);
    }
    begin(id, std::move(turn));
    make_up(entry); // Behind its record, if a run is owed now.
}

/// The agent is here: what is owed runs at once.
void OwnCron::make_up(Entry& entry)
{
    auto const id = entry.job.id;
    auto const decision = cron_life::make_up(entry.job.life(), entry.state, !tasks_.running_of(id).empty());
    if (std::holds_alternative<cron_life::Wait>(decision.action)) return;
    auto const owed = *entry.state.owed;
    entry.state = decision.state;
    Turn turn{Firing{id, owed, false}, {}, {.paid = owed}, false};
    if (auto const* due = std::get_if<cron_life::Run>(&decision.action)) turn.replaces = due->replaces;
    if (std::holds_alternative<cron_life::Skip>(decision.action)) turn.why = still_going_on(id);
    begin(id, std::move(turn));
}

std::string OwnCron::still_going_on(TaskId cron_id) const
{
    auto const runs = tasks_.running_of(cron_id);
    return "skipped: its last run (task " + (runs.empty() ? std::string("?") : runs.front().text()) +
           ") is still going on";
}

/// Counts a turn that is not recorded, before the next one of its job has its place.
struct OwnCron::Recording {
    explicit Recording(std::size_t& failed_) : failed(failed_) {}
    Recording(Recording const&) = delete;
    Recording& operator=(Recording const&) = delete;
    ~Recording()
    {
        if (!has_succeeded) ++failed;
    }
    std::size_t& failed;
    bool has_succeeded = false;
};

void OwnCron::begin(TaskId cron_id, Turn turn)
{
    auto const& entry = jobs_.at(cron_id);
    turn.failed_before = *entry.order.failed;
    ++recording_;
    asio::co_spawn(loop_, record(std::move(turn), entry.job.ins, entry.job.account, entry.order),
        [this, cron_id](std::exception_ptr escaped) {
            --recording_;
            if (escaped) again(cron_id);
            hand_on_change();
        });
}

asio::awaitable<void> OwnCron::replace_runs(TaskId cron_id)
{
    auto const before = tasks_.running_of(cron_id);
    if (before.empty()) co_return;
    co_await journal_.replace(before);
    for (auto const id : before) static_cast<void>(tasks_.cancel_held(id));
}

asio::awaitable<void> OwnCron::record(Turn turn, Instruction ins, Account account, Order order)
{
    auto const place = co_await order.turns.enter(clock_);
    if (*order.failed != turn.failed_before) co_return;
    Recording recording(*order.failed);
    agent::Entry entry;
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
    if (turn.replaces) co_await replace_runs(turn.firing.cron_id);
    if (!turn.why.empty()) skip(std::move(turn.why));
    std::string refused;
    bool is_fresh = false;
    try {
        is_fresh = co_await tasks_.take(entry, turn.mark);
    } catch (Error const& error) {
        bool const full = error.code() == codes::too_much;
        if (entry.stage == Stage::done || (!full && error.code() != codes::forbidden)) throw;
        refused = full ? "skipped: the agent has too many tasks waiting ([agent] max_queued)"
                       : "skipped: " + error.info();
    }
    if (!refused.empty()) {
        skip(std::move(refused));
        co_await tasks_.take(entry, turn.mark);
    }
    recording.has_succeeded = true;
    if (is_fresh && !entry.firing->skipped) announce(entry.id, turn.firing.cron_id);
    auto const found = jobs_.find(turn.firing.cron_id);
    if (found == jobs_.end()) co_return;
    auto& job = found->second;
    job.accounted = std::max(job.accounted, turn.mark.accounted.value_or(job.accounted));
    if (turn.mark.owed) job.owed = turn.mark.owed;
    if (turn.mark.paid && job.owed == turn.mark.paid) job.owed.reset();
}

void OwnCron::announce(TaskId id, TaskId cron_id)
{
    if (!on_run_ || !running_) return;
    announcing_[id] = clock_.after(announced_after, [this, id, cron_id] {
        auto const timer = announcing_.extract(id); // Kept until this returns.
        auto const runs = tasks_.running_of(cron_id);
        if (std::find(runs.begin(), runs.end(), id) != runs.end()) on_run_(id);
    });
}

void OwnCron::again(TaskId cron_id)
{
    auto const found = jobs_.find(cron_id);
    if (found == jobs_.end() || !running_) return;
    ELVES_LOG(
        error, "a turn of own cron job " << cron_id.text() << " is not in the journal yet, trying again");
    held_until_ = clock_.steady() + retry_after;
    auto& entry = found->second;
    entry.state = cron_life::resume(entry.job.life(), entry.accounted, entry.owed, entry.state.absent_until);
    enqueue(entry);
    wait();
}

} // namespace elves::agent
