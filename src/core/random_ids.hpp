#pragma once

#include <cstdint>

namespace elves {

/// 64 bits of OpenSSL's secure random source, drawn some at a time: asking it for each costs some 9,000
/// instructions. A number that was given out is wiped. On any thread, each with its own. Throws
/// std::runtime_error where there is no such source.
[[nodiscard]] std::uint64_t random_bits();

/// What this thread has drawn and not given out is wiped: for a simulation, whose source is begun anew.
void forget_drawn_bits() noexcept;

} // namespace elves
