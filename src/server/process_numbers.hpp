#pragma once

#include <cstdint>

namespace elves {

/// What the system says of this process, for the standard `process_*` metrics. -1: not known.
struct ProcessNumbers {
    double cpu_seconds = -1;
    double start_time_seconds = -1; ///< Since 1970.
    std::int64_t resident_bytes = -1;
    std::int64_t virtual_bytes = -1;
    std::int64_t open_fds = -1;
    std::int64_t max_fds = -1;

    /// Reads /proc/self: some tens of microseconds, from memory.
    [[nodiscard]] static ProcessNumbers now();
};

} // namespace elves
