#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "cron_jobs.hpp"
#include "elves/clock.hpp"
#include "elves/one_shot.hpp"
#include "elves/peer.hpp"
#include "elves/services/authority.hpp"
#include "elves/services/presence.hpp"
#include "elves/services/task_engine.hpp"

namespace elves {

/// Gives each agent its own (`self`) jobs: `call agent.setcrons {cron_list}` after each `register` and each
/// change, until the agent has confirmed the list as it is then; and notes on disk what it confirmed and what
/// it refused. On the loop's thread.
class AgentCrons {
public:
    AgentCrons(CronJobs& jobs, Presence& presence, TaskEngine const& engine, Clock& clock, Zone zone,
        LoopExecutor loop, Quotas const* quotas = nullptr);

    /// Whom to ask whether a job's key still has the right `files`; null: nobody. Outlives this.
    void set_authority(Authority const* keys) { keys_ = keys; }
    /// Calls `then` with each job about which an agent's answer is news. Before `start`.
    void on_news(std::function<void(TaskId)> then) { on_news_ = std::move(then); }
    void start();
    void stop();
    /// A `self` job of this agent was set, started, stopped or deleted. For each agent at most one list is in
    /// flight and one pending, and after a list of N jobs the next one waits for N/4 ms: a burst of changes
    /// to a large table costs a bounded share of the loop, not a table for each change. While the agent is
    /// away nothing is sent.
    void changed(Ip const& agent);
    /// Has the agent confirmed its jobs as they are now? Waits up to a second for a list that is on its way;
    /// does not wait for an agent that is away, nor for a list that is to follow later.
    [[nodiscard]] asio::awaitable<bool> is_told(Ip agent);

private:
    /// A list that is to be sent, or on its way.
    struct Push {
        bool sending = false;
        bool again = false;     ///< Changed since it was sent, or the link is another one.
        std::size_t listed = 0; ///< Jobs in the last list.
        Timer pause;            ///< Until the next list may be built.
        Timer retry;
        CronJobs::Told told; ///< What the answer to the last list means.
        std::vector<OneShot<bool>> waiters;
    };
    void begin(Ip const& agent);
    void ended(Ip const& agent, std::string const& failure);
    /// After the pause: sends what has changed meanwhile, tries again later, or is done.
    void go_on(Ip agent, bool has_failed);
    /// Sends the list and waits for its confirmation. Why it failed, or "".
    [[nodiscard]] asio::awaitable<std::string> send(Ip agent);
    /// Gives others their turn while it is built. What changes meanwhile is sent with the next list.
    [[nodiscard]] asio::awaitable<json::object> list_of(Ip agent);
    [[nodiscard]] json::object entry_of(CronJob const& job) const;
    [[nodiscard]] asio::awaitable<void> note_answer(Ip agent, Back back);

    CronJobs& jobs_;
    std::function<void(TaskId)> on_news_;
    Presence& presence_;
    TaskEngine const& engine_;
    Authority const* keys_ = nullptr;
    Clock& clock_;
    Zone zone_;
    LoopExecutor loop_;
    Quotas const* quotas_;
    std::unordered_map<Ip, Push> pushes_;
    bool running_ = false;
};

} // namespace elves
