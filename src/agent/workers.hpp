#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "elves/instruction.hpp"
#include "elves/task.hpp"
#include "elves/task_id.hpp"

namespace elves::agent {

/// What runs workers: the Runner, or a test's own. On the loop's thread.
class Workers {
public:
    /// `offset`: bytes of output before this piece.
    using OnOutput = std::function<void(std::uint64_t offset, std::string data)>;
    using OnDone = std::function<void(WorkerReport report)>;

    virtual ~Workers() = default;
    /// Starts it at once. `on_done` comes once, later; `callback_time` in it is not set.
    virtual void run(TaskId id, Instruction const& ins, OnOutput on_output, OnDone on_done) = 0;
    /// Stops it; `on_done` tells of it.
    virtual void cancel(TaskId id) = 0;
    /// Stops all; each `on_done` tells of it.
    virtual void shutdown() = 0;
};

} // namespace elves::agent
