#pragma once

#include <set>

#include "elves/sql.hpp"
#include "sim/cron_ledger.hpp"
#include "sim/invariants.hpp"
#include "sim/run_watch.hpp"

namespace elves::sim {

/// Sees what is committed to the server's disk, by triggers of its own that nobody else knows of.
class LogWatch {
public:
    /// `zone`: of jobs that name none. `give_up`: `tasklog.processor_give_up`.
    LogWatch(Invariants& invariants, RunWatch const& runs, Zone zone, std::chrono::seconds give_up);
    /// SQL of a planted bug, run behind each commit.
    std::string plant;
    /// On each connection of the server, when the tables are there.
    void begin(Db& db);
    /// After each commit.
    void look(Db& db);
    /// What was due by then is accounted for.
    void check_crons(Instant until)
    {
        // As long as a server waits for an agent to come back, and then tries.
        constexpr std::chrono::minutes return_time{4};
        ledger_.at_rest(until);
        ledger_.debts_paid(until - return_time);
    }
    void check_crons(Instant until, CronLedger::Late const& late) const { ledger_.check(until, late); }
    /// Nothing is under way any more.
    void at_rest(Db& db);

private:
    void see_firing(LogRow const& log, bool is_merged);
    void see_job(Run const& row, std::string_view kind);
    void check_output(Db& db);

    Invariants& invariants_;
    RunWatch const& runs_;
    Zone zone_;
    std::chrono::seconds give_up_;
    CronLedger ledger_;
    std::set<TaskId> making_up_; ///< Cron jobs whose next run makes up for missed ones.
    bool watching_ = false;
    bool planting_ = false;
};

} // namespace elves::sim
