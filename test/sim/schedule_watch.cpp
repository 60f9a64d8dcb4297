#include "sim/schedule_watch.hpp"

#include <algorithm>

namespace elves::sim {

using namespace std::chrono_literals;

namespace {

constexpr auto change_table =
    "CREATE TEMP TABLE schedule_change (n INTEGER PRIMARY KEY, kind TEXT, id TEXT, run TEXT, at INTEGER, "
    "why TEXT, before INTEGER, mark INTEGER, owed INTEGER, rule TEXT, zone TEXT, is_on INTEGER, "
    "jitter INTEGER, overlap TEXT);\n";
#define SCHEDULE_VALUES "NEW.settled, NEW.owed, NEW.rule, NEW.timezone, NEW.is_on, NEW.jitter, NEW.overlap"
constexpr auto triggers =
    "CREATE TEMP TRIGGER \"schedules: firing\" AFTER INSERT ON main.run WHEN NEW.schedule IS NOT NULL BEGIN "
    "INSERT INTO schedule_change (kind, id, run, at, why) "
    "VALUES (iif(NEW.state = 'skipped', 'skipped', 'ran'), NEW.schedule, NEW.id, NEW.fire_time, "
    "coalesce(NEW.skipped, '')); END;\n"
    "CREATE TEMP TRIGGER \"schedules: set\" AFTER INSERT ON main.run_schedule BEGIN "
    "INSERT INTO schedule_change (kind, id, mark, owed, rule, zone, is_on, jitter, overlap) "
    "VALUES ('set', NEW.id, " SCHEDULE_VALUES "); END;\n"
    "CREATE TEMP TRIGGER \"schedules: mark\" AFTER UPDATE ON main.run_schedule BEGIN "
    "INSERT INTO schedule_change (kind, id, before, mark, owed) "
    "VALUES ('mark', NEW.id, OLD.settled, NEW.settled, NEW.owed); END;\n"
    "CREATE TEMP TRIGGER \"schedules: gone\" AFTER DELETE ON main.run_schedule BEGIN "
    "INSERT INTO schedule_change (kind, id) VALUES ('gone', OLD.id); END;\n";
#undef SCHEDULE_VALUES

constexpr std::string_view select_changes =
    "SELECT kind, id, run, at, why, before, mark, owed, rule, zone, is_on, jitter, overlap "
    "FROM schedule_change ORDER BY n";
constexpr std::string_view select_schedules =
    "SELECT 'set', id, '', NULL, '', NULL, settled, owed, rule, timezone, is_on, jitter, overlap "
    "FROM run_schedule";
constexpr std::string_view select_firings =
    "SELECT iif(state = 'skipped', 'skipped', 'ran'), schedule, id, fire_time, coalesce(skipped, ''), NULL, "
    "NULL, NULL, '', '', 0, 0, '' FROM run WHERE schedule IS NOT NULL";

std::optional<Instant> time_at(Run const& row, int column)
{
    if (row.is_null(column)) return std::nullopt;
    return Instant(std::chrono::milliseconds(row.number(column)));
}

} // namespace

struct ScheduleWatch::Change {
    std::string kind;
    TaskId id;
    std::string run; ///< Of a firing.
    std::optional<Instant> at{};
    std::string why{};
    std::optional<Instant> before{}, mark{}, owed{};
    std::string rule{}, zone{};
    bool is_on = false;
    std::chrono::seconds jitter{0};
    std::string overlap{};

