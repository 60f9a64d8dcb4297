#include "agent/runner.hpp"

#include <algorithm>
#include <csignal>
#include <cstring>
#include <stdexcept>
#include <utility>

#include <boost/asio/post.hpp>
#include <sys/wait.h>

#include "agent/worker_environment.hpp"
#include "agent/worker_process.hpp"
#include "agent/worker_streams.hpp"
#include "elves/error.hpp"

namespace elves::agent {

static constexpr std::chrono::seconds default_timeout{90};

struct Runner::Running {
    Running(std::size_t max_output, OnOutput on_output) : streams(max_output, std::move(on_output)) {}

    OnDone on_done;
    std::shared_ptr<WorkerProcess> process;
    WorkerStreams streams;
    Clock::Steady started;
    std::string stopped_why; ///< Not empty: it was told to end.
    Timer timer;             ///< Its timeout; once it was told to end, the one to KILL.
};

static std::string signal_text(int number)
{
    auto const* const name = ::sigabbrev_np(number);
    return std::to_string(number) + (name != nullptr ? " (SIG" + std::string(name) + ")" : "");
}

/// The result of a worker that ended with another status than 0, and did not say false itself.
static std::string bad_status_text(int status, WorkerStreams const& streams, WorkerAnswer const& answer)
{
    auto const ended = "worker ended with exit status " + std::to_string(status);
    if (answer.flag || streams.has_result_channel()) {
        auto const what = answer.flag ? ended + " after it said true" : ended;
        return answer.result.empty() ? what : what + "; its result: " + answer.result;
    }
    auto const tail = streams.output().tail();
    if (!tail.empty()) return ended + "; its output ended with: " + tail;
    auto const errors = streams.error_tail();
    return errors.empty() ? ended + "; its output was empty" : ended + "; its stderr ended with: " + errors;
}

/// A status other than 0 is never true, whatever was printed; without a flag the status decides.
static void decide(WorkerResult& result, int status, WorkerStreams const& streams)
{
    auto answer = streams.answer();
    result.truncated = result.truncated || answer.is_cut;
    if (status == 0 || answer.flag == false) {
        result.flag = answer.flag.value_or(true) ? 1 : 0;
        result.result = std::move(answer.result);
    } else {
        result.result = bad_status_text(status, streams, answer);
    }
}

Runner::Runner(boost::asio::io_context& io, Clock& clock, Settings settings)
    : io_(io)
    , clock_(clock)
    , settings_(std::move(settings))
    , rules_{settings_.apps, settings_.interpreters, search_path(), settings_.param_by_input,
          settings_.run_rules}
    , own_(WorkerUser::own())
    , children_(io, SIGCHLD)
{
    // Asio asks for no restart, and a child's end would then interrupt the system calls of other threads.
    struct sigaction action {};
    if (::sigaction(SIGCHLD, nullptr, &action) == 0) {
        action.sa_flags |= SA_RESTART | SA_NOCLDSTOP;
        ::sigaction(SIGCHLD, &action, nullptr);
    }
    wait_for_children();
}

Runner::~Runner() = default;

void Runner::run(TaskId id, Instruction instruction, OnOutput on_output, OnDone on_done)
{
    add({id, std::move(instruction), std::move(on_output), std::move(on_done)});
}

void Runner::run_command(TaskId id, Instruction instruction, WorkerCommand command, OnDone on_done)
{
    add({id, std::move(instruction), {}, std::move(on_done), std::move(command)});
}

void Runner::add(Job job)
{
    auto const id = job.id;
    auto const queued =
        std::any_of(queue_.begin(), queue_.end(), [id](Job const& each) { return each.id == id; });
    if (queued || running_.contains(id)) throw std::logic_error("task " + id.text() + " runs already");
    if (shut_down_) {
        tell_later(std::move(job.on_done), "the agent is shutting down");
        return;
    }
    queue_.push_back(std::move(job));
    start_next();
}

void Runner::start_next()
{
    while (!queue_.empty() && running_.size() < settings_.max_workers) {
        auto job = std::move(queue_.front());
        queue_.pop_front();
        start(std::move(job));
    }
}

void Runner::start(Job job)
{
    auto const id = job.id;
    try {
        auto const command = job.command ? *job.command : worker_command(job.instruction, rules_);
        // The limits of `[limits]` and the user of `[run_as]` are for apps.
        auto confinement = job.command ? Confinement() : settings_.confinement;
        auto const* const user = job.command ? nullptr : settings_.run_as.user_of(job.instruction.app);
        if (user != nullptr) confinement.user = *user;
        auto environment =
            worker_environment(rules_.path, confinement.user.value_or(own_), id, job.instruction);
        auto worker = std::make_unique<Running>(settings_.max_output, std::move(job.on_output));
        auto* const streams = &worker->streams; // lives as long as the process is listened to
        worker->process = WorkerProcess::start(io_, command, std::move(environment), confinement,
            {[streams](std::string_view bytes) { streams->put_output(bytes); },
                [streams](std::string_view bytes) { streams->put_error_output(bytes); },
                [streams](std::string_view bytes) { streams->put_result(bytes); }});
        worker->started = clock_.steady();
        auto const timeout = job.instruction.timeout.count() > 0 ? job.instruction.timeout : default_timeout;
        worker->timer = clock_.after(timeout, [this, id, timeout] { time_over(id, timeout); });
        worker->on_done = std::move(job.on_done);
        running_.emplace(id, std::move(worker));
    } catch (Error const& refused) {
        tell_later(std::move(job.on_done), refused.info());
    } catch (std::exception const& problem) {
        tell_later(std::move(job.on_done),
            Error(codes::internal, "the worker could not be started: " + std::string(problem.what())).info());
    }
}

void Runner::time_over(TaskId id, std::chrono::seconds timeout)
{
    finish(id); // it may have ended in time, and we have not heard yet
    if (auto const found = running_.find(id); found != running_.end())
        stop(*found->second, "ran out of time after " + std::to_string(timeout.count()) + " s");
}

bool Runner::cancel(TaskId id)
{
    if (auto const found = running_.find(id); found != running_.end()) {
        stop(*found->second, "canceled");
        return true;
    }
    auto const waiting =
        std::find_if(queue_.begin(), queue_.end(), [id](Job const& job) { return job.id == id; });
    if (waiting == queue_.end()) return false;
    tell_later(std::move(waiting->on_done), "canceled");
    queue_.erase(waiting);
    return true;
}

void Runner::stop(Running& worker, std::string why)
{
    if (!worker.stopped_why.empty()) return; // the first reason stands
    worker.stopped_why = std::move(why);
    worker.process->send_signal(SIGTERM);
    // A stopped process would take its TERM only when somebody wakes it.
    worker.process->send_signal(SIGCONT);
    worker.timer = clock_.after(
        settings_.kill_grace, [process = worker.process.get()] { process->send_signal(SIGKILL); });
}

void Runner::shutdown()
{
    shut_down_ = true;
    for (auto& job : queue_) tell_later(std::move(job.on_done), "the agent is shutting down");
    queue_.clear();
    for (auto& [id, worker] : running_) {
        stop(*worker, "the agent is shutting down");
    }
}

void Runner::wait_for_children()
{
    children_.async_wait([this, weak = std::weak_ptr(alive_)](boost::system::error_code failure, int) {
        if (failure || weak.expired()) return;
        wait_for_children();
        look_at_all();
        if (settings_.reaps_orphans) reap_orphans();
    });
}

/// After `look_at_all`: a worker that has ended since then has sent another signal, and is looked at again
/// before what is behind it.
void Runner::reap_orphans()
{
    auto const is_worker = [this](pid_t pid) {
        return std::any_of(running_.begin(), running_.end(),
            [pid](auto const& entry) { return entry.second->process->pid() == pid; });
    };
    for (siginfo_t ended{}; ::waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) == 0; ended = {}) {
        if (ended.si_pid == 0 || is_worker(ended.si_pid)) return;
        ::waitpid(ended.si_pid, nullptr, WNOHANG);
    }
}

