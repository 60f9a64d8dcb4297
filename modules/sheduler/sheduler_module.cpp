#include "sheduler.hpp"

namespace elves {

std::unique_ptr<Module> make_sheduler(Host& host);

std::unique_ptr<Module> make_sheduler(Host& host)
{
    return std::make_unique<Sheduler>(host.need<TaskEngine>("sheduler"));
}

} // namespace elves
