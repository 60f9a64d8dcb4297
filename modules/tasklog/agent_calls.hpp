#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "elves/error.hpp"
#include "elves/services/presence.hpp"
#include "elves/services/quotas.hpp"
#include "elves/task.hpp"
#include "elves/task_life.hpp"
#include "elves/zone.hpp"

namespace elves {

/// A task as it is handed over, with its `ins.param`, which goes with the instruction: it is on disk, and not
/// kept in memory for as long as the task runs.
using SharedTask = std::shared_ptr<Task>;

/// The error text of an agent that has no link: `[410.1] …`.
[[nodiscard]] std::string not_online(Ip const& agent);

/// What is said to an agent on its link (docs/protocol.md, On the agent's link), and what its answers mean as
/// events of a task's life. On the loop's thread.
class AgentCalls {
public:
    /// `quotas`: null where there are no keys.
    AgentCalls(
        LoopExecutor loop, Clock& clock, Zone zone, Presence const& presence, Quotas const* quotas = nullptr)
        : loop_(std::move(loop)), clock_(clock), zone_(zone), presence_(presence), quotas_(quotas)
    {
    }

    /// Hands over a task: when this returns, the instruction has been written and `task` has no param any
    /// more. `then` gets what is given to one of the two below.
    void instruct(Peer& link, Task& task, std::chrono::milliseconds limit, Peer::OnBack then);
    /// What the answer of a task of type async or cron comes to: Taken, Refused, AgentBusy or NeverStarted;
    /// HandoverTimedOut where none came.
    [[nodiscard]] life::Event handover_event(
        std::exception_ptr const& failure, Back const& back, Task const& task, Clock::Steady begun) const;
    /// The same of type rt: Reported, Refused, AgentBusy, NeverStarted; nothing where none came.
    [[nodiscard]] std::optional<life::Event> run_event(
        std::exception_ptr const& failure, Back const& back, Task const& task, Clock::Steady begun) const;

    /// Which tasks an agent is asked about.
    struct Question {
        struct Item {
            TaskId id;
            std::optional<Instant> sent; ///< When it was handed over.
            std::uint32_t handover = 0;  ///< Task::handover.
        };
        std::vector<Item> items;
        /// Tasks that are queued there may start until then.
        std::optional<Instant> start_by;
    };
    /// What the agent says of each: ReportedRunning, TaskUnknownToAgent, NeverStarted, Reported.
    /// AgentUnreachable for all where it does not answer within `limit`; nothing where the link is lost
    /// meanwhile, or the agent cannot say now.
    [[nodiscard]] asio::awaitable<std::vector<std::optional<life::Event>>> ask(
        Ip agent, Question question, std::chrono::milliseconds limit);
    /// True: the agent knows that the task is canceled.
    [[nodiscard]] asio::awaitable<bool> cancel(Ip agent, TaskId id);
    /// Tells the agent that a result is on disk. All of a turn leave in one cast.
    void confirm(Ip const& agent, TaskId id);

private:
    /// `start_by`, and how far the clock was set that it is meant by.
    void add_start_by(json::object& fields, std::optional<Instant> start_by) const;
    [[nodiscard]] std::chrono::milliseconds passed_since(Clock::Steady begun) const;
    /// What an agent answers that did not take a task.
    [[nodiscard]] life::Event refusal(Back const& back, Task const& task, Clock::Steady begun) const;

    LoopExecutor loop_;
    Clock& clock_;
    ClockShift clock_shift_{clock_};
    Zone zone_;
    Presence const& presence_;
    Quotas const* quotas_;
    std::unordered_map<Ip, json::array> to_confirm_;
};

} // namespace elves
