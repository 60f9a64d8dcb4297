#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent_crons.hpp"
#include "center_cron.hpp"
#include "cron_jobs.hpp"
#include "elves/module.hpp"
#include "elves/services/agent_applications.hpp"
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
    /// Who knows what agents have, for warnings; null: nobody. Outlives this.
    void set_applications(AgentApplications const* applications) { applications_ = applications; }
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
        JobName name;
        std::optional<std::string> start_date;
        std::optional<std::string> end_date;
        JobName watch;
    };
    struct One {
        Ip agentip;
        TaskId id;
    };

    struct Search {
        std::optional<Ip> agentip;
        std::optional<TaskId> id;
        std::optional<CronType> cron_type;
        std::optional<AppName> app;
        std::optional<std::string> func;
        std::optional<std::string> name;
        std::optional<std::string> by;
        std::optional<std::string> cron_flag;
        std::optional<std::string> after;
        std::int64_t limit = 100;
        std::int64_t times = 3;
    };
    struct NextTimes {
        std::optional<QuartzRule> rule; ///< Required, so always there.
        std::optional<Zone> timezone;
        std::optional<std::string> start_date;
        std::optional<std::string> end_date;
        std::int64_t times = 5;
    };
    struct ByKey {
        std::string by;
        std::optional<TaskId> after;
        std::int64_t limit = 100;
    };

    asio::awaitable<Reply> list(ByAgent in, Caller caller);
    [[nodiscard]] Reply list_of_key(ByKey const& in, Caller const& caller) const;
    asio::awaitable<Reply> search(Search in, Caller caller);
    [[nodiscard]] Reply next_times_of(NextTimes in) const;
    /// The ids of a page, in the order of agents and ids, and where the next page begins, or "".
    [[nodiscard]] std::pair<std::vector<TaskId>, std::string> page_of(
        Search const& in, Caller const& caller) const;
    asio::awaitable<Reply> run(One in, Caller caller);
    asio::awaitable<Reply> set(Set in, Caller caller);
    asio::awaitable<Reply> erase(One in, Caller caller);
    asio::awaitable<Reply> set_on(One in, Caller caller, bool on);

    /// The job, judged: Error 411.1 where it is not that agent's, 401.6 where the key may not use its app.
    [[nodiscard]] CronJob const& job_of(Ip const& agent, TaskId id, Caller const& caller) const;
    [[nodiscard]] CronJob made_of(Set in, Caller const& caller) const;
    /// Throws Error 403.10 that names the field. A date alone is its first second, or with `is_end` its last.
    [[nodiscard]] Instant date_of(std::string_view field, std::string const& text, bool is_end) const;
    /// Throws Error 403.5 where the job has no time left.
    void require_time(CronJob const& job) const;
    /// Throws Error 429.1 where the agent's own list would become more than it keeps, or one frame can carry.
    void require_room(CronJob const& job) const;
    /// What somebody who sets this job may not have meant.
    [[nodiscard]] json::array warnings_of(CronJob const& job) const;
    [[nodiscard]] std::optional<Instant> next_time(CronJob const& job) const;
    /// For `forgetagents`. A firing that waits for the agent stays in the task log until its `ttl` is over.
    [[nodiscard]] Belongings belongings_of(Ip const& machine);
    /// Cancels firings of the job that wait for its agent.
    [[nodiscard]] asio::awaitable<void> cancel_waiting(TaskId id, Ip agent);
    /// A reply; of a `self` job it says whether the agent knows of the change.
    [[nodiscard]] asio::awaitable<Reply> told_reply(json::object fields, Ip agent, bool own);
    /// A job as lists show it: with whom it belongs to.
    [[nodiscard]] json::object listed(
        CronJob const& job, std::optional<TaskEngine::LastRun> const& last_run) const;
    /// Tells those who fire it. `own`: it is, or was, one that the agent fires.
    void changed(TaskId id, Ip const& agent, bool own);

    CronJobs& jobs_;
    Presence& presence_;
    AgentApplications const* applications_ = nullptr;
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
