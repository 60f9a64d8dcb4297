// The glue: what a RunService is made of in the house.
#include "gate_service.hpp"
#include "run_gate.hpp"
#include "run_schema.hpp"
#include "run_service.hpp"
#include "schedule_service.hpp"
#include "schedules.hpp"

namespace elves {

namespace {

/// The engine asks the gate from now on, and hears what is free before the runs do: a task that waits comes
/// before the hosts of runs.
RunGate& told(TaskEngine& engine, RunGate& gate)
{
    engine.set_start_gate(gate);
    return gate;
}

struct OwnRuns {
    explicit OwnRuns(Host& host)
        : gate(host.need<TaskEngine>("run"), host.need<Targets>("run"), host.store, host.clock, host.zone)
        , runs({host.need<TaskEngine>("run"), host.need<Presence>("run"), host.need<AgentDirectory>("run"),
              host.need<Targets>("run"), host.find<Authority>(), told(host.need<TaskEngine>("run"), gate),
              host.store, host.clock, host.zone, host.loop})
        , schedules({runs, host.need<Targets>("run"), host.find<Authority>(), host.store, host.clock,
              host.zone, host.loop})
    {
    }
    RunGate gate;
    Runs runs;
    Schedules schedules;
};

/// What runs are made of comes before the module that serves them, and goes after it.
class RunModule final : private OwnRuns, public RunService {
public:
    explicit RunModule(Host& host)
        : OwnRuns(host)
        , RunService(runs, gate, host.store, host.need<AgentDirectory>("run"), host.zone)
        , gate_service_(gate, host.need<Targets>("run"), host.clock, host.zone)
        , schedule_service_(
              schedules, host.need<TaskEngine>("run"), host.need<Targets>("run"), host.clock, host.zone)
    {
    }
    void declare(MethodTable& table) override
    {
        RunService::declare(table);
        schedule_service_.declare(table);
        gate_service_.declare(table);
    }
    void start() override
    {
        gate.start();
        RunService::start();
        schedules.start();
    }
    void write_metrics(MetricWriter& to) const { runs.write_metrics(to); }
    void stop() override
    {
        schedules.stop();
        RunService::stop();
        gate.stop();
    }

private:
    GateService gate_service_;
    ScheduleService schedule_service_;
};

} // namespace

std::unique_ptr<Module> make_run(Host& host)
{
    host.store.migrate("run", run_schema);
    auto made = std::make_unique<RunModule>(host);
    if (auto* const metrics = host.find<Metrics>())
        metrics->add([module = made.get()](MetricWriter& to) { module->write_metrics(to); });
    return made;
}

} // namespace elves
