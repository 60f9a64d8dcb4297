// The glue: what a Heartbeat is made of in the house.
#include "elves/services/server_limits.hpp"
#include "heartbeat.hpp"
#include "heartbeat_schema.hpp"

namespace elves {

namespace {

struct OwnRecords {
    explicit OwnRecords(Store& store) : records(store) {}
    AgentRecords records;
};

/// The records are made before the module that uses them, and go after it.
class HeartbeatModule final : private OwnRecords, public Heartbeat {
public:
    explicit HeartbeatModule(Host& host)
        : OwnRecords(host.store), Heartbeat(records, host.clock, host.zone, host.loop)
    {
    }
};

} // namespace

std::unique_ptr<Module> make_heartbeat(Host& host)
{
    auto made = std::make_unique<HeartbeatModule>(host);
    host.store.migrate("heartbeat", heartbeat_schema);
    if (auto* const metrics = host.find<Metrics>())
        metrics->add([module = made.get()](MetricWriter& to) { module->write_metrics(to); });
    host.offer<Presence>(*made);
    if (auto const* const limits = host.find<ServerLimits>())
        made->on_register([limits](json::object& reply) { reply["max_frame"] = limits->max_frame(); });
    host.offer<AgentApplications>(*made);
    host.offer<AgentDirectory>(*made);
    return made;
}

} // namespace elves
