#include "schedules.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "elves/error.hpp"
#include "elves/log.hpp"
#include "run_records.hpp"
#include "schedule_records.hpp"

namespace elves {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds first_pause = 1s;
constexpr std::chrono::milliseconds longest_pause = 60s;

/// The schedule on disk is not where it has to be: it was changed, or this firing is there already.
struct TurnOver : Error {
    TurnOver() : Error(codes::wrong_state, "this firing's turn is over") {}
};

/// This time has its run, or its record: the clock was set back since.
struct HasFired : Error {
    HasFired() : Error(codes::wrong_state, "this time has its run already") {}
};

Error no_schedule(TaskId id) { return {codes::no_run, "no schedule " + id.text()}; }

bool may_pass(Error const& error)
{
    return error.code() == codes::too_much || error.code() == codes::store_cannot_write;
}

/// The record of a time that did not start. It is no run.
FleetRun skipped_run(RunSchedule const& schedule, Instant fire_time, std::string why, Instant now)
{
    FleetRun run;
    run.id = TaskId::random();
    run.state = RunState::skipped;
    run.why = RunWhy::none;
    run.spec = schedule.spec;
    run.by = schedule.by;
    run.from = "schedule";
    run.schedule = schedule.id;
    run.fire_time = fire_time;
    run.skipped = std::move(why);
    run.created = now;
    run.begin_at = fire_time;
    run.ended = now;
    return run;
}

/// Writes a record of times up to `last`. It stands at the first of them that has no firing yet: a clock that
/// was set back brings some again that ran before. Where each of them has one there is nothing to record.
void insert_skipped(Db& db, RunSchedule const& schedule, FleetRun run, Instant last, Zone const& server)
{
    auto const view = schedule.life(server);
    while (run_records::has_firing(db, *run.schedule, *run.fire_time)) {
        auto const next = cron_life::next_time(view, *run.fire_time);
        if (!next || *next > last) return;
        run.fire_time = run.begin_at = *next;
    }
    run_records::insert(db, run);
}

} // namespace

Schedules::Schedules(House house) : house_(std::move(house))
{
    house_.targets.group_users_from([this](std::string_view group) { return users_of(group); });
}

void Schedules::start()
{
    is_running_ = true;
    auto const now = house_.clock.now();
    static_cast<void>(watch_.look(now, house_.clock.steady()));
    std::vector<RunSchedule> all;
    house_.store.at_start([&all](Db& db) { all = schedule_records::all(db); });
    bool is_ahead = false;
    for (auto& schedule : all) {
        auto const made = std::make_shared<Entry>(std::move(schedule));
        is_ahead = is_ahead || made->schedule.settled > now;
        entries_.emplace(made->schedule.id, made);
        resume(*made, now);
    }
    // It was set back while the server was down.
    if (is_ahead) asio::co_spawn(house_.loop, rewind(now), asio::detached);
    arm();
}

void Schedules::stop()
{
    is_running_ = false;
    timer_.stop();
    for (auto const& [id, entry] : entries_) entry->retry.stop();
}

Schedules::EntryPtr Schedules::entry(TaskId id) const
{
    auto const found = entries_.find(id);
    if (found == entries_.end()) throw no_schedule(id);
    return found->second;
}

RunSchedule const& Schedules::find(TaskId id) const { return entry(id)->schedule; }

void Schedules::resume(Entry& entry, Instant absent_until)
{
    auto const& schedule = entry.schedule;
    entry.state =
        cron_life::resume(schedule.life(house_.zone), schedule.settled, schedule.owed, absent_until);
    enqueue(entry);
}

void Schedules::enqueue(Entry const& entry)
{
    auto const& schedule = entry.schedule;
    if (!schedule.on) return queue_.erase(schedule.id);
    if (entry.state.owed) return queue_.set(schedule.id, Instant());
    queue_.set(schedule.id, cron_life::deadline(schedule.life(house_.zone), entry.state));
}

// ---- when something is due ----

void Schedules::arm()
{
    if (!is_running_ || entries_.empty()) return timer_.stop();
    auto wait = cron_life::longest_wait;
    if (auto const next = queue_.next())
        wait = std::clamp(*next - house_.clock.now(), std::chrono::milliseconds(0), cron_life::longest_wait);
    timer_ = house_.clock.after(wait, [this] { turn(); });
}

void Schedules::turn()
{
    constexpr std::size_t at_once = 100;
    if (!is_running_) return;
    timer_.stop();
    auto const now = house_.clock.now();
    look_at_clock(now);
    for (auto const id : queue_.take(now, at_once)) {
        if (auto const found = entries_.find(id); found != entries_.end()) fire_soon(found->second);
    }
    arm();
}

