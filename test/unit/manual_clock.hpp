#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "elves/clock.hpp"

namespace elves {

/// A Clock that stands still until a test moves it: `advance(5s)` fires what comes due in those five seconds,
/// in the order in which it comes due, each at its own time, timers that a timer starts included.
class ManualClock final : public Clock {
public:
    explicit ManualClock(Instant start = Instant(std::chrono::seconds(1'767'225'600))) // 2026-01-01T00:00:00Z
        : now_(start)
    {
    }

    ManualClock(ManualClock const&) = delete;
    ManualClock& operator=(ManualClock const&) = delete;
    /// Takes with it who still waits: a coroutine holds its Timer, and what that would call holds the
    /// coroutine.
    ~ManualClock() override { drop_timers(); }
    /// Nobody is called any more, and what waited is let go.
    void drop_timers()
    {
        for (auto const& timer : std::exchange(waiting_, {})) {
            if (auto const then = timer.second.lock()) std::exchange(*then, nullptr);
        }
    }

    [[nodiscard]] Instant now() const override { return now_; }
    [[nodiscard]] Steady steady() const override { return steady_; }

    [[nodiscard]] Timer after(std::chrono::milliseconds delay, std::function<void()> then) override
    {
        auto running = std::make_shared<std::function<void()>>(std::move(then));
        auto const wait = std::max(delay, std::chrono::milliseconds(0));
        waiting_.emplace(Due{steady_ + wait, ++started_}, running);
        return Timer(std::move(running));
    }

    /// Moves both clocks, and fires timers on the way.
    void advance(std::chrono::milliseconds by)
    {
        auto const until = steady_ + by;
        while (!waiting_.empty() && waiting_.begin()->first.first <= until) {
            auto const next = waiting_.extract(waiting_.begin());
            move_to(next.key().first);
            // Held here, for what it calls may drop the Timer.
            if (auto const then = next.mapped().lock()) (*then)();
        }
        move_to(until);
    }

    /// Somebody sets the machine's time: the time of day jumps, timers don't care.
    void jump(Instant to) { now_ = to; }

    /// Timers that have been started and neither fired nor stopped.
    [[nodiscard]] std::size_t waiting() const
    {
        std::size_t count = 0;
        for (auto const& timer : waiting_) count += timer.second.expired() ? 0 : 1;
        return count;
    }

private:
    using Due = std::pair<Steady,
        std::uint64_t>; ///< The second: timers of the same moment fire as they were started.

    void move_to(Steady to)
    {
        if (to <= steady_) return;
        now_ += std::chrono::duration_cast<std::chrono::milliseconds>(to - steady_);
        steady_ = to;
    }

    Instant now_;
    Steady steady_{std::chrono::hours(1)};
    std::uint64_t started_ = 0;
    std::map<Due, std::weak_ptr<std::function<void()>>> waiting_;
};

} // namespace elves
