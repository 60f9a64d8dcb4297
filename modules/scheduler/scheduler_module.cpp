#include "scheduler.hpp"

namespace elves {

std::unique_ptr<Module> make_scheduler(Host& host);

std::unique_ptr<Module> make_scheduler(Host& host)
{
    return std::make_unique<Scheduler>(host.need<TaskEngine>("sheduler"));
}

} // namespace elves
