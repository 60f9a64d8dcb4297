#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "elves/clock.hpp"
#include "elves/ip.hpp"

namespace elves {

/// Which denied calls get a row of their own, so that nobody fills the disk by being refused: of one address
/// 100 at once and then one in 10 s, of all together 500 and then one a second. The rest is counted, by
/// address up to a bound. No I/O; told the time.
class DeniedLimit {
public:
    explicit DeniedLimit(std::size_t most = 4'096) : most_(most) {}

    /// True: a row of its own. False: it is counted.
    [[nodiscard]] bool takes(
        Ip const& from, std::string_view method, std::string_view code, Clock::Steady now);

    struct Count {
        std::string address; ///< "" of many addresses.
        std::string method;  ///< Of the last of them, and so is the code; "" of many addresses.
        std::string code;
        std::int64_t more = 0;
    };
    /// What was counted since the last time: the largest, and one for all others.
    [[nodiscard]] std::vector<Count> take();
    [[nodiscard]] std::size_t addresses() const noexcept { return by_ip_.size(); }

private:
    struct Bucket {
        std::int64_t left;
        Clock::Steady filled;
        [[nodiscard]] bool take(std::int64_t most, Clock::Steady::duration each, Clock::Steady now);
    };
    struct Source {
        Ip ip;
        Bucket bucket;
        Count count{};
    };
    Source& of(Ip const& from, Clock::Steady now);

    std::size_t most_;
    Bucket all_{0, {}};
    std::list<Source> sources_; ///< Who was denied last is in front.
    std::unordered_map<Ip, std::list<Source>::iterator> by_ip_;
    std::int64_t forgotten_ = 0; ///< Counts of sources that are no longer known.
};

} // namespace elves
