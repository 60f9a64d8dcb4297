#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

#include "agent/server_time.hpp"
#include "elves/zone.hpp"

namespace elves::agent {

/// Since when the journal knows every task that the server handed over to this agent, by the server's clock:
/// what is younger, and is not in it, never started here. On the loop's thread.
class JournalSince {
public:
    /// `kept`: for how long confirmed tasks stay in the journal.
    JournalSince(ServerTime const& server_time, std::chrono::milliseconds kept)
        : server_time_(server_time), kept_(kept)
    {
    }
    /// As read from the journal, or written to it.
    void set(Instant since) { since_ = since; }
    [[nodiscard]] bool is_known() const noexcept { return since_.has_value(); }
    [[nodiscard]] std::optional<Instant> get() const
    {
        auto const now = server_time_.now();
        if (!since_ || !now) return std::nullopt;
        // What was confirmed is forgotten some time later; the pruner may be ahead of the server's clock by
        // some.
        constexpr std::chrono::hours margin(1);
        return std::max(*since_, *now - kept_ + margin);
    }

private:
    ServerTime const& server_time_;
    std::chrono::milliseconds kept_;
    std::optional<Instant> since_;
};

} // namespace elves::agent
