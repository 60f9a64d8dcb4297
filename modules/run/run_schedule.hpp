#pragma once

#include <optional>
#include <string>

#include "elves/cron_fields.hpp"
#include "elves/cron_life.hpp"
#include "elves/quartz_rule.hpp"
#include "elves/task_id.hpp"
#include "run_spec.hpp"

namespace elves {

/// A run that begins again at the times of a rule. A plain value.
struct RunSchedule {
    RunSchedule(TaskId id_, QuartzRule rule_) : id(id_), rule(std::move(rule_)) {}

    TaskId id;
    QuartzRule rule;
    RunSpec spec;               ///< Of each of its runs: without `at`, `digest` and `dedup`.
    std::optional<Zone> zone{}; ///< Nothing: the server's.
    Misfire misfire = Misfire::skip;
    Overlap overlap = Overlap::skip; ///< `skip` or `allow`.
    Jitter jitter;
    bool on = true;
    std::string by;   ///< The key that set it, or "".
    std::string from; ///< The address that did.
    Instant created{};
    std::int64_t version = 0;      ///< Another one after each change.
    Instant settled{};             ///< There is a decision for every time up to this one.
    std::optional<Instant> owed{}; ///< The time of a run that makes up for missed ones.

    /// As the state machine of times sees it. Valid as long as this.
    [[nodiscard]] cron_life::Job life(Zone const& server) const
    {
        return {rule, zone.value_or(server), cron_life::delay_of(id, jitter.most), {}, {}, misfire, overlap};
    }
    [[nodiscard]] Zone zone_or(Zone const& server) const { return zone.value_or(server); }
};

} // namespace elves
