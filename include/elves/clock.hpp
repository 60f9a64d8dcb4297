#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "elves/zone.hpp"

namespace elves {

/// A timer that is running; going out of scope stops it.
class Timer {
public:
    Timer() = default;
    explicit Timer(std::shared_ptr<void> running) : running_(std::move(running)) {}
    void stop() { running_.reset(); }
    [[nodiscard]] bool running() const noexcept { return running_ != nullptr; }

private:
    std::shared_ptr<void> running_;
};

/// The time, and timers. Everything that waits asks one, so that tests can move it by hand. On the loop's
/// thread.
class Clock {
public:
    using Steady = std::chrono::steady_clock::time_point;

    virtual ~Clock() = default;
    /// The time of day. May jump.
    [[nodiscard]] virtual Instant now() const = 0;
    /// Never goes back: for measuring and for deadlines.
    [[nodiscard]] virtual Steady steady() const = 0;
    /// Calls `then` once, on the loop, when `delay` is over, unless the Timer is gone by then.
    [[nodiscard]] virtual Timer after(std::chrono::milliseconds delay, std::function<void()> then) = 0;
};

/// How far the time of day has been set forward or back since this was made. Whoever compares times of this
/// machine with its own clock must know: see `clock` in docs/protocol.md, On the agent's link.
class ClockShift {
public:
    explicit ClockShift(Clock const& clock) : clock_(clock), begun_(offset()) {}
    /// 0 while it was not set: less than half a second is no setting.
    [[nodiscard]] std::chrono::milliseconds get() const
    {
        auto const shift = offset() - begun_;
        return shift > least || shift < -least ? shift : std::chrono::milliseconds(0);
    }
    static constexpr std::chrono::milliseconds least{500};

private:
    [[nodiscard]] std::chrono::milliseconds offset() const
    {
        auto const steady = clock_.steady().time_since_epoch();
        return clock_.now().time_since_epoch() -
               std::chrono::duration_cast<std::chrono::milliseconds>(steady);
    }

    Clock const& clock_;
    std::chrono::milliseconds begun_;
};

} // namespace elves
