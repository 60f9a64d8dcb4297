#include "agent/confinement.hpp"

#include <array>
#include <string>

#include <unistd.h>

namespace elves::agent {

namespace {

struct Row {
    std::string_view name;
    Confinement::Resource resource;
    std::int64_t least;
    std::int64_t most;
};

constexpr std::int64_t mib = 1024 * 1024;
constexpr std::int64_t pib = mib * mib * 1024;
constexpr std::array<Row, 6> rows{{
    {"files", RLIMIT_NOFILE, 16, mib},
    {"processes", RLIMIT_NPROC, 1, 4 * mib},
    {"memory", RLIMIT_AS, 16 * mib, pib},
    {"cpu", RLIMIT_CPU, 1, 31'536'000},
    {"core", RLIMIT_CORE, 0, pib},
    {"file_size", RLIMIT_FSIZE, 0, pib},
}};

void read_limit(Section const& limits, Row const& row, std::vector<Confinement::Limit>& into)
{
    auto const is_core = row.resource == RLIMIT_CORE;
    auto const number = static_cast<rlim_t>(limits.number(row.name, row.least, row.least, row.most));
    if (!is_core && !limits.has(row.name)) return;
    rlimit now{};
    ::getrlimit(row.resource, &now);
    if (number > now.rlim_max && ::geteuid() != 0)
        limits.refuse(row.name,
            "the agent itself may have " + std::to_string(now.rlim_max) + " at most, and can give no more");
    rlimit most{number, number};
    // A second to say goodbye: at the first of the two it gets SIGXCPU, at the other SIGKILL.
    if (row.resource == RLIMIT_CPU && number < now.rlim_max) ++most.rlim_max;
    into.push_back({row.resource, most});
}

mode_t read_umask(Section const& worker)
{
    auto const text = worker.text("umask", "077");
    if (text.empty() || text.size() > 4 || text.find_first_not_of("01234567") != std::string::npos ||
        std::stoul(text, nullptr, 8) > 0777)
        worker.refuse(
            "umask", "\"" + text + "\" is no file mode mask; write it as in the shell, such as 022");
    return static_cast<mode_t>(std::stoul(text, nullptr, 8));
}

} // namespace

Confinement Confinement::read(Section const& worker, Section const& limits)
{
    Confinement all;
    all.umask = read_umask(worker);
    all.no_new_privs = worker.choice("no_new_privs", "true", {"true", "false"}) == "true";
    all.limits.clear();
    for (auto const& row : rows) read_limit(limits, row, all.limits);
    return all;
}

} // namespace elves::agent