    static std::vector<Change> all(Db& db, std::string_view select)
    {
        std::vector<Change> changes;
        auto row = db.run(select);
        while (row.next())
            changes.push_back({std::string(row.text(0)), TaskId::parse(row.text(1)).value(),
                std::string(row.text(2)), time_at(row, 3), std::string(row.text(4)), time_at(row, 5),
                time_at(row, 6), time_at(row, 7), std::string(row.text(8)), std::string(row.text(9)),
                row.number(10) == 1, std::chrono::seconds(row.number(11)), std::string(row.text(12))});
        return changes;
    }
    [[nodiscard]] bool is_firing() const { return kind == "ran" || kind == "skipped"; }
    /// Of times that did not start before their schedule was changed, stopped or deleted.
    [[nodiscard]] bool is_closing() const { return why.find(" did not start: the schedule ") != why.npos; }
};

struct ScheduleWatch::Step {
    Change head;
    std::vector<Change> firings;
};

ScheduleWatch::ScheduleWatch(Invariants& invariants, RunWatch const& runs, Zone zone)
    : invariants_(invariants)
    , runs_(runs)
    , zone_(zone)
    , ledger_([this](std::string what) { broken(std::move(what)); }, "schedule")
{
}

void ScheduleWatch::broken(std::string what) const { invariants_.broken("schedule-once", std::move(what)); }

void ScheduleWatch::begin(Db& db)
{
    watching_ = true;
    db.script(change_table);
    db.script(triggers);
    // A commit that was in doubt when the server went may be on disk: it was seen by nobody.
    for (auto const& firing : Change::all(db, select_firings)) {
        auto& runs = runs_of_[firing.id];
        auto const run = TaskId::parse(firing.run).value();
        if (std::find(runs.begin(), runs.end(), run) != runs.end()) continue;
        runs.push_back(run);
        ledger_.gone(firing.id); // Set again below: its mark has moved with the firing.
        schedules_.erase(firing.id);
        firing.kind == "ran" ? ledger_.ran(firing.id, *firing.at)
                             : ledger_.skipped(firing.id, *firing.at, firing.why);
    }
    std::map<TaskId, Known> there;
    for (auto const& schedule : Change::all(db, select_schedules)) {
        auto const known = schedules_.find(schedule.id);
        if (known == schedules_.end() || known->second.mark != *schedule.mark) set(schedule);
        there.emplace(schedule.id, schedules_.at(schedule.id));
    }
    for (auto const& [id, known] : schedules_)
        if (!there.contains(id)) ledger_.gone(id);
    schedules_ = std::move(there);
}

void ScheduleWatch::look(Db& db)
{
    if (!watching_) return;
    auto changes = Change::all(db, select_changes);
    if (changes.empty()) return;
    // Several transactions may share a commit. In each of them a firing stands behind what moves its
    // schedule; but records of what a change closes stand before the change.
    std::vector<Step> steps;
    std::map<TaskId, std::vector<Change>> closing;
    for (auto& change : changes) {
        auto const id = change.id;
        if (change.is_closing()) {
            closing[id].push_back(std::move(change));
        } else if (!change.is_firing()) {
            steps.push_back({std::move(change), std::exchange(closing[id], {})});
        } else {
            auto const step = std::find_if(
                steps.rbegin(), steps.rend(), [&](Step const& one) { return one.head.id == id; });
            if (step == steps.rend())
                return broken("a firing of schedule " + id.text() + " is recorded, and how far it is is not");
            step->firings.push_back(std::move(change));
        }
    }
    for (auto const& step : steps) see(step);
    ledger_.end_of_transaction();
    db.run("DELETE FROM schedule_change").execute();
}

void ScheduleWatch::see(Step const& step)
{
    auto const& head = step.head;
    for (auto const& firing : step.firings) see_firing(firing);
    if (head.kind == "gone") {
        ledger_.gone(head.id);
        schedules_.erase(head.id);
    } else if (head.kind == "mark") {
        see_mark(step);
    } else {
        // What was due of the old one and had not started is recorded with it.
        auto const known = schedules_.find(head.id);
        bool const moves_on =
            known != schedules_.end() && known->second.is_on && *head.mark >= known->second.mark;
        if (moves_on) ledger_.moved(head.id, known->second.mark, *head.mark);
        set(head);
    }
}

void ScheduleWatch::see_firing(Change const& change)
{
    auto& tally = invariants_.tally();
    auto const run = TaskId::parse(change.run).value();
    if (change.kind == "ran") {
        tally.see(Sight::schedule_run);
        see_overlap(change);
        ledger_.ran(change.id, *change.at);
    } else {
        tally.see(Sight::schedule_skipped);
        if (says_missed(change.why)) tally.see(Sight::schedule_missed);
        if (change.why.empty())
            broken("a time of schedule " + change.id.text() + " is skipped, and nobody says why");
        ledger_.skipped(change.id, *change.at, change.why);
    }
    runs_of_[change.id].push_back(run);
}

void ScheduleWatch::see_overlap(Change const& change)
{
    auto const schedule = schedules_.find(change.id);
    if (schedule == schedules_.end() || !schedule->second.skips_overlaps) return;
    for (auto const earlier : runs_of_[change.id]) {
        auto const* const run = runs_.find(earlier);
        if (!run || is_final(run->state)) continue;
        for (auto const& host : run->hosts) {
            auto const facts = host.task ? invariants_.facts().find(*host.task) : invariants_.facts().end();
            bool const is_open = facts != invariants_.facts().end() && facts->second.log &&
                                 !is_final(facts->second.log->status);
            if (is_open)
                return broken("run " + change.run + " of schedule " + change.id.text() +
                              " begins, and host " + host.ip + " of its run " + earlier.text() +
                              " has not ended");
        }
    }
}

/// A new one, or another one under an old id: its times begin after its mark.
void ScheduleWatch::set(Change const& change)
{
    auto const zone = change.zone.empty() ? zone_ : Zone::named(change.zone).value();
    ledger_.set(change.id, {change.rule, zone, *change.mark, change.is_on, change.jitter});
    if (change.owed) ledger_.in_debt(change.id, *change.owed);
    schedules_.insert_or_assign(change.id, Known{*change.mark, change.is_on, change.overlap == "skip"});
}

void ScheduleWatch::see_mark(Step const& step)
{
    auto const& head = step.head;
    if (*head.mark > *head.before && head.owed) {
        invariants_.tally().see(Sight::schedule_made_up);
        if (step.firings.empty()) ledger_.owes(head.id, *head.owed);
    }
    ledger_.moved(head.id, *head.before, *head.mark);
    if (auto const known = schedules_.find(head.id); known != schedules_.end())
        known->second.mark = *head.mark;
}

void ScheduleWatch::at_rest(Instant until) const
{
    // As long as a run may hold up the next try to record one.
    constexpr std::chrono::minutes retry_time{4};
    ledger_.at_rest(until);
    ledger_.debts_paid(until - retry_time);
}

} // namespace elves::sim
