#include "store/file_lock.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "store/open_db.hpp"

namespace elves {

namespace {

/// What the holder wrote: its process id. For people only.
std::string holder(int fd)
{
    std::array<char, 32> text{};
    auto const got = ::pread(fd, text.data(), text.size(), 0);
    std::string pid(text.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
    pid.erase(std::min(pid.find_first_not_of("0123456789"), pid.size()));
    return pid.empty() ? "another process" : "process " + pid;
}

/// False, with errno: somebody else keeps it.
bool lock_patiently(int fd)
{
    // A child that was being started when its parent was killed has it too, until it becomes its program.
    constexpr int tries = 100;
    constexpr std::chrono::milliseconds pause(20);
    for (int left = tries; ::flock(fd, LOCK_EX | LOCK_NB) != 0; --left) {
        if (errno != EWOULDBLOCK || left == 0) return false;
        std::this_thread::sleep_for(pause);
    }
    return true;
}

constexpr int as_it_is = O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;

/// What is missing or read-only is the folder; anything else is about the lock file itself.
std::runtime_error cannot_open(std::string const& path, int code)
{
    bool const is_folder = code == ENOENT || code == ENOTDIR || code == EROFS;
    return data_file_error(is_folder ? path : path + ".lock", code);
}

} // namespace

std::optional<std::string> FileLock::holder_of(std::string const& path)
{
    auto const name = path + ".lock";
    // As the constructor opens it, but never made: the kernel refuses some files of others only with O_CREAT.
    int const flags = ::access(name.c_str(), F_OK) == 0 ? O_RDWR | O_CREAT : O_RDWR;
    int const fd = ::open(name.c_str(), flags | as_it_is, 0600);
    if (fd < 0 && errno == ENOENT) return std::nullopt;
    if (fd < 0) throw cannot_open(path, errno);
    std::optional<std::string> who;
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) who = holder(fd);
    ::close(fd);
    return who;
}

FileLock::FileLock(std::string const& path)
    : fd_(::open((path + ".lock").c_str(), O_RDWR | O_CREAT | as_it_is, 0600))
{
    if (fd_ < 0) throw cannot_open(path, errno);
    // The kernel drops it with the process, however that ends; the file stays, so that no one locks a name
    // that is gone.
    if (!lock_patiently(fd_)) {
        int const code = errno;
        auto const who = holder(fd_);
        ::close(fd_);
        if (code != EWOULDBLOCK) throw data_file_error(path, code);
        throw std::runtime_error(
            "data file " + path + ": is in use by " + who + "; stop that one, or name another file");
    }
    auto const pid = std::to_string(::getpid()) + "\n";
    if (::ftruncate(fd_, 0) == 0) {
        // A full disk costs the other one our number, nothing else.
        [[maybe_unused]] auto const written = ::pwrite(fd_, pid.data(), pid.size(), 0);
    }
}

FileLock::~FileLock() { ::close(fd_); }

} // namespace elves
