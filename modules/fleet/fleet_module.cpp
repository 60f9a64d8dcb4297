// The glue: what a Fleet is made of in the house.
#include "fleet.hpp"
#include "fleet_schema.hpp"

namespace elves {

namespace {

struct OwnFleetRecords {
    explicit OwnFleetRecords(Store& store) : labels(store), groups(store) {}
    FleetLabels labels;
    FleetGroups groups;
};

/// The records are made before the module that uses them, and go after it.
class FleetModule final : private OwnFleetRecords, public Fleet {
public:
    explicit FleetModule(Host& host)
        : OwnFleetRecords(host.store)
        , Fleet(host.need<AgentDirectory>("fleet"), host.find<Inventory>(), labels, groups, host.clock,
              host.zone, host.loop)
    {
    }
};

} // namespace

std::unique_ptr<Module> make_fleet(Host& host)
{
    auto made = std::make_unique<FleetModule>(host);
    host.store.migrate("fleet", fleet_schema);
    host.offer<Targets>(*made);
    if (auto* const presence = host.find<Presence>())
        presence->on_forget(
            [fleet = made.get()](Ip const& host_ip) { return fleet->belongings_of(host_ip); });
    return made;
}

} // namespace elves
