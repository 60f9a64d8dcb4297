#pragma once

#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>
#include <unistd.h>

#include "agent/confinement.hpp"
#include "agent/worker_command.hpp"

namespace elves::agent {

/// In a worker: where it may write its result, apart from what it prints. A single digit, as some shells can
/// only write to such a one (`>&"$ELVES_RESULT_FD"`).
inline constexpr int result_fd = 3;

/// A file descriptor that is owned. Never 0 to `result_fd`: those a child needs for itself.
class OwnedFd {
public:
    OwnedFd() = default;
    /// Throws std::system_error where `fd` is negative, with errno.
    explicit OwnedFd(int fd, char const* what);
    OwnedFd(OwnedFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    OwnedFd& operator=(OwnedFd&& other) noexcept
    {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~OwnedFd() { close(); }

    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
    void close() noexcept
    {
        if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    }

private:
    int fd_ = -1;
};

/// A child that has been started, and our ends of its pipes.
struct Spawned {
    pid_t pid = -1;
    OwnedFd output;       ///< Non-blocking.
    OwnedFd error_output; ///< Non-blocking.
    OwnedFd result;       ///< Non-blocking.
};

/// Forks and executes: in a session and process group of its own, with nothing of ours but three streams and
/// `result_fd`, all signals as they are by default, held in `confinement`, and bound to die with this thread.
/// Returns when the program has been executed. Throws std::system_error where that failed; nothing is left
/// behind then.
[[nodiscard]] Spawned spawn(
    WorkerCommand const& command, std::vector<std::string> environment, Confinement const& confinement);

} // namespace elves::agent
