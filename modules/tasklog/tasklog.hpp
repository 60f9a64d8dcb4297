#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "elves/module.hpp"
#include "elves/pruner.hpp"
#include "elves/services/presence.hpp"
#include "elves/services/server_limits.hpp"
#include "live_output.hpp"
#include "local_task_engine.hpp"
#include "processor_outbox.hpp"
#include "recent_failures.hpp"

namespace elves {

/// The `ins` of a firing that an agent reports. What authorizes it is its cron job, not the apps of the
/// agent's key, which may be none.
struct FiredInstruction {
    Instruction ins;
};

template <>
struct FieldType<FiredInstruction> {
    static constexpr std::string_view name = FieldType<Instruction>::name;
    static constexpr Code missing = FieldType<Instruction>::missing;
    static FiredInstruction read(std::string_view field, JsonValue const& value)
    {
        return {FieldType<Instruction>::read(field, value)};
    }
    static void judge(Caller const&, FiredInstruction const&) {}
};

/// The `tasklog` service: what became of every task. Lives on the loop's thread; what it is given outlives
/// it.
class Tasklog final : public Module {
public:
    Tasklog(LoopExecutor loop, Store& store, Clock& clock, Zone zone, Presence& presence,
        AppDirectory const& apps, Dialer& dialer, Quotas const* quotas = nullptr,
        ServerLimits const* limits = nullptr);
    [[nodiscard]] std::string_view name() const override { return "tasklog"; }
    void configure(Section const& section) override;
    void declare(MethodTable& table) override;
    void start() override;
    void stop() override;
    [[nodiscard]] LocalTaskEngine& engine() noexcept { return engine_; }
    void write_metrics(MetricWriter& to) const
    {
        engine_.write_metrics(to);
        outbox_.write_metrics(to);
    }
    /// `[tasklog] max_output`.
    [[nodiscard]] std::int64_t max_output() const noexcept { return output_.most(); }

private:
    struct AgentResult { ///< A result; with `cron_id` one of a firing of the agent's own.
        TaskId id;
        JsonDocument info;
        std::optional<std::string> type;
        std::optional<TaskId> cron_id;
        std::optional<std::string> fire_time;
        std::optional<std::string> starttime;
        std::optional<FiredInstruction> ins;
        std::optional<std::string> status;
    };
    struct ProcessorResult {
        TaskId id;
        JsonDocument info;
    };
    struct ByIds {
        std::vector<TaskId> id;
    };
    struct Search {
        std::optional<Ip> agentip;
        std::optional<AppName> app;
        std::optional<std::string> func, type, status, by, since, until, after;
        std::optional<TaskId> cron_id;
        std::int64_t limit = 100;
    };
    struct OutputOf {
        TaskId id;
        std::int64_t offset = 0;
        std::int64_t limit = 65'536;
        std::optional<std::int64_t> stderr_offset;
    };
    struct FailuresSince {
        std::optional<std::string> since;
    };
    struct StoryOf {
        TaskId id;
    };
    struct Queued {
        TaskId id;
        bool queued = false;
    };
    struct Output {
        TaskId id;
        std::int64_t offset = 0;
        std::string data;
        std::optional<std::string> stream;
    };

    [[nodiscard]] Later<Reply> take_result(AgentResult in, Caller const& caller);
    void take_report(AgentResult in, Ip const& agent, std::function<void(std::exception_ptr const&)> then);
    [[nodiscard]] asio::awaitable<void> take_other_report(AgentResult in, Ip agent, WorkerReport report);
    [[nodiscard]] asio::awaitable<void> end_task(
        TaskId id, std::optional<std::string> status, WorkerReport report);
    void log_refusal(Ip const& agent, TaskId id, std::exception_ptr const& failure);
    // Of firings of the agents' own: agent_firings.cpp.
    [[nodiscard]] asio::awaitable<void> take_firing(AgentResult in, Ip agent, WorkerReport report);
    [[nodiscard]] Task firing_of(AgentResult& in, Ip const& agent) const;
    [[nodiscard]] asio::awaitable<void> yield_to(Task there, TaskId id);
    [[nodiscard]] asio::awaitable<Reply> take_processed(ProcessorResult in, Caller caller);
    [[nodiscard]] asio::awaitable<Reply> by_ids(ByIds in, Caller caller);
    [[nodiscard]] asio::awaitable<Reply> search(Search in, Caller caller);
    [[nodiscard]] Reply count_failures(FailuresSince const& in, Caller const& caller) const;
    void load_failures();
    [[nodiscard]] asio::awaitable<Reply> output_of(OutputOf in, Caller caller);
    [[nodiscard]] asio::awaitable<Reply> story_of(StoryOf in, Caller caller);
    [[nodiscard]] Reply take_queued(Queued const& in, Caller const& caller);
    [[nodiscard]] asio::awaitable<Reply> take_output(Output in, Caller caller);
    [[nodiscard]] json::object text_of(task_records::Row const& row) const;
    [[nodiscard]] std::size_t max_frame() const;
    [[nodiscard]] task_records::Filter filter_of(Search const& in) const;
    [[nodiscard]] Ip linked_agent(Caller const& caller) const;
    [[nodiscard]] Instant time_of(std::string_view field, std::string const& text) const;
    /// Of a firing: throws Error 403.10 where it is years old, or days ahead.
    [[nodiscard]] Instant recent_time_of(std::string_view field, std::string const& text) const;

    LoopExecutor loop_;
    Store& store_;
    Clock& clock_;
    Zone zone_;
    Presence& presence_;
    Quotas const* quotas_;       ///< Null where there are no keys.
    ServerLimits const* limits_; ///< Null: the default.
    LocalTaskEngine engine_;
    LiveOutput output_;
    ProcessorOutbox outbox_;
    RecentFailures failures_;
    Pruner pruner_;
    std::optional<Clock::Steady> refusal_logged_; ///< When a refused report was last written to the log.
    std::size_t refusals_unlogged_ = 0;           ///< Since then.
    std::deque<TaskId> merged_; ///< Reports that were added to another record, oldest first.
};

} // namespace elves
