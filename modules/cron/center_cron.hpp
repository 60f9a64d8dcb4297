#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cron_jobs.hpp"
#include "elves/clock.hpp"
#include "elves/cron_life.hpp"
#include "elves/services/authority.hpp"
#include "elves/services/presence.hpp"
#include "elves/services/task_engine.hpp"

namespace elves {

/// Fires the server's (`center`) jobs, and records the times of `self` jobs that their agents refuse. Drives
/// elves::cron_life. On the loop's thread.
///
/// Each job has one mark on disk, `settled`. It moves in the transaction that records a firing or why there
/// was none. A firing is tried again until it is recorded; what passes behind it becomes one record. The
/// run that makes up for missed times is a debt of its own on disk, `owed`: it waits until the agent is back.
class CenterCron {
public:
    CenterCron(
        CronJobs& jobs, TaskEngine& engine, Presence& presence, Clock& clock, Zone zone, LoopExecutor loop);

    /// Whom to ask whether a job's key still has the right `files`; null: nobody. Outlives this.
    void set_authority(Authority const* keys) { keys_ = keys; }
    /// Takes up all jobs, and accounts for the times that passed while the server was down.
    void start();
    void stop();
    /// The job is new, fires at other times than before, was started, stopped or deleted, or its agent was
    /// told of it.
    void changed(TaskId id);
    /// What is about to happen to a job.
    enum class Closing { changed, paused, deleted };
    /// Before that: records the job's times up to now that have not started, and a run that is owed, each
    /// with the reason. Throws Error 507.1 where the disk refuses, 429.1 where an earlier time is not
    /// recorded in time: nothing has changed then.
    [[nodiscard]] asio::awaitable<void> close(TaskId id, Closing closing);
    /// It is about to be deleted, and may have firings that are not recorded yet.
    void deleting(CronJob const& job);
    /// The next time of a job that is fired here. Nothing where there is none, or it is not fired here.
    [[nodiscard]] std::optional<Instant> next_time(TaskId id) const;

    /// Who asks for a run now.
    struct Asked {
        std::string by;
        std::string from;
        std::function<void(Db&)> also;
    };
    /// Runs the job now, whatever its rule says; its overlap rule applies. Returns the task, which is
    /// `skipped` where that rule is against it. Throws what TaskEngine::send throws.
    [[nodiscard]] asio::awaitable<Task> run_now(CronJob job, Asked asked);

private:
    /// How far a job is; there for those that are fired here.
    struct Entry {
        cron_life::State state;
        std::uint64_t era = 0; ///< Another one after each change of its times: what began before is void.
        std::uint64_t rule_era = 0; ///< The same, but a clock that is set back does not change it.
        /// Firings that could not be recorded and will be tried again; one more while the job is being
        /// closed.
        std::size_t held = 0;
        bool behind = false; ///< Times came due meanwhile.
    };
    /// A job's runs, as far as the next firing has to know of them; kept when the job is changed.
    struct Runs {
        int starting = 0;
        std::optional<std::pair<Instant, TaskId>> last; ///< By fire time.
        Instant newest{};                               ///< The newest that was begun.
    };
    /// What the mark does when a firing is recorded.
    enum class Mark { moves, pays_debt, stays };
    /// A run, or a record that says why there is none.
    struct Firing {
        TaskId cron_id;
        std::uint64_t era = 0;
        Mark mark = Mark::moves;
        Instant from; ///< Where the mark has to stand,
        Instant to;   ///< and where it then stands.
        Instant fire_time;
        std::string skipped;         ///< Why nothing runs; empty: it runs.
        std::optional<Instant> owed; ///< The time of a run that makes up for what was missed.
        std::chrono::milliseconds pause{0};
        int tries = 0;
    };
    /// Jobs of one agent with a run that is owed.
    struct Debts {
        std::set<TaskId> jobs;
        Clock::Steady give_up{}; ///< They are sent by then, whether the agent is there or not.
        Timer timer;
    };
    enum class Outcome { recorded, over, again, refused };
    struct Ending {
        Ending() = default;
        explicit Ending(Outcome outcome_, std::string why_ = {}, std::optional<Instant> mark_ = {})
            : outcome(outcome_), why(std::move(why_)), mark(mark_)
        {
        }
        Outcome outcome = Outcome::recorded;
        std::string why;
        std::optional<Instant> mark; ///< The mark on disk, where an earlier firing has to be first.
    };

