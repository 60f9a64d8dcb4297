#pragma once

#include <algorithm>
#include <functional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "elves/clock.hpp"
#include "elves/error.hpp"
#include "elves/quota.hpp"
#include "elves/services/task_engine.hpp"
#include "elves/store.hpp"

namespace elves {

/// A task engine in memory without agents: `audit_write` is written through the test's Store, and what that
/// refuses is not recorded; (cron_id, fire_time) is unique but for `skipped`. Tests end tasks by `finish`.
class FakeTaskEngine final : public TaskEngine {
public:
    FakeTaskEngine(Store& store, Clock& clock) : store_(store), clock_(clock) {}

    [[nodiscard]] TaskId next_id() override { return TaskId(++last_id_); }
    [[nodiscard]] asio::awaitable<Recorded> record(Task task, AuditWrite audit_write) override
    {
        if (task.id == TaskId()) task.id = next_id();
        return wait_for(written(std::move(task), std::move(audit_write)));
    }
    /// Records it as `running`: agents take everything.
    [[nodiscard]] Later<Recorded> send(Order order) override
    {
        ++asked_;
        Task task;
        task.id = order.id;
        if (task.id == TaskId()) task.id = next_id();
        task.agent = order.agent;
        task.type = order.type;
        task.ins = order.ins;
        task.status = TaskStatus::running;
        task.by = order.by;
        task.from = order.from;
        task.start = clock_.now();
        task.cron_id = order.cron_id;
        task.fire_time = order.fire_time;
        task.run = order.run;
        try {
            if (!quota_text_.empty()) throw QuotaExceeded(quota_text_);
            if (refusal_) throw Error(*refusal_, "refused by the test");
            if (!order.is_forced) require_may_start(order.agent, order.ins);
        } catch (Error const&) {
            Later<Recorded> refused;
            refused.fail(std::current_exception());
            return refused;
        }
        if (gate_) gate_->begun(task.id, task.agent, task.ins);
        return written(std::move(task), std::move(order.audit_write));
    }
    [[nodiscard]] asio::awaitable<std::vector<Sent>> send_all(std::vector<Order> orders) override
    {
        std::vector<Sent> sent;
        for (auto& order : orders) {
            auto& what = sent.emplace_back();
            try {
                auto work = wait_for(send(std::move(order)));
                auto recorded = co_await std::move(work);
                if (is_final(recorded.task.status)) what.ended = std::move(recorded.task);
            } catch (Error const& error) {
                what.refused = error;
            }
        }
        co_return sent;
    }
    [[nodiscard]] Later<Task> run(Order, Authorize) override
    {
        throw std::logic_error("cron waits for no result");
    }
    [[nodiscard]] asio::awaitable<Task> cancel(TaskId id, AuditWrite audit_write) override
    {
        canceled_.push_back(id);
        auto* const task = at(id);
        if (!task) throw Error(codes::no_task, "no task " + id.text());
        if (audit_write) co_await store_.write(std::move(audit_write));
        if (!is_final(task->status)) finish(id, TaskStatus::canceled);
        co_return *at(id);
    }
    [[nodiscard]] asio::awaitable<std::optional<Task>> find(TaskId id) override
    {
        if (failing_finds_ > 0) {
            --failing_finds_;
            throw Error(codes::too_much, "the log can't be read now");
        }
        auto const* task = at(id);
        co_return task ? std::optional(*task) : std::nullopt;
    }
    [[nodiscard]] Task const* open(TaskId id) const override
    {
        for (auto const& task : tasks_) {
            if (task.id == id && is_open(task)) return &task;
        }
        return nullptr;
    }
    [[nodiscard]] std::vector<TaskId> open_of(Ip const& agent) const override
    {
        std::vector<TaskId> ids;
        for (auto const& task : tasks_) {
            if (task.agent == agent && is_open(task)) ids.push_back(task.id);
        }
        return ids;
    }
    [[nodiscard]] StatusCounts open_counts_of_run(TaskId run) const override
    {
        StatusCounts counts{};
        for (auto const& task : tasks_) {
            if (task.run == run && !is_final(task.status)) ++counts[static_cast<std::size_t>(task.status)];
        }
        return counts;
    }
    [[nodiscard]] std::vector<TaskId> open_all() const override
    {
        std::vector<TaskId> ids;
        for (auto const& task : tasks_) {
            if (is_open(task)) ids.push_back(task.id);
        }
        return ids;
    }
    void set_start_gate(StartGate& gate) override { gate_ = &gate; }
    void require_may_start(Ip const& agent, Instruction const& ins) const override
    {
        if (!gate_) return;
        if (auto const obstacle = gate_->obstacle(agent, ins)) throw obstacle->error();
    }
    void keep_tasks_of(std::function<bool(Db&, TaskId)>) override {}
    void cron_jobs_from(std::function<std::optional<CronJobOf>(TaskId)> source) override
    {
        cron_job = std::move(source);
    }
    std::function<std::optional<CronJobOf>(TaskId)> cron_job;
    void on_finished(std::function<void(Task const&)> then) override
    {
        on_finished_.push_back(std::move(then));
    }
    [[nodiscard]] asio::awaitable<std::vector<std::optional<LastRun>>> last_runs(
        std::vector<TaskId> crons) override
    {
        std::vector<std::optional<LastRun>> runs;
        for (auto const cron_id : crons) {
            auto const found = std::find_if(tasks_.rbegin(), tasks_.rend(),
                [&](Task const& task) { return task.cron_id == cron_id && is_final(task.status); });
            runs.emplace_back();
            if (found != tasks_.rend()) runs.back() = LastRun{found->start, found->status};
        }
        co_return runs;
    }

