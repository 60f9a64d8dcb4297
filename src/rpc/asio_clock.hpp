#pragma once

#include <memory>

#include "elves/asio.hpp"
#include "elves/clock.hpp"

namespace elves {

/// The machine's time, and timers on the loop: one of Asio's for all of them. It keeps the loop running while
/// one is set.
class AsioClock final : public Clock {
public:
    explicit AsioClock(LoopExecutor loop);
    ~AsioClock() override;

    [[nodiscard]] Instant now() const override;
    [[nodiscard]] Steady steady() const override;
    /// A `delay` below zero is zero, one over ten years is ten years.
    [[nodiscard]] Timer after(std::chrono::milliseconds delay, std::function<void()> then) override;
    /// At the end of a program: destroys, uncalled, what waits for a timer, and starts no timer any more.
    void drop_timers();

private:
    class Alarm;
    std::shared_ptr<Alarm> alarm_;
};

} // namespace elves
