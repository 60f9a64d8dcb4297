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

} // namespace elves
