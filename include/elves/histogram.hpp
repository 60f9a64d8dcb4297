#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace elves {

/// How long things took, in buckets from 0.1 ms to 1 h. A fixed size, one addition for each observation. On
/// one thread.
class Histogram {
public:
    /// The buckets' upper bounds, in seconds.
    static constexpr std::array<double, 14> bounds{
        0.0001, 0.00025, 0.001, 0.0025, 0.01, 0.025, 0.1, 0.25, 1, 2.5, 10, 60, 600, 3600};

    void observe(double seconds) noexcept
    {
        std::size_t bucket = 0;
        while (bucket < bounds.size() && seconds > bounds[bucket]) ++bucket;
        ++counts_[bucket];
        sum_ += seconds;
    }
    /// Not cumulative; the last is of what is over every bound.
    [[nodiscard]] std::span<std::uint64_t const> counts() const noexcept { return counts_; }
    [[nodiscard]] double sum() const noexcept { return sum_; }

private:
    std::array<std::uint64_t, bounds.size() + 1> counts_{};
    double sum_ = 0;
};

} // namespace elves
