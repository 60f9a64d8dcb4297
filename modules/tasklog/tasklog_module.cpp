#include "tasklog.hpp"
#include "tasklog_schema.hpp"

namespace elves {

std::unique_ptr<Module> make_tasklog(Host& host);

std::unique_ptr<Module> make_tasklog(Host& host)
{
    host.store.migrate("tasklog", tasklog_schema);
    auto* const quotas = host.find<Quotas>();
    auto& presence = host.need<Presence>("tasklog");
    auto module = std::make_unique<Tasklog>(host.loop, host.store, host.clock, host.zone, presence,
        host.need<AppDirectory>("tasklog"), host.need<Dialer>("tasklog"), quotas, host.find<ServerLimits>());
    presence.on_register(
        [log = module.get()](json::object& reply) { reply["max_output"] = log->max_output(); });
    if (quotas) quotas->add(module->engine());
    if (auto* const metrics = host.find<Metrics>())
        metrics->add([log = module.get()](MetricWriter& to) { log->write_metrics(to); });
    host.offer<TaskEngine>(module->engine());
    return module;
}

} // namespace elves
