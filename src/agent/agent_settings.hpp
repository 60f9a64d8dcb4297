#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/confinement.hpp"
#include "agent/deploy_settings.hpp"
#include "agent/run_rules.hpp"
#include "agent/worker_user.hpp"
#include "client/dial.hpp"
#include "client/server_users.hpp"
#include "elves/ip.hpp"
#include "elves/settings.hpp"
#include "log/log_setup.hpp"
#include "rpc/tls_context.hpp"

namespace elves::agent {

/// agent.conf: `[agent]`, `[deploy]`, `[facts]`, `[run_as]`, `[worker]`, `[limits]`, `[cron]` and `[log]`.
struct AgentSettings {
    std::vector<HostPort> servers; ///< Tried in turn.
    ServerUsers server_users{
        std::nullopt};    ///< Who may run a server that is dialed over loopback without TLS.
    std::optional<Ip> ip; ///< Nothing: the address from which the server is reached.
    std::string asset;
    std::map<std::string, std::string> facts; ///< What targets may ask of this machine beside the rest.
    std::filesystem::path apps;               ///< Absolute.
    std::string journal;
    std::string key;
    std::string token;
    std::string key_file;            ///< Its own key, where it was given none.
    std::string join_token_file;     ///< "" for none.
    std::size_t max_output = 0;      ///< Bytes.
    std::size_t max_kept_output = 0; ///< Bytes.
    std::size_t max_workers = 0;
    std::size_t max_queued = 0;
    std::vector<std::string> interpreters;
    std::shared_ptr<TlsContext const> tls; ///< Null: plain.
    std::string tls_key;                   ///< Its file; "": none.
    TlsTrust tls_trust;                    ///< Of `tls`; empty without it.
    RunRules rules;
    DeploySettings deploy;
    RunAs run_as;
    Confinement confinement;
    bool param_by_input = false;
    std::chrono::seconds without_server{86'400}; ///< Own cron jobs end when none is heard for so long.
    std::chrono::seconds drain{3'600};           ///< How long a draining agent waits for its workers.
    LogSettings log;

    /// Throws SettingsError.
    [[nodiscard]] static AgentSettings read(Settings const& settings);
};

} // namespace elves::agent
