#include "agent/spawn.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

namespace elves::agent {

[[noreturn]] static void fail(char const* what, int number = errno)
{
    throw std::system_error(number, std::generic_category(), what);
}

OwnedFd::OwnedFd(int fd, char const* what) : fd_(fd)
{
    if (fd_ < 0) fail(what);
    if (fd_ > STDERR_FILENO) return;
    auto const moved = ::fcntl(fd_, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
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

/// All that the child needs, made ready before the fork: after it only async-signal-safe calls are allowed.
struct ChildPlan {
    char const* program;
    char const* folder;
    char* const* argv;
    char* const* environment;
    int input;
    int output;
    int error_output;
    int report; ///< Where errno goes when it can't be done.
    int most_fds;
    pid_t parent;
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

/// All but the three streams and `kept`.
static void close_others(int kept, int most)
{
    // By number: a C library may lack the call. A kernel before 5.9 does, hence the loop.
    auto const below = ::syscall(SYS_close_range, 3U, static_cast<unsigned>(kept - 1), 0U);
    auto const above = ::syscall(SYS_close_range, static_cast<unsigned>(kept + 1), ~0U, 0U);
    if ((below == 0 || kept == 3) && above == 0) return;
    for (int fd = 3; fd < most; ++fd) {
        if (fd != kept) ::close(fd);
    }
}

static void default_signals()
{
    struct sigaction fresh {};
    fresh.sa_handler = SIG_DFL;
    for (int number = 1; number < NSIG; ++number) ::sigaction(number, &fresh, nullptr);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// In the child: async-signal-safe calls only, no allocation, no exception.
[[noreturn]] static void become(ChildPlan const& plan) noexcept
{
    default_signals();
    // The parent may have died before the kernel knew that we are to follow it.
    auto const ready = ::setpgid(0, 0) == 0 && ::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 &&
                       ::getppid() == plan.parent && ::dup2(plan.input, STDIN_FILENO) >= 0 &&
                       ::dup2(plan.output, STDOUT_FILENO) >= 0 &&
                       ::dup2(plan.error_output, STDERR_FILENO) >= 0 && ::chdir(plan.folder) == 0;
    if (ready) {
        close_others(plan.report, plan.most_fds);
        ::execve(plan.program, plan.argv, plan.environment);
    }
    auto const failure = errno;
    [[maybe_unused]] auto const told = ::write(plan.report, &failure, sizeof failure);
    ::_exit(127);
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
    if (pid == 0) become(plan);
    auto const failure = errno;
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (pid < 0) fail("fork", failure);
    // Here too, so that the group is there for us whoever comes first. It fails once the child has executed:
    // it did it then.
    ::setpgid(pid, pid);
    return pid;
}

/// 0 once the program runs, or the child's errno.
static int read_report(int fd)
{
    int failure = 0;
    for (;;) {
        auto const count = ::read(fd, &failure, sizeof failure);
        if (count < 0 && errno == EINTR) continue;
        return count == static_cast<ssize_t>(sizeof failure) ? (failure == 0 ? EIO : failure) : 0;
    }
}

static void reap(pid_t pid)
{
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
}

Spawned spawn(WorkerCommand const& command, std::vector<std::string> environment)
{
    auto argv = command.argv;
    auto const argv_list = pointers(argv);
    auto const environment_list = pointers(environment);
    auto input = make_input(command.input);
    auto output = make_pipe();
    auto error_output = make_pipe();
    auto report = make_pipe();
    for (auto const* pipe : {&output, &error_output}) {
        if (::fcntl(pipe->read.get(), F_SETFL, O_NONBLOCK) != 0) fail("fcntl");
    }
    Spawned child;
    child.pid = fork_quietly({command.program.c_str(), command.folder.c_str(), argv_list.data(),
        environment_list.data(), input.get(), output.write.get(), error_output.write.get(),
        report.write.get(), most_fds(), ::getpid()});
    report.write.close();
    if (auto const failure = read_report(report.read.get()); failure != 0) {
        reap(child.pid);
        fail("exec", failure);
    }
    child.output = std::move(output.read);
    child.error_output = std::move(error_output.read);
    return child;
}

} // namespace elves::agent
