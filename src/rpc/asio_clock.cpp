#include "rpc/asio_clock.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <boost/asio/steady_timer.hpp>

#include "core/timer_heap.hpp"

namespace elves {

/// The timers, and the one of Asio's, set to the earliest.
class AsioClock::Alarm : public std::enable_shared_from_this<Alarm> {
public:
    explicit Alarm(LoopExecutor loop) : timer_(std::move(loop)) {}

    Timer add(Steady deadline, std::function<void()> then)
    {
        if (!timers_) return Timer();
        Timer timer(timers_->add(deadline, std::move(then)));
        arm();
        return timer;
    }
    void stop() { timer_.cancel(); }
    void drop() { auto const gone = std::exchange(timers_, nullptr); }

private:
    void arm()
    {
        auto const earliest = timers_ ? timers_->earliest() : std::nullopt;
        // Set too early is harmless: a timer that was stopped costs one idle look.
        if (!earliest || (armed_ && *armed_ <= *earliest)) return;
        armed_ = earliest;
        timer_.expires_at(*earliest); // ends the wait before this
        timer_.async_wait(
            [weak = weak_from_this(), at = *earliest](boost::system::error_code const& failure) {
                auto const self = weak.lock();
                if (!failure && self) self->ring(at);
            });
    }

    void ring(Steady at)
    {
        // It had rung, and was set anew before this came: the other one comes too.
        if (armed_ != at || !timers_) return;
        armed_.reset();
        // Set again also when one of them throws.
        struct ArmAgain {
            Alarm& alarm;
            ~ArmAgain() { alarm.arm(); }
        } const again{*this};
        timers_->run_due(std::chrono::steady_clock::now());
    }

    asio::steady_timer timer_;
    std::unique_ptr<TimerHeap> timers_ = std::make_unique<TimerHeap>(); ///< Null once they are dropped.
    std::optional<Steady> armed_;
};

AsioClock::AsioClock(LoopExecutor loop) : alarm_(std::make_shared<Alarm>(std::move(loop))) {}

AsioClock::~AsioClock() { alarm_->stop(); }

Instant AsioClock::now() const
{
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

Clock::Steady AsioClock::steady() const { return std::chrono::steady_clock::now(); }

Timer AsioClock::after(std::chrono::milliseconds delay, std::function<void()> then)
{
    constexpr std::chrono::milliseconds longest = std::chrono::hours(24 * 365 * 10);
    auto const wait = std::clamp(delay, std::chrono::milliseconds(0), longest);
    return alarm_->add(steady() + wait, std::move(then));
}

void AsioClock::drop_timers() { alarm_->drop(); }

} // namespace elves
