#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "elves/quartz_rule.hpp"
#include "elves/task_id.hpp"

namespace elves {

/// Times of a rule that passed without a run.
struct MissedTimes {
    std::size_t count = 0; ///< Counted up to the limit that was given.
    bool more = false;     ///< There were more than that, later than `last`.
    Instant first{};       ///< The oldest; where `count` is 0 it means nothing.
    Instant last{};        ///< The latest of those counted.
};

/// Which cron job fires when, for the server's jobs and the agent's own. No I/O, no clock of its own: it is
/// told the time. Cost of each call: logarithmic in the number of jobs. Jobs with the same rule share it in
/// memory.
class CronSchedule {
public:
    /// A job's turn: `fire_time` is the rule's time, which with the cron id is the firing's identity; with
    /// jitter it comes due later than that.
    struct Due {
        TaskId cron_id;
        Instant fire_time;
        friend bool operator==(Due const&, Due const&) = default;
    };

    /// Adds a job or replaces it; its first time is the first one after `after`. It comes due up to `jitter`
    /// later than its rule says: how much hangs on the cron id and `jitter` alone, so it is the same each
    /// time and after a restart. A rule without a next time is kept, and never comes due.
    void set(TaskId cron_id, QuartzRule rule, Zone zone, std::chrono::seconds jitter, Instant after);
    /// Does nothing where there is no such job.
    void erase(TaskId cron_id);
    /// When the next job comes due (jitter included), if any will.
    [[nodiscard]] std::optional<Instant> next_due() const;
    /// The rule's next time of that job (jitter not included). Nothing where it has none, or there is no such
    /// job.
    [[nodiscard]] std::optional<Instant> next_fire_time(TaskId cron_id) const;
    /// Takes out up to `limit` firings due at `now`, oldest first; each job goes on to its next time. After a
    /// jump of the clock a job is due for each time that it passed: to drop those instead, `set` it anew from
    /// `now`.
    [[nodiscard]] std::vector<Due> take_due(Instant now, std::size_t limit);

private:
    using Rule = std::shared_ptr<QuartzRule const>;

    struct Job {
        Rule rule;
        Zone zone;
        std::chrono::seconds delay; // its jitter
        std::optional<Instant> fire_time;
    };

    [[nodiscard]] Rule share(QuartzRule rule);
    void release(Rule rule);
    void plan(TaskId cron_id, Job& job, Instant after);

    std::unordered_map<TaskId, Job> jobs_;
    std::set<std::pair<Instant, TaskId>> due_; // the jobs with a next time, by when they come due
    std::map<std::string_view, Rule> rules_;   // by their text, which the rule owns
};

/// The rule's times in (after, until], counted up to `limit` from the oldest on: `last` is the latest in the
/// span only where `more` is not set. So it costs no more than `limit` searches, however long the span is.
[[nodiscard]] MissedTimes missed_times(
    QuartzRule const& rule, Zone const& zone, Instant after, Instant until, std::size_t limit);

} // namespace elves
