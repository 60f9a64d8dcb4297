#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "elves/sql.hpp"
#include "sim/cron_ledger.hpp"
#include "sim/invariants.hpp"
#include "sim/process.hpp"
#include "sim/run_watch.hpp"

namespace elves::sim {

/// Sees what is committed to the server's disk of schedules and of their firings, by triggers of its own.
/// schedule-once: every due time of a schedule begins one run, or is recorded as skipped with the reason, or
/// is one of several missed times that one record counts, and that one run makes up for. None has two. With
/// `overlap` `skip` no run begins while hosts of an earlier one have work that is unfinished.
class ScheduleWatch {
public:
    /// `zone`: of schedules that name none.
    ScheduleWatch(Invariants& invariants, RunWatch const& runs, Zone zone);

    /// On each connection of the server, once RunWatch has begun.
    void begin(Db& db);
    /// After each commit, once RunWatch and the log's rows were looked at.
    void look(Db& db);
    /// What was due by then is accounted for.
    void at_rest(Instant until) const;
    void check(Instant until, CronLedger::Late const& late) const { ledger_.check(until, late); }

private:
    struct Change;
    struct Known {
        Instant mark{};
        bool is_on = false;
        bool skips_overlaps = true;
    };
    void broken(std::string what) const;
    /// What one transaction does to one schedule: how far it is, and the firings that it records.
    struct Step;
    void see(Step const& step);
    void see_firing(Change const& change);
    void see_overlap(Change const& change);
    void see_mark(Step const& step);
    void set(Change const& change);

    Invariants& invariants_;
    RunWatch const& runs_;
    Zone zone_;
    CronLedger ledger_;
    std::map<TaskId, Known> schedules_;
    std::map<TaskId, std::vector<TaskId>> runs_of_; ///< By schedule.
    bool watching_ = false;
};

} // namespace elves::sim
