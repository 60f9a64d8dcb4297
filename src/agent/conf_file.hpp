#pragma once

#include <string>

#include "agent/agent_settings.hpp"

namespace elves::agent {

/// Throws SettingsError where somebody but root and this process's user may change the settings file, or,
/// once there is a token in it, somebody else may read it: he whom apps run as, for one. Something that is no
/// regular file is left alone.
void check_conf_file(std::string const& path, AgentSettings const& settings);

/// The same of `[tls] key`: it is as good as a token.
void check_tls_key(AgentSettings const& settings);

} // namespace elves::agent
