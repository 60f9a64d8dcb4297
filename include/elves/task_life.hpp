#pragma once

#include <chrono>
#include <string>
#include <variant>

#include "elves/task.hpp"

/// The state machine of a task: which state may follow which, what a late, doubled or missing answer means,
/// and when something is due. Pure: no I/O, no clock; the same question has the same answer. The task engine
/// is the only one that asks.
namespace elves::life {

// What can happen to a task after it was recorded.

struct HandedOver {}; ///< The server is about to write it to its agent's connection.

// What is known of one hand-over. `handover` is Task::handover when that was so: it says nothing of a later
// one, and is passed over where the task was handed over again meanwhile. `why` begins with an error code,
// here and below.

/// It was written to no connection. Only where that is certain.
struct AgentOffline {
    std::string why;
    std::uint32_t handover = 0;
};
/// The agent proved that it did not start it, and will not: it came too late (`[410.4]`), or the agent's
/// journal is complete since before the hand-over and does not have it (`journal_since`).
struct NeverStarted {
    std::string why;
    std::uint32_t handover = 0;
};
struct Taken { ///< The agent has it in its journal.
    std::chrono::milliseconds after{0};
    bool is_queued = false; ///< No worker is free: it starts later.
    std::uint32_t handover = 0;
};
struct Refused { ///< The agent does not take it.
    std::string why;
    std::chrono::milliseconds after{0};
    std::uint32_t handover = 0;
};
struct AgentBusy { ///< The agent does not take it now: too much is queued there, its disk is full, it is
                   ///< stopping.
    std::string why;
    std::chrono::milliseconds after{0};
    std::uint32_t handover = 0;
};
struct HandoverTimedOut { ///< The agent did not answer in time. Nothing is known.
    std::string why;
    std::chrono::milliseconds after{0};
    std::uint32_t handover = 0;
};
struct ReportedRunning { ///< The agent says that it has it.
    bool is_queued = false;
    std::uint32_t handover = 0;
};
struct TaskUnknownToAgent { ///< The agent does not know it, and cannot prove that it never started.
    std::uint32_t handover = 0;
};
struct AgentUnreachable { ///< The agent was silent for `timeout` plus `lost_after`, or when it was asked.
    std::string why;
    std::uint32_t handover = 0;
};

// What is so of the task itself.

struct Reported { ///< A result, whichever way it came.
    WorkerReport report;
};
struct HeldBack { ///< It waits, and a cap or a window is what it waits for.
    std::string why;
};
struct SyncTimedOut {};       ///< The `timeout` of a `sendsync` has passed.
struct StartTimedOut {};      ///< It waited for as long as it may (Context::start_left).
struct Cancel {};             ///< A caller cancels it.
struct CancelAcknowledged {}; ///< The agent acknowledged the cancel, or no longer tracks the task.

using Event = std::variant<HandedOver, AgentOffline, NeverStarted, Taken, Refused, AgentBusy,
    HandoverTimedOut, Reported, HeldBack, SyncTimedOut, StartTimedOut, Cancel, CancelAcknowledged,
    ReportedRunning, TaskUnknownToAgent, AgentUnreachable>;

/// What a decision depends on beside the task. Durations are measured on a clock that never jumps.
struct Context {
    Instant now{};                           ///< The time of day, for the record.
    std::chrono::milliseconds lost_after{0}; ///< `[tasklog] lost_after`.
    /// How much longer it may wait to be handed over: see `start_span`.
    std::chrono::milliseconds start_left{0};
};

struct Decision {
    Task task; ///< As it is from now on.
    /// What is on disk changes. Otherwise only what is in memory (`start_by`, `is_queued`) may have.
    bool changed = false;
    bool finished = false; ///< It has just reached its final state.
};

[[nodiscard]] Decision decide(Task const& task, Event const& event, Context const& context);

/// For how long after its recording a task may be handed over: its `ttl`; without one the `timeout` of a
/// `sendsync`, or `timeout` plus `lost_after`.
[[nodiscard]] std::chrono::milliseconds start_span(Task const& task, std::chrono::milliseconds lost_after);

/// For how long after the hand-over an agent may be silent before the server gives the task up.
[[nodiscard]] std::chrono::milliseconds silence_span(Task const& task, std::chrono::milliseconds lost_after);

enum class Action {
    none,
    end_waiting, ///< Apply StartTimedOut.
    ask_agent,   ///< Ask the agent for the task's status.
    tell_cancel, ///< Tell the agent of the cancel.
    give_up,     ///< Apply AgentUnreachable.
};

/// What is due about a task, and when to look at it again if that changes nothing.
struct Due {
    Action action = Action::none;
    std::chrono::milliseconds again_in{0};
};

/// How far the clocks of an open task are.
struct Spans {
    std::chrono::milliseconds lost_after{0};
    std::chrono::milliseconds start_left{0};   ///< Until it may no longer be handed over.
    std::chrono::milliseconds silence_left{0}; ///< Until the agent has been silent for too long.
    bool is_agent_online = false;
};

/// What is due about an open task now. `action` is `none` while nothing is.
[[nodiscard]] Due due(Task const& task, Spans const& spans);

} // namespace elves::life
