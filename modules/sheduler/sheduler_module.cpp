#include "sheduler.hpp"

namespace elves {

std::unique_ptr<Module> make_sheduler(Host& host);

std::unique_ptr<Module> make_sheduler(Host& host)
{
    auto* const quotas = host.find<Quotas>();
    auto module =
        std::make_unique<Sheduler>(host.loop, host.clock, host.zone, host.need<Presence>("sheduler"),
            host.need<TaskLog>("sheduler"), host.need<AppDirectory>("sheduler"), quotas);
    if (quotas) quotas->add(module->dispatcher());
    host.offer<Dispatcher>(module->dispatcher());
    return module;
}

} // namespace elves
