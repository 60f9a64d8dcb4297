#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <vector>

#include "elves/ip.hpp"
#include "elves/zone.hpp"

namespace elves {

/// The beginning of a key that somebody has shown, for the log: at most eight characters and half of it. It
/// may be a token that was typed in the wrong place.
[[nodiscard]] std::string key_start(std::string_view shown);

/// Who has shown which key wrongly of late, for `elvesctl doctor`. The last ones, up to a bound. Told the
/// time.
class FailedLogins {
public:
    explicit FailedLogins(std::size_t most = 20) : most_(most) {}

    void note(std::string_view shown_key, Ip const& from, Instant now);
    /// One line for each key and address within the last day, the newest first.
    [[nodiscard]] std::vector<std::string> lines(Instant now, Zone const& zone) const;

private:
    struct Failure {
        std::string key; ///< Its start.
        Ip from;
        std::uint64_t count = 0;
        Instant last{};
    };
    std::size_t most_;
    std::list<Failure> failures_; ///< The newest in front.
};

} // namespace elves