void Runner::look_at_all()
{
    // One signal may stand for several ends, and whom we tell of one may change the table.
    std::vector<TaskId> ids;
    for (auto const& [id, worker] : running_) ids.push_back(id);
    for (auto const id : ids) finish(id);
}

void Runner::finish(TaskId id)
{
    auto const found = running_.find(id);
    if (found == running_.end() || !found->second->process->over()) return;
    auto const worker = std::move(found->second);
    running_.erase(found);
    worker->timer.stop();
    worker->streams.finish();

    auto const exit = worker->process->exit();
    WorkerResult result;
    result.exit_code = exit.code();
    result.costtime =
        std::chrono::duration_cast<std::chrono::milliseconds>(clock_.steady() - worker->started);
    result.stderr_text = worker->streams.error_text();
    result.truncated = worker->streams.truncated();
    if (!worker->stopped_why.empty()) {
        result.result = worker->stopped_why;
    } else if (exit.signal != 0) {
        result.result = "died of signal " + signal_text(exit.signal);
    } else {
        decide(result, exit.status, worker->streams);
    }
    start_next();
    if (worker->on_done) worker->on_done(std::move(result));
}

void Runner::tell_later(OnDone on_done, std::string why)
{
    if (!on_done) return;
    boost::asio::post(io_, [weak = std::weak_ptr(alive_), tell = std::move(on_done), text = std::move(why)] {
        if (weak.expired()) return;
        WorkerResult result;
        result.result = text;
        tell(std::move(result));
    });
}

} // namespace elves::agent
