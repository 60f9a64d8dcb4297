#pragma once

#include <chrono>
#include <string>

namespace elves::agent {

/// What `elves-agent join` was given.
struct JoinCommand {
    std::string config; ///< The agent's settings file; it is changed.
    std::string server; ///< HOST:PORT, or HOST: the port is 7788 then.
    std::string
        pin; ///< SHA-256 of the server's certificate in hex; "" where the token has it, or there is no TLS.
    std::string token; ///< A join token.
    std::string ip;    ///< This machine's address; "": the one from which the server is reached.
    bool should_start = true;
    std::chrono::seconds wait{60}; ///< For the server to let the machine in.
};

/// Sets up this machine's agent for a server, starts it where systemd runs, and waits until the server has
/// let it in. For the administrator of the machine, not for the agent's own user. Says on standard output
/// what it does. Throws std::runtime_error, one line that says what is wrong and what to do; SettingsError
/// for the settings file.
void join(JoinCommand const& command);

} // namespace elves::agent