void Schedules::look_at_clock(Instant now)
{
    if (watch_.look(now, house_.clock.steady()) < 0ms)
        asio::co_spawn(house_.loop, rewind(now), asio::detached);
}

/// The clock was set back to `now`: times behind it come again. Those that ran already are known by
/// (schedule, fire time).
asio::awaitable<void> Schedules::rewind(Instant now)
{
    ELVES_LOG(
        warning, "schedule.clock_set_back now=" << iso_text(now) << ": schedules fire again from now on");
    while (is_running_) {
        std::string fault;
        try {
            Store::Work work = [now](Db& db) { schedule_records::rewind(db, now); };
            co_await house_.store.write(std::move(work));
        } catch (std::exception const& problem) {
            fault = problem.what();
        }
        if (fault.empty()) break;
        ELVES_LOG(warning, "schedule.marks_not_written error=" << fault);
        co_await pause(house_.clock, first_pause);
    }
    for (auto const& [id, entry] : entries_) {
        if (entry->state.accounted <= now) continue;
        moved(*entry, cron_life::set_back(entry->schedule.life(house_.zone), entry->state, now));
    }
    arm();
}

// ---- what becomes of a time ----

void Schedules::fire_soon(EntryPtr const& entry)
{
    if (std::exchange(entry->is_firing, true)) return;
    asio::co_spawn(house_.loop, fire(entry), asio::detached);
}

asio::awaitable<void> Schedules::fire(EntryPtr entry)
{
    std::string fault;
    while (is_running_ && fault.empty()) {
        auto step = next_step(*entry);
        if (!step) break;
        try {
            co_await carry_out(entry, std::move(*step));
            entry->pause = 0ms;
        } catch (std::exception const& problem) {
            fault = problem.what();
        }
    }
    entry->is_firing = false;
    if (!is_running_ || !entries_.contains(entry->schedule.id)) co_return;
    if (fault.empty()) {
        enqueue(*entry);
        arm();
        co_return;
    }
    entry->pause = std::clamp(entry->pause * 2, first_pause, longest_pause);
    ELVES_LOG(warning,
        "schedule.not_recorded schedule=" << entry->schedule.id.text() << " retry_in_seconds="
                                          << std::chrono::ceil<std::chrono::seconds>(entry->pause).count()
                                          << " error=" << fault);
    entry->retry = house_.clock.after(entry->pause, [this, weak = std::weak_ptr(entry)] {
        if (auto const same = weak.lock()) fire_soon(same);
    });
}

/// What is due now; nothing where nothing is.
std::optional<Schedules::Step> Schedules::next_step(Entry const& entry) const
{
    auto const& schedule = entry.schedule;
    if (!schedule.on || !entries_.contains(schedule.id)) return std::nullopt;
    auto const view = schedule.life(house_.zone);
    bool const is_going_on = house_.runs.has_open_run_of(schedule.id);
    auto const decision = entry.state.owed
                              ? cron_life::make_up(view, entry.state, is_going_on)
                              : cron_life::decide(view, entry.state, house_.clock.now(), is_going_on);
    Step step{decision.state};
    if (auto const* run = std::get_if<cron_life::Run>(&decision.action)) {
        step.run = run->fire_time;
    } else if (auto const* skip = std::get_if<cron_life::Skip>(&decision.action)) {
        step.skip = step.skip_last = skip->fire_time;
        step.why = "skipped: the last run of this schedule is still going on";
    } else if (auto const* missed = std::get_if<cron_life::Missed>(&decision.action)) {
        // The last one that is made up for is the run's time, and has no record beside it.
        bool const is_whole = missed->makes_up && missed->times.count == 1;
        if (!is_whole) step.skip = missed->times.first;
        step.skip_last = missed->makes_up ? missed->times.last - 1ms : missed->times.last;
        step.why = cron_life::missed_text(*missed, schedule.zone_or(house_.zone), "server");
    } else {
        return std::nullopt;
    }
    return step;
}

