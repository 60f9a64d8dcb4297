#pragma once

#include <chrono>
#include <cstddef>

#include "load/talk.hpp"

namespace elves::bench {

/// Connects `size` workers, prints `ready` and how many seconds that took, and keeps them, each beating once
/// in `beat` (0: never), until standard input ends.
void hold_idle(Worker& worker, tcp::endpoint const& server, std::size_t size, std::chrono::seconds beat);

} // namespace elves::bench
