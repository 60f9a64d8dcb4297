#include "agent/worker_environment.hpp"

#include "agent/spawn.hpp"

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace elves::agent {

static std::string value_of(char const* name, char const* otherwise)
{
    auto const* const value = std::getenv(name); // NOLINT(concurrency-mt-unsafe): nobody here sets any
    return value != nullptr && *value != '\0' ? value : otherwise;
}

std::string search_path()
{
    auto const ours = value_of("PATH", "");
    std::string_view rest = ours;
    std::string path;
    while (!rest.empty()) {
        auto const folder = rest.substr(0, rest.find(':'));
        rest.remove_prefix(std::min(folder.size() + 1, rest.size()));
        if (folder.starts_with('/')) path.append(path.empty() ? "" : ":").append(folder);
    }
    return path.empty() ? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" : path;
}

std::vector<std::string> worker_environment(
    std::string const& path, WorkerUser const& user, TaskId id, Instruction const& ins)
{
    std::vector<std::string> list{"PATH=" + path, "LANG=" + value_of("LANG", "C.UTF-8"),
        "HOME=" + (user.home.empty() ? "/" : user.home), "USER=" + user.name, "LOGNAME=" + user.name,
        "ELVES_TASK_ID=" + id.text(), "ELVES_APP=" + ins.app, "ELVES_FUNC=" + ins.func,
        "ELVES_RESULT_FD=" + std::to_string(result_fd)};
    if (auto const zone = value_of("TZ", ""); !zone.empty()) list.push_back("TZ=" + zone);
    return list;
}

} // namespace elves::agent
