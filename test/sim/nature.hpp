#pragma once

#include <cstdint>

#include "sim/random.hpp"
#include "sim/sim_clock.hpp"
#include "sim/sim_random.hpp"
#include "sim/tally.hpp"
#include "sim/trace.hpp"

namespace elves::sim {

/// What every part of a run shares: chance, time, and the record of what happened.
struct Nature {
    Nature(std::uint64_t seed, Instant start)
        : random(seed), system_random(random), time(start), trace([this] {
            auto const passed = std::to_string(time.passed());
            return std::string(passed.size() < 10 ? 10 - passed.size() : 0, ' ') + passed + " us";
        })
    {
    }
    Random random;
    SystemRandom system_random;
    SimTime time;
    Trace trace;
    Tally tally;
};

} // namespace elves::sim
