#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "agent/journal.hpp"
#include "agent/run_rules.hpp"
#include "agent/server_time.hpp"
#include "agent/worker_queue.hpp"
#include "agent/workers.hpp"
#include "elves/clock.hpp"
#include "elves/one_shot.hpp"

namespace elves::agent {

/// The tasks of this agent: takes each once, starts it when its account's turn has come, keeps its result
/// until the server has confirmed it. The journal is written before anything happens. On the loop's thread;
/// outlives what it spawns there.
class Tasks {
public:
    struct Limits {
        std::size_t max_workers = 8;
        std::size_t max_queued = 1000;
    };
    using OnOutput = std::function<void(TaskId id, OutputStream stream, std::string_view text)>;
    /// Of each task that has ended, before its result is in the journal. True: its output is cut.
    using OnEnd = std::function<bool(TaskId id)>;
    using OnResult = std::function<void(TaskId id)>;
    using OnQueued = std::function<void(TaskId id, bool is_queued)>;

    /// `server_time`: outlives this. `rules`: what may run here at all.
    Tasks(LoopExecutor loop, Clock& clock, ServerTime const& server_time, Journal& journal, Workers& workers,
        Limits limits, RunRules rules = {});

    struct Listener {
        OnOutput on_output;
        OnEnd on_end;
        OnResult on_result; ///< There is a result that nobody waits for.
        /// A task of type rt waits for a worker; or one of any type has waited, and its worker starts.
        OnQueued on_queued;
    };
    /// Once, before the first task. Each may be empty.
    void listen(Listener listener);
    /// Goes on with what the journal has.
    void start(std::vector<Entry> open);
    /// Why a server refuses this machine; "": none does. While one does, nothing is started that waits for a
    /// worker: the server may hand it over once more later.
    void set_refused(std::string const& why);
    /// Takes no more, stops what runs. What waits for its turn stays in the journal.
    void stop();
    /// Everything that `stop` ended is in the journal.
    [[nodiscard]] bool is_idle() const noexcept { return queue_.busy() == 0 && keeping_ == 0; }

    /// Workers that run now.
    [[nodiscard]] std::size_t running() const noexcept { return queue_.busy(); }

    /// Returns when the task is in the journal; false: it was there before, and nothing is started. An entry
    /// that is `done` already is only kept and reported. Throws Error 401.6 (the rules are against it), 410.4
    /// (too late to start), 429.1 (too many wait), 503.1, 507.1: not taken then, and it never will be. While
    /// that is not known it waits, and writes again.
    [[nodiscard]] asio::awaitable<bool> take(Entry entry, CronMark mark = {});
    /// Waits while nobody knows whether that task is in the journal.
    [[nodiscard]] asio::awaitable<void> wait_until_known(TaskId id);
    /// Waits for the result of a task that has been taken.
    [[nodiscard]] asio::awaitable<WorkerReport> result(TaskId id);
    /// It has been taken, and waits for a worker.
    [[nodiscard]] bool is_queued(TaskId id) const;
    /// Gives those of them that wait for a worker more time to start.
    [[nodiscard]] asio::awaitable<void> extend(std::vector<TaskId> ids, Instant start_by);
    /// Stops it wherever it is; nothing for one that is over. False for one that was never here. Returns when
    /// that would outlive a crash.
    [[nodiscard]] asio::awaitable<bool> cancel(TaskId id);
    /// The same for one that is not over; false where it is, or was never here.
    bool cancel_held(TaskId id);
    /// As each is now, a result only once it may be told; nothing for an unknown one. Throws Error 507.1
    /// where nobody knows whether one of them is in the journal.
    [[nodiscard]] asio::awaitable<std::vector<std::optional<Entry>>> look(std::vector<TaskId> ids);
    [[nodiscard]] asio::awaitable<std::optional<Entry>> look(TaskId id);

    /// The task that this firing of a cron job has in the journal, if it has started or is to.
    [[nodiscard]] asio::awaitable<std::optional<TaskId>> task_of(Firing firing)
    {
        return journal_.task_of(firing.cron_id, firing.fire_time);
    }
    /// Unfinished runs of all of the agent's own cron jobs.
    [[nodiscard]] std::vector<TaskId> running_firings() const;
    /// Unfinished runs of one cron job, whoever fired them.
    [[nodiscard]] std::vector<TaskId> running_of(TaskId cron_id) const;
    /// Results that the server has not confirmed.
    /// Each has a number: a task that is handed over once more has a new result, with another one.
    using Unconfirmed = std::unordered_map<TaskId, std::uint64_t>;
    [[nodiscard]] Unconfirmed const& unconfirmed() const noexcept { return unconfirmed_; }
    /// It still runs, or its result is not in the journal yet, or not confirmed: the server may not know it.
    [[nodiscard]] bool is_unconfirmed(TaskId id) const
    {
        return held_.contains(id) || unconfirmed_.contains(id);
    }
    /// The server has that very result.
    void confirm_result(TaskId id, std::uint64_t number);
    void confirm(std::vector<TaskId> const& ids);

private:
    struct Held {
        Entry entry;
        bool was_queued = false;
        std::optional<StartDeadline> deadline;
        bool is_starting = false; ///< Its turn has come, and that is being written.
        bool canceled = false;
        bool begun = false;    ///< At its end: it had been started.
        bool told = false;     ///< Its result.
        Clock::Steady since{}; ///< When it came here.
        std::vector<OneShot<WorkerReport>> waiting;
        std::vector<OneShot<bool>> canceling; ///< Who is to know that it never begins.
    };

    [[nodiscard]] std::optional<std::string> refusal(Entry const& entry) const;
    [[nodiscard]] asio::awaitable<bool> write_taken(Entry const& entry, CronMark mark);
    [[nodiscard]] asio::awaitable<bool> write_again(Entry const& entry, CronMark mark);
    void begin(Entry entry, bool at_once);
    void start_next();
    [[nodiscard]] asio::awaitable<void> start_one(TaskId id);
    void run(TaskId id);
    [[nodiscard]] Instruction in_time(Held const& held) const;
    void ended(TaskId id, WorkerReport report);
    void settle(TaskId id, WorkerReport report);
    [[nodiscard]] asio::awaitable<void> keep(TaskId id, WorkerReport report);
    void tell(TaskId id);
    [[nodiscard]] asio::awaitable<void> keep_confirmed(std::vector<TaskId> ids);
    void spawn(asio::awaitable<void> work);

    LoopExecutor loop_;
    Clock& clock_;
    ServerTime const& server_time_;
    Journal& journal_;
    Workers& workers_;
    RunRules rules_;
    Listener listener_;
    std::unordered_map<TaskId, Held> held_; ///< Those whose result is not in the journal yet.
    Unconfirmed unconfirmed_;
    std::uint64_t last_result_ = 0;
    WorkerQueue queue_;                   ///< Taken, and waiting for their turn; and the workers taken.
    std::multiset<TaskId> taking_;        ///< On their way into the journal.
    std::unordered_set<TaskId> in_doubt_; ///< Of those, the ones that may be there, or may not.
    std::unordered_set<TaskId> gone_;     ///< Of those, the ones canceled meanwhile.
    std::size_t keeping_ = 0;             ///< Results on their way into the journal.
    std::string refused_;                 ///< Why a server refuses this machine.
    bool stopping_ = false;
    Timer retry_;
};

} // namespace elves::agent
