#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "http/http_port.hpp"
#include "http/metrics_page.hpp"
#include "http/readiness.hpp"
#include "http/sessions.hpp"
#include "http/site.hpp"
#include "server/server_metrics.hpp"
#include "server/task_metrics.hpp"

namespace elves {

class AuditTrail;
class Gate;
class Host;
class Module;
class SqliteStore;
struct LinkShared;
struct ServerSettings;

/// The HTTP port with all that stands behind it: the sessions, the metrics, the site. Without `[http] listen`
/// only what others register with. On the loop's thread; what it is given outlives it.
class HttpFront {
public:
    HttpFront(
        Router const& router, Gate const& gate, LinkShared& shared, SqliteStore& store, AuditTrail& audit);

    /// Where modules leave their numbers.
    [[nodiscard]] Metrics& metrics() noexcept { return metrics_; }
    /// Counts from now on what /metrics shows: once all modules are made. Without the port nothing is
    /// counted.
    void count(Router& router, Host& host, ServerMetrics::Parts parts);
    /// The service `console`.
    [[nodiscard]] std::unique_ptr<Module> console_service();

    /// Binds. Throws SettingsError that names the place that can't be had.
    void bind(LoopExecutor loop, ServerSettings const& settings);
    /// Takes what SIGHUP can change.
    void configure(ServerSettings const& settings);
    void start();
    /// /health/ready says no from now on.
    void set_stopping() noexcept { readiness_.set_stopping(); }
    void close();
    [[nodiscard]] std::size_t connections() const noexcept { return port_ ? port_->connections() : 0; }
    /// Requests that wait for their answer.
    [[nodiscard]] std::size_t inflight() const noexcept { return port_ ? port_->inflight() : 0; }

private:
    void feed(Host& host);
    void note_cross_site(http::Request const& request, std::string const& why);
    [[nodiscard]] std::string address() const;

    Gate const& gate_;
    LinkShared& shared_;
    AuditTrail& audit_;
    http::Sessions sessions_;
    http::MetricsPage metrics_;
    http::Readiness readiness_;
    http::ChangeFeed changes_;
    http::Site site_;
    std::optional<ServerMetrics> server_metrics_;
    std::optional<TaskMetrics> task_metrics_;
    bool has_console_ = true;
    std::string console_host_; ///< "" for the address it listens on.
    std::unique_ptr<http::HttpPort> port_;
};

} // namespace elves
