// The glue: what an AppsService is made of in the house.
#include "apps_schema.hpp"
#include "apps_service.hpp"

namespace elves {

namespace {

/// Made before the module that serves it, and gone after it.
struct OwnPackages {
    explicit OwnPackages(Host& host)
        : packages(host.store, host.clock, host.loop)
        , assignments({packages, host.need<TaskEngine>("apps"), host.need<Presence>("apps"),
              host.need<AgentDirectory>("apps"), host.need<Targets>("apps"), host.find<Authority>(),
              host.store, host.clock, host.loop})
    {
    }
    Packages packages;
    Assignments assignments;
};

class AppsModule final : private OwnPackages, public AppsService {
public:
    explicit AppsModule(Host& host)
        : OwnPackages(host), AppsService(packages, assignments, host.find<ServerLimits>(), host.zone)
    {
    }
};

} // namespace

std::unique_ptr<Module> make_apps(Host& host)
{
    host.store.migrate("apps", apps_schema);
    return std::make_unique<AppsModule>(host);
}

} // namespace elves
