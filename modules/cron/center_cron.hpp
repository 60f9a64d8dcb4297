#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "cron_jobs.hpp"
#include "elves/clock.hpp"
#include "elves/cron_schedule.hpp"
#include "elves/services/authority.hpp"
#include "elves/services/task_engine.hpp"

namespace elves {

/// Fires the server's (`center`) jobs. On the loop's thread.
///
/// What keeps every run accounted for is one mark per job on disk, `settled`: it moves in the transaction
/// that records a firing, or says why there was none, and from one time of the rule to the next only. A
/// firing is tried again until it is recorded; what passed behind it, or while the server was down, becomes
/// one record.
class CenterCron {
public:
    CenterCron(CronJobs& jobs, TaskEngine& engine, Clock& clock, Zone zone, LoopExecutor loop);

    /// Takes up all jobs, and accounts for the times that passed while the server was down.
    /// Whom to ask whether a job's key still has the right `files`; null: nobody. Outlives this.
    void set_authority(Authority const* keys) { keys_ = keys; }
    void start();
    void stop();
    /// The job was set, started, stopped or deleted.
    void changed(TaskId id);

private:
    /// How far a job is; there for those that are on.
    struct State {
        std::uint64_t era = 0;  ///< Another one after each change of the job: what began before is void.
        Instant planned{};      ///< Every time up to here is settled, or on its way to be.
        Instant missed_until{}; ///< What came due up to here counts as missed.
        std::chrono::seconds jitter{0};
        std::size_t held = 0;     ///< Firings that could not be recorded and will be tried again.
        bool behind = false;      ///< Times came due meanwhile.
        bool is_counting = false; ///< Its missed times are being counted.
    };
    /// A job's runs, as far as the next turn has to know of them; kept when the job is set anew.
    struct Runs {
        int starting = 0;
        std::optional<std::pair<Instant, TaskId>> last; ///< By fire time.
        Instant newest{};                               ///< The newest that was begun.
    };
    /// One step of a job's mark: a run, or a record that says why there is none.
    struct Firing {
        TaskId cron_id;
        std::uint64_t era = 0;
        Instant from; ///< Where the mark has to stand,
        Instant to;   ///< and where it then stands.
        Instant fire_time;
        std::string skipped;            ///< Why nothing runs; empty: it runs.
        std::optional<Instant> make_up; ///< The time of a run that follows (misfire `once`).
        std::chrono::milliseconds pause{0};
    };
    /// A job whose missed times are being counted; it comes due again when that is done.
    struct Counting {
        TaskId cron_id;
        std::uint64_t era = 0;
        Instant until;
        MissedTimes times;
    };
    enum class Outcome { settled, over, again, refused };
    struct Ending {
        Ending() = default;
        explicit Ending(Outcome outcome_, std::string why_ = {}) : outcome(outcome_), why(std::move(why_)) {}
        Outcome outcome = Outcome::settled;
        std::string why;
    };

    [[nodiscard]] bool is_full() const;
    void schedule(CronJob const& job, State& state, Instant after);
    void arm();
    void turn();
    void take(CronSchedule::Due const& due, Instant now);
    void count_missed(CronJob const& job, State& state, Instant now);
    void count_soon();
    void count_on();
    void missed(CronJob const& job, State& state, Counting const& counted);
    void fire(CronJob const& job, State& state, Instant from, Instant fire_time);

    void begin(Firing firing);
    void ended(Firing firing, Ending const& ending);
    void hold(Firing firing, std::string const& why);
    void let_go(Firing const& firing);
    [[nodiscard]] asio::awaitable<Ending> carry_out(Firing firing);
    [[nodiscard]] asio::awaitable<void> record_skipped(Firing firing, CronJob job);
    [[nodiscard]] asio::awaitable<void> run(Firing firing, CronJob job);
    [[nodiscard]] asio::awaitable<void> cancel(TaskId task);

    [[nodiscard]] State* current(Firing const& firing);
    /// The job's run that is still going on, if one is: when it was due, and which.
    [[nodiscard]] std::optional<std::pair<Instant, TaskId>> unfinished(TaskId id);
    [[nodiscard]] std::string still_going_on(TaskId id);
    [[nodiscard]] Zone zone_of(CronJob const& job) const { return job.zone.value_or(zone_); }

    CronJobs& jobs_;
    TaskEngine& engine_;
    Authority const* keys_ = nullptr;
    Clock& clock_;
    Zone zone_;
    LoopExecutor loop_;
    CronSchedule schedule_;
    std::unordered_map<TaskId, State> states_;
    std::unordered_map<TaskId, Runs> runs_;
    std::unordered_map<std::uint64_t, std::pair<Firing, Timer>> held_;
    std::deque<Counting> counting_;
    bool is_count_posted_ = false;
    Timer timer_;
    std::uint64_t last_number_ = 0; ///< Of eras and of held firings.
    std::size_t recording_ = 0;     ///< Records of what did not run that are on their way to the disk.
    Instant started_{};
    bool running_ = false;
};

} // namespace elves
