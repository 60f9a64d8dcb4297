#include "sim/invariants.hpp"

#include <algorithm>

#include "sim/gate_watch.hpp"
#include "sim/liveness.hpp"

namespace elves::sim {

namespace {

/// These say that nothing ran.
bool says_never_started(TaskStatus status)
{
    return status == TaskStatus::expired || status == TaskStatus::undelivered ||
           status == TaskStatus::skipped;
}

/// An agent's own words for a task that it has no worker's word of.
bool is_agents_word(LogRow const& row)
{
    return row.flag == -1 &&
           (row.result == "canceled" || row.result == "the agent was stopped while the task ran" ||
               row.result == "the agent is shutting down" || row.result.starts_with("[410.4]"));
}

Sight sight_of(TaskStatus end)
{
    auto const past_done = static_cast<int>(end) - static_cast<int>(TaskStatus::done);
    return static_cast<Sight>(static_cast<int>(Sight::done) + past_done);
}
static_assert(static_cast<int>(Sight::lost) - static_cast<int>(Sight::done) ==
              static_cast<int>(TaskStatus::lost) - static_cast<int>(TaskStatus::done));

int rank(TaskStatus status) { return std::min(static_cast<int>(status), static_cast<int>(TaskStatus::done)); }

std::string named(TaskId id, LogRow const& row)
{
    return "task " + id.text() + " (" + std::string(type_text(row.type)) + ", " +
           std::string(status_text(row.status)) + ")";
}

} // namespace

void Invariants::broken(std::string invariant, std::string what)
{
    ELVES_SIM_TRACE(nature_.trace, "BROKEN: " << invariant << ": " << what);
    if (!violation_) violation_ = Violation{std::move(invariant), std::move(what)};
}

void Invariants::log_wrote(LogRow const& row)
{
    nature_.trace.digest(row.id.value());
    ELVES_SIM_TRACE(nature_.trace, "log: " << named(row.id, row) << (row.flag ? " with its result" : ""));
    auto& facts = facts_[row.id];
    if (facts.log) check_move(facts, row);
    bool const was_final = facts.log && is_final(facts.log->status);
    if (!was_final) check_verdict(facts, row);
    if (!was_final && is_final(row.status)) tally().see(sight_of(row.status));
    if (was_final && row.flag && !facts.log->flag) tally().see(Sight::late_result);
    if (row.flag && (!facts.log || !facts.log->flag)) check_result(facts, row);
    facts.log = row;
    if (gates) gates->log_wrote(row);
    if (liveness) liveness->log_wrote(row, was_final);
}

void Invariants::check_move(Facts& facts, LogRow const& row)
{
    auto const& before = *facts.log;
    // What was handed over, and provably did not start, waits again.
    bool const waits_again =
        row.status == TaskStatus::waiting && !is_final(before.status) && facts.starts == 0;
    if (is_final(before.status) && (row.status != before.status || row.end != before.end))
        broken("one-final-state", named(row.id, before) + " becomes " + std::string(status_text(row.status)));
    if (waits_again) facts.went_back_from = before.status;
    if (rank(row.status) < rank(before.status) && !waits_again)
        broken("status-forward",
            named(row.id, before) + " goes back to " + std::string(status_text(row.status)));
    if (before.flag && (row.flag != before.flag || row.result != before.result))
        broken("result-once", named(row.id, before) + " gets another result");
}

void Invariants::check_verdict(Facts const& facts, LogRow const& row)
{
    bool right = true;
    switch (row.status) {
    case TaskStatus::done:
        right = row.flag == 1;
        break;
    case TaskStatus::failed:
        right = row.flag == 0 || row.flag == -1 || row.handed == false;
        break;
    case TaskStatus::timeout:
        right = row.type == TaskType::rt || row.flag == -1;
        break;
    case TaskStatus::running:
        right = facts.journal.has_value();
        break;
    default:
        break;
    }
    if (!right) broken("status-true", named(row.id, row) + ": nothing says so");
    // Both programs are of one version: what one sends, the other can read.
    if (row.handed == false && row.error.starts_with("[403.") && row.error.find("; give ") != row.error.npos)
        broken("understood", named(row.id, row) + ": " + row.error);
    if (says_never_started(row.status) && facts.starts > 0)
        broken("never-started", named(row.id, row) + ", but its worker was started");
}

void Invariants::check_result(Facts const& facts, LogRow const& row)
{
    bool const of_worker =
        facts.worker && facts.worker->flag == row.flag && facts.worker->result == row.result;
    if (!of_worker && !is_agents_word(row))
        broken("result-true", named(row.id, row) + ": its worker did not say " +
                                  std::to_string(row.flag.value_or(-1)) + " \"" + row.result + "\"");
}

void Invariants::printed(TaskId id, OutputStream stream, std::string_view text)
{
    facts_[id].printed.at(static_cast<std::size_t>(stream)) += text;
}

void Invariants::output_is(TaskId id, OutputStream stream, KnownOutput const& known)
{
    auto const& printed = facts_[id].printed.at(static_cast<std::size_t>(stream));
    tally().see(known.is_marked ? Sight::output_cut : Sight::output_kept);
    if (known.is_marked ? printed.starts_with(known.text) || known.text.find("left out") != known.text.npos
                        : printed == known.text)
        return;
    broken("output-complete", "of what task " + id.text() + " printed, " + std::to_string(printed.size()) +
                                  " bytes, " + std::to_string(known.text.size()) + " are kept" +
                                  (known.is_marked ? " and not as they were" : "; it is not marked as cut"));
}

void Invariants::log_erased(TaskId id) { broken("acknowledged-known", "task " + id.text() + " is erased"); }

void Invariants::journal_wrote(std::string const& agent, JournalRow const& row)
{
    auto& facts = facts_[row.id];
    bool const newly_confirmed = row.confirmed && !(facts.journal && facts.journal->confirmed);
    // Of times that it skipped, several may share one record: then they have none of their own.
    bool const may_share = row.skipped && !facts.log;
    // That it did not start is no result.
    if (newly_confirmed && facts.starts > 0 && !may_share &&
        !(facts.log && (facts.log->flag || facts.log->status == TaskStatus::skipped)))
        broken("confirmed-known",
            agent + " was told that the result of task " + row.id.text() + " is on disk, and it is not");
    facts.journal = row;
    if (liveness) liveness->journal_wrote(agent, row);
}

void Invariants::registered(std::string const& agent)
{
    if (liveness) liveness->registered(agent);
}

void Invariants::worker_started(std::string const& agent, TaskId id)
{
    auto& facts = facts_[id];
    if (liveness) liveness->worker_started(id);
    if (gates) gates->worker_started(id);
    if (++facts.starts > 1) broken("starts-once", "task " + id.text() + " starts again on " + agent);
    if (!facts.journal || facts.journal->stage != "started")
        return broken("journal-first", "task " + id.text() + " starts before the journal says so");
    if (facts.journal->cron_id) {
        auto const firing = std::pair(*facts.journal->cron_id, *facts.journal->fire_time);
        if (!firings_.emplace(firing, id).second)
            broken("starts-once", "the firing of " + iso_text(firing.second) + " of cron job " +
                                      firing.first.text() + " starts again");
        return;
    }
    if (!facts.log) return broken("log-knows-first", "task " + id.text() + " starts and is not in the log");
    auto const& row = *facts.log;
    // Whoever fired it, the server or the agent's own cron: one start for each time.
    if (row.cron_id && row.fire_time && !firings_.emplace(std::pair(*row.cron_id, *row.fire_time), id).second)
        broken("starts-once", "the firing of " + iso_text(*row.fire_time) + " of cron job " +
                                  row.cron_id->text() + " starts again");
    if (row.agent != agent) broken("right-agent", named(id, row) + " starts on " + agent);
    if (says_never_started(row.status)) broken("never-started", named(id, row) + " starts");
    if (row.status == TaskStatus::lost && row.error.find("does not know") != std::string::npos)
        broken("lost-stays", named(id, row) + " starts on an agent that did not know it");
    if (row.status == TaskStatus::timeout) broken("never-started", named(id, row) + " starts");
    if (row.status == TaskStatus::canceled && !row.cancel_due)
        broken("canceled-stays", named(id, row) + " starts on an agent that knows of the cancel");
}

void Invariants::worker_ended(TaskId id, WorkerReport const& report)
{
    facts_[id].worker = report;
    if (gates) gates->worker_ended(id);
}

void Invariants::acknowledged(TaskId id, bool taken)
{
    auto const& facts = facts_[id];
    if (!facts.log)
        broken("acknowledged-known", "task " + id.text() + " was acknowledged and is not in the log");
    // Of an `rt` task it says no more than that it was handed to the agent's connection.
    bool const journal_knows = facts.journal || (facts.log && facts.log->type == TaskType::rt);
    if (taken && !journal_knows)
        broken("taken-true", "task " + id.text() + " was said to be taken, and its agent has no trace of it");
}

void Invariants::acknowledged_once(std::string const& agent, std::string const& dedup, TaskId id)
{
    auto const [place, fresh] = dedups_.try_emplace({agent, dedup}, id);
    if (!fresh) tally().see(Sight::dedup_again);
    if (!fresh && place->second != id)
        broken(
            "dedup-once", "dedup " + dedup + " is task " + place->second.text() + " and task " + id.text());
}

void Invariants::told(TaskId id, std::int64_t flag, std::string const& result)
{
    auto& facts = facts_[id];
    if (flag != 1 && flag != 0) return;
    tally().see(Sight::sync_answer);
    if (!facts.worker || facts.worker->flag != flag || facts.worker->result != result)
        broken("told-true", "task " + id.text() + " was answered with what its worker did not say: " +
                                std::to_string(flag) + " \"" + result + "\"");
    facts.heard_true = facts.heard_true || flag == 1;
}

void Invariants::told_none(TaskId id, std::string const& handover_error, std::string const& result)
{
    if (!liveness) return;
    if (result.starts_with("no result within")) liveness->told_end(id, result);
    if (handover_error.starts_with("[410.1]")) liveness->told_end(id, handover_error);
}

void Invariants::shown(TaskId id, TaskStatus status)
{
    auto const& facts = facts_[id];
    // While the answer was under way it may have turned out that the task did not start.
    bool const went_back = facts.went_back_from && rank(status) <= rank(*facts.went_back_from);
    bool const is_behind = facts.log && rank(facts.log->status) < rank(status) && !went_back;
    if (!facts.log || is_behind || (is_final(status) && facts.log->status != status))
        broken("shown-true", "task " + id.text() + " was shown as " + std::string(status_text(status)) +
                                 ", and the log differs");
}

void Invariants::delivered(TaskId id, std::int64_t flag, std::string const& result)
{
    auto const& facts = facts_[id];
    if (!facts.log || !is_final(facts.log->status))
        return broken("delivered-final", "task " + id.text() + " was delivered before its end is on disk");
    if (flag == 1 && (!facts.worker || facts.worker->flag != 1 || facts.worker->result != result))
        broken("delivered-true", "task " + id.text() + " was delivered with what its worker did not say");
}

void Invariants::paid(TaskId id, bool confirmed, bool may_give_up)
{
    tally().see(confirmed ? Sight::delivered : Sight::gave_up);
    if (confirmed && !facts_[id].processor_took)
        broken("delivered-true",
            "task " + id.text() + " is called delivered, and its processor did not take it");
    if (!confirmed && !may_give_up)
        broken("outbox-drained", "the delivery of task " + id.text() + " was given up before its time");
}

std::size_t Invariants::unfinished() const
{
    return static_cast<std::size_t>(std::count_if(facts_.begin(), facts_.end(), [](auto const& known) {
        auto const& facts = known.second;
        return (facts.log && (!is_final(facts.log->status) || facts.log->cancel_due)) ||
               (facts.journal && !facts.journal->confirmed);
    }));
}

void Invariants::at_rest()
{
    for (auto const& [id, facts] : facts_) {
        if (facts.log && !is_final(facts.log->status)) broken("all-finished", named(id, *facts.log));
        if (facts.log && facts.log->cancel_due)
            broken("all-finished", named(id, *facts.log) + ": cancel_due");
        if (facts.journal && !facts.journal->confirmed)
            broken("all-confirmed", "the result of task " + id.text() + " is not confirmed to its agent");
        if (facts.journal && !facts.log && !facts.journal->skipped)
            broken("acknowledged-known", "task " + id.text() + " is in a journal and not in the log");
        if (facts.heard_true && !(facts.log && facts.log->flag == 1))
            broken(
                "told-true", "task " + id.text() + " was answered with true, and the log has no such result");
        if (!facts.journal || !facts.journal->cron_id || !facts.log) continue;
        if (facts.log->cron_id != facts.journal->cron_id || facts.log->fire_time != facts.journal->fire_time)
            broken("firing-reported", "task " + id.text() + " is another firing in the log: " +
                                          iso_text(facts.log->fire_time.value_or(Instant())) +
                                          " instead of " + iso_text(*facts.journal->fire_time));
        if (facts.journal->skipped != (facts.log->status == TaskStatus::skipped))
            broken("firing-reported", "task " + id.text() + " is skipped in one, and not in the other");
    }
}

} // namespace elves::sim
