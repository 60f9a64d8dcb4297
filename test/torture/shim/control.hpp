#pragma once

#include <atomic>
#include <cstdint>

namespace elves::shim {

/// What comes of the call `at`: death, in all ways but the last.
enum class Fate : std::int32_t {
    before, ///< The call isn't made.
    after,  ///< The call has been made.
    torn,   ///< Half of the write is in the file.
    power,  ///< As `before`; and no write is in the file that no fsync of the file has followed.
    chance, ///< As `power`, but which of those writes are lost is a matter of chance (`seed`).
    error,  ///< It fails, once: with EIO, or where `seed` is odd and it is no fsync, with ENOSPC.
};

/// The file $ELVES_SHIM_CONTROL, mapped: what the test wants, and what has come of it. test/torture/shim.py
/// has the same fields in the same order.
struct Control {
    std::atomic<std::int64_t> clock_ms;    ///< Added to the time of day.
    std::atomic<std::int32_t> fail_writes; ///< errno of every write to the store; 0: they go well.
    std::atomic<std::int32_t> fail_syncs;  ///< Likewise of every fsync; -1: it says yes and does nothing.
    std::atomic<std::int64_t> calls;       ///< Made so far: writes, fsyncs, truncations and removals.
    std::atomic<std::int64_t> at;          ///< The number of the one that has a fate; 0: none.
    std::atomic<std::int32_t> fate;        ///< Fate.
    std::atomic<std::uint32_t> seed;
    std::atomic<std::int64_t> failed; ///< Calls that were made to fail.
};

} // namespace elves::shim
