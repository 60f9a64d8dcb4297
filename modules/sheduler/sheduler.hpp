#pragma once

#include "agent_dispatcher.hpp"
#include "elves/module.hpp"

namespace elves {

/// The `sheduler` service (so spelled on the sheet): runs work on agents. Lives on the loop's thread; what it
/// is given outlives it.
class Sheduler final : public Module {
public:
    Sheduler(LoopExecutor loop, Clock& clock, Zone zone, Presence& presence, TaskLog& log,
        AppDirectory const& apps, Quotas const* quotas = nullptr);
    [[nodiscard]] std::string_view name() const override { return "sheduler"; }
    void configure(Section const& section) override;
    void declare(MethodTable& table) override;
    void start() override { dispatcher_.start(); }
    void stop() override { dispatcher_.stop(); }
    [[nodiscard]] AgentDispatcher& dispatcher() noexcept { return dispatcher_; }

private:
    struct Send {
        Ip agentip;
        Instruction ins;
    };
    struct ById {
        TaskId id;
    };
    [[nodiscard]] asio::awaitable<Reply> send_sync(Send in, Caller caller);
    [[nodiscard]] asio::awaitable<Reply> send_async(Send in, Caller caller);
    [[nodiscard]] asio::awaitable<Reply> cancel_task(ById in, Caller caller);

    TaskLog& log_;
    AgentDispatcher dispatcher_;
};

} // namespace elves
