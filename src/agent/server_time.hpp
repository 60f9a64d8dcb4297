#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

#include "elves/clock.hpp"

namespace elves::agent {

/// What time it is by the server's clock, and never earlier than it really is: nothing starts here after the
/// server has said that it did not. On the loop's thread.
class ServerTime {
public:
    explicit ServerTime(Clock& clock) : clock_(clock) {}

    /// The server answered that it is `time` there, to a question sent at `asked`. Where its clock was set
    /// meanwhile, the new answer counts.
    void set(Instant time, Clock::Steady asked) { known_ = Known{time, asked, asked_at(asked)}; }

    /// Nothing before the first answer. This machine may have been suspended since: whichever of its clocks says
    /// that more time has passed is right.
    [[nodiscard]] std::optional<Instant> now() const
    {
        if (!known_) return std::nullopt;
        auto const steady =
            std::chrono::ceil<std::chrono::milliseconds>(clock_.steady() - known_->asked);
        auto const wall = clock_.now() - known_->asked_wall;
        return known_->time + std::max(steady, wall);
    }

    /// True where the time `limit`, by the server's clock, has passed.
    [[nodiscard]] bool is_past(std::optional<Instant> limit) const
    {
        auto const time = limit ? now() : std::nullopt;
        return time && *time > *limit;
    }

private:
    struct Known {
        Instant time{};
        Clock::Steady asked{};
        Instant asked_wall{}; ///< This machine's time of day then.
    };
    [[nodiscard]] Instant asked_at(Clock::Steady asked) const
    {
        return clock_.now() - std::chrono::floor<std::chrono::milliseconds>(clock_.steady() - asked);
    }

    Clock& clock_;
    std::optional<Known> known_;
};

} // namespace elves::agent
