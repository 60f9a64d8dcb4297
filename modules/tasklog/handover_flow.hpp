#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <deque>

#include "agent_calls.hpp"
#include "elves/clock.hpp"
#include "open_task.hpp"

namespace elves {

/// Flow control of the hand-overs to one agent: how many may be in flight, and how long to wait after the
/// agent could not take one. The window halves when the agent is busy, and grows by one with each task that
/// it takes.
class HandoverFlow {
public:
    /// Of one agent, at once.
    static constexpr std::size_t max_in_flight = 64;

    [[nodiscard]] bool has_room() const noexcept { return in_flight_ < window_ && !pause_.running(); }
    void begin() noexcept { ++in_flight_; }
    void end() noexcept { --in_flight_; }

    void on_taken() noexcept
    {
        window_ = std::min(window_ + 1, max_in_flight);
        backoff_ = first_backoff;
    }
    /// Waits before the next one: 1 s, doubling up to 60 s while nothing is taken.
    template <class F>
    void on_busy(Clock& clock, F then)
    {
        window_ = std::max<std::size_t>(window_ / 2, 1);
        pause(clock, backoff_, std::move(then));
        backoff_ = std::min(backoff_ * 2, longest_backoff);
    }
    /// The disk does not take what is to be written before a hand-over.
    template <class F>
    void on_write_failed(Clock& clock, F then)
    {
        pause(clock, first_backoff, std::move(then));
    }
    /// There is a new link, or a worker has become free there.
    void resume() noexcept
    {
        pause_.stop();
        backoff_ = first_backoff;
    }
    [[nodiscard]] bool is_paused() const noexcept { return pause_.running(); }

    /// A task that is `sent` on disk and waits for room on the link, with its param.
    struct Ready {
        OpenTaskPtr open;
        SharedTask task;
    };
    /// True if one more task fits into memory. Other tasks wait on disk. `param_bytes`: the size of its
    /// param.
    [[nodiscard]] bool takes_ready(std::size_t param_bytes) const noexcept
    {
        return ready_.size() < max_ready && ready_bytes_ + param_bytes <= max_ready_bytes;
    }
    void push_ready(Ready ready)
    {
        ready_bytes_ += ready.task->ins.param.size();
        ready_.push_back(std::move(ready));
    }
    [[nodiscard]] bool has_ready() const noexcept { return !ready_.empty(); }
    [[nodiscard]] Ready pop_ready()
    {
        auto next = std::move(ready_.front());
        ready_.pop_front();
        ready_bytes_ -= next.task->ins.param.size();
        return next;
    }

private:
    static constexpr std::size_t max_ready = 1'024;
    static constexpr std::size_t max_ready_bytes = std::size_t{1} * 1024 * 1024;
    static constexpr std::chrono::milliseconds first_backoff{1'000};
    static constexpr std::chrono::milliseconds longest_backoff{60'000};

    template <class F>
    void pause(Clock& clock, std::chrono::milliseconds delay, F then)
    {
        if (pause_.running()) return;
        pause_ = clock.after(delay, [this, then = std::move(then)] {
            pause_.stop();
            then();
        });
    }

    std::size_t in_flight_ = 0;
    std::size_t window_ = max_in_flight;
    std::chrono::milliseconds backoff_ = first_backoff;
    Timer pause_;
    std::deque<Ready> ready_;
    std::size_t ready_bytes_ = 0; ///< Of their params.
};

} // namespace elves
