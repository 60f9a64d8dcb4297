#pragma once

#include <cstddef>

#include "daily_bytes.hpp"
#include "elves/services/quotas.hpp"
#include "elves/services/task_engine.hpp"
#include "task_registry.hpp"

namespace elves {

/// How many open tasks there may be, and what they may take on disk: one agent's, one key's, and all. Each
/// bound is a pool that keys share (elves/quota.hpp). On the loop's thread.
class TaskLimits {
public:
    struct Bounds {
        std::size_t tasks = 10'000;              ///< Of one agent.
        std::size_t bytes = 256UL * 1024 * 1024; ///< Of one agent.
        std::size_t all_bytes = 4096UL * 1024 * 1024;
        std::size_t all_tasks = 1'000'000; ///< About 1 KiB of memory each.
    };
    /// `quotas`: null where there are no keys. All outlive this.
    TaskLimits(TaskRegistry const& registry, DailyBytes const& daily_bytes, Quotas const* quotas)
        : registry_(registry), daily_bytes_(daily_bytes), quotas_(quotas)
    {
    }
    void set_bounds(Bounds bounds) { bounds_ = bounds; }

    /// Throws Error 429.1 where there is no room for one more task; QuotaExceeded where its key holds as much
    /// as it may.
    void require_room(TaskEngine::Order const& order) const;

private:
    void require_quota(TaskEngine::Order const& order, Quotas::Limits const& limits) const;

    TaskRegistry const& registry_;
    DailyBytes const& daily_bytes_;
    Quotas const* quotas_;
    Bounds bounds_;
};

} // namespace elves
