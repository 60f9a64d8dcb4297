#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "elves/asio.hpp"
#include "elves/clock.hpp"
#include "elves/json_value.hpp"
#include "elves/peer.hpp"

namespace elves::agent {

/// What time it is by the server's clock, and never earlier than it really is: nothing starts here after the
/// server has said that it did not. On the loop's thread.
class ServerTime {
public:
    /// A server's time and shift count up to this, in ms to either side: some 3,000 years. Nothing overflows
    /// then.
    static constexpr std::chrono::milliseconds most{100'000'000'000'000};

    explicit ServerTime(Clock& clock) : clock_(clock) {}

    /// Takes `time` and `clock` of a reply to a question that was sent at `asked`.
    void learn(JsonValue const& reply, Clock::Steady asked);
    /// Asks the server; false where it refuses. Throws Error 410.1, 410.2 where it does not answer.
    [[nodiscard]] asio::awaitable<bool> ask(std::shared_ptr<Peer> server, std::chrono::milliseconds limit);

    /// Nothing before the first answer.
    [[nodiscard]] std::optional<Instant> now() const;
    /// False where the server's clock was set since it was asked (`shift` is the `clock` of a newer message),
    /// or this machine's: what time it is there has to be asked before it decides.
    [[nodiscard]] bool is_of(std::chrono::milliseconds shift) const;
    /// A time by the server's clock as that was when its shift was `shift`, by the clock as it is known now:
    /// the same moment, however the clock was set in between.
    [[nodiscard]] Instant by_known_clock(Instant time, std::chrono::milliseconds shift) const
    {
        auto const since = time.time_since_epoch();
        bool const is_sound = since <= most && since >= -most && shift <= most && shift >= -most;
        return known_ && is_sound ? time + (known_->shift - shift) : time;
    }

private:
    struct Known {
        Instant time{};
        std::chrono::milliseconds shift{0};
        Clock::Steady asked{};
        Instant asked_wall{}; ///< This machine's time of day then.
    };

    Clock& clock_;
    std::optional<Known> known_;
};

/// A time by the server's clock, as deadlines by this machine's: however a clock is set later, it stays.
struct StartDeadline {
    Clock::Steady steady{};
    Instant wall{};

    [[nodiscard]] static std::optional<StartDeadline> of(
        std::optional<Instant> start_by, ServerTime const& server_time, Clock& clock)
    {
        auto const now = start_by ? server_time.now() : std::nullopt;
        if (!now) return std::nullopt;
        return StartDeadline{clock.steady() + (*start_by - *now), clock.now() + (*start_by - *now)};
    }
    /// This machine may have been suspended: whichever of its clocks says that more time has passed is right.
    [[nodiscard]] bool is_past(Clock const& clock) const
    {
        return clock.steady() > steady || clock.now() > wall;
    }
};

} // namespace elves::agent
