#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <sys/types.h>

#include "agent/confinement.hpp"
#include "agent/worker_command.hpp"

namespace elves::agent {

/// How a process ended.
struct WorkerExit {
    int status = 0; ///< Its exit status, where no signal ended it.
    int signal = 0; ///< The signal that ended it, or 0.
    /// As shells say it: the status, or 128 and the signal.
    [[nodiscard]] int code() const noexcept { return signal == 0 ? status : 128 + signal; }
};

/// A running worker: a process that leads a group of its own, and the pipes that it writes to. On the loop's
/// thread.
///
/// It is over when its process ends; what it then leaves behind in its group is killed. (What made itself a
/// session of its own is out of reach; it can't hold anybody up.) Should this process die, the kernel kills
/// the worker.
class WorkerProcess : public std::enable_shared_from_this<WorkerProcess> {
public:
    struct Listener {
        std::function<void(std::string_view)> on_output; ///< Bytes as they were printed, cut anywhere.
        std::function<void(std::string_view)> on_error_output;
        std::function<void(std::string_view)> on_result; ///< What it writes to its result descriptor.
    };

    /// `environment`: `NAME=value`, all that the worker gets to see.
    /// Throws Error 500.1 that says why it could not be started.
    [[nodiscard]] static std::shared_ptr<WorkerProcess> start(boost::asio::io_context& io,
        WorkerCommand const& command, std::vector<std::string> environment, Confinement const& confinement,
        Listener listener);
    /// Kills it if it still runs, and waits for its end.
    ~WorkerProcess();
    WorkerProcess(WorkerProcess const&) = delete;
    WorkerProcess& operator=(WorkerProcess const&) = delete;

    /// To the whole group. Nothing where it is over.
    void send_signal(int number) noexcept;
    /// Looks whether it has ended. If so it is over now: its group is killed, all that it printed has been
    /// handed out, and no callback will follow. To be called after SIGCHLD.
    [[nodiscard]] bool over();
    /// -1 once it is over.
    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    /// Once it is over.
    [[nodiscard]] WorkerExit exit() const noexcept { return exit_; }

private:
    using Pipe = boost::asio::posix::stream_descriptor;

    WorkerProcess(boost::asio::io_context& io, Listener listener);
    void read_when_ready(Pipe& pipe, std::function<void(std::string_view)> const& sink);
    /// Hands out what the pipe holds now, if it is at most `limit`. False: it has come to its end.
    static bool read_some(Pipe& pipe, std::function<void(std::string_view)> const& sink, std::size_t limit);

    pid_t pid_ = -1; ///< Also the group's. -1 once reaped: the number may be another's then.
    WorkerExit exit_;
    Listener listener_;
    Pipe output_;
    Pipe error_output_;
    Pipe result_;
};

} // namespace elves::agent
