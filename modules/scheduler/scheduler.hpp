#pragma once

#include "elves/module.hpp"
#include "elves/note.hpp"
#include "elves/services/task_engine.hpp"

namespace elves {

/// The `sheduler` service (so spelled on the sheet): runs work on agents. Lives on the loop's thread; the
/// task engine outlives it.
class Scheduler final : public Module {
public:
    explicit Scheduler(TaskEngine& engine) : engine_(engine) {}
    [[nodiscard]] std::string_view name() const override { return "sheduler"; }
    void configure(Section const& section) override;
    void declare(MethodTable& table) override;

private:
    struct Send {
        Ip agentip;
        Instruction ins;
        bool force = false;
        Note note;
    };
    struct ById {
        TaskId id;
    };
    [[nodiscard]] TaskEngine::Order order_of(Send in, Caller const& caller) const;
    [[nodiscard]] Later<Reply> send_sync(Send in, Caller const& caller);
    [[nodiscard]] Later<Reply> send_async(Send in, Caller const& caller);
    [[nodiscard]] asio::awaitable<Reply> cancel_task(ById in, Caller caller);

    TaskEngine& engine_;
};

} // namespace elves
