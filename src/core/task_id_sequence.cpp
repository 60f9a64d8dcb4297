#include "elves/task_id_sequence.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "core/random_ids.hpp"

namespace elves {

namespace {

constexpr int random_bits = 22;
constexpr std::int64_t random_mask = (std::int64_t{1} << random_bits) - 1;
constexpr std::int64_t latest_ms = (std::int64_t{1} << 41) - 1;
constexpr std::int64_t epoch_ms = 1'577'836'800'000; // 2020-01-01T00:00:00Z
/// Behind the last id: somebody who knows that one does not know the next.
constexpr std::int64_t step_mask = 0xFF;
/// Enough for more tasks than a server writes until 2089.
constexpr std::int64_t largest_start = std::numeric_limits<std::int64_t>::max() - (std::int64_t{1} << 48);

} // namespace

void TaskIdSequence::continue_after(std::int64_t last)
{
    if (last > largest_start)
        throw std::runtime_error(
            "the task log holds an impossible id: " + TaskId(static_cast<std::uint64_t>(last)).text() +
            " leaves no room for new tasks; restore a backup");
    last_ = std::max(last_, last);
}

TaskId TaskIdSequence::next(Instant now)
{
    auto const random = static_cast<std::int64_t>(random_id_bits() & static_cast<std::uint64_t>(random_mask));
    auto const ms = now.time_since_epoch().count();
    std::int64_t id = 0;
    if (ms >= epoch_ms && ms - epoch_ms <= latest_ms) id = ((ms - epoch_ms) << random_bits) | random;
    if (id <= last_ || id > largest_start) id = last_ + 1 + (random & step_mask);
    last_ = id;
    return TaskId(static_cast<std::uint64_t>(id));
}

} // namespace elves
