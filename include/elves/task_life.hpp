#pragma once

#include <string>
#include <variant>

#include "elves/task.hpp"

namespace elves::life {

/// What can happen to a task after it was recorded.
struct HandedOver {}; ///< It is about to be written to its agent's connection.
struct NotThere {     ///< It never reached a connection; `why` begins with its code.
    std::string why;
};
struct Taken { ///< The agent said that it took it.
    std::chrono::milliseconds after;
};
struct Refused { ///< The agent said that it does not take it.
    std::string why;
    std::chrono::milliseconds after;
};
struct Silence { ///< The agent did not say in time whether it took it. Nothing is known.
    std::string why;
    std::chrono::milliseconds after;
};
struct Reported { ///< A result, however it travelled.
    WorkerReport report;
};
struct SyncOver {}; ///< A `sendsync`'s time is over.
struct TtlOver {};
struct Cancel {};
struct CancelKnown {}; ///< The agent knows of the cancel, or is past caring.
struct AgentRuns {};   ///< Asked, the agent said that it is at it.
struct AgentForgot {}; ///< Asked, the agent said `unknown`.
struct AgentGone {     ///< Timeout plus `lost_after` is over, and the agent does not answer.
    std::string why;
};

using Event = std::variant<HandedOver, NotThere, Taken, Refused, Silence, Reported, SyncOver, TtlOver, Cancel,
    CancelKnown, AgentRuns, AgentForgot, AgentGone>;

/// What an event means for a task: the task as it is from now on, and whether anything changed at all.
struct Decision {
    Task task;
    bool changed = false;
    bool finished = false; ///< It has just reached its final state.
};

/// The one judge of a task's life: which state may follow which, what a late, doubled or missing result
/// means. Whoever asks writes `task` to disk before anybody hears of it. No I/O; same question, same answer.
[[nodiscard]] Decision decide(Task const& task, Event const& event, Instant now);

} // namespace elves::life
