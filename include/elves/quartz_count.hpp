#pragma once

#include <cstddef>
#include <optional>

#include "elves/quartz_rule.hpp"

namespace elves {

/// How many times the rule has in (after, until]. Exact, also across clock changes. Costs some hundred
/// nanoseconds for each day of the span, whatever the rule, and a few microseconds at first. It agrees with
/// going from time to time by `next_after`, unless `after` lies in an hour that is about to repeat: from
/// there `next_after` goes by the wall clock, and leaves out the repeated times before it.
[[nodiscard]] std::size_t count_times(QuartzRule const& rule, Zone const& zone, Instant after, Instant until);

/// The latest of the rule's times in (after, until], if there is one. Costs about 40 searches.
[[nodiscard]] std::optional<Instant> last_time(
    QuartzRule const& rule, Zone const& zone, Instant after, Instant until);

} // namespace elves
