#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace elves::bench {

/// Counts durations in ns in log-linear buckets, as HdrHistogram does: each power of two is divided into 128
/// equal ones, so that a percentile is at most 1% above the true value. 60 KiB, whatever is counted.
class Histogram {
public:
    void add(std::uint64_t ns)
    {
        ++buckets_[place_of(ns)];
        ++count_;
        max_ = std::max(max_, ns);
    }

    [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
    [[nodiscard]] std::uint64_t max() const noexcept { return max_; }
    /// The smallest bucket's upper end that `part` (0 to 1) of all values don't exceed; 0 where there are
    /// none.
    [[nodiscard]] std::uint64_t at(double part) const
    {
        auto const wanted = static_cast<std::uint64_t>(std::ceil(part * static_cast<double>(count_)));
        std::uint64_t seen = 0;
        for (std::size_t place = 0; place < buckets_.size(); ++place) {
            seen += buckets_[place];
            if (seen >= wanted && seen > 0) return std::min(upper_end(place), max_);
        }
        return max_;
    }

private:
    static constexpr unsigned bits = 7;
    static constexpr std::size_t steps = std::size_t{1} << bits;

    static std::size_t place_of(std::uint64_t value)
    {
        if (value < 2 * steps) return static_cast<std::size_t>(value);
        auto const shift = static_cast<unsigned>(std::bit_width(value)) - bits - 1;
        return shift * steps + static_cast<std::size_t>(value >> shift);
    }
    static std::uint64_t upper_end(std::size_t place)
    {
        if (place < 2 * steps) return place;
        auto const shift = place / steps - 1;
        return ((place - shift * steps + 1) << shift) - 1;
    }

    std::array<std::uint64_t, (64 - bits + 1) * steps> buckets_{};
    std::uint64_t count_ = 0;
    std::uint64_t max_ = 0;
};

} // namespace elves::bench
