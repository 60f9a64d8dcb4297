#pragma once

#include <string>
#include <vector>

namespace elves::agent {

/// Why `run_agent` returned.
enum class AgentEnd {
    stopped, ///< By SIGTERM or SIGINT.
    drained  ///< After SIGUSR1: the program is to be started again, in this process.
};

/// Runs the agent until SIGTERM or SIGINT, or until it has drained after SIGUSR1: then it takes nothing new
/// from the server, and ends as soon as no worker runs, after `[agent] drain` at the latest. Throws
/// SettingsError, or std::runtime_error where the journal can't be used.
[[nodiscard]] AgentEnd run_agent(std::string const& config);

/// Says what a start would say, but for the server: settings, log file, journal. Changes nothing. Returns
/// warnings, a line each: who has the journal open, and that the journal is not this machine's. Throws
/// SettingsError, or std::runtime_error of log file and journal.
[[nodiscard]] std::vector<std::string> check_agent(std::string const& config);

} // namespace elves::agent
