#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>

#include "store/unit.hpp"

namespace elves {

/// The way back to the loop: one post for all units that have finished since the last. Keeps the loop running
/// while units are out. Held by what it has posted too, so it may outlive the store.
class Completions : public std::enable_shared_from_this<Completions> {
public:
    explicit Completions(LoopExecutor loop) : loop_(std::move(loop)) {}

    /// A unit goes out. On the loop's thread.
    void expect();
    /// Units come back; their `done` are called on the loop, in this order. Any thread.
    void finish(std::vector<Unit> units);
    /// Destroys what has come back and not been called, and calls nothing any more. On the loop's thread,
    /// after the last `finish`.
    void drop();

private:
    void deliver();
    void take(Unit unit);
    void go_on();
    void post();

    LoopExecutor loop_;
    // The loop's.
    std::size_t out_ = 0;
    std::optional<asio::executor_work_guard<LoopExecutor>> running_;
    bool dropped_ = false;
    std::vector<Unit> coming_; ///< From `next_` on not yet called.
    std::size_t next_ = 0;

    std::mutex mutex_; ///< Over the two below.
    std::vector<Unit> finished_;
    bool posted_ = false;
};

} // namespace elves
