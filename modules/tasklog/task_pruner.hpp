#pragma once

#include <chrono>

#include "elves/clock.hpp"
#include "elves/store.hpp"

namespace elves {

/// Deletes tasks that ended long ago, in steps so short that what waits to be written behind one hardly
/// notices. What is still owed to a processor, or to an agent, stays. On the loop's thread.
class TaskPruner {
public:
    TaskPruner(Store& store, Clock& clock) : store_(store), clock_(clock) {}

    /// `failed` is for tasks that failed, timed out, expired or were lost or not delivered; `others` for all
    /// others that are finished.
    void set_keep(std::chrono::seconds others, std::chrono::seconds failed);
    void start();
    void stop() { timer_.stop(); }

private:
    void soon(std::chrono::milliseconds delay);
    void prune();
    [[nodiscard]] std::chrono::milliseconds rest() const;

    Store& store_;
    Clock& clock_;
    std::chrono::seconds keep_others_{0};
    std::chrono::seconds keep_failed_{0};
    Timer timer_;
};

} // namespace elves
