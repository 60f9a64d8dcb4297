#include "agent/spawn.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <optional>
#include <system_error>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "agent/become_worker.hpp"
#include "agent/leftover_groups.hpp"

namespace elves::agent {

[[noreturn]] static void fail(char const* what, int number = errno)
{
    throw std::system_error(number, std::generic_category(), what);
}

OwnedFd::OwnedFd(int fd, char const* what) : fd_(fd)
{
    if (fd_ < 0) fail(what);
    if (fd_ > result_fd) return;
    auto const moved = ::fcntl(fd_, F_DUPFD_CLOEXEC, result_fd + 1);
    auto const failure = errno;
    close();
    fd_ = moved;
    if (fd_ < 0) fail(what, failure);
}

namespace {

struct PipeEnds {
    OwnedFd read;
    OwnedFd write;
};

} // namespace

static PipeEnds make_pipe()
{
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail("pipe");
    // Both are owned before either is looked at.
    PipeEnds made;
    try {
        made.read = OwnedFd(ends[0], "pipe");
    } catch (...) {
        ::close(ends[1]);
        throw;
    }
    made.write = OwnedFd(ends[1], "pipe");
    return made;
}

/// A file in memory rather than a pipe: nothing to feed, and nobody waits for a worker that doesn't read.
static OwnedFd make_input(std::string const& text)
{
    if (text.empty()) return OwnedFd(::open("/dev/null", O_RDONLY | O_CLOEXEC), "/dev/null");
    OwnedFd file(::memfd_create("worker-input", MFD_CLOEXEC), "memfd_create");
    for (std::size_t written = 0; written < text.size();) {
        auto const count = ::write(file.get(), text.data() + written, text.size() - written);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) fail("write");
        written += static_cast<std::size_t>(count);
    }
    if (::lseek(file.get(), 0, SEEK_SET) != 0) fail("lseek");
    return file;
}

static int most_fds()
{
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > 65'536) return 65'536;
    return static_cast<int>(limit.rlim_cur);
}

static std::vector<char*> pointers(std::vector<std::string>& texts)
{
    std::vector<char*> list;
    list.reserve(texts.size() + 1);
    for (auto& text : texts) list.push_back(text.data());
    list.push_back(nullptr);
    return list;
}

/// With every signal held back, so that none reaches our handlers in the child.
static pid_t fork_quietly(ChildPlan const& plan)
{
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    auto const pid = ::fork();
    if (pid == 0) become_worker(plan);
    auto const failure = errno;
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (pid < 0) fail("fork", failure);
    return pid;
}

/// Nothing once the program runs.
static std::optional<ChildFailure> read_report(int fd)
{
    ChildFailure failure{};
    for (;;) {
        auto const count = ::read(fd, &failure, sizeof failure);
        if (count < 0 && errno == EINTR) continue;
        if (count != static_cast<ssize_t>(sizeof failure)) return std::nullopt;
        return failure;
    }
}

[[noreturn]] static void fail(ChildFailure const& child)
{
    auto const what = [&] {
        switch (child.step) {
        case ChildStep::streams:
            return "its streams";
        case ChildStep::limits:
            return "its limits";
        case ChildStep::user:
            return "its user";
        case ChildStep::rights:
            return "giving up rights";
        case ChildStep::folder:
            return "its folder";
        case ChildStep::program:
            break;
        }
        return "its program";
    }();
    fail(what, child.number == 0 ? EIO : child.number);
}

static void reap(pid_t pid)
{
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
}

Spawned spawn(
    WorkerCommand const& command, std::vector<std::string> environment, Confinement const& confinement)
{
    auto argv = command.argv;
    environment.push_back(worker_group_name + std::string("=") + std::string(group_digits, '0'));
    auto const argv_list = pointers(argv);
    auto const environment_list = pointers(environment);
    auto input = make_input(command.input);
    auto output = make_pipe();
    auto error_output = make_pipe();
    auto result = make_pipe();
    auto report = make_pipe();
    for (auto const* pipe : {&output, &error_output, &result}) {
        if (::fcntl(pipe->read.get(), F_SETFL, O_NONBLOCK) != 0) fail("fcntl");
        // Another user opens /dev/stderr anew by the pipe's own mode. Nobody else gets to see the pipe.
        if (confinement.user && ::fchmod(pipe->write.get(), 0622) != 0) fail("fchmod");
    }
    auto& group = environment.back();
    auto* const digits = group.data() + (group.size() - group_digits);
    Spawned child;
    child.pid = fork_quietly({command.program.c_str(), command.folder.c_str(), argv_list.data(),
        environment_list.data(), digits, input.get(), output.write.get(), error_output.write.get(),
        result.write.get(), report.write.get(), most_fds(), ::getpid(), &confinement});
    report.write.close();
    if (auto const failure = read_report(report.read.get())) {
        reap(child.pid);
        fail(*failure);
    }
    child.output = std::move(output.read);
    child.error_output = std::move(error_output.read);
    child.result = std::move(result.read);
    return child;
}

} // namespace elves::agent
