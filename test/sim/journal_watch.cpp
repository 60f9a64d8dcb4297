#include "sim/journal_watch.hpp"

#include "agent/own_job.hpp"
#include "elves/json_document.hpp"
#include "elves/worker_report.hpp"
#include "sim/trigger.hpp"

namespace elves::sim {

namespace {

constexpr auto change_table =
    "CREATE TEMP TABLE change (n INTEGER PRIMARY KEY, kind TEXT, id TEXT, stage TEXT, confirmed INTEGER, "
    "cron_id TEXT, fire_time INTEGER, skipped INTEGER, result TEXT, entry TEXT, mark_before INTEGER, "
    "mark INTEGER);\n";

/// What a trigger writes down, after its kind.
constexpr std::string_view task_values = "(kind, id, stage, confirmed, cron_id, fire_time, skipped, result) "
                                         "VALUES (?, NEW.id, NEW.stage, NEW.confirmed IS NOT NULL, "
                                         "iif(NEW.sent, NULL, NEW.cron_id), NEW.fire_time, "
                                         "NEW.skipped, "
                                         "NEW.result)";

std::string triggers()
{
    return change_table + trigger("new", "INSERT ON main.task", task_values) +
           trigger("task", "UPDATE ON main.task", task_values) +
           trigger("job", "INSERT ON main.cron",
               "(kind, cron_id, entry, mark) VALUES (?, NEW.id, NEW.entry, NEW.accounted)") +
           trigger("mark", "UPDATE OF accounted ON main.cron",
               "(kind, cron_id, mark_before, mark) VALUES (?, NEW.id, OLD.accounted, NEW.accounted)") +
           trigger("no job", "DELETE ON main.cron", "(kind, cron_id) VALUES (?, OLD.id)");
}

constexpr std::string_view select_changes =
    "SELECT kind, id, stage, confirmed, cron_id, fire_time, skipped, result, entry, mark_before, mark "
    "FROM change ORDER BY n";

Instant instant(std::int64_t ms) { return Instant(std::chrono::milliseconds(ms)); }

} // namespace

JournalWatch::JournalWatch(Invariants& invariants, SimTime const& time, std::string agent)
    : invariants_(invariants), time_(time), agent_(std::move(agent)), ledger_([this](std::string what) {
        invariants_.broken("firing-accounted", agent_ + ": " + std::move(what));
    })
{
}

CronLedger::Job JournalWatch::job_of(std::string_view entry, Instant mark) const
{
    auto const job = agent::OwnJob::read(JsonDocument::parse(entry).root(), Zone());
    return {job.rule.text(), job.zone, mark, job.on, job.jitter, time_.day()};
}

void JournalWatch::begin(Db& db)
{
    watching_ = true;
    db.script(triggers());
    // A crash may come between a commit that is on disk and the look at it.
    std::set<TaskId> there;
    for (auto row = db.run("SELECT id, entry, accounted FROM main.cron"); row.next();) {
        auto const id = TaskId::parse(row.text(0)).value();
        there.insert(id);
        auto const now = job_of(row.text(1), instant(row.number(2)));
        auto const* const known = ledger_.find(id);
        if (!known || known->mark != now.mark || !known->same_times(now)) ledger_.set(id, now);
    }
    for (auto const id : jobs_)
        if (!there.contains(id)) ledger_.gone(id);
    jobs_ = std::move(there);
}

void JournalWatch::look(Db& db)
{
    if (!watching_) return;
    {
        auto row = db.run(select_changes);
        while (row.next()) {
            auto const kind = row.text(0);
            kind == "new" || kind == "task" ? see_task(row, kind == "new") : see_job(row, kind);
        }
    }
    for (auto const& [id, job] : gone_) ledger_.gone(id);
    gone_.clear();
    ledger_.end_of_transaction();
    db.run("DELETE FROM change").execute();
}

void JournalWatch::see_task(Run const& row, bool is_new)
{
    JournalRow journal;
    journal.id = TaskId::parse(row.text(1)).value();
    journal.stage = row.text(2);
    journal.confirmed = row.number(3) == 1;
    if (!row.is_null(4)) {
        journal.cron_id = TaskId::parse(row.text(4)).value();
        journal.fire_time = instant(row.number(5));
    }
    journal.skipped = row.number(6) == 1;
    if (journal.skipped) journal.why = read_report(JsonDocument::parse(row.text(7)).root(), Zone()).result;
    invariants_.journal_wrote(agent_, journal);
    if (!is_new || !journal.cron_id) return;
    journal.skipped ? ledger_.skipped(*journal.cron_id, *journal.fire_time, journal.why)
                    : ledger_.ran(*journal.cron_id, *journal.fire_time);
    if (!journal.skipped) invariants_.tally().see(Sight::own_run);
    if (says_missed(journal.why)) invariants_.tally().see(Sight::own_missed);
    if (says_made_up(journal.why)) invariants_.tally().see(Sight::made_up);
}

/// The whole list is written anew each time: a job that goes and comes back as it was has its mark, still.
void JournalWatch::see_job(Run const& row, std::string_view kind)
{
    auto const id = TaskId::parse(row.text(4)).value();
    if (kind == "no job") {
        if (auto const* const job = ledger_.find(id)) gone_.emplace(id, *job);
        jobs_.erase(id);
    } else if (kind == "job") {
        jobs_.insert(id);
        auto const now = job_of(row.text(8), instant(row.number(10)));
        auto const before = gone_.extract(id);
        if (!before || !before.mapped().same_times(now)) return ledger_.set(id, now);
        if (before.mapped().mark != now.mark)
            invariants_.broken("firing-accounted", agent_ + ": the mark of cron job " + id.text() +
                                                       " was at " + iso_text(before.mapped().mark) +
                                                       " and is set to " + iso_text(now.mark));
    } else {
        ledger_.moved(id, instant(row.number(9)), instant(row.number(10)));
    }
}

void JournalWatch::at_rest(Instant until) { ledger_.at_rest(until); }

} // namespace elves::sim
