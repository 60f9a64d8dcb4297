#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "elves/clock.hpp"
#include "elves/ip.hpp"

namespace elves {

/// Detects two machines that use one agent address: each repeatedly replaces the other's link, or is refused.
/// A machine that only reconnects does not count. Keeps the events of the last five minutes, for at most
/// 1,000 addresses. No I/O; the caller passes the time.
class AddressContests {
public:
    enum class How { replaced, refused };
    /// Somebody who claims an address, and who had it: address and host name, `10.0.0.7 (web-7)`.
    struct Claim {
        How how = How::replaced;
        std::string by;
        std::string holder;
    };

    /// Notes a claim. Returns the line to log, which names both machines, at most once a minute for each
    /// address: from three replaced links within a minute, or three refusals within five minutes.
    [[nodiscard]] std::optional<std::string> note(Ip const& agent, Claim claim, Clock::Steady now);
    /// A line for each address that is contested now.
    [[nodiscard]] std::vector<std::string> lines(Clock::Steady now) const;

private:
    struct Event {
        Clock::Steady at;
        Claim claim;
    };
    struct Contest {
        std::deque<Event> events; ///< The last ones, oldest first.
        std::optional<Clock::Steady> logged;
    };
    static void forget_old(Contest& contest, Clock::Steady now);
    [[nodiscard]] static std::string line(Ip const& agent, Contest const& contest, Clock::Steady now);
    void make_room(Clock::Steady now);

    std::map<Ip, Contest> contests_;
};

} // namespace elves
