#include "core/process_signals.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <initializer_list>
#include <stdexcept>

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace elves {

namespace {

void change_mask(int how, std::initializer_list<int> signals) noexcept
{
    sigset_t set;
    ::sigemptyset(&set);
    for (int const number : signals) ::sigaddset(&set, number);
    ::pthread_sigmask(how, &set, nullptr);
}

/// Ends the process as the default would. The kernel drops a default of PID 1: it exits by itself then.
void end_process(int number)
{
    ::signal(number, SIG_DFL);
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, number);
    ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
    ::raise(number);
    constexpr int of_a_signal = 128; // as shells say it
    ::_exit(of_a_signal + number);
}

/// A shell starts background jobs with SIGINT ignored; that stays.
void end_process_on(int number) noexcept
{
    struct sigaction action {};
    if (::sigaction(number, nullptr, &action) != 0 || action.sa_handler == SIG_IGN) return;
    action = {};
    action.sa_handler = end_process;
    ::sigaction(number, &action, nullptr);
}

void open_closed_streams() noexcept
{
    for (int const fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (::fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
        // The lowest that is free is `fd`: those below it are open. It stays open for the life of the
        // process.
        [[maybe_unused]] int const opened = ::open("/dev/null", O_RDWR);
    }
}

} // namespace

void prepare_process() noexcept
{
    change_mask(SIG_BLOCK, {SIGHUP, SIGUSR1});
    end_process_on(SIGTERM);
    end_process_on(SIGINT);
    ::signal(SIGPIPE, SIG_IGN);
    open_closed_streams();
}

void release_signals() noexcept { change_mask(SIG_UNBLOCK, {SIGHUP, SIGUSR1}); }

void hold_signals() noexcept { change_mask(SIG_BLOCK, {SIGHUP, SIGUSR1, SIGTERM, SIGINT}); }

void execute_again(std::string const& path, char** argv)
{
    constexpr auto first_own = STDERR_FILENO + 1;
    // Closed by the kernel once the program is replaced: where that fails they are still needed.
    ::syscall(SYS_close_range, static_cast<unsigned>(first_own), ~0U, CLOSE_RANGE_CLOEXEC);
    // The new program takes SIGHUP and SIGUSR1 out again itself.
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGHUP);
    ::sigaddset(&set, SIGUSR1);
    ::pthread_sigmask(SIG_SETMASK, &set, nullptr);
    ::execv(path.c_str(), argv);
    throw std::runtime_error(path + " can't be executed: " + std::strerror(errno));
}

EndOnSignals::EndOnSignals() noexcept
{
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        ::sigaction(numbers[i], nullptr, &before_[i]);
        end_process_on(numbers[i]);
    }
}

EndOnSignals::~EndOnSignals()
{
    for (std::size_t i = 0; i < numbers.size(); ++i) ::sigaction(numbers[i], &before_[i], nullptr);
}

} // namespace elves
