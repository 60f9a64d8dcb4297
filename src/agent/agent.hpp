#pragma once

#include <string>
#include <vector>

namespace elves::agent {

/// Runs the agent until SIGTERM or SIGINT. Throws SettingsError, or std::runtime_error where the journal
/// can't be used.
void run_agent(std::string const& config);

/// Says what a start would say, but for the server: settings, log file, journal. Changes nothing. Returns
/// warnings, a line each: who has the journal open, and that the journal is not this machine's. Throws
/// SettingsError, or std::runtime_error of log file and journal.
[[nodiscard]] std::vector<std::string> check_agent(std::string const& config);

} // namespace elves::agent
