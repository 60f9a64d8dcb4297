// The glue: what a Supervisor is made of in the house.
#include "elves/services/metrics.hpp"
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
        , clock_(host.clock)
    {
    }
    void write_metrics(MetricWriter& to)
    {
        constexpr std::chrono::hours soon{14 * 24};
        to.gauge("keys_expiring", "Keys that count now and end within 14 days.",
            static_cast<double>(keys.count_expiring(clock_.now(), soon)));
        joins.write_metrics(to);
    }

private:
    Clock& clock_;
};

} // namespace

std::unique_ptr<Module> make_supervisor(Host& host)
{
    auto made = std::make_unique<SupervisorModule>(host);
    if (auto* const metrics = host.find<Metrics>())
        metrics->add([module = made.get()](MetricWriter& to) { module->write_metrics(to); });
    host.store.migrate("supervisor", supervisor_schema);
    host.offer<Authority>(*made);
    host.offer<AppDirectory>(*made);
    host.offer<KeyIssuer>(*made);
    host.offer<Quotas>(made->quotas);
    return made;
}

} // namespace elves
