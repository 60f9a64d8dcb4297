#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <map>
#include <string_view>
#include <utility>

#include "elves/clock.hpp"
#include "elves/json_value.hpp"
#include "elves/peer.hpp"

namespace elves {

/// Our calls on one link that wait for the other side's answer. Each ends once: with that, with its limit, or
/// with the link. On the loop's thread.
class PendingCalls {
public:
    /// Is called from within whatever ends the wait: what must not go on from there posts itself.
    using OnBack = Peer::OnBack;

    /// For the next call; from 1 up, as 0 is a cast's.
    [[nodiscard]] std::int64_t next_mqid() noexcept { return ++last_mqid_; }
    /// With Error 410.2 where no answer has come when `limit` is over.
    void wait(Clock& clock, std::int64_t mqid, std::chrono::milliseconds limit, OnBack then);
    /// `back` answers `mqid`. Nothing where nobody waits for that: it may be late.
    void settle(std::int64_t mqid, JsonValue const& back);
    /// All that wait: Error 410.1.
    void fail_all(std::string_view why);
    /// Destroys, uncalled, all that wait.
    void drop() noexcept
    {
        timer_.stop();
        auto const gone = std::exchange(waiting_, {});
    }
    [[nodiscard]] bool empty() const noexcept { return waiting_.empty(); }

private:
    struct Waiting {
        OnBack then;
        std::chrono::milliseconds limit{0};
        Clock::Steady deadline{};
    };

    void end_late(Clock& clock);
    void set_timer(Clock& clock, Clock::Steady at);

    std::int64_t last_mqid_ = 0;
    std::map<std::int64_t, Waiting> waiting_; ///< In order of age; costs nothing while it is empty.
    /// One for all, at the earliest deadline or before: nearly all calls are answered in time.
    Timer timer_;
    Clock::Steady timer_at_{};
};

} // namespace elves
