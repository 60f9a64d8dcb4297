#pragma once

#include <deque>
#include <functional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "agent/own_job.hpp"
#include "agent/server_contact.hpp"
#include "agent/tasks.hpp"
#include "elves/clock.hpp"
#include "elves/cron_life.hpp"
#include "elves/one_at_a_time.hpp"
#include "elves/one_shot.hpp"

namespace elves::agent {

/// The agent's own cron: fires `self` jobs, also while the server is away. Drives elves::cron_life. Each
/// decision about a time becomes a task in the journal before anything runs, so none is fired twice or
/// forgotten, whatever crashes. On the loop's thread.
class OwnCron {
public:
    /// What became of a list of jobs.
    struct Answer {
        std::vector<std::string> refused; ///< "cron job ID: why", for each entry that can't be used.
        /// Jobs that the agent held and holds no more, and up to when it has accounted for their times.
        std::vector<std::pair<TaskId, Instant>> removed;
    };

    /// `zone`: of jobs that name none, and of times in texts; it may change.
    OwnCron(LoopExecutor loop, Clock& clock, Journal& journal, Tasks& tasks, Zone const& zone);

    /// Calls `then` with each run that still goes on a moment after its start. Before `start`.
    void on_run(std::function<void(TaskId)> then) { on_run_ = std::move(then); }
    /// Asked before anything is fired: why no job may. Before `start`.
    void ask_hold(std::function<std::optional<ServerContact::Hold>()> hold) { hold_of_ = std::move(hold); }
    /// That may be another answer now.
    void hold_changed() { look(); }
    /// Goes on with the jobs that the journal has: what passed meanwhile was missed.
    void start(std::vector<CronRow> rows);
    void stop();

    /// Replaces the jobs, and returns when that is on disk. A job whose times stay the same goes on
    /// undisturbed. Times of a job that is gone or changed, which jitter still delays, are recorded as
    /// skipped.
    [[nodiscard]] asio::awaitable<Answer> set(JsonDocument cron_list);

private:
    /// A mark says that all times before it are in the journal: so turns of a job get there in their order.
    struct Order {
        OneAtATime turns;
        /// How many turns could not be recorded. Those behind such a one are decided anew.
        std::shared_ptr<std::size_t> failed = std::make_shared<std::size_t>(0);
    };
    struct Recording;
    struct Entry {
        OwnJob job;
        std::string text; ///< As the server sent it.
        cron_life::State state;
        Instant accounted;           ///< On disk, as the next one.
        std::optional<Instant> owed; ///< See cron_life::State.
        std::string_view absence = "was down";
        Order order{};
    };
    struct Turn {
        Firing firing;
        std::string why; ///< Why nothing runs; empty: it runs.
        CronMark mark;
        bool replaces = false;
        std::size_t failed_before = 0; ///< See Order.
    };
    using Entries = std::unordered_map<TaskId, Entry>;

    [[nodiscard]] asio::awaitable<void> wait_for_change();
    void hand_on_change();
    [[nodiscard]] asio::awaitable<Answer> replace(JsonDocument cron_list);
    [[nodiscard]] Entries read_list(JsonDocument const& cron_list, std::vector<std::string>& refused) const;
    [[nodiscard]] Entry entered(OwnJob job, std::string text) const;
    [[nodiscard]] asio::awaitable<void> close_old(Entries const& next);
    void look();
    [[nodiscard]] bool is_held(Instant now);
    void release(Instant now);
    void look_at_clock();
    void set_back(Instant now);
    [[nodiscard]] asio::awaitable<void> rewind_marks(Instant now);
    void wait();
    void enqueue(Entry const& entry);
    void step(Entry& entry, Instant now);
    void make_up(Entry& entry);
    void begin(TaskId cron_id, Turn turn);
    [[nodiscard]] asio::awaitable<void> record(Turn turn, Instruction ins, Account account, Order order);
    [[nodiscard]] asio::awaitable<void> replace_runs(TaskId cron_id);
    [[nodiscard]] std::string still_going_on(TaskId cron_id) const;
    void announce(TaskId id, TaskId cron_id);
    void again(TaskId cron_id);

    LoopExecutor loop_;
    Clock& clock_;
    Journal& journal_;
    Tasks& tasks_;
    Zone const& zone_;
    std::function<void(TaskId)> on_run_;
    std::function<std::optional<ServerContact::Hold>()> hold_of_;
    std::optional<ServerContact::Hold> hold_; ///< As of the last look.
    cron_life::DueQueue queue_;
    cron_life::ClockWatch watch_;
    Entries jobs_;
    std::unordered_map<TaskId, Instant>
        unusable_; ///< Jobs of the journal that can't be read, and their marks.
    std::unordered_map<TaskId, Timer> announcing_; ///< Runs that began a moment ago.
    Clock::Steady held_until_{};                   ///< The journal did not take a turn: no more before this.
    std::size_t recording_ = 0;                    ///< Turns on their way to disk.
    bool changing_ = false;                        ///< The table is.
    bool is_rewinding_ = false;
    std::deque<OneShot<bool>> changes_; ///< Those that wait until it is neither.
    Timer timer_;
    bool running_ = false;
};

} // namespace elves::agent
