// The glue: what a Supervisor is made of in the house.
#include "supervisor.hpp"
#include "supervisor_schema.hpp"

namespace elves {

namespace {

struct OwnState {
    OwnState(Host& host, Presence* presence)
        : keys(host.store, host.zone)
        , apps(host.store)
        , joins(host.store, keys, host.clock, presence, host.find<ServerIdentity>())
    {
    }
    KeyRing keys;
    AppAddresses apps;
    Joins joins;
};

/// The keys and apps are made before the module that uses them, and go after it.
class SupervisorModule final : private OwnState, public Supervisor {
public:
    explicit SupervisorModule(Host& host)
        : OwnState(host, host.find<Presence>())
        , Supervisor(keys, apps, joins, host.clock, host.find<Presence>())
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
