#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "audit/audit_settings.hpp"
#include "client/dial.hpp"
#include "elves/settings.hpp"
#include "elves/zone.hpp"
#include "http/http_settings.hpp"
#include "log/log_setup.hpp"
#include "rpc/gate.hpp"
#include "rpc/link.hpp"
#include "rpc/tls_context.hpp"
#include "store/disk_space.hpp"

namespace elves {

/// What of elves.conf is the server's own; the modules read their own sections.
struct ServerSettings {
    std::vector<HostPort> listen;
    std::string socket; ///< Of the Unix socket, absolute; "" for none.
    Zone zone;
    std::string zone_source; ///< What says so: a setting, `TZ` or a file.
    std::string store_path;
    DiskSpaceLimits space;
    std::vector<std::string> enabled; ///< Modules; empty: all.
    std::string module_path;          ///< A folder of shared objects; "" for none.
    LogSettings log;
    AuditSettings audit;
    http::HttpSettings http;

    AuthMode auth = AuthMode::protected_; ///< From here on: what SIGHUP can change.
    std::string socket_group;             ///< Whose members may use `socket`; "" for none.
    LinkLimits limits;
    std::shared_ptr<TlsContext const> tls; ///< Null: there is no certificate.
    PlainFrom plain_from = PlainFrom::everywhere;
    std::size_t max_connections = 0;
    std::chrono::seconds idle_timeout{};
    std::chrono::seconds shutdown_grace{};

    /// Throws SettingsError.
    [[nodiscard]] static ServerSettings read(Settings const& settings);
    /// What SIGHUP can change becomes what `again` says; the rest stands until the next start.
    void take_over(ServerSettings const& again);
};

[[nodiscard]] std::string_view auth_mode_text(AuthMode mode) noexcept;

} // namespace elves
