#include "server/server_metrics.hpp"

#include <algorithm>
#include <string>

#include "audit/audit_trail.hpp"
#include "log/log_counts.hpp"
#include "rpc/link.hpp"
#include "rpc/tls_context.hpp"
#include "server/module_set.hpp"
#include "server/process_numbers.hpp"
#include "server/server.hpp"
#include "server/server_settings.hpp"
#include "store/sqlite_store.hpp"

namespace elves {

namespace {

constexpr std::chrono::seconds look_each{1};

template <class Number>
double as_double(Number number)
{
    return static_cast<double>(number);
}

} // namespace

void ServerMetrics::start() { look(parts_.clock.steady() + look_each); }

void ServerMetrics::look(Clock::Steady due)
{
    looking_ = parts_.clock.after(look_each, [this, due] {
        auto const late = std::chrono::duration<double>(parts_.clock.steady() - due).count();
        loop_lag_.observe(std::max(late, 0.0));
        look(parts_.clock.steady() + look_each);
    });
}

void ServerMetrics::write(MetricWriter& to) const
{
    write_process(to);
    write_connections(to);
    write_calls(to);
    write_store(to);
    write_security(to);
}

void ServerMetrics::write_process(MetricWriter& to) const
{
    to.gauge("build_info", "Always 1; which program this is.", 1, {{"version", ELVES_VERSION}});
    to.gauge("warnings", "Warnings that elvesctl stat shows.", as_double(parts_.modules.warnings().size()));
    to.histogram("loop_lag_seconds", "How late the event loop came to a timer, once a second.", loop_lag_);
    auto const process = ProcessNumbers::now();
    to.standard_counter("process_cpu_seconds_total", "Total user and system CPU time.", process.cpu_seconds);
    to.standard_gauge("process_start_time_seconds", "Start time of the process.", process.start_time_seconds);
    to.standard_gauge("process_resident_memory_bytes", "Resident memory.", as_double(process.resident_bytes));
    to.standard_gauge("process_virtual_memory_bytes", "Virtual memory.", as_double(process.virtual_bytes));
    to.standard_gauge("process_open_fds", "Open file descriptors.", as_double(process.open_fds));
    to.standard_gauge("process_max_fds", "Limit of open file descriptors.", as_double(process.max_fds));
}

void ServerMetrics::write_connections(MetricWriter& to) const
{
    auto const help = "Open connections, by port.";
    to.gauge("connections", help, as_double(parts_.port.connections()), {{"kind", "rpc"}});
    to.gauge("connections", help, as_double(parts_.http_connections()), {{"kind", "http"}});
    to.gauge("connections_max", "[server] max_connections.", as_double(parts_.in_force.max_connections));
    to.gauge(
        "queued_bytes", "Bytes that all connections together hold in memory.", as_double(parts_.shared.held));
    to.gauge("queued_bytes_max", "[server] all_bytes.", as_double(parts_.shared.limits.all_bytes));
}

void ServerMetrics::write_calls(MetricWriter& to) const
{
    std::uint64_t no_key = 0;
    std::uint64_t wrong_key = 0;
    std::uint64_t forbidden = 0;
    calls_.each(
        [&](std::string_view service, std::string_view method, std::string_view code, std::uint64_t count) {
            to.counter("calls_total", "Calls that were answered; code \"\" is well.", as_double(count),
                {{"service", service}, {"method", method}, {"code", code}});
            if (code == codes::no_key.text) no_key += count;
            if (code == codes::wrong_key.text) wrong_key += count;
            if (code == codes::forbidden.text) forbidden += count;
        });
    for (auto const& [service, seconds] : calls_.durations()) {
        to.histogram("call_duration_seconds", "How long calls took that waited for store, agent or time.",
            seconds, {{"service", service}});
    }
    auto const help = "Calls that were refused for who asked.";
    to.counter("auth_failures_total", help, as_double(no_key), {{"reason", "no_key"}});
    to.counter("auth_failures_total", help, as_double(wrong_key), {{"reason", "wrong_key"}});
    to.counter("auth_failures_total", help, as_double(forbidden), {{"reason", "forbidden"}});
}

void ServerMetrics::write_store(MetricWriter& to) const
{
    auto const counters = parts_.store.counters();
    to.histogram(
        "store_commit_seconds", "How long a group of writes took to be on disk.", counters.commit_seconds);
    to.counter("store_commits_total", "Transactions.", as_double(counters.commits));
    to.counter("store_writes_total", "Writes; many share a transaction.", as_double(counters.posted));
    to.gauge("store_queue", "Writes that are not on disk yet.", as_double(counters.queued));
    to.counter("store_errors_total", "Writes that failed.", as_double(counters.failed), {{"kind", "write"}});
    to.gauge("store_up", "1 while the data file is under its name and takes writes.",
        parts_.store.file_fault().empty() ? 1 : 0);
    auto const space = parts_.store.disk_space();
    auto const help = "Size of the data file, and of its write-ahead log.";
    if (space.file >= 0) to.gauge("store_bytes", help, as_double(space.file), {{"file", "data"}});
    if (space.wal >= 0) to.gauge("store_bytes", help, as_double(space.wal), {{"file", "wal"}});
    if (space.last_backup > 0)
        to.gauge("backup_last_timestamp_seconds", "When elvesctl backup last made a copy of the data file.",
            as_double(space.last_backup));
    if (space.free >= 0)
        to.gauge("disk_free_bytes", "Free on the data file's file system.", as_double(space.free));
}

void ServerMetrics::write_security(MetricWriter& to) const
{
    using log::Level;
    auto const help = "Log records by level.";
    to.counter("log_records_total", help, as_double(log::count(Level::info)), {{"level", "info"}});
    to.counter("log_records_total", help, as_double(log::count(Level::warning)), {{"level", "warning"}});
    to.counter("log_records_total", help, as_double(log::count(Level::error)), {{"level", "error"}});
    auto const rows = parts_.audit.rows();
    auto const rows_help = "Rows that were added to the audit trail.";
    to.counter("audit_rows_total", rows_help, as_double(rows.allowed), {{"allowed", "true"}});
    to.counter("audit_rows_total", rows_help, as_double(rows.denied), {{"allowed", "false"}});
    auto const& handshakes = parts_.shared.tls_handshakes;
    auto const tls_help = "TLS handshakes of connections to the server's ports.";
    to.counter("tls_handshakes_total", tls_help, as_double(handshakes.completed), {{"result", "completed"}});
    to.counter("tls_handshakes_total", tls_help, as_double(handshakes.failed), {{"result", "failed"}});
    if (parts_.in_force.tls) {
        auto const until = parts_.in_force.tls->until().time_since_epoch();
        to.gauge("tls_cert_expiry_timestamp_seconds", "When the server's certificate ends.",
            std::chrono::duration<double>(until).count());
    }
}

} // namespace elves
