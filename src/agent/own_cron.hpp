#pragma once

#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/own_job.hpp"
#include "agent/tasks.hpp"
#include "elves/clock.hpp"
#include "elves/cron_schedule.hpp"
#include "elves/one_shot.hpp"

namespace elves::agent {

/// The agent's own cron: fires `self` jobs, also while the server is away. Every time of a job becomes a
/// task, or is accounted for by a `skipped` one, in the journal before anything runs; so none is fired twice
/// or forgotten, whatever crashes. On the loop's thread.
class OwnCron {
public:
    /// `zone`: of jobs that name none, and of times in texts; it may change.
    OwnCron(LoopExecutor loop, Clock& clock, Journal& journal, Tasks& tasks, Zone const& zone);

    /// Goes on with the jobs that the journal has: what passed meanwhile was missed.
    void start(std::vector<CronRow> rows);
    void stop();

    /// Replaces the jobs, and returns, when that is on disk, a line for each entry that can't be used. A job
    /// whose times stay the same goes on undisturbed.
    [[nodiscard]] asio::awaitable<std::vector<std::string>> set(JsonDocument cron_list);

private:
    struct State {
        OwnJob job;
        std::string entry;
        Instant accounted;      ///< On disk.
        Instant planned;        ///< On its way there.
        Instant missed_until{}; ///< What was due before this was missed: we were not there.
    };
    struct Turn {
        Firing firing;
        Instant accounted; ///< Up to here, once it is recorded.
        std::string why;   ///< Why nothing runs; empty: it runs.
    };

    [[nodiscard]] asio::awaitable<void> wait_for_change();
    void hand_on_change();
    [[nodiscard]] asio::awaitable<std::vector<std::string>> replace(JsonDocument cron_list);
    void plan(State& state);
    void look();
    void wait();
    void fire(State& state, Instant fire_time);
    void miss(State& state, Instant now);
    void begin(State& state, Turn turn);
    [[nodiscard]] asio::awaitable<void> record(Turn turn, Instruction ins, Account account);
    void again(TaskId cron_id);

    LoopExecutor loop_;
    Clock& clock_;
    Journal& journal_;
    Tasks& tasks_;
    Zone const& zone_;
    CronSchedule schedule_;
    std::unordered_map<TaskId, State> jobs_;
    Clock::Steady held_until_{};        ///< The journal did not take a turn: no more before this.
    std::size_t recording_ = 0;         ///< Turns on their way to disk.
    bool changing_ = false;             ///< The table is.
    std::deque<OneShot<bool>> changes_; ///< Those that wait until it is neither.
    Timer timer_;
    bool running_ = false;
};

} // namespace elves::agent
