#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "elves/clock.hpp"
#include "elves/ip.hpp"

namespace elves {

/// Limits the log lines that peers can cause: ten a minute for each event and address (IPv6: /64 network).
/// What is left out is counted and logged once, when the minute is over. On the loop's thread.
class LogLimit {
public:
    explicit LogLimit(Clock& clock) : clock_(clock) {}

    /// Whether the line may be written. `event` is the stable name that it begins with.
    [[nodiscard]] bool admits(std::string_view event, Ip const& peer);

private:
    using Source = std::pair<std::string, Ip>;
    struct Lines {
        std::size_t written = 0;
        std::size_t left_out = 0;
    };

    void end_minute();

    Clock& clock_;
    std::map<Source, Lines> minute_; ///< Of this minute; bounded.
    Timer end_of_minute_;
    bool is_counting_ = false;
};

} // namespace elves
