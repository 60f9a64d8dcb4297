#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <vector>

#include "elves/clock.hpp"
#include "elves/error.hpp"
#include "elves/services/task_log.hpp"
#include "elves/store.hpp"

namespace elves {

/// A task log in memory that keeps the real one's word: `also` is written through the test's Store, and what
/// that refuses is not recorded; (cron_id, fire_time) is unique but for `skipped`. Tests end tasks by
/// `finish`.
class FakeTaskLog final : public TaskLog {
public:
    FakeTaskLog(Store& store, Clock& clock) : store_(store), clock_(clock) {}

    [[nodiscard]] asio::awaitable<Recorded> record(Task task, std::function<void(Db&)> also) override
    {
        for (auto const& known : tasks_) {
            if (!is_same(known, task)) continue;
            Recorded there{known, false};
            co_return there;
        }
        Store::Work work = [also = std::move(also)](Db& db) {
            if (also) also(db);
        };
        co_await store_.write(std::move(work));
        tasks_.push_back(task);
        Recorded fresh{std::move(task), true};
        co_return fresh;
    }
    [[nodiscard]] asio::awaitable<life::Decision> apply(
        TaskId id, life::Event event, std::function<void(Db&)> also) override
    {
        auto* const task = at(id);
        if (!task) throw Error(codes::no_task, "no task " + id.text());
        if (also) co_await store_.write(std::move(also));
        if (std::holds_alternative<life::Cancel>(event) && !is_final(task->status)) {
            finish(id, TaskStatus::canceled);
        }
        life::Decision decision{*task, true, is_final(task->status)};
        co_return decision;
    }
    using TaskLog::apply;
    [[nodiscard]] bool note(TaskId, life::Event const&) override { return false; }
    [[nodiscard]] asio::awaitable<std::optional<Task>> find(TaskId id) override
    {
        auto const* task = at(id);
        co_return task ? std::optional(*task) : std::nullopt;
    }
    [[nodiscard]] Task const* open(TaskId id) const override
    {
        for (auto const& task : tasks_) {
            if (task.id == id && !is_final(task.status)) return &task;
        }
        return nullptr;
    }
    [[nodiscard]] bool is_deciding(TaskId) const override { return false; }
    [[nodiscard]] std::vector<TaskId> open_of(Ip const& agent) const override
    {
        std::vector<TaskId> ids;
        for (auto const& task : tasks_) {
            if (task.agent == agent && !is_final(task.status)) ids.push_back(task.id);
        }
        return ids;
    }
    [[nodiscard]] std::size_t open_count(Ip const& agent) const override { return open_of(agent).size(); }
    [[nodiscard]] std::size_t open_bytes(Ip const& agent) const override { return bytes(open_of(agent)); }
    [[nodiscard]] std::size_t all_open_bytes() const override { return bytes(open_all()); }
    [[nodiscard]] std::vector<TaskId> open_all() const override
    {
        std::vector<TaskId> ids;
        for (auto const& task : tasks_) {
            if (!is_final(task.status)) ids.push_back(task.id);
        }
        return ids;
    }
    [[nodiscard]] std::size_t all_open_count() const override { return open_all().size(); }
    [[nodiscard]] Holdings holdings(std::string_view, Ip const&) const override { return {}; }
    [[nodiscard]] asio::awaitable<std::vector<TaskId>> open_by(std::string key) override
    {
        std::vector<TaskId> ids;
        for (auto const id : open_all()) {
            if (open(id)->by == key) ids.push_back(id);
        }
        co_return ids;
    }
    [[nodiscard]] asio::awaitable<std::string> param_of(TaskId id) override
    {
        auto const* task = at(id);
        co_return task ? task->ins.param : std::string();
    }
    [[nodiscard]] std::chrono::seconds lost_after() const override { return std::chrono::seconds(60); }
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

    /// All of them, in the order in which they were recorded.
    [[nodiscard]] std::vector<Task> const& tasks() const noexcept { return tasks_; }
    void set_status(TaskId id, TaskStatus status) { at(id)->status = status; }
    void finish(TaskId id, TaskStatus status)
    {
        auto* const task = at(id);
        task->status = status;
        task->end = clock_.now();
        for (auto const& then : on_finished_) then(Task(*task));
    }

private:
    [[nodiscard]] static bool is_same(Task const& known, Task const& task)
    {
        return known.status != TaskStatus::skipped && task.status != TaskStatus::skipped && task.cron_id &&
               known.cron_id == task.cron_id && known.fire_time == task.fire_time;
    }
    [[nodiscard]] std::size_t bytes(std::vector<TaskId> const& ids) const
    {
        std::size_t sum = 0;
        for (auto const id : ids) sum += bytes_of(open(id)->ins);
        return sum;
    }
    [[nodiscard]] Task* at(TaskId id)
    {
        for (auto& task : tasks_) {
            if (task.id == id) return &task;
        }
        return nullptr;
    }

    Store& store_;
    Clock& clock_;
    std::vector<Task> tasks_;
    std::vector<std::function<void(Task const&)>> on_finished_;
};

} // namespace elves
