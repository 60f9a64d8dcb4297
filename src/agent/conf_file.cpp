#include "agent/conf_file.hpp"
#include "core/trusted_path.hpp"

#include <sys/stat.h>
#include <unistd.h>

namespace elves::agent {

namespace {

[[noreturn]] void refuse_reader(
    std::string const& path, std::string const& what, std::string const& who, std::string const& mode)
{
    throw SettingsError(
        path + ": there is a " + what + " in it, and " + who + " may read it; chmod " + mode + " " + path);
}

/// Nobody reads it but root, this process's user and group, and of these no one whom apps run as.
void require_secret(
    std::string const& path, std::string const& what, struct stat const& about, RunAs const& run_as)
{
    if ((about.st_mode & S_IROTH) != 0) refuse_reader(path, what, "anybody", "o-r");
    if ((about.st_mode & S_IRGRP) == 0) return;
    if (about.st_gid != 0 && about.st_gid != ::getegid())
        refuse_reader(path, what, "its group, which is not the agent's,", "g-r");
    for (auto const* const user : run_as.others()) {
        if (user->uid != 0 && user->is_in(about.st_gid))
            refuse_reader(path, what, user->name + ", whom apps run as,", "g-r");
    }
}

} // namespace

void check_conf_file(std::string const& path, AgentSettings const& settings)
{
    struct stat about {};
    if (::stat(path.c_str(), &about) != 0 || !S_ISREG(about.st_mode)) return;
    if (auto const fault = untrusted(about, path, ::geteuid())) throw SettingsError(*fault);
    if (!settings.token.empty()) require_secret(path, "token", about, settings.run_as);
}

void check_tls_key(AgentSettings const& settings)
{
    auto const& path = settings.tls_key;
    struct stat about {};
    if (path.empty() || ::stat(path.c_str(), &about) != 0) return;
    if (auto const fault = untrusted(about, path, ::geteuid())) throw SettingsError(*fault);
    require_secret(path, "key", about, settings.run_as);
}

} // namespace elves::agent
