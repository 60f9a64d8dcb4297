#pragma once

#include <optional>

#include "agent_crons.hpp"
#include "center_cron.hpp"
#include "cron_jobs.hpp"
#include "elves/module.hpp"
#include "elves/services/dispatcher.hpp"
#include "elves/services/presence.hpp"
#include "elves/services/task_log.hpp"

namespace elves {

/// The `cron` service: jobs that the server (`center`) or their agent (`self`) fires by a Quartz rule.
/// Lives on the loop's thread. What its constructor takes outlives it.
class Cron : public Module {
public:
    Cron(CronJobs& jobs, Presence& presence, TaskLog& log, Dispatcher& dispatcher, Clock& clock, Zone zone,
        LoopExecutor loop);

    /// Whom to ask whether a job's key still has the right `files`; null: nobody. Before `start`; outlives
    /// this.
    void set_authority(Authority const* keys);
    [[nodiscard]] std::string_view name() const override { return "cron"; }
    void configure(Section const& section) override;
    void declare(MethodTable& table) override;
    void start() override;
    void stop() override;

private:
    struct ByAgent {
        Ip agentip;
    };
    struct Set {
        Ip agentip;
        CronType cron_type = CronType::center;
        std::optional<QuartzRule> rule; ///< Required, so always there.
        Instruction ins;
        std::optional<TaskId> id;
        std::optional<Zone> timezone;
        std::optional<Misfire> misfire;
        std::optional<Overlap> overlap;
        Jitter jitter;
    };
    struct One {
        Ip agentip;
        TaskId id;
    };

    asio::awaitable<Reply> list(ByAgent in, Caller caller);
    asio::awaitable<Reply> set(Set in, Caller caller);
    asio::awaitable<Reply> erase(One in, Caller caller);
    asio::awaitable<Reply> set_on(One in, Caller caller, bool on);

    /// The job, judged: Error 411.1 where it is not that agent's, 401.6 where the key may not use its app.
    [[nodiscard]] CronJob const& job_of(Ip const& agent, TaskId id, Caller const& caller) const;
    [[nodiscard]] CronJob made_of(Set in, Caller const& caller) const;
    /// Throws Error 429.1 where the agent's own list would become more than one frame can carry.
    void require_room(CronJob const& job) const;
    /// Tells those who fire it. `own`: it is, or was, one that the agent fires.
    void changed(TaskId id, Ip const& agent, bool own);

    CronJobs& jobs_;
    Presence& presence_;
    TaskLog& log_;
    Dispatcher& dispatcher_;
    Clock& clock_;
    Zone zone_;
    CenterCron center_;
    AgentCrons agents_;
    Misfire misfire_ = Misfire::skip;
    Overlap overlap_ = Overlap::skip;
};

} // namespace elves
