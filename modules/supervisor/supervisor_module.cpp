// The glue: what a Supervisor is made of in the house.
#include "supervisor.hpp"
#include "supervisor_schema.hpp"

namespace elves {

namespace {

struct OwnState {
    OwnState(Host& host, Presence* presence)
        : keys(host.store, host.zone)
        , quotas(keys)
        , apps(host.store)
        , joins(host.store, keys, host.clock, presence, host.find<ServerIdentity>())
    {
    }
    KeyRing keys;
    KeyQuotas quotas;
    AppAddresses apps;
    Joins joins;
};

/// The keys and apps are made before the module that uses them, and go after it.
class SupervisorModule final : private OwnState, public Supervisor {
public:
    using OwnState::quotas;
    explicit SupervisorModule(Host& host)
        : OwnState(host, host.find<Presence>())
        , Supervisor(keys, quotas, apps, joins, host.clock, host.find<Presence>())
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
    host.offer<Quotas>(made->quotas);
    return made;
}

} // namespace elves
