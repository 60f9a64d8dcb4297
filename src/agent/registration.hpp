#pragma once

#include <filesystem>
#include <string>

#include "agent/agent_settings.hpp"
#include "elves/ip.hpp"
#include "elves/json.hpp"

namespace elves::agent {

/// The apps in `folder`: names, and what the `VERSION` file of each says, "" without one.
[[nodiscard]] json::object installed_apps(std::filesystem::path const& folder);

/// The fields of `heartbeat.register`, `auth` left out.
[[nodiscard]] json::object registration(
    Ip const& ip, AgentSettings const& settings, std::string const& starttime);

} // namespace elves::agent
