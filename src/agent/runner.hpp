#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include "agent/confinement.hpp"
#include "agent/worker_command.hpp"
#include "agent/worker_user.hpp"
#include "elves/clock.hpp"
#include "elves/instruction.hpp"
#include "elves/output_stream.hpp"
#include "elves/task_id.hpp"

namespace elves::agent {

/// What became of a worker.
struct WorkerResult {
    /// 1: it said true, or nothing, and ended with status 0; 0: it said false; -1: it could not run, ended
    /// with another status, ran out of time or died.
    int flag = -1;
    std::string result;                    ///< Its result; where `flag` is -1, what was wrong.
    std::chrono::milliseconds costtime{0}; ///< From its start; waiting for its turn doesn't count.
    std::string stderr_text;               ///< At most the last 64 KiB.
    int exit_code = -1;                    ///< Its exit status, or 128 and the signal; -1: no process ran.
    bool truncated = false;                ///< Result or stderr_text is not all there was.
};

/// Runs workers, so many at a time, the others in the order in which they came. On the loop's thread.
///
/// Takes SIGCHLD: a process has one Runner, and nobody else waits for children that he has not started. `io`
/// and `clock` outlive it.
class Runner {
public:
    struct Settings {
        std::filesystem::path apps;
        std::vector<std::string> interpreters;             ///< Names found on PATH, or absolute paths.
        std::size_t max_output = std::size_t{1024} * 1024; ///< Bytes of a result that are passed on.
        std::size_t max_workers = 16;
        std::chrono::milliseconds kill_grace{5000}; ///< From TERM to KILL.
        bool param_by_input = false;                ///< Every param, not only a long one.
        Confinement confinement{};                  ///< Of every worker, but for its user.
        RunAs run_as{};
        RunRules run_rules{}; ///< For functions whose manifest demands to be named in `allow`.
        /// Also reap children that the process did not start: orphans of workers where it is PID 1 of a
        /// container, and what a shell had started before it became this program. Nobody else may wait for a
        /// child then.
        bool reaps_orphans = false;
    };
    /// A piece of what a worker prints, as UTF-8: whole characters, what was no UTF-8 replaced by U+FFFD. All
    /// of it: bounding it is the caller's.
    using OnOutput = std::function<void(OutputStream stream, std::string_view text)>;
    /// Once for each run, after its last output.
    using OnDone = std::function<void(WorkerResult result)>;

    Runner(boost::asio::io_context& io, Clock& clock, Settings settings);
    /// Kills what still runs. No callback follows.
    ~Runner();
    Runner(Runner const&) = delete;
    Runner& operator=(Runner const&) = delete;

    /// Starts a worker, or queues it while `max_workers` run: bounding the queue is the caller's. What can't
    /// be started is told to `on_done`, like any end. Callbacks come later, never from within this call.
    /// Throws std::logic_error where `id` is queued or running.
    void run(TaskId id, Instruction instruction, OnOutput on_output, OnDone on_done);
    /// The same for a command of the agent's own, which runs as the agent's user. `instruction` is for its
    /// timeout and environment.
    void run_command(TaskId id, Instruction instruction, WorkerCommand command, OnDone on_done);
    /// Stops it, running or queued; `on_done` tells of it. False: no such worker here.
    bool cancel(TaskId id);
    [[nodiscard]] std::size_t queued() const noexcept { return queue_.size(); }
    [[nodiscard]] std::size_t running() const noexcept { return running_.size(); }
    /// Stops all, and takes no more: TERM, and KILL after `kill_grace`. What ran or was queued is told to its
    /// `on_done`.
    void shutdown();

private:
    struct Job {
        TaskId id;
        Instruction instruction;
        OnOutput on_output;
        OnDone on_done;
        std::optional<WorkerCommand> command{}; ///< Nothing: what the instruction means.
    };
    struct Running;

    void add(Job job);

    void start_next();
    void start(Job job);
    void wait_for_children();
    void look_at_all();
    void reap_orphans();
    void time_over(TaskId id, std::chrono::seconds timeout);
    void stop(Running& worker, std::string why);
    void finish(TaskId id);
    /// Tells it from the loop, not from within the caller's call.
    void tell_later(OnDone on_done, std::string why);

    boost::asio::io_context& io_;
    Clock& clock_;
    Settings settings_;
    WorkerRules rules_;
    WorkerUser own_; ///< Whom we run as.
    boost::asio::signal_set children_;
    std::deque<Job> queue_;
    std::map<TaskId, std::unique_ptr<Running>> running_;
    bool shut_down_ = false;
    std::shared_ptr<int> alive_ = std::make_shared<int>(0); ///< What is posted holds it weakly.
};

} // namespace elves::agent
