#pragma once

#include <cstdint>

namespace elves {

/// The bits of a new id, of OpenSSL's secure random source. 16 that follow one another begin with the same 16
/// bits, so that a commit's new rows share the pages of an index in place of one page for each. Drawn some at
/// a time: asking the source for each costs some 9,000 instructions. Bits that were given out are wiped. On
/// any thread, each with its own. Throws std::runtime_error where there is no such source.
[[nodiscard]] std::uint64_t random_id_bits();

/// What this thread has drawn and not given out is wiped: for a simulation, whose source is begun anew.
void forget_drawn_bits() noexcept;

} // namespace elves
