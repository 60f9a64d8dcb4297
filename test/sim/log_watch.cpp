#include "sim/log_watch.hpp"

#include <limits>

#include "audit/audit_verify.hpp"
#include "sim/liveness.hpp"
#include "sim/trigger.hpp"
#include "tasklog/task_records.hpp"

namespace elves::sim {

using namespace std::chrono_literals;

namespace {

constexpr auto change_table =
    "CREATE TEMP TABLE change (n INTEGER PRIMARY KEY, kind TEXT, id TEXT, agent TEXT, type TEXT, "
    "status TEXT, ended INTEGER, flag INTEGER, result TEXT, handed INTEGER, error TEXT, cancel_due INTEGER, "
    "cron_id TEXT, fire_time INTEGER, ttl INTEGER, accepted INTEGER, rule TEXT, zone TEXT, is_on INTEGER, "
    "mark_before INTEGER, "
    "mark INTEGER, app TEXT, func TEXT, param TEXT, sent INTEGER);\n";

/// What a trigger writes down, after its kind. In the place of a rule stands who asked for a task.
#define TASK_VALUES(time)                                                                                    \
    "(kind, id, agent, type, status, ended, flag, result, handed, error, cancel_due, cron_id, fire_time, "   \
    "ttl, accepted, rule, app, func, param, sent) SELECT ?, id, agent, type, status, end_time, "             \
    "worker_flag, worker_result, sync_flag, sync_error, cancel_due, cron_id, " time ", ttl, start_time, "    \
    "asked_from, app, func, param, sent_time FROM tasks "                                                    \
    "WHERE key = NEW.key"
constexpr std::string_view task_values = TASK_VALUES("fire_time");
/// A firing that was added to a record: in the place of the record's own time stands the firing's.
constexpr std::string_view merged_values = TASK_VALUES("last_fire_time");
constexpr std::string_view job_values =
    "(kind, cron_id, type, rule, zone, is_on, mark) "
    "VALUES (?, NEW.id, NEW.type, NEW.rule, NEW.zone, "
    "NEW.is_on AND iif(NEW.type = 'center', NEW.agent_knows = 0, NEW.refused <> ''), NEW.settled)";

std::string triggers()
{
    // An outcome that is written with its task comes before it, and is seen with it.
    return change_table + trigger("new", "INSERT ON main.task_requests", task_values) +
           trigger("audited", "INSERT ON main.audit_pages",
               "(kind, mark_before, mark) VALUES (?, NEW.first - 1, NEW.last)") +
           trigger("task", "INSERT ON main.task_outcomes", task_values) +
           trigger("merged", "UPDATE OF firings ON main.task_requests", merged_values) +
           trigger("erased", "DELETE ON main.task_requests",
               "(kind, id) VALUES (?, printf('%016X', coalesce(OLD.own_id, OLD.key)))") +
           trigger("paid", "DELETE ON main.deliveries",
               "(kind, id, flag) SELECT ?, id, module_sync_flag = 'true' FROM tasks WHERE id = OLD.id") +
           trigger("job", "INSERT ON main.cron_job", job_values) +
           // Both of these set the mark, too, and by hand: what was due before is nobody's any more.
           trigger("job", "UPDATE OF rule ON main.cron_job", job_values) +
           trigger("job", "UPDATE OF is_on ON main.cron_job", job_values) +
           trigger("mark", "UPDATE OF settled ON main.cron_job",
               "(kind, cron_id, mark_before, mark) VALUES (?, NEW.id, OLD.settled, NEW.settled)") +
           trigger("no job", "DELETE ON main.cron_job", "(kind, cron_id) VALUES (?, OLD.id)");
}

constexpr std::string_view select_changes =
    "SELECT kind, id, agent, type, status, ended, flag, result, handed, error, cancel_due, cron_id, "
    "fire_time, "
    "rule, zone, is_on, mark_before, mark, "
    "EXISTS (SELECT 1 FROM change AS other WHERE abs(other.n - this.n) = 1 AND other.kind = 'job' "
    "AND other.cron_id = this.cron_id), ttl, accepted, app, func, param, sent FROM change AS this ORDER BY n";

/// All that the log has, in the columns of the changes.
constexpr std::string_view select_log =
    "SELECT 'task', id, agent, type, status, end_time, worker_flag, worker_result, sync_flag, sync_error, "
    "cancel_due, cron_id, fire_time, asked_from, '', 0, 0, 0, 0, ttl, start_time, app, func, param, "
    "sent_time "
    "FROM tasks ORDER BY key";

std::optional<std::int64_t> maybe(Run const& row, int column)
{
    return row.is_null(column) ? std::nullopt : std::optional(row.number(column));
}

Instant instant(std::int64_t ms) { return Instant(std::chrono::milliseconds(ms)); }

TaskId id_at(Run const& row, int column) { return TaskId::parse(row.text(column)).value(); }

LogRow log_row(Run const& row)
{
    LogRow log;
    log.id = id_at(row, 1);
    log.agent = row.text(2);
    log.type = parse_type(row.text(3)).value();
    log.status = parse_status(row.text(4)).value();
    log.end = maybe(row, 5);
    log.flag = maybe(row, 6);
    log.result = row.text(7);
    if (!row.is_null(8)) log.handed = row.number(8) == 1;
    log.error = row.text(9);
    log.cancel_due = row.number(10) == 1;
    if (!row.is_null(11)) log.cron_id = id_at(row, 11);
    if (auto const time = maybe(row, 12)) log.fire_time = instant(*time);
    log.ttl = std::chrono::seconds(maybe(row, 19).value_or(0));
    log.accepted = instant(maybe(row, 20).value_or(0));
    log.from = row.text(13);
    log.app = row.text(21);
    log.func = row.text(22);
    log.param = row.text(23);
    if (auto const sent = maybe(row, 24)) log.sent = instant(*sent);
    return log;
}

/// The tasks and runs that records of the trail say were asked for, of those behind `after` up to `last`.
void add_audited(Db& db, std::int64_t after, std::int64_t last, std::set<TaskId>& tasks)
{
    for (auto const& record : audit::rows(db, after, last - after).records) {
        bool const begins = record.method.starts_with("sheduler.send") || record.method == "run.startrun" ||
                            record.method == "run.retryrun";
        if (record.changed && begins) tasks.insert(TaskId::parse(record.target).value());
    }
}

} // namespace

LogWatch::LogWatch(Invariants& invariants, RunWatch const& runs, Zone zone, std::chrono::seconds give_up)
    : invariants_(invariants)
    , runs_(runs)
    , zone_(zone)
    , give_up_(give_up)
    , ledger_([&invariants](std::string what) { invariants.broken("firing-accounted", std::move(what)); })
{
}

void LogWatch::begin(Db& db)
{
    watching_ = true;
    db.script(triggers());
    // A commit that was in doubt when the server went may be on disk: its change was seen by nobody.
    auto row = db.run(select_log);
    while (row.next()) {
        auto const log = log_row(row);
        auto const known = invariants_.facts().find(log.id);
        bool const is_other =
            known != invariants_.facts().end() && known->second.log &&
            (known->second.log->status != log.status || known->second.log->sent != log.sent);
        if (is_other) invariants_.log_wrote(log);
    }
}

void LogWatch::look(Db& db)
{
    if (!watching_) return;
    // Of a run its beginning is audited, and none of its tasks.
    auto asked = planting_ ? std::set<TaskId>() : runs_.made();
    std::set<TaskId> audited;
    {
        auto row = db.run(select_changes);
        while (row.next()) {
            auto const kind = row.text(0);
            if (kind == "erased") {
                invariants_.log_erased(id_at(row, 1));
            } else if (kind == "audited") {
                add_audited(db, row.number(16), row.number(17), audited);
            } else if (kind == "new" || kind == "task" || kind == "merged") {
                auto const log = log_row(row);
                if (kind == "new" && !log.cron_id && !runs_.run_of(log.id)) asked.insert(log.id);
                if (kind != "merged") invariants_.log_wrote(log);
                if (kind == "task" || !log.cron_id || !ledger_.find(*log.cron_id)) continue;
                // The agent's own have a ledger of their own.
                if (!ledger_.find(*log.cron_id)->active || row.text(13) != "cron") continue;
                see_firing(log, kind == "merged");
            } else if (kind == "paid") {
                // Whatever was set at its clock in between.
                invariants_.paid(id_at(row, 1), row.number(6) == 1, give_up_ < 12h);
            } else {
                see_job(row, kind);
            }
        }
    }
    ledger_.end_of_transaction();
    if (asked != audited)
        invariants_.broken(
            "audited", "of one commit's tasks and the audit trail's rows of them one lacks the other");
    db.run("DELETE FROM change").execute();
    if (plant.empty() || std::exchange(planting_, true)) return;
    db.script(plant);
    look(db);
    planting_ = false;
}

void LogWatch::see_firing(LogRow const& log, bool is_merged)
{
    auto& tally = invariants_.tally();
    if (log.status != TaskStatus::skipped) {
        tally.see(Sight::center_run);
        bool const makes_up = making_up_.erase(*log.cron_id) > 0;
        if (makes_up && invariants_.liveness) invariants_.liveness->makes_up(log.id);
        return ledger_.ran(*log.cron_id, *log.fire_time, is_merged);
    }
    if (says_missed(log.error)) tally.see(Sight::center_missed);
    if (says_made_up(log.error)) {
        tally.see(Sight::made_up);
        making_up_.insert(*log.cron_id);
    }
    ledger_.skipped(*log.cron_id, *log.fire_time, log.error);
}

void LogWatch::see_job(Run const& row, std::string_view kind)
{
    auto const id = id_at(row, 11);
    if (kind == "no job") {
        ledger_.gone(id);
    } else if (kind == "job") {
        auto const zone = row.is_null(14) ? zone_ : Zone::named(row.text(14)).value();
        bool const active = row.number(15) == 1; // It is fired, or accounted for, by the server.
        ledger_.set(id, {std::string(row.text(13)), zone, instant(row.number(17)), active, {}});
    } else if (row.number(18) == 0) {
        ledger_.moved(id, instant(row.number(16)), instant(row.number(17)));
    }
}

void LogWatch::at_rest(Db& db)
{
    invariants_.at_rest();
    auto const trail = audit::verify(db, std::nullopt, std::numeric_limits<std::int64_t>::max());
    if (trail.found) invariants_.broken("audit-chain", trail.found->what);
    auto owed = db.run("SELECT id FROM deliveries");
    while (owed.next())
        invariants_.broken("outbox-drained", "task " + std::string(owed.text(0)) + " is owed");
    check_output(db);
    auto lost = db.run("SELECT id, status FROM tasks WHERE mode = 'P' AND status <> 'skipped' "
                       "AND module_sync_flag = ''");
    while (lost.next())
        invariants_.broken("outbox-drained", "task " + std::string(lost.text(0)) + " (" +
                                                 std::string(lost.text(1)) + ") never reached its processor");
}

/// Complete, or marked.
void LogWatch::check_output(Db& db)
{
    for (auto const& [id, facts] : invariants_.facts()) {
        if (facts.printed[0].empty() && facts.printed[1].empty()) continue;
        auto const row = task_records::find(db, id);
        bool const is_cut = row && row->task.report && row->task.report->truncated;
        if (!row || !row->task.report) continue; // Nobody has its result either.
        for (auto const stream : {OutputStream::output, OutputStream::errors}) {
            auto const size = task_records::output_size(db, id, stream);
            Invariants::KnownOutput known;
            for (auto const& piece : task_records::output(db, id, stream, 0, size)) known.text += piece.data;
            known.is_marked = is_cut || task_records::left_out(db, id) > 0;
            invariants_.output_is(id, stream, known);
        }
    }
}

} // namespace elves::sim
