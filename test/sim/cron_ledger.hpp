#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "elves/quartz_rule.hpp"
#include "elves/task_id.hpp"
#include "elves/zone.hpp"

namespace elves::sim {

/// What a record of a firing that did not start says.
[[nodiscard]] inline bool says_missed(std::string const& why)
{
    return why.find(" passed while the ") != why.npos;
}
[[nodiscard]] inline bool says_made_up(std::string const& why)
{
    return why.find("it runs once for them") != why.npos;
}

/// Accounts for every time of every cron job, or schedule of runs, that one party fires. A job has a mark on
/// disk, which moves in the transactions that record its firings: each step of it must stand for just the
/// times of the rule that were recorded with it.
class CronLedger {
public:
    using Broken = std::function<void(std::string what)>;
    using Late = Broken;
    /// `noun`: what a job is called.
    explicit CronLedger(Broken broken, std::string noun = "cron job")
        : broken_(std::move(broken)), noun_(std::move(noun))
    {
    }

    struct Job {
        std::string rule;
        Zone zone;
        Instant mark{};
        bool active = true; ///< This party fires it.
        std::chrono::seconds jitter{0};
        /// By the world's own clock; nothing: when its mark says. Its mark may be hours before.
        Instant came{};
        /// Does it fire at the same times as `other`?
        [[nodiscard]] bool same_times(Job const& other) const
        {
            return rule == other.rule && zone.name() == other.zone.name() && active == other.active &&
                   jitter == other.jitter;
        }
    };
    /// A new job, or another one under an old id: its times begin after its mark.
    void set(TaskId id, Job job);
    void gone(TaskId id) { jobs_.erase(id); }
    [[nodiscard]] Job const* find(TaskId id) const;

    /// Each run that was owed before `before` has been recorded by now.
    void debts_paid(Instant before) const;

    // Within one transaction, in this order.
    /// `is_merged`: it did not start, and was added to the record of another; set back, a clock brings it
    /// again.
    void ran(TaskId id, Instant fire_time, bool is_merged = false);
    void skipped(TaskId id, Instant fire_time, std::string const& why);
    /// A run is owed for a time that was missed. Nothing else is recorded of it, and there is a firing of
    /// each time before it.
    void owes(TaskId id, Instant time);
    /// The same of a time that is accounted for.
    void in_debt(TaskId id, Instant time);
    void moved(TaskId id, Instant from, Instant to);
    void end_of_transaction();

    /// Each due time up to `until` must be accounted for by now.
    void at_rest(Instant until) const { check(until, broken_); }
    /// Of the jobs that came before `came_before`.
    void check(Instant until, Late const& late, Instant came_before = Instant::max()) const;

private:
    struct Record {
        std::optional<Instant> ran; ///< Nothing: it was skipped.
        std::size_t count = 1;
        bool is_owed = false; ///< It stands for the last time alone; those before it have a firing already.
    };
    struct Account {
        Job job;
        std::optional<QuartzRule> rule;
        std::vector<Record> records; ///< Of this transaction, and the mark has not moved for them.
        std::optional<std::string>
            owed; ///< As its record says it: the time of a run that makes up for others.
    };
    [[nodiscard]] std::vector<Instant> times(Account const& account, Instant after, Instant until) const;
    void check(TaskId id, Account& account, Instant from, Instant to);

    Broken broken_;
    std::string noun_;
    std::map<TaskId, Account> jobs_;
    // What is recorded stays recorded, whatever becomes of the job: set back, a clock brings a time again.
    std::map<TaskId, std::set<Instant>> runs_;
    std::map<TaskId, std::set<Instant>> skips_;
};

} // namespace elves::sim
