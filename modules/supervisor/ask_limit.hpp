#pragma once

#include <chrono>
#include <cstddef>
#include <unordered_map>

#include "elves/clock.hpp"
#include "elves/rate_limit_key.hpp"

namespace elves {

/// How often may be asked without a key: so many times a minute by one asker, so many by all together. Told
/// the time.
class AskLimit {
public:
    explicit AskLimit(std::size_t of_one = 60, std::size_t of_all = 6'000) : of_one_(of_one), of_all_(of_all)
    {
    }

    /// False: too often. What is refused doesn't count against the others.
    [[nodiscard]] bool take(Ip const& from, Clock::Steady now)
    {
        if (now - begun_ >= std::chrono::minutes(1)) {
            begun_ = now;
            all_ = 0;
            by_asker_.clear();
        }
        if (all_ >= of_all_) return false;
        auto& asked = by_asker_[rate_limit_key(from)];
        if (asked >= of_one_) return false;
        ++asked;
        ++all_;
        return true;
    }

private:
    std::size_t of_one_;
    std::size_t of_all_;
    Clock::Steady begun_{};
    std::size_t all_ = 0;
    std::unordered_map<Ip, std::size_t> by_asker_; ///< At most `of_all_`.
};

} // namespace elves
