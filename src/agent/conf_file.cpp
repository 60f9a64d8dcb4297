#include "agent/conf_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include "agent/trusted_path.hpp"

namespace elves::agent {

namespace {

[[noreturn]] void refuse_reader(std::string const& path, std::string const& who, std::string const& mode)
{
    throw SettingsError(
        path + ": there is a token in it, and " + who + " may read it; chmod " + mode + " " + path);
}

} // namespace

void check_conf_file(std::string const& path, AgentSettings const& settings)
{
    struct stat about {};
    if (::stat(path.c_str(), &about) != 0 || !S_ISREG(about.st_mode)) return;
    if (auto const fault = untrusted(about, path, ::geteuid())) throw SettingsError(*fault);
    if (settings.token.empty()) return;
    if ((about.st_mode & S_IROTH) != 0) refuse_reader(path, "anybody", "o-r");
    if ((about.st_mode & S_IRGRP) == 0) return;
    if (about.st_gid != 0 && about.st_gid != ::getegid())
        refuse_reader(path, "its group, which is not the agent's,", "g-r");
    for (auto const* const user : settings.run_as.others()) {
        if (user->uid != 0 && user->is_in(about.st_gid))
            refuse_reader(path, user->name + ", whom apps run as,", "g-r");
    }
}

} // namespace elves::agent
