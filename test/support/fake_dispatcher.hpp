#pragma once

#include <set>
#include <string>
#include <vector>

#include "elves/clock.hpp"
#include "elves/error.hpp"
#include "elves/services/dispatcher.hpp"

namespace elves {

/// Records each order in the task log as `running` and tells the test; agents take everything.
class FakeDispatcher final : public Dispatcher {
public:
    FakeDispatcher(TaskLog& log, Clock& clock) : log_(log), clock_(clock) {}

    [[nodiscard]] asio::awaitable<TaskLog::Recorded> send(Order order) override
    {
        ++asked_;
        Task task;
        task.id = order.id;
        task.agent = order.agent;
        task.type = order.type;
        task.ins = order.ins;
        task.status = TaskStatus::running;
        task.by = order.by;
        task.from = order.from;
        task.start = clock_.now();
        task.cron_id = order.cron_id;
        task.fire_time = order.fire_time;
        if (refusal_) throw Error(*refusal_, "refused by the test");
        auto also = std::move(order.also);
        auto const recorded = co_await log_.record(std::move(task), std::move(also));
        co_return recorded;
    }
    [[nodiscard]] asio::awaitable<Task> cancel(TaskId id, std::function<void(Db&)> also) override
    {
        canceled_.push_back(id);
        life::Event event = life::Cancel{};
        auto const decision = co_await log_.apply(id, std::move(event), std::move(also));
        co_return decision.task;
    }
    [[nodiscard]] std::chrono::seconds default_timeout() const override { return std::chrono::seconds(90); }
    void require_processor(Instruction const& ins) const override
    {
        if (ins.mode == Mode::p && !processors.contains(ins.app)) {
            throw Error(codes::no_app, "app " + ins.app + " has no processor");
        }
    }

    /// Every send throws this, until told otherwise.
    void refuse(std::optional<Code> code) { refusal_ = code; }
    [[nodiscard]] int asked() const noexcept { return asked_; }
    [[nodiscard]] std::vector<TaskId> const& canceled() const noexcept { return canceled_; }
    std::set<std::string> processors; ///< Apps that have one.

private:
    TaskLog& log_;
    Clock& clock_;
    std::optional<Code> refusal_;
    int asked_ = 0;
    std::vector<TaskId> canceled_;
};

} // namespace elves
