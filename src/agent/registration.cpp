#include "agent/registration.hpp"

#include <algorithm>

#include <fcntl.h>
#include <unistd.h>

#include "agent/hardware.hpp"
#include "agent/spawn.hpp"
#include "core/trusted_path.hpp"
#include "elves/instruction.hpp"

namespace elves::agent {

namespace {

constexpr std::size_t most_apps = 1000;
constexpr std::size_t longest_version = 64;

/// "" where there is none that the agent may trust: it reads with rights that others do not have.
std::string version_of(std::filesystem::path const& app)
{
    std::error_code failure;
    auto const file = std::filesystem::canonical(app, failure) / "VERSION";
    if (failure || untrusted(file, ::geteuid())) return {};
    int const opened = ::open(file.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (opened < 0) return {};
    OwnedFd const fd(opened, "open");
    std::string line(longest_version, '\0');
    auto const got = ::read(fd.get(), line.data(), line.size());
    line.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    auto const printable = [](char c) { return c > ' ' && c < 0x7f; };
    line.erase(std::find_if_not(line.begin(), line.end(), printable), line.end());
    return line;
}

} // namespace

json::object installed_apps(std::filesystem::path const& folder)
{
    json::object apps;
    std::error_code failure;
    for (std::filesystem::directory_iterator place(folder, failure), end; !failure && place != end;
         place.increment(failure)) {
        auto const name = place->path().filename().string();
        std::error_code ignored;
        if (apps.size() < most_apps && is_name(name) && place->is_directory(ignored))
            apps[name] = version_of(place->path());
    }
    return apps;
}

json::object registration(Ip const& ip, AgentSettings const& settings, std::string const& starttime)
{
    json::object fields{{"agentip", ip.text()}, {"asset", settings.asset}, {"os", os_name()},
        {"version", ELVES_VERSION}, {"starttime", starttime}, {"hw_config", hardware_json()},
        {"apps", installed_apps(settings.apps)}};
    if (!settings.facts.empty()) {
        json::object facts;
        for (auto const& [key, value] : settings.facts) facts[key] = value;
        fields["facts"] = std::move(facts);
    }
    return fields;
}

} // namespace elves::agent
