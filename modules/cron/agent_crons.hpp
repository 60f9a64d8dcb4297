#pragma once

#include <string>
#include <unordered_map>

#include "cron_jobs.hpp"
#include "elves/clock.hpp"
#include "elves/services/authority.hpp"
#include "elves/services/dispatcher.hpp"
#include "elves/services/presence.hpp"

namespace elves {

/// Gives each agent its own (`self`) jobs: `call agent.setcrons {cron_list}` after each `register` and each
/// change, until the agent has confirmed the list as it is then. On the loop's thread.
class AgentCrons {
public:
    AgentCrons(CronJobs const& jobs, Presence& presence, Dispatcher const& dispatcher, Clock& clock,
        Zone zone, LoopExecutor loop);

    /// Whom to ask whether a job's key still has the right `files`; null: nobody. Outlives this.
    void set_authority(Authority const* keys) { keys_ = keys; }
    void start();
    void stop();
    /// A `self` job of this agent was set, started, stopped or deleted. Changes of one turn of the loop go
    /// out together; while the agent is away none do.
    void changed(Ip const& agent);

private:
    /// A list that is to be sent, or on its way.
    struct Push {
        bool sending = false;
        bool again = false; ///< Changed since it was sent, or the link is another one.
        Timer retry;
    };
    void begin(Ip const& agent);
    void ended(Ip const& agent, std::string const& failure);
    /// Sends the list and waits for its confirmation. Why it failed, or "".
    [[nodiscard]] asio::awaitable<std::string> send(Ip agent);
    [[nodiscard]] json::object list_of(Ip const& agent) const;

    CronJobs const& jobs_;
    Presence& presence_;
    Dispatcher const& dispatcher_;
    Authority const* keys_ = nullptr;
    Clock& clock_;
    Zone zone_;
    LoopExecutor loop_;
    std::unordered_map<Ip, Push> pushes_;
    bool running_ = false;
};

} // namespace elves
