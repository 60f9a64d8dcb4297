#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "elves/app_globs.hpp"
#include "elves/quartz_rule.hpp"
#include "elves/zone.hpp"

namespace elves {

/// When nothing of some apps starts on some hosts. A plain value.
struct StartWindow {
    std::string name;
    std::string target;
    AppGlobs apps;                    ///< Of no entry: every app.
    std::optional<QuartzRule> rule{}; ///< It closes at these times, and stays closed for `lasts`;
    std::chrono::seconds lasts{0};
    std::string from{}, to{};   ///< or it is closed once, as given: `YYYY-MM-DD HH:MM:SS`.
    std::optional<Zone> zone{}; ///< Nothing: the server's.
    std::string note{};
    std::string by{}; ///< The key that set it, or "".
    Instant set_at{};

    /// Throws Error 403.10 where it could never be closed, or is not said to be closed in one way only.
    void require_sound(Zone const& server, Instant now) const;

    /// One stretch of time in which it stays as it is.
    struct Stretch {
        bool is_closed = false;
        Instant from{};
        Instant to{}; ///< The first moment behind it.
        [[nodiscard]] bool has(Instant at) const noexcept { return from <= at && at < to; }
    };
    /// The one around `now`. It begins no earlier than it has to for that, and ends within ten years.
    [[nodiscard]] Stretch stretch(Zone const& server, Instant now) const;
};

} // namespace elves
