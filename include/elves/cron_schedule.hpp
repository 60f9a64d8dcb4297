#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "elves/quartz_rule.hpp"
#include "elves/task_id.hpp"

namespace elves {

/// Times of a rule that passed without a run.
struct MissedTimes {
    std::size_t count = 0; ///< Counted up to the limit that was given.
    bool more = false;     ///< There were more than that.
    Instant first{};
    Instant last{}; ///< The last one in the span, also where `more`... see missed_times.
};

/// Which cron job fires when, for the server's jobs and the agent's own. No I/O, no clock of its own: it is
/// told the time. Cost of each call: logarithmic in the number of jobs.
class CronSchedule {
public:
    /// A job's turn: `fire_time` is the rule's time, which with the cron id is the firing's identity; with
    /// jitter it comes due later than that.
    struct Due {
        TaskId cron_id;
        Instant fire_time;
    };

    /// Adds a job or replaces it; its first time is the first one after `after`.
    void set(TaskId cron_id, QuartzRule rule, Zone zone, std::chrono::seconds jitter, Instant after);
    void erase(TaskId cron_id);
    /// When the next job comes due (jitter included), if any will.
    [[nodiscard]] std::optional<Instant> next_due() const;
    /// The rule's next time of that job (jitter not included).
    [[nodiscard]] std::optional<Instant> next_fire_time(TaskId cron_id) const;
    /// Takes out up to `limit` firings due at `now`, oldest first; each job goes on to its next time.
    [[nodiscard]] std::vector<Due> take_due(Instant now, std::size_t limit);

private:
    // PRIVATE PARTS: the implementer's choice.
};

/// The rule's times in (after, until], counted up to `limit`.
[[nodiscard]] MissedTimes missed_times(
    QuartzRule const& rule, Zone const& zone, Instant after, Instant until, std::size_t limit);

} // namespace elves
