#pragma once

#include <chrono>
#include <cstdint>
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

namespace elves {

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
        std::optional<Instruction> ins;
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

    [[nodiscard]] asio::awaitable<Reply> take_result(AgentResult in, Caller caller);
    [[nodiscard]] asio::awaitable<void> take_firing(AgentResult in, Ip agent, WorkerReport report);
    [[nodiscard]] asio::awaitable<Reply> take_processed(ProcessorResult in, Caller caller);
    [[nodiscard]] asio::awaitable<Reply> by_ids(ByIds in, Caller caller);
    [[nodiscard]] asio::awaitable<Reply> search(Search in, Caller caller);
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

    Store& store_;
    Clock& clock_;
    Zone zone_;
    Presence& presence_;
    Quotas const* quotas_;       ///< Null where there are no keys.
    ServerLimits const* limits_; ///< Null: the default.
    LocalTaskEngine engine_;
    LiveOutput output_;
    ProcessorOutbox outbox_;
    Pruner pruner_;
};

} // namespace elves
