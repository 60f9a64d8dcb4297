#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <utility>

#include "elves/clock.hpp"

namespace elves::ctl {

/// The machine's clocks, and timers on a loop that outlives it.
class LoopClock final : public Clock {
public:
    explicit LoopClock(boost::asio::io_context& loop) : loop_(loop) {}
    [[nodiscard]] Instant now() const override
    {
        return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    }
    [[nodiscard]] Steady steady() const override { return std::chrono::steady_clock::now(); }
    [[nodiscard]] Timer after(std::chrono::milliseconds delay, std::function<void()> then) override
    {
        auto timer = std::make_shared<boost::asio::steady_timer>(loop_, delay);
        timer->async_wait(
            [then = std::move(then), alive = std::weak_ptr(timer)](boost::system::error_code failure) {
                // Held here, for what it calls may drop the Timer.
                if (auto const held = alive.lock(); held && !failure) then();
            });
        return Timer(std::move(timer));
    }

private:
    boost::asio::io_context& loop_;
};

} // namespace elves::ctl
