#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "elves/clock.hpp"
#include "elves/quartz_rule.hpp"
#include "elves/task_id.hpp"

namespace elves {

/// What happens, besides the record, about times that nobody could fire.
enum class Misfire { skip, once };
/// What a firing does while the job's last run is unfinished.
enum class Overlap { skip, allow, replace };

} // namespace elves

/// The state machine of a cron job: which of its times is due, which was missed, and what is owed for it. The
/// server uses it for `center` jobs, the agent for `self` jobs. No I/O: the same question has the same
/// answer.
///
/// Identity: a firing is (cron id, fire time), and the fire time is the rule's own time, without jitter.
/// Whoever drives the machine writes each decision to disk together with `State::accounted`; after a crash it
/// continues from the value on disk.
namespace elves::cron_life {

/// A firing starts at most this late. A time that is handled later is missed.
inline constexpr std::chrono::milliseconds grace{60'000};
/// The time of day is looked at this often at least: it may have been set.
inline constexpr std::chrono::milliseconds longest_wait{5'000};

/// What the machine has to know of a job. A view: `rule` must outlive it.
struct Job {
    QuartzRule const& rule;
    Zone zone;
    std::chrono::seconds delay{0}; ///< How much later than its times it comes due: see `delay_of`.
    std::optional<Instant> start;  ///< No time before this fires,
    std::optional<Instant> end;    ///< and none after this.
    Misfire misfire = Misfire::skip;
    Overlap overlap = Overlap::skip;
};

/// The delay of a job with that jitter, 0 to `jitter`. It depends on these two alone, so that it is the same
/// each time, after a restart, and on the server and the agent.
[[nodiscard]] std::chrono::seconds delay_of(TaskId cron_id, std::chrono::seconds jitter);

/// The job's first time after `after`, within its start and end.
[[nodiscard]] std::optional<Instant> next_time(Job const& job, Instant after);

/// How far a job is. A plain value.
struct State {
    Instant accounted{};         ///< There is a decision for every time up to this one.
    Instant absent_until{};      ///< Times up to here were missed: the server or agent was not running.
    Instant held_until{};        ///< What came due up to here was held up, and is missed as well.
    std::optional<Instant> next; ///< The first time after `accounted`.
    std::optional<Instant>
        owed; ///< The time of a run that makes up for missed ones, and is not recorded yet.
};

/// `accounted` and `owed` as they are on disk. `absent_until`: when the server or agent that fires it
/// started.
[[nodiscard]] State resume(
    Job const& job, Instant accounted, std::optional<Instant> owed, Instant absent_until);

/// When `decide` has something to decide.
[[nodiscard]] std::optional<Instant> deadline(Job const& job, State const& state);

/// Times of a job that passed without a run.
struct MissedTimes {
    std::size_t count = 0;
    Instant first{}; ///< Where `count` is 0, these two mean nothing.
    Instant last{};
};

/// Nothing is due yet.
struct Wait {};
/// The time is due: start a run. With `replaces`, cancel the unfinished runs first.
struct Run {
    Instant fire_time;
    bool replaces = false;
};
/// The time is due, and does not start: the last run is unfinished.
struct Skip {
    Instant fire_time;
};
/// Times passed without a run. With `makes_up` one run is owed for them, at the last of them.
struct Missed {
    MissedTimes times;
    bool was_absent = false; ///< Nobody was there; otherwise somebody was, and came too late.
    bool makes_up = false;
};
using Action = std::variant<Wait, Run, Skip, Missed>;

struct Decision {
    State state; ///< Once the action is on disk.
    Action action;
};

/// What is due of a job at `now`. One time after the other, or all missed ones together.
/// `is_running`: a run of the job is unfinished.
[[nodiscard]] Decision decide(Job const& job, State const& state, Instant now, bool is_running);

/// What becomes of the run that is owed: Run, Skip, or Wait where none is.
[[nodiscard]] Decision make_up(Job const& job, State const& state, bool is_running);

/// The job is about to be changed, paused or deleted: the times up to `now` that have no decision yet, such
/// as one that jitter still delays. Wait where there is none.
[[nodiscard]] Decision close(Job const& job, State const& state, Instant now);

/// The clock was set back to `now`: times after `now` become due again. Those that already ran are recognized
/// by (cron id, fire time). Unchanged where nothing is ahead.
[[nodiscard]] State set_back(Job const& job, State const& state, Instant now);

/// The text of a record: "skipped: 3 times from … to … passed while the server was down; it runs once for
/// them". `who`: "server" or "agent"; `absence`: what it was doing while times passed. Times are in the job's
/// zone.
[[nodiscard]] std::string missed_text(
    Missed const& missed, Zone const& zone, std::string_view who, std::string_view absence = "was down");

/// The text of a record of times that did not start before the job was changed, paused or deleted:
/// "skipped: 3 times from … to … did not start: REASON".
[[nodiscard]] std::string closed_text(MissedTimes const& times, Zone const& zone, std::string_view reason);
/// The same of a run that was owed, and makes up for times up to `owed`.
[[nodiscard]] std::string unpaid_text(Instant owed, Zone const& zone, std::string_view reason);

/// Why firings were skipped, as one of a few words, from the text of their record. The words are `overlap`,
/// `missed`, `changed`, `refused`, `gate`, `limit`, `double` and `other`. Agents report the text alone.
[[nodiscard]] std::string_view skip_reason(std::string_view text);

/// Watches for a clock that was set, by comparing it with one that never is.
class ClockWatch {
public:
    /// By how much the time of day has moved since the last call, beyond what has passed. 0 where that is
    /// less than a second, and at the first call.
    [[nodiscard]] std::chrono::milliseconds look(Instant now, Clock::Steady steady);

private:
    std::optional<Instant> last_;
    Clock::Steady last_steady_{};
};

/// When which job has something to decide. Each call costs a logarithm of the number of jobs.
class DueQueue {
public:
    /// Nothing: it has none.
    void set(TaskId cron_id, std::optional<Instant> deadline);
    void erase(TaskId cron_id) { set(cron_id, std::nullopt); }
    [[nodiscard]] std::optional<Instant> next() const;
    /// Takes out at most `limit` jobs that are due at `now`, the earliest first.
    [[nodiscard]] std::vector<TaskId> take(Instant now, std::size_t limit);

private:
    std::unordered_map<TaskId, Instant> deadlines_;
    std::set<std::pair<Instant, TaskId>> order_;
};

} // namespace elves::cron_life
