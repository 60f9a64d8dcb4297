#pragma once

#include <optional>

#include "agent_crons.hpp"
#include "center_cron.hpp"
#include "cron_jobs.hpp"
#include "elves/module.hpp"
#include "elves/services/presence.hpp"
#include "elves/services/task_engine.hpp"

namespace elves {

/// The `cron` service: jobs that the server (`center`) or their agent (`self`) fires by a Quartz rule.
/// Lives on the loop's thread. What its constructor takes outlives it; `quotas` is null where there are no
/// keys.
class Cron : public Module, public KeyResources {
public:
    Cron(CronJobs& jobs, Presence& presence, TaskEngine& engine, Clock& clock, Zone zone, LoopExecutor loop,
        Quotas const* quotas = nullptr);

    /// Whom to ask whether a job's key still has the right `files`; null: nobody. Before `start`; outlives
    /// this.
    void set_authority(Authority const* keys);
    [[nodiscard]] std::string_view name() const override { return "cron"; }
    void configure(Section const& section) override;
    void declare(MethodTable& table) override;
    void start() override;
    void stop() override;
    /// Pauses the jobs that this key set: they stay, and an admin may start or delete them.
    [[nodiscard]] asio::awaitable<std::size_t> end_all(std::string key) override;
    void on_key_changed(std::string_view key) override;

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

    struct ByKey {
        std::string by;
        std::optional<TaskId> after;
        std::int64_t limit = 100;
    };

    asio::awaitable<Reply> list(ByAgent in, Caller caller);
    [[nodiscard]] Reply list_of_key(ByKey const& in, Caller const& caller) const;
    asio::awaitable<Reply> set(Set in, Caller caller);
    asio::awaitable<Reply> erase(One in, Caller caller);
    asio::awaitable<Reply> set_on(One in, Caller caller, bool on);

    /// The job, judged: Error 411.1 where it is not that agent's, 401.6 where the key may not use its app.
    [[nodiscard]] CronJob const& job_of(Ip const& agent, TaskId id, Caller const& caller) const;
    [[nodiscard]] CronJob made_of(Set in, Caller const& caller) const;
    /// Throws Error 429.1 where the agent's own list would become more than one frame can carry.
    void require_room(CronJob const& job) const;
    /// A job as lists show it: with whom it belongs to.
    [[nodiscard]] json::object listed(
        CronJob const& job, std::optional<TaskEngine::LastRun> const& last_run) const;
    /// Tells those who fire it. `own`: it is, or was, one that the agent fires.
    void changed(TaskId id, Ip const& agent, bool own);

    CronJobs& jobs_;
    Presence& presence_;
    TaskEngine& engine_;
    Clock& clock_;
    Zone zone_;
    Quotas const* quotas_;
    CenterCron center_;
    AgentCrons agents_;
    Misfire misfire_ = Misfire::skip;
    Overlap overlap_ = Overlap::skip;
};

} // namespace elves