/// What was decided holds for the schedule as it is now: once it is changed on disk, the step's turn is over.
asio::awaitable<void> Schedules::carry_out(EntryPtr entry, Step step)
{
    auto const from = mark_of(*entry);
    if (step.run) {
        std::optional<std::string> why; // Nothing ran; "" where this time has its run already.
        bool is_begun = false;
        try {
            is_begun = co_await begin_run(entry, step, from);
        } catch (HasFired const&) {
            why.emplace();
        } catch (Error const& error) {
            if (may_pass(error)) throw;
            why = "skipped: " + error.info();
        }
        if (!why) {
            if (!is_begun) co_await reload(entry, from);
            co_return;
        }
        auto const time = std::exchange(step.run, std::nullopt);
        if (!why->empty()) step.skip = step.skip_last = *time;
        step.why = std::move(*why);
    }
    bool const is_recorded = co_await record(entry, std::move(step), from);
    if (!is_recorded) co_await reload(entry, from);
}

/// False: its turn is over. Throws HasFired, and what a plan and a start throw.
asio::awaitable<bool> Schedules::begin_run(EntryPtr entry, Step step, Mark from)
{
    auto const& schedule = entry->schedule;
    FleetRun run;
    run.id = TaskId::random();
    run.spec = schedule.spec;
    run.by = schedule.by;
    run.from = "schedule";
    run.schedule = schedule.id;
    run.fire_time = step.run;
    auto move = moving(schedule.id, from, step.state);
    auto caller = caller_of(schedule);
    auto plan = co_await house_.runs.planner().plan(run.spec, std::move(caller), true);
    Store::Work first = [move = std::move(move), id = *run.schedule, time = *step.run](Db& db) {
        move(db);
        if (run_records::has_firing(db, id, time)) throw HasFired();
    };
    try {
        static_cast<void>(
            co_await house_.runs.begin_firing(std::move(run), std::move(plan), std::move(first)));
    } catch (TurnOver const&) {
        co_return false;
    }
    moved(*entry, step.state);
    co_return true;
}

/// Writes that this time did not start, or nothing but how far the schedule is. False: its turn is over.
asio::awaitable<bool> Schedules::record(EntryPtr entry, Step step, Mark from)
{
    auto const schedule = std::make_shared<RunSchedule const>(entry->schedule);
    auto write = moving(schedule->id, from, step.state);
    if (step.skip) {
        auto const skipped = std::make_shared<FleetRun const>(
            skipped_run(*schedule, *step.skip, std::move(step.why), house_.clock.now()));
        ELVES_LOG(info, "schedule.skipped schedule=" << schedule->id.text() << " time="
                                                     << iso_text(*step.skip) << " why=" << skipped->skipped);
        Store::Work insert = [skipped, schedule, last = step.skip_last, server = house_.zone](
                                 Db& db) { insert_skipped(db, *schedule, *skipped, last, server); };
        write = together(std::move(write), std::move(insert));
    }
    try {
        co_await house_.store.write(std::move(write));
    } catch (TurnOver const&) {
        co_return false;
    }
    moved(*entry, step.state);
    co_return true;
}

/// The schedule on disk is not at `refused`: it is taken as it is there.
asio::awaitable<void> Schedules::reload(EntryPtr entry, Mark refused)
{
    auto const id = entry->schedule.id;
    if (!entries_.contains(id)) co_return;
    std::function<std::optional<RunSchedule>(Db&)> look = [id](Db& db) {
        return schedule_records::find(db, id);
    };
    auto read = co_await house_.store.read(std::move(look));
    auto const found = entries_.find(id);
    if (!read || found == entries_.end() || found->second->schedule.version > read->version) co_return;
    Mark const there{read->version, read->settled, read->owed};
    if (there == refused) throw Error(codes::internal, "schedule " + id.text() + " does not move on");
    entry->schedule = std::move(*read);
    resume(*entry, entry->state.absent_until);
}

void Schedules::moved(Entry& entry, cron_life::State const& state)
{
    entry.state = state;
    entry.schedule.settled = state.accounted;
    entry.schedule.owed = state.owed;
    enqueue(entry);
}

Schedules::Mark Schedules::mark_of(Entry const& entry)
{
    return {entry.schedule.version, entry.state.accounted, entry.state.owed};
}

/// Throws TurnOver where the schedule on disk is not at `from`.
Store::Work Schedules::moving(TaskId id, Mark const& from, cron_life::State const& to)
{
    Mark const then{from.version, to.accounted, to.owed};
    return [id, from, then](Db& db) {
        if (!schedule_records::move(db, id, from, then)) throw TurnOver();
    };
}

