#pragma once

#include <string>

namespace elves::agent {

/// Runs the agent until SIGTERM or SIGINT. Throws SettingsError, or std::runtime_error where the journal
/// can't be used.
void run_agent(std::string const& config);

/// Says what a start would say, but for the server: settings, log file, journal. Changes nothing. Returns who
/// has the journal open, `process 4711`; "" for nobody. Throws SettingsError, or std::runtime_error of log
/// file and journal.
[[nodiscard]] std::string check_agent(std::string const& config);

} // namespace elves::agent
