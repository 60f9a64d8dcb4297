#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "elves/clock.hpp"
#include "elves/store.hpp"

namespace elves {

/// What a step of a Pruner did.
struct PruneResult {
    std::int64_t deleted = 0;
    bool has_more = false; ///< It has not looked at everything yet: the next step comes soon.
};

/// Deletes what was kept for long enough, in steps so short that what waits to be written behind one hardly
/// notices. Where a step was not enough the next comes soon and is larger, up to a bound: so it keeps up with
/// whatever the disk takes in. On the loop's thread; `store` and `clock` outlive it.
class Pruner {
public:
    /// Deletes at most `most` of what is too old at `now`. Runs on the store's thread, so it owns its data.
    using Step = std::function<PruneResult(Db&, Instant now, std::int64_t most)>;

    /// `what` is for the log: "old `what` were not pruned".
    Pruner(Store& store, Clock& clock, std::string what)
        : store_(store), clock_(clock), what_(std::move(what))
    {
    }

    /// `keep` is the shortest time for which something is kept. Looks again after a tenth of it, a minute at
    /// most.
    void set(std::chrono::milliseconds keep, Step step);
    /// After the first `set`.
    void start() { look_after(rest_); }
    void stop() { timer_.stop(); }

private:
    void look_after(std::chrono::milliseconds delay);
    void prune();
    void pruned(PruneResult result);

    Store& store_;
    Clock& clock_;
    std::string what_;
    Step step_;
    std::chrono::milliseconds rest_{0};
    std::int64_t most_ = 0;
    Timer timer_;
};

} // namespace elves
