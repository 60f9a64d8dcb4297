#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>

#include "cron_jobs.hpp"
#include "elves/clock.hpp"
#include "elves/services/authority.hpp"
#include "elves/services/presence.hpp"
#include "elves/services/task_engine.hpp"

namespace elves {

/// Gives each agent its own (`self`) jobs: `call agent.setcrons {cron_list}` after each `register` and each
/// change, until the agent has confirmed the list as it is then. On the loop's thread.
class AgentCrons {
public:
    AgentCrons(CronJobs const& jobs, Presence& presence, TaskEngine const& engine, Clock& clock, Zone zone,
        LoopExecutor loop, Quotas const* quotas = nullptr);

    /// Whom to ask whether a job's key still has the right `files`; null: nobody. Outlives this.
    void set_authority(Authority const* keys) { keys_ = keys; }
    void start();
    void stop();
    /// A `self` job of this agent was set, started, stopped or deleted. For each agent at most one list is in
    /// flight and one pending, and after a list of N jobs the next one waits for N/4 ms: a burst of changes
    /// to a large table costs a bounded share of the loop, not a table for each change. While the agent is
    /// away nothing is sent.
    void changed(Ip const& agent);

private:
    /// A list that is to be sent, or on its way.
    struct Push {
        bool sending = false;
        bool again = false;     ///< Changed since it was sent, or the link is another one.
        std::size_t listed = 0; ///< Jobs in the last list.
        Timer pause;            ///< Until the next list may be built.
        Timer retry;
    };
    void begin(Ip const& agent);
    void ended(Ip const& agent, std::string const& failure);
    /// After the pause: sends what has changed meanwhile, tries again later, or is done.
    void go_on(Ip agent, bool has_failed);
    /// Sends the list and waits for its confirmation. Why it failed, or "".
    [[nodiscard]] asio::awaitable<std::string> send(Ip agent);
    /// Gives others their turn while it is built. What changes meanwhile is sent with the next list.
    [[nodiscard]] asio::awaitable<json::object> list_of(Ip agent) const;

    CronJobs const& jobs_;
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
