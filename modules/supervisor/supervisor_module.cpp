// The glue: what a Supervisor is made of in the house.
#include "supervisor.hpp"
#include "supervisor_schema.hpp"

namespace elves {

namespace {

struct OwnState {
    OwnState(Store& store, Zone zone) : keys(store, zone), apps(store) {}
    KeyRing keys;
    AppAddresses apps;
};

/// The keys and apps are made before the module that uses them, and go after it.
class SupervisorModule final : private OwnState, public Supervisor {
public:
    explicit SupervisorModule(Host& host)
        : OwnState(host.store, host.zone), Supervisor(keys, apps, host.clock, host.find<Presence>())
    {
    }
};

} // namespace

std::unique_ptr<Module> make_supervisor(Host& host)
{
    auto made = std::make_unique<SupervisorModule>(host);
    host.store.migrate("supervisor", supervisor_schema);
    host.offer<Authority>(*made);
    host.offer<AppDirectory>(*made);
    host.offer<KeyIssuer>(*made);
    return made;
}

} // namespace elves
