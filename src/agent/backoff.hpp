#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace elves::agent {

/// How long to wait before the next try: a moment at first, then 0.5 s doubling up to 30 s, each cut at
/// random to between half and all of it, so that a fleet does not come back all at once.
class Backoff {
public:
    static constexpr std::chrono::milliseconds longest{30'000};

    explicit Backoff(unsigned random_seed) : random_(random_seed) {}

    [[nodiscard]] std::chrono::milliseconds next()
    {
        using std::chrono::milliseconds;
        auto const most = std::min(wait_, limit_);
        wait_ = std::min(std::max(wait_ * 2, milliseconds(1000)), longest);
        std::uniform_int_distribution<std::int64_t> cut(first_ ? 0 : most.count() / 2, most.count());
        first_ = false;
        return milliseconds(cut(random_));
    }
    /// The longest wait from now on, between 0.5 s and `longest`.
    void set_limit(std::chrono::milliseconds limit)
    {
        limit_ = std::clamp(limit, std::chrono::milliseconds(500), longest);
    }
    /// All was well for a while.
    void reset()
    {
        wait_ = std::chrono::milliseconds(500);
        first_ = true;
    }

private:
    std::chrono::milliseconds wait_{500};
    std::chrono::milliseconds limit_{longest};
    bool first_ = true;
    std::minstd_rand random_;
};

} // namespace elves::agent