    void set_timeouts(Timeouts timeouts) override { timeouts_ = timeouts; }
    [[nodiscard]] Timeouts timeouts() const override { return timeouts_; }
    void require_processor(Instruction const& ins) const override
    {
        if (ins.mode == Mode::p && !processors.contains(ins.app))
            throw Error(codes::no_app, "app " + ins.app + " has no processor");
    }
    std::set<std::string> processors; ///< Apps that have one.
    /// Every send throws this, until told otherwise.
    void refuse(std::optional<Code> code) { refusal_ = code; }
    /// Every send throws QuotaExceeded with this text.
    void exceed_quota(std::string text) { quota_text_ = std::move(text); }
    /// The next so many calls of `find` throw Error 429.1.
    void fail_finds(int count) { failing_finds_ = count; }
    /// As a restart of the server does.
    void forget_listeners() { on_finished_.clear(); }
    [[nodiscard]] int asked() const noexcept { return asked_; }
    [[nodiscard]] std::vector<TaskId> const& canceled() const noexcept { return canceled_; }

    /// All of them, in the order in which they were recorded.
    [[nodiscard]] std::vector<Task> const& tasks() const noexcept { return tasks_; }
    void set_status(TaskId id, TaskStatus status) { at(id)->status = status; }
    /// It is canceled, and its agent has not heard of that.
    void cancel_unheard(TaskId id)
    {
        at(id)->status = TaskStatus::canceled;
        at(id)->cancel_due = true;
    }
    void finish(TaskId id, TaskStatus status)
    {
        auto* const task = at(id);
        task->status = status;
        task->end = clock_.now();
        if (gate_) gate_->ended(id);
        for (auto const& then : on_finished_) then(Task(*task));
    }

private:
    [[nodiscard]] Later<Recorded> written(Task task, AuditWrite audit_write)
    {
        Later<Recorded> later;
        for (auto const& known : tasks_) {
            if (!is_same(known, task)) continue;
            later.set({known, false});
            return later;
        }
        Store::Work work = [audit_write = std::move(audit_write)](Db& db) {
            if (audit_write) audit_write(db);
        };
        store_.post(
            std::move(work), [this, later, task = std::move(task)](std::exception_ptr const& failure) {
                if (failure) return later.fail(failure);
                tasks_.push_back(task);
                later.set({task, true});
            });
        return later;
    }
    [[nodiscard]] static bool is_open(Task const& task) { return !is_final(task.status) || task.cancel_due; }
    [[nodiscard]] static bool is_same(Task const& known, Task const& task)
    {
        return known.status != TaskStatus::skipped && task.status != TaskStatus::skipped && task.cron_id &&
               known.cron_id == task.cron_id && known.fire_time == task.fire_time;
    }
    [[nodiscard]] Task* at(TaskId id)
    {
        for (auto& task : tasks_) {
            if (task.id == id) return &task;
        }
        return nullptr;
    }

    StartGate* gate_ = nullptr;
    Store& store_;
    Clock& clock_;
    std::vector<Task> tasks_;
    std::uint64_t last_id_ = 1'000'000;
    Timeouts timeouts_;
    std::optional<Code> refusal_;
    std::string quota_text_;
    int asked_ = 0;
    int failing_finds_ = 0;
    std::vector<TaskId> canceled_;
    std::vector<std::function<void(Task const&)>> on_finished_;
};

} // namespace elves
