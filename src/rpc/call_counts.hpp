#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

#include "elves/clock.hpp"
#include "elves/histogram.hpp"

namespace elves {

struct Method;

/// How often each method was called, with what outcome, and how long calls took that had to wait for
/// something. Counted only where somebody reads it. On the loop's thread.
class CallCounts {
public:
    explicit CallCounts(Clock& clock) : clock_(clock) {}

    [[nodiscard]] Clock::Steady now() const { return clock_.steady(); }
    /// A call that was answered at once. `code` is one of elves/error.hpp, or "".
    void add(std::string_view service, Method const* method, std::string_view code);
    /// One that waited since `begun`.
    void add(std::string_view service, Method const* method, std::string_view code, Clock::Steady begun);

    /// How many calls went well that may have changed something.
    [[nodiscard]] std::uint64_t changes() const noexcept { return changes_; }
    /// What was counted. `method` is "" of calls for which there is no method.
    void each(std::function<void(std::string_view service, std::string_view method, std::string_view code,
            std::uint64_t count)> const& tell) const;
    [[nodiscard]] std::map<std::string, Histogram, std::less<>> const& durations() const noexcept
    {
        return durations_;
    }

private:
    struct Counts {
        std::string service;
        std::uint64_t well = 0;
        std::map<std::string_view, std::uint64_t> refused; ///< By code.
    };

    Clock& clock_;
    std::unordered_map<Method const*, Counts> counts_;
    std::map<std::string, Histogram, std::less<>> durations_; ///< By service.
    std::uint64_t changes_ = 0;
};

} // namespace elves
