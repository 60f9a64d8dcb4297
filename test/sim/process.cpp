#include "sim/process.hpp"

#include <stdexcept>

namespace elves::sim {

Process::Process(Nature& nature_, Machine& machine_)
    : nature(nature_), machine(machine_), clock(nature.time, machine.off), running_(io.get_executor())
{
    machine.process = this;
    clock.forgets = [this] {
        return machine.forgets_timers > 0 && nature.random.chance(machine.forgets_timers);
    };
    ++machine.lives;
}

Process::~Process() = default;

bool Process::step()
{
    if (machine.paused) return false;
    if (!clock.ring() && io.poll_one() == 0) return false;
    nature.trace.digest(machine.name);
    return true;
}

void Process::unwind()
{
    machine.process = nullptr;
    machine.paused = false;
    here.reset();
    clock.end();
    listening.links.drop_all();
    dialing.links.drop_all();
    // A coroutine that unwinds may wake the next, which finds that there is nothing left to wait for.
    constexpr int most = 1'000'000;
    int handlers = 0;
    while (io.poll_one() > 0) {
        if (++handlers == most) throw std::logic_error(machine.name + " does not end");
    }
}

} // namespace elves::sim
