#pragma once

#include <cstdint>

#include "elves/task_id.hpp"
#include "elves/zone.hpp"

namespace elves {

/// Makes the ids of this server's tasks. Each is larger than the one before it: 41 bits of milliseconds since
/// 2020 (until 2089), then 22 random bits. Where the clock stands still, was set back, or shows a time that
/// does not fit, ids go on behind the last one. On one thread.
class TaskIdSequence {
public:
    /// Every id from now on is larger than `last`. Throws std::runtime_error where there is no room behind
    /// it.
    void continue_after(std::int64_t last);
    /// `now`: the time of day.
    [[nodiscard]] TaskId next(Instant now);

private:
    std::int64_t last_ = 0;
};

} // namespace elves
