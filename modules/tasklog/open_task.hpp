#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "elves/clock.hpp"
#include "elves/peer.hpp"
#include "elves/task.hpp"

namespace elves {

class HandoverFlow;

/// Somebody who waits for what becomes of a task.
struct TaskWaiter {
    enum class End {
        known,    ///< It is: see OpenTask::task.
        late,     ///< It is not, and he waits no longer.
        stopping, ///< The server stops.
    };
    std::function<void(End)> then; ///< Is called once.
    Timer limit{};                 ///< How long he waits, where nothing else ends his wait.
    std::uint64_t number = 0;      ///< Of this waiter among those of all tasks.
    std::weak_ptr<Peer> caller{};  ///< Whose call waits.
    bool has_caller = false;

    /// The connection that waited has closed: nobody reads the answer.
    [[nodiscard]] bool is_abandoned() const
    {
        if (!has_caller) return false;
        auto const peer = caller.lock();
        return !peer || !peer->is_open();
    }
};

/// Everything that the server knows of one open task at run time. Owned by the TaskRegistry, and by the
/// coroutines that work on it. On the loop's thread.
struct OpenTask : std::enable_shared_from_this<OpenTask> {
    Task task;                                ///< As decided. Without `ins.param`, which is on disk.
    std::size_t bytes = 0;                    ///< What it is charged for.
    std::uint64_t order = 0;                  ///< Of its recording.
    bool is_counted = false;                  ///< In the registry's totals and lists.
    bool is_listed_as_waiting = false;        ///< In its agent's list of tasks that wait for their hand-over.
    std::optional<TaskStatus> counted_in_run; ///< As it is counted among the open tasks of its run.

    // Persistence: see TaskTransitions.
    bool is_locked = false;        ///< A decision about it is being written.
    bool is_ahead = false;         ///< `task` is ahead of what is on disk.
    bool is_flushing = false;      ///< That is being written.
    bool is_superseded = false;    ///< A later write of the whole row has succeeded since.
    bool is_end_unwritten = false; ///< Its final state was told, and is not on disk yet.
    bool is_being_written =
        false; ///< What the agent answered is tried to be written until the disk takes it.
    std::list<std::function<void()>> lock_waiters;

    // Deadlines, on a clock that never jumps.
    Clock::Steady start_deadline{};   ///< It may be handed over until then.
    Clock::Steady silence_deadline{}; ///< The agent is asked, or given up, from then on.
    Timer timer;                      ///< For the next thing that is due.
    Clock::Steady timer_at{};         ///< When it fires.

    // Hand-over.
    Peer const* in_flight = nullptr; ///< The link on which the agent has not answered yet.
    bool is_ready = false;           ///< `sent`, and waits for room on the link: not written to it yet.
    bool is_being_sent = false;      ///< `waiting`, and its turn to be handed over has come.
    std::string gate_place{};        ///< `waiting`, and what has to become free; "" where nothing has to.
    bool is_forced = false;          ///< It waits for no window and no cap.
    bool has_slot = false;           ///< Counts as in flight there.
    Timer handover_limit{};          ///< Until when the agent should have said whether it takes it.
    HandoverFlow* flow = nullptr;    ///< Its agent's, once it was handed over.
    bool confirm_due = false;        ///< The agent waits to hear that the result is on disk.

    std::vector<TaskWaiter> handover_waiters; ///< For whether the agent takes it.
    std::vector<TaskWaiter> result_waiters;   ///< For its final state.
};
using OpenTaskPtr = std::shared_ptr<OpenTask>;

/// Unfinished, or its agent has to be told of its cancel.
[[nodiscard]] inline bool is_open(Task const& task) { return !is_final(task.status) || task.cancel_due; }

} // namespace elves