    [[nodiscard]] cron_life::Job life(CronJob const& job) const;
    void resume(CronJob const& job, Instant absent_until);
    void find_runs(CronJob const& job);
    [[nodiscard]] bool is_full() const;
    void arm();
    void turn();
    void look_at_clock(Instant now);
    void set_back(Instant now);
    [[nodiscard]] asio::awaitable<void> rewind_marks(Instant now);
    void step(TaskId id, Instant now);
    void enqueue(TaskId id, CronJob const& job, Entry const& entry);
    void carry_out_action(CronJob const& job, Entry& entry, cron_life::Decision const& decision);

    void owe(CronJob const& job);
    void agent_came(Ip const& agent);
    void pay(Ip agent);
    void make_up(TaskId id);

    void begin(Firing firing);
    void ended(Firing firing, Ending const& ending);
    void finish(Firing firing, Ending const& ending);
    void record_late(Firing firing);
    void enter(TaskId id);
    void leave(TaskId id);
    void hold(Firing firing, Ending const& ending);
    void let_go(Firing const& firing);
    void unblock(TaskId id, Entry& entry);
    void go_on_from(Instant mark, CronJob const& job, Entry& entry);
    [[nodiscard]] asio::awaitable<Ending> carry_out(Firing firing);
    [[nodiscard]] asio::awaitable<void> record_skipped(Firing firing, CronJob job);
    [[nodiscard]] asio::awaitable<void> close_one(Firing firing, CronJob closed);
    [[nodiscard]] static Task skipped_task(CronJob job, Instant fire_time, std::string why, Instant now);
    [[nodiscard]] asio::awaitable<void> run(Firing firing, CronJob job);
    [[nodiscard]] asio::awaitable<void> cancel(TaskId task);
    [[nodiscard]] static std::function<void(Db&)> mark_write(Firing const& firing);

    [[nodiscard]] Entry* current(Firing const& firing);
    /// The job's run that is still going on, if one is: when it was due, and which.
    [[nodiscard]] std::optional<std::pair<Instant, TaskId>> unfinished(TaskId id);
    [[nodiscard]] bool is_running(TaskId id);
    [[nodiscard]] std::string still_going_on(TaskId id);
    [[nodiscard]] Zone zone_of(CronJob const& job) const { return job.zone.value_or(zone_); }

    CronJobs& jobs_;
    TaskEngine& engine_;
    Presence& presence_;
    Authority const* keys_ = nullptr;
    Clock& clock_;
    Zone zone_;
    LoopExecutor loop_;
    cron_life::DueQueue queue_;
    cron_life::ClockWatch watch_;
    std::unordered_map<TaskId, Entry> entries_;
    std::unordered_map<TaskId, Runs> runs_;
    std::unordered_map<TaskId, std::size_t> in_flight_; ///< Firings that are not recorded yet.
    std::unordered_map<TaskId, CronJob> gone_;          ///< Deleted, with firings that are not recorded yet.
    std::unordered_map<std::uint64_t, std::pair<Firing, Timer>> held_;
    std::map<Ip, Debts> debts_;
    Timer timer_;
    std::uint64_t last_number_ = 0; ///< Of eras and of held firings.
    std::size_t recording_ = 0;     ///< Records of what did not run that are on their way to the disk.
    bool is_waiting_ = false;       ///< Until a firing has ended: as many as may be are on their way.
    bool is_rewinding_ = false;
    bool running_ = false;
};

} // namespace elves
