#pragma once

#include <chrono>
#include <memory>
#include <unordered_map>
#include <vector>

#include "elves/services/presence.hpp"
#include "elves/services/quotas.hpp"
#include "elves/task.hpp"
#include "elves/task_life.hpp"
#include "elves/zone.hpp"

namespace elves {

/// A task as it was when it was handed over, for all that go on with it. Its `ins.param` goes with the
/// instruction: it is on disk, and not kept in memory for as long as the task runs.
using SharedTask = std::shared_ptr<Task>;

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

    /// Hands over a task of type async or cron: Taken, Refused, Silence, or NotThere.
    [[nodiscard]] asio::awaitable<life::Event> hand_over(SharedTask task, std::chrono::milliseconds limit);
    /// Runs a task of type rt: Reported, Refused, or NotThere; nothing when the link is lost or `limit` is
    /// over.
    [[nodiscard]] asio::awaitable<std::optional<life::Event>> run(
        SharedTask task, std::chrono::milliseconds limit);
    /// What the agent says of each: AgentRuns, AgentForgot, Reported. AgentGone for all where it doesn't
    /// answer within `limit`; nothing where the link is lost meanwhile, or it can't say now.
    [[nodiscard]] asio::awaitable<std::vector<std::optional<life::Event>>> ask(
        Ip agent, std::vector<TaskId> ids, std::chrono::milliseconds limit);
    /// True: the agent knows that the task is canceled.
    [[nodiscard]] asio::awaitable<bool> cancel(Ip agent, TaskId id);
    /// Tells the agent that a result is on disk. All of a turn leave in one cast.
    void confirm(Ip const& agent, TaskId id);

private:
    [[nodiscard]] asio::awaitable<Back> instruct(Peer& link, Task& task, std::chrono::milliseconds limit);

    LoopExecutor loop_;
    Clock& clock_;
    Zone zone_;
    Presence const& presence_;
    Quotas const* quotas_;
    std::unordered_map<Ip, json::array> to_confirm_;
};

} // namespace elves
