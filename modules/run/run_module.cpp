// The glue: what a RunService is made of in the house.
#include "run_schema.hpp"
#include "run_service.hpp"

namespace elves {

namespace {

struct OwnRuns {
    explicit OwnRuns(Host& host)
        : runs({host.need<TaskEngine>("run"), host.need<Presence>("run"), host.need<AgentDirectory>("run"),
              host.need<Targets>("run"), host.find<Authority>(), host.store, host.clock, host.zone,
              host.loop})
    {
    }
    Runs runs;
};

/// The runs are made before the module that serves them, and go after it.
class RunModule final : private OwnRuns, public RunService {
public:
    explicit RunModule(Host& host)
        : OwnRuns(host), RunService(runs, host.store, host.need<AgentDirectory>("run"), host.zone)
    {
    }
};

} // namespace

std::unique_ptr<Module> make_run(Host& host)
{
    host.store.migrate("run", run_schema);
    return std::make_unique<RunModule>(host);
}

} // namespace elves
