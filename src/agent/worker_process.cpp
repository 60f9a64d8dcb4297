#include "agent/worker_process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/spawn.hpp"
#include "elves/error.hpp"

namespace elves::agent {

static constexpr std::size_t piece_bytes = std::size_t{16} * 1024;

WorkerProcess::WorkerProcess(boost::asio::io_context& io, Listener listener)
    : listener_(std::move(listener)), output_(io), error_output_(io), result_(io)
{
}

std::shared_ptr<WorkerProcess> WorkerProcess::start(boost::asio::io_context& io, WorkerCommand const& command,
    std::vector<std::string> environment, Confinement const& confinement, Listener listener)
{
    std::shared_ptr<WorkerProcess> worker(new WorkerProcess(io, std::move(listener)));
    try {
        auto child = spawn(command, std::move(environment), confinement);
        worker->pid_ = child.pid;
        worker->output_.assign(child.output.get());
        static_cast<void>(child.output.release());
        worker->error_output_.assign(child.error_output.get());
        static_cast<void>(child.error_output.release());
        worker->result_.assign(child.result.get());
        static_cast<void>(child.result.release());
    } catch (std::system_error const& failure) {
        auto const as = confinement.user ? " as " + confinement.user->name : std::string();
        throw Error(codes::internal, "the worker could not be started" + as + ": " + failure.what());
    }
    worker->read_when_ready(worker->output_, worker->listener_.on_output);
    worker->read_when_ready(worker->error_output_, worker->listener_.on_error_output);
    worker->read_when_ready(worker->result_, worker->listener_.on_result);
    return worker;
}

WorkerProcess::~WorkerProcess()
{
    if (pid_ < 0) return;
    send_signal(SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
}

void WorkerProcess::send_signal(int number) noexcept
{
    if (pid_ > 0) ::kill(-pid_, number);
}

bool WorkerProcess::over()
{
    if (pid_ < 0) return true;
    siginfo_t ended{};
    // Only a look: while the dead leader isn't reaped, nobody else can get its number, and a signal to the
    // group goes to the group.
    while (::waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOHANG | WNOWAIT) != 0) {
        if (errno == EINTR) continue;
        // Somebody else has reaped it: how it ended nobody knows, and its number is no longer ours to signal.
        ended.si_pid = std::exchange(pid_, -1);
        ended.si_code = CLD_KILLED;
        ended.si_status = SIGKILL;
        break;
    }
    if (ended.si_pid == 0) return false;
    send_signal(SIGKILL);
    while (pid_ > 0 && ::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    if (ended.si_code == CLD_EXITED)
        exit_.status = ended.si_status;
    else
        exit_.signal = ended.si_status;
    for (auto const& [pipe, sink] :
        {std::pair(&output_, &listener_.on_output), std::pair(&error_output_, &listener_.on_error_output),
            std::pair(&result_, &listener_.on_result)}) {
        if (!pipe->is_open()) continue;
        // What is in it now and no more: somebody out of the group may hold it, and print for ever.
        int held = 0;
        if (::ioctl(pipe->native_handle(), FIONREAD, &held) == 0 && held > 0)
            read_some(*pipe, *sink, static_cast<std::size_t>(held));
        boost::system::error_code ignored;
        pipe->close(ignored);
    }
    return true;
}

bool WorkerProcess::read_some(
    Pipe& pipe, std::function<void(std::string_view)> const& sink, std::size_t limit)
{
    std::array<char, piece_bytes> piece; // NOLINT: read() fills it
    while (limit > 0) {
        auto const count = ::read(pipe.native_handle(), piece.data(), std::min(piece.size(), limit));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return errno == EAGAIN || errno == EWOULDBLOCK;
        if (count == 0) return false;
        limit -= static_cast<std::size_t>(count);
        sink({piece.data(), static_cast<std::size_t>(count)});
    }
    return true;
}

void WorkerProcess::read_when_ready(Pipe& pipe, std::function<void(std::string_view)> const& sink)
{
    // Waits, then reads itself: no bytes are ever under way between the kernel and us when the end comes.
    auto ready = [weak = weak_from_this(), &pipe, &sink](boost::system::error_code failure) {
        auto const self = weak.lock();
        if (failure || !self || !pipe.is_open()) return;
        if (read_some(pipe, sink, piece_bytes)) {
            self->read_when_ready(pipe, sink);
        } else {
            boost::system::error_code ignored;
            pipe.close(ignored);
        }
    };
    pipe.async_wait(Pipe::wait_read, std::move(ready));
}

} // namespace elves::agent
