#include "agent/leftover_groups.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include <sys/syscall.h>
#include <unistd.h>

#include "agent/spawn.hpp"
#include "core/file_text.hpp"
#include "elves/log.hpp"

namespace elves::agent {

namespace {

using namespace std::chrono_literals;

/// New ones may be forked while the others are killed.
constexpr int most_passes = 50;
constexpr auto between_passes = 10ms;

std::optional<pid_t> number_of(std::string_view text)
{
    pid_t number = 0;
    auto const [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}

struct ProcessGroups {
    pid_t group = 0;
    pid_t session = 0;
    bool is_dead = false; ///< A zombie.
};

/// Nothing where there is no such process any more.
std::optional<ProcessGroups> groups_of(std::filesystem::path const& folder)
{
    auto const stat = file_text(folder / "stat");
    // The name in parentheses may hold anything.
    auto const name_end = stat.rfind(')');
    if (name_end == std::string::npos || name_end + 2 >= stat.size()) return std::nullopt;
    std::string_view rest(stat);
    rest.remove_prefix(name_end + 2);
    auto const next = [&rest] {
        auto const word = rest.substr(0, rest.find(' '));
        rest.remove_prefix(std::min(word.size() + 1, rest.size()));
        return word;
    };
    auto const state = next();
    next(); // its parent
    auto const group = number_of(next());
    auto const session = number_of(next());
    if (!group || !session) return std::nullopt;
    return ProcessGroups{*group, *session, state == "Z" || state == "X"};
}

std::string_view value_in(std::string_view environment, std::string const& name)
{
    auto const begin = name + '=';
    while (!environment.empty()) {
        auto const entry = environment.substr(0, environment.find('\0'));
        if (entry.starts_with(begin)) return entry.substr(begin.size());
        environment.remove_prefix(std::min(entry.size() + 1, environment.size()));
    }
    return {};
}

/// The groups of a living process that is of one of the tasks, and still in its worker's session.
std::optional<ProcessGroups> leftover(std::filesystem::path const& folder, std::vector<TaskId> const& tasks)
{
    auto const groups = groups_of(folder);
    if (!groups || groups->is_dead) return std::nullopt;
    auto const environment = file_text(folder / "environ");
    auto const task = TaskId::parse(value_in(environment, "ELVES_TASK_ID"));
    auto const session = number_of(value_in(environment, worker_group_name));
    bool const is_one = task && std::find(tasks.begin(), tasks.end(), *task) != tasks.end();
    if (!is_one || session != groups->session) return std::nullopt;
    return groups;
}

/// The process is held by a descriptor, and looked at after that was opened: its number can't become
/// another's in between. Stopped, it keeps the number of its group from being given away while that is
/// signaled.
bool kill_if_leftover(pid_t pid, std::filesystem::path const& folder, std::vector<TaskId> const& tasks)
{
    if (!leftover(folder, tasks)) return false;
    OwnedFd held;
    try {
        held = OwnedFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U)), "pidfd_open");
    } catch (std::exception const&) {
        return false;
    }
    auto const signal = [&held](int number) {
        return ::syscall(SYS_pidfd_send_signal, held.get(), number, nullptr, 0U) == 0;
    };
    if (!leftover(folder, tasks) || !signal(SIGSTOP)) return false;
    auto const groups = leftover(folder, tasks);
    if (groups && groups->group == groups->session) ::kill(-groups->group, SIGKILL);
    signal(SIGKILL);
    return true;
}

std::size_t kill_pass(std::vector<TaskId> const& tasks)
{
    std::size_t killed = 0;
    std::error_code failure;
    std::filesystem::directory_iterator const end;
    for (std::filesystem::directory_iterator at("/proc", failure); !failure && at != end;
         at.increment(failure)) {
        auto const pid = number_of(at->path().filename().string());
        if (pid && *pid != ::getpid() && kill_if_leftover(*pid, at->path(), tasks)) ++killed;
    }
    return killed;
}

} // namespace

std::size_t kill_leftover_groups(std::vector<TaskId> const& tasks)
{
    if (tasks.empty()) return 0;
    std::size_t all = 0;
    for (int pass = 0; pass < most_passes; ++pass) {
        auto const killed = kill_pass(tasks);
        if (killed == 0) break;
        all += killed;
        std::this_thread::sleep_for(between_passes);
    }
    if (all > 0)
        ELVES_LOG(warning, "worker.leftovers_killed processes="
                               << all << ": an agent that was killed had left them running");
    return all;
}

} // namespace elves::agent
