#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "core/timer_heap.hpp"
#include "elves/clock.hpp"

namespace elves::sim {

using Steady = Clock::Steady;

/// The world's time, and what happens in it: the network's deliveries, the disks' work, the ends of workers,
/// faults. Time passes only when somebody says so.
class SimTime {
public:
    explicit SimTime(Instant start) : start_(start) {}

    [[nodiscard]] Steady now() const noexcept { return now_; }
    /// What a clock that was never set wrongly says.
    [[nodiscard]] Instant day() const
    {
        return start_ + std::chrono::duration_cast<std::chrono::milliseconds>(now_ - Steady());
    }
    /// Microseconds since the beginning.
    [[nodiscard]] std::int64_t passed() const
    {
        return std::chrono::duration_cast<std::chrono::microseconds>(now_ - Steady()).count();
    }

    void after(std::chrono::microseconds delay, std::function<void()> then)
    {
        at(now_ + delay, std::move(then));
    }
    void at(Steady when, std::function<void()> then)
    {
        events_.emplace(std::pair(when < now_ ? now_ : when, ++number_), std::move(then));
    }
    [[nodiscard]] std::optional<Steady> next() const
    {
        return events_.empty() ? std::nullopt : std::optional(events_.begin()->first.first);
    }
    void move_to(Steady when)
    {
        if (when > now_) now_ = when;
    }
    /// Lets the next thing happen, if its time has come.
    bool happen()
    {
        if (events_.empty() || events_.begin()->first.first > now_) return false;
        auto const event = events_.extract(events_.begin());
        event.mapped()();
        return true;
    }
    void forget() { events_.clear(); }

private:
    Instant start_;
    Steady now_{};
    std::uint64_t number_ = 0;
    std::map<std::pair<Steady, std::uint64_t>, std::function<void()>> events_;
};

/// A process's clock: the time of day of its machine, which may be wrong, and its timers.
class SimClock final : public Clock {
public:
    SimClock(SimTime const& time, std::chrono::milliseconds const& off) : time_(time), off_(off) {}

    /// Planted bug: whether the next timer never rings.
    std::function<bool()> forgets;

    [[nodiscard]] Instant now() const override { return time_.day() + off_; }
    [[nodiscard]] Steady steady() const override { return time_.now(); }
    [[nodiscard]] Timer after(std::chrono::milliseconds delay, std::function<void()> then) override
    {
        if (!timers_) return Timer();
        if (forgets()) delay = std::chrono::hours(24);
        auto const wait = delay < std::chrono::milliseconds(0) ? std::chrono::milliseconds(0) : delay;
        return Timer(timers_->add(time_.now() + wait, std::move(then)));
    }

    [[nodiscard]] std::optional<Steady> next() const { return timers_ ? timers_->earliest() : std::nullopt; }
    /// Calls what is due; false where nothing is.
    bool ring()
    {
        auto const earliest = next();
        if (!earliest || *earliest > time_.now()) return false;
        timers_->run_due(time_.now());
        return true;
    }
    /// The process is gone: no timer fires, and none is set.
    void end() { auto const gone = std::exchange(timers_, nullptr); }

private:
    SimTime const& time_;
    std::chrono::milliseconds const& off_;
    std::unique_ptr<TimerHeap> timers_ = std::make_unique<TimerHeap>();
};

} // namespace elves::sim