/// As whom a schedule selects its hosts. Throws Error 401.5 where its key proves nothing any more, 401.6
/// where it may not run that.
Caller Schedules::caller_of(RunSchedule const& schedule) const
{
    Caller caller;
    if (!house_.authority || schedule.by.empty()) return caller;
    caller.key = house_.authority->find_key(schedule.by);
    auto const* const key = caller.key.get();
    bool const counts = key && key->enabled && (!key->expires || house_.clock.now() < *key->expires);
    if (!counts)
        throw Error(codes::wrong_key, "key " + schedule.by + ", which set the schedule, is " +
                                          (!key               ? "gone"
                                              : !key->enabled ? "disabled"
                                                              : "expired") +
                                          "; set the schedule again with another key");
    if (!role_may(key->role, Right::operate))
        throw Error(codes::forbidden, "key " + schedule.by + " has the role " +
                                          std::string(role_text(key->role)) + " now, which runs nothing");
    caller.require_run(schedule.spec.ins.ins);
    return caller;
}

// ---- changing ----

/// Part of the transaction that changes a schedule, and first in it: writes records of the times up to now
/// that have not started, and of a run that is owed. How far the schedule is the disk knows: a firing may be
/// on its way there.
Store::Work Schedules::closing(TaskId id, std::string reason) const
{
    return [id, reason = std::move(reason), now = house_.clock.now(), server = house_.zone](Db& db) {
        auto const old = schedule_records::find(db, id);
        if (!old || !old->on) return;
        auto const view = old->life(server);
        auto const zone = old->zone_or(server);
        auto const add = [&](Instant first, Instant last, std::string why) {
            insert_skipped(db, *old, skipped_run(*old, first, std::move(why), now), last, server);
        };
        auto const state = cron_life::resume(view, old->settled, old->owed, {});
        auto const decision = cron_life::close(view, state, now);
        if (auto const* const missed = std::get_if<cron_life::Missed>(&decision.action))
            add(missed->times.first, missed->times.last, cron_life::closed_text(missed->times, zone, reason));
        if (old->owed) add(*old->owed, *old->owed, cron_life::unpaid_text(*old->owed, zone, reason));
    };
}

asio::awaitable<void> Schedules::put(RunSchedule schedule, bool is_new, Store::Work also)
{
    auto const turn = co_await changes_.enter(house_.clock);
    auto const old = is_new ? nullptr : entry(schedule.id);
    if (is_new && entries_.size() >= most)
        throw Error(codes::too_much, "there are 10000 schedules; delete one first");
    schedule.settled = house_.clock.now();
    schedule.owed.reset();
    schedule.version = old ? old->schedule.version + 1 : 1;
    if (old) schedule.created = old->schedule.created;
    auto closed = old ? closing(schedule.id, "the schedule was changed") : Store::Work();
    Store::Work write = [schedule](Db& db) { schedule_records::put(db, schedule); };
    write = together(together(std::move(closed), std::move(write)), std::move(also));
    co_await house_.store.write(std::move(write));
    auto const made = old ? old : std::make_shared<Entry>(schedule);
    made->schedule = std::move(schedule);
    entries_.insert_or_assign(made->schedule.id, made);
    resume(*made, {});
    arm();
}

asio::awaitable<void> Schedules::erase(TaskId id, Store::Work also)
{
    auto const turn = co_await changes_.enter(house_.clock);
    static_cast<void>(entry(id));
    Store::Work write = [id](Db& db) {
        if (!schedule_records::erase(db, id)) throw no_schedule(id);
    };
    write = together(together(closing(id, "the schedule was deleted"), std::move(write)), std::move(also));
    co_await house_.store.write(std::move(write));
    entries_.erase(id);
    queue_.erase(id);
}

asio::awaitable<void> Schedules::set_on(TaskId id, bool on, Store::Work also)
{
    auto const turn = co_await changes_.enter(house_.clock);
    auto const found = entry(id);
    auto schedule = found->schedule;
    if (schedule.on == on)
        throw Error(
            codes::wrong_state, "schedule " + id.text() + (on ? " is on already" : " is stopped already"));
    schedule.on = on;
    schedule.settled = house_.clock.now();
    schedule.owed.reset();
    ++schedule.version;
    Store::Work write = [schedule](Db& db) { schedule_records::put(db, schedule); };
    write = together(together(closing(id, "the schedule was stopped"), std::move(write)), std::move(also));
    co_await house_.store.write(std::move(write));
    found->schedule = std::move(schedule);
    resume(*found, {});
    arm();
}

std::vector<std::string> Schedules::users_of(std::string_view group) const
{
    std::vector<std::string> users;
    std::string const name(group);
    for (auto const& [id, entry] : entries_) {
        if (house_.targets.groups_of(entry->schedule.spec.target.text).contains(name))
            users.push_back("the schedule " + id.text());
    }
    return users;
}

} // namespace elves
