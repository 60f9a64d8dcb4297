#pragma once

#include <set>
#include <string>

#include "elves/sql.hpp"
#include "sim/cron_ledger.hpp"
#include "sim/invariants.hpp"
#include "sim/sim_clock.hpp"

namespace elves::sim {

/// Sees what is committed to an agent's disk, as LogWatch does at the server.
class JournalWatch {
public:
    JournalWatch(Invariants& invariants, SimTime const& time, std::string agent);
    void begin(Db& db);
    void look(Db& db);
    void at_rest(Instant until);
    /// What was due by `until`, by the agent's clock, of the jobs that it has for longer than `bound`.
    void check_crons(Instant until, std::chrono::seconds bound, CronLedger::Late const& late) const
    {
        ledger_.check(until, late, time_.day() - bound);
    }
    /// The agent's own jobs, by their ids.
    [[nodiscard]] std::set<TaskId> const& jobs() const noexcept { return jobs_; }

private:
    void see_task(Run const& row, bool is_new);
    void see_job(Run const& row, std::string_view kind);
    [[nodiscard]] CronLedger::Job job_of(std::string_view entry, Instant mark) const;

    Invariants& invariants_;
    SimTime const& time_;
    std::string agent_;
    CronLedger ledger_;
    std::set<TaskId> jobs_;
    std::map<TaskId, CronLedger::Job> gone_; ///< In this transaction.
    bool watching_ = false;
};

} // namespace elves::sim
