#include "server/process_numbers.hpp"

#include <array>
#include <cstdlib>
#include <string>

#include <dirent.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file_text.hpp"

namespace elves {

namespace {

/// Linux says it since 6.2 (proc_pid_fd(5)). Before, each is looked at: some milliseconds for ten thousand.
std::int64_t count_fds()
{
    struct stat status {};
    if (stat("/proc/self/fd", &status) == 0 && status.st_size > 0) return status.st_size;
    auto* const folder = opendir("/proc/self/fd");
    if (!folder) return -1;
    std::int64_t count = -1; // the folder itself
    while (auto const* const entry = readdir(folder))
        if (entry->d_name[0] != '.') ++count;
    closedir(folder);
    return count;
}

/// When the machine was booted, in seconds since 1970.
double boot_time()
{
    auto const text = file_text("/proc/stat");
    auto const at = text.find("\nbtime ");
    return at == std::string::npos ? -1 : std::strtod(text.c_str() + at + 7, nullptr);
}

} // namespace

/// Fields 14, 15, 22, 23 and 24 of /proc/self/stat (proc(5)), counted behind the name in parentheses, which
/// may hold anything.
ProcessNumbers ProcessNumbers::now()
{
    ProcessNumbers numbers;
    auto const text = file_text("/proc/self/stat");
    auto const name_end = text.rfind(')');
    if (name_end == std::string::npos) return numbers;
    std::istringstream fields(text.substr(name_end + 1));
    std::array<std::string, 22> all; // from field 3 on
    for (auto& field : all) fields >> field;
    auto const number = [&](std::size_t field) { return std::strtod(all[field - 3].c_str(), nullptr); };
    auto const ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
    numbers.cpu_seconds = (number(14) + number(15)) / ticks;
    if (auto const boot = boot_time(); boot > 0) numbers.start_time_seconds = boot + number(22) / ticks;
    numbers.virtual_bytes = static_cast<std::int64_t>(number(23));
    numbers.resident_bytes = static_cast<std::int64_t>(number(24)) * sysconf(_SC_PAGESIZE);
    numbers.open_fds = count_fds();
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) numbers.max_fds = static_cast<std::int64_t>(limit.rlim_cur);
    return numbers;
}

} // namespace elves
