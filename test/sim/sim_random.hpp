#pragma once

#include "sim/random.hpp"

namespace elves::sim {

/// While this lives, what the program believes to be the system's secure random source is `random`: task ids
/// are the same in each run of a seed.
class SystemRandom {
public:
    explicit SystemRandom(Random& random);
    ~SystemRandom();
    SystemRandom(SystemRandom const&) = delete;
    SystemRandom& operator=(SystemRandom const&) = delete;
};

} // namespace elves::sim
