#pragma once

#include <functional>
#include <optional>

#include "elves/clock.hpp"
#include "elves/histogram.hpp"
#include "elves/services/metrics.hpp"
#include "rpc/call_counts.hpp"

namespace elves {

class AuditTrail;
class ModuleSet;
class Server;
class SqliteStore;
struct LinkShared;
struct ServerSettings;

/// The numbers of the server itself: process, connections, calls, store, security. On the loop's thread; what
/// it is given outlives it.
class ServerMetrics {
public:
    struct Parts {
        Clock& clock;
        LinkShared const& shared;
        ServerSettings const& in_force;
        Server const& port;
        ModuleSet const& modules;
        SqliteStore const& store;
        AuditTrail const& audit;
        std::function<std::size_t()> http_connections;
    };
    explicit ServerMetrics(Parts parts) : parts_(std::move(parts)), calls_(parts_.clock) {}

    /// What the router counts in.
    [[nodiscard]] CallCounts& calls() noexcept { return calls_; }
    /// Begins to measure how late the loop comes to what is due.
    void start();
    void stop() { looking_.stop(); }
    void write(MetricWriter& to) const;

private:
    void look(Clock::Steady due);
    void write_process(MetricWriter& to) const;
    void write_connections(MetricWriter& to) const;
    void write_calls(MetricWriter& to) const;
    void write_store(MetricWriter& to) const;
    void write_security(MetricWriter& to) const;

    Parts parts_;
    CallCounts calls_;
    Histogram loop_lag_;
    Timer looking_;
};

} // namespace elves
