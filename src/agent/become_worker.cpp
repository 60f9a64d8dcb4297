#include "agent/become_worker.hpp"

#include "agent/spawn.hpp"

#include <array>
#include <cerrno>
#include <csignal>

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// From here to execve: async-signal-safe calls only, no allocation, no exception. Where glibc's own call
// would tell other threads, as those that change the user do, it is the kernel's.

namespace elves::agent {

namespace {

void default_signals() noexcept
{
    struct sigaction fresh {};
    fresh.sa_handler = SIG_DFL;
    for (int number = 1; number < NSIG; ++number) ::sigaction(number, &fresh, nullptr);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// Its own number, which nobody knew before the fork.
void write_group(char* digits) noexcept
{
    auto rest = ::getpid();
    for (int place = group_digits - 1; place >= 0; --place, rest /= 10)
        digits[place] = static_cast<char>('0' + rest % 10);
}

/// A session of its own: no terminal of ours, and a group to be ended with all that is in it.
bool take_streams(ChildPlan const& plan) noexcept
{
    return ::setsid() >= 0 && ::dup2(plan.input, STDIN_FILENO) >= 0 &&
           ::dup2(plan.output, STDOUT_FILENO) >= 0 && ::dup2(plan.error_output, STDERR_FILENO) >= 0 &&
           ::dup2(plan.result, result_fd) >= 0;
}

/// While we may still raise them.
bool take_limits(Confinement const& held) noexcept
{
    ::umask(held.umask);
    for (auto const& limit : held.limits) {
        if (::setrlimit(limit.resource, &limit.most) != 0) return false;
    }
    return true;
}

bool is_now(WorkerUser const& user) noexcept
{
    uid_t real = 0;
    uid_t effective = 0;
    uid_t saved = 0;
    gid_t real_group = 0;
    gid_t effective_group = 0;
    gid_t saved_group = 0;
    if (::getresuid(&real, &effective, &saved) != 0) return false;
    if (::getresgid(&real_group, &effective_group, &saved_group) != 0) return false;
    return real == user.uid && effective == user.uid && saved == user.uid && real_group == user.gid &&
           effective_group == user.gid && saved_group == user.gid;
}

bool take_user(Confinement const& held) noexcept
{
    if (!held.user) return true;
    auto const& user = *held.user;
    if (::syscall(SYS_setgroups, user.groups.size(), user.groups.data()) != 0) return false;
    if (::syscall(SYS_setresgid, user.gid, user.gid, user.gid) != 0) return false;
    if (::syscall(SYS_setresuid, user.uid, user.uid, user.uid) != 0) return false;
    errno = EPERM;
    return is_now(user);
}

/// An agent that may become others by its capabilities must not hand them on; they outlive the user's change.
bool drop_rights(Confinement const& held) noexcept
{
    // EINVAL: a kernel that has none.
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 && errno != EINVAL) return false;
    if (::geteuid() != 0) {
        __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
        std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> const none{};
        if (::syscall(SYS_capset, &header, none.data()) != 0) return false;
    }
    return !held.no_new_privs || ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

/// After the user's change, which forgets whom we follow. The parent may have died before the kernel knew.
bool follow_parent(ChildPlan const& plan) noexcept
{
    return ::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && ::getppid() == plan.parent;
}

/// All but the three streams, `result_fd` and `kept`, which is above it.
void close_others(int kept, int most) noexcept
{
    // By number: a C library may lack the call. A kernel before 5.9 does, hence the loop.
    constexpr int first = result_fd + 1;
    auto const below =
        ::syscall(SYS_close_range, static_cast<unsigned>(first), static_cast<unsigned>(kept - 1), 0U);
    auto const above = ::syscall(SYS_close_range, static_cast<unsigned>(kept + 1), ~0U, 0U);
    if ((below == 0 || kept == first) && above == 0) return;
    for (int fd = first; fd < most; ++fd) {
        if (fd != kept) ::close(fd);
    }
}

/// Where it failed.
ChildStep step_by_step(ChildPlan const& plan) noexcept
{
    auto const& held = *plan.confinement;
    default_signals();
    write_group(plan.group);
    if (!take_streams(plan)) return ChildStep::streams;
    if (!take_limits(held)) return ChildStep::limits;
    if (!take_user(held)) return ChildStep::user;
    if (!drop_rights(held) || !follow_parent(plan)) return ChildStep::rights;
    // With the worker's eyes: what it may not enter it can't run in.
    if (::chdir(plan.folder) != 0) return ChildStep::folder;
    close_others(plan.report, plan.most_fds);
    ::execve(plan.program, plan.argv, plan.environment);
    return ChildStep::program;
}

} // namespace

void become_worker(ChildPlan const& plan) noexcept
{
    auto const step = step_by_step(plan);
    ChildFailure const failure{step, errno};
    [[maybe_unused]] auto const told = ::write(plan.report, &failure, sizeof failure);
    ::_exit(127);
}

} // namespace elves::agent
