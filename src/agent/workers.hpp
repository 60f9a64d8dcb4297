#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "elves/instruction.hpp"
#include "elves/output_stream.hpp"
#include "elves/task.hpp"
#include "elves/task_id.hpp"

namespace elves::agent {

/// What runs workers: the Runner, or a test's own. On the loop's thread.
class Workers {
public:
    /// A piece of what a worker prints, as UTF-8: whole characters.
    using OnOutput = std::function<void(OutputStream stream, std::string_view text)>;
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
