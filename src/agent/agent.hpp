#pragma once

#include <string>

namespace elves::agent {

/// Runs the agent until SIGTERM or SIGINT. Throws SettingsError, or std::runtime_error where the journal
/// can't be used.
void run_agent(std::string const& config);

/// Reads the settings and touches nothing. Throws SettingsError.
void check_agent(std::string const& config);

} // namespace elves::agent
