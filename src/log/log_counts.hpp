#pragma once

#include <cstdint>

#include "elves/log.hpp"

namespace elves::log {

/// How many records of that level were written since the process began. Any thread.
[[nodiscard]] std::uint64_t count(Level level) noexcept;

} // namespace elves::log
