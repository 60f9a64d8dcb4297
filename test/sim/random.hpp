#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

namespace elves::sim {

/// The one source of chance of a run (SplitMix64): the same seed, the same run.
class Random {
public:
    explicit Random(std::uint64_t seed) : state_(seed) {}

    std::uint64_t next()
    {
        state_ += 0x9E3779B97F4A7C15;
        auto value = state_;
        value = (value ^ (value >> 30U)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27U)) * 0x94D049BB133111EB;
        return value ^ (value >> 31U);
    }
    /// 0 to `count` - 1.
    std::size_t below(std::size_t count) { return static_cast<std::size_t>(next() % count); }
    /// Both ends included.
    std::int64_t between(std::int64_t least, std::int64_t most)
    {
        return least + static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(most - least + 1));
    }
    /// True in that many of a thousand cases.
    bool chance(int per_mille) { return static_cast<int>(next() % 1000) < per_mille; }
    std::chrono::microseconds time(std::chrono::microseconds least, std::chrono::microseconds most)
    {
        return std::chrono::microseconds(between(least.count(), most.count()));
    }
    template <class T>
    T const& pick(std::vector<T> const& choices)
    {
        return choices[below(choices.size())];
    }

private:
    std::uint64_t state_;
};

} // namespace elves::sim
