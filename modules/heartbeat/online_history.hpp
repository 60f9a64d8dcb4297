#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "elves/zone.hpp"

namespace elves {

/// How many agents were there at one moment.
struct OnlineCount {
    Instant at{}; ///< The beginning of a minute.
    std::int64_t online = 0;
    std::int64_t known = 0;
    friend bool operator==(OnlineCount const&, OnlineCount const&) = default;
};

/// How many agents were online over the last 24 hours, minute by minute. Minutes in which the server did not
/// run are missing. On the loop's thread.
class OnlineHistory {
public:
    static constexpr std::chrono::minutes step{1};
    static constexpr std::chrono::hours kept{24};

    /// What was on disk, oldest first.
    void load(std::vector<OnlineCount> counts) { counts_.assign(counts.begin(), counts.end()); }
    /// True: a minute has begun for which nothing is noted yet.
    [[nodiscard]] bool is_due(Instant now) const;
    /// Notes how many there are at `now`, and forgets what is too old. Returns what was noted.
    OnlineCount add(Instant now, std::int64_t online, std::int64_t known);
    /// In groups of `width`, a whole number of minutes, oldest first; of each the fewest that were online, so
    /// that no fall is lost, and the most that were known. Groups of which nothing is known are missing.
    [[nodiscard]] std::vector<OnlineCount> grouped(Instant now, std::chrono::minutes width) const;

private:
    std::deque<OnlineCount> counts_;
};

} // namespace elves
