#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "elves/clock.hpp"
#include "elves/one_shot.hpp"
#include "elves/services/agent_directory.hpp"
#include "elves/services/start_gate.hpp"
#include "elves/services/task_engine.hpp"
#include "sim/random.hpp"

namespace elves::sim {

/// A known bug between the runs and what they rest on, planted to see that it is found.
enum class RunBug {
    none,
    sends_twice,    ///< Some hosts get a second task.
    hides_failures, ///< Runs hear of some failed tasks that they are done.
    ends_early,     ///< Runs hear of some tasks that they are done while these have just begun.
    loses_ends,     ///< Runs do not hear of the end of some tasks.
    gives_no_grace, ///< After a start no agent gets time to come back.
    starts_late,    ///< Some hosts get their task some seconds after their run has begun them.
    opens_windows,  ///< The task engine does not hear of some windows that are closed.
    loses_places,   ///< Some tasks take no place under any cap.
};

/// The start gate as the task engine sees it: the real one, but for the bug.
class PlantedGate final : public StartGate {
public:
    PlantedGate(StartGate& real, RunBug bug, Random& random) : real_(real), bug_(bug), random_(random) {}

    [[nodiscard]] bool is_capped(Instruction const& ins) const override { return real_.is_capped(ins); }
    [[nodiscard]] std::optional<Obstacle> obstacle(Ip const& host, Instruction const& ins) override
    {
        auto found = real_.obstacle(host, ins);
        bool const is_missed =
            found && !found->is_full && bug_ == RunBug::opens_windows && random_.chance(200);
        return is_missed ? std::nullopt : found;
    }
    void begun(TaskId task, Ip const& host, Instruction const& ins) override
    {
        if (bug_ == RunBug::loses_places && task.value() % 3 == 0) return;
        real_.begun(task, host, ins);
    }
    void ended(TaskId task) override { real_.ended(task); }
    void on_free(std::function<void(std::string const& place)> then) override
    {
        real_.on_free(std::move(then));
    }

private:
    StartGate& real_;
    RunBug bug_;
    Random& random_;
};

/// The task engine as the module `run` sees it: the real one, but for the bug.
class PlantedEngine final : public TaskEngine {
public:
    PlantedEngine(TaskEngine& real, RunBug bug, Random& random, Clock& clock)
        : real_(real), bug_(bug), random_(random), clock_(clock)
    {
    }

    [[nodiscard]] TaskId next_id() override { return real_.next_id(); }
    [[nodiscard]] Later<Recorded> send(Order order) override { return real_.send(std::move(order)); }
    [[nodiscard]] asio::awaitable<std::vector<Sent>> send_all(std::vector<Order> orders) override
    {
        if (bug_ == RunBug::starts_late && random_.chance(200)) {
            constexpr std::chrono::milliseconds delay{3'000};
            co_await pause(clock_, delay);
        }
        auto second = orders.front();
        std::vector<TaskId> ids;
        for (auto const& order : orders) ids.push_back(order.id);
        auto sent = co_await real_.send_all(std::move(orders));
        if (bug_ == RunBug::sends_twice && random_.chance(100)) {
            second.id = TaskId();
            second.audit_write = nullptr;
            auto work = wait_for(real_.send(std::move(second)));
            static_cast<void>(co_await std::move(work));
        }
        auto const* const open = real_.open(ids.front());
        if (bug_ == RunBug::ends_early && open && !is_final(open->status) && random_.chance(300)) {
            auto early = *open;
            early.status = TaskStatus::done;
            for (auto const& then : listeners_) then(early);
        }
        co_return sent;
    }
    [[nodiscard]] Later<Task> run(Order order, Authorize authorize) override
    {
        return real_.run(std::move(order), std::move(authorize));
    }
    [[nodiscard]] asio::awaitable<Task> cancel(TaskId id, AuditWrite audit_write) override
    {
        return real_.cancel(id, std::move(audit_write));
    }
    [[nodiscard]] asio::awaitable<Recorded> record(Task task, AuditWrite audit_write) override
    {
        return real_.record(std::move(task), std::move(audit_write));
    }
    [[nodiscard]] asio::awaitable<std::optional<Task>> find(TaskId id) override { return real_.find(id); }
    [[nodiscard]] Task const* open(TaskId id) const override { return real_.open(id); }
    [[nodiscard]] std::vector<TaskId> open_of(Ip const& agent) const override { return real_.open_of(agent); }
    [[nodiscard]] StatusCounts open_counts_of_run(TaskId run) const override
    {
        return real_.open_counts_of_run(run);
    }
    [[nodiscard]] std::vector<TaskId> open_all() const override { return real_.open_all(); }
    void cron_jobs_from(std::function<std::optional<CronJobOf>(TaskId)> source) override
    {
        real_.cron_jobs_from(std::move(source));
    }
    void on_finished(std::function<void(Task const&)> then) override
    {
        listeners_.push_back(then);
        real_.on_finished([this, then = std::move(then)](Task const& task) { finished(task, then); });
    }
    [[nodiscard]] asio::awaitable<std::vector<std::optional<LastRun>>> last_runs(
        std::vector<TaskId> crons) override
    {
        return real_.last_runs(std::move(crons));
    }
    void set_timeouts(Timeouts timeouts) override { real_.set_timeouts(timeouts); }
    [[nodiscard]] Timeouts timeouts() const override { return real_.timeouts(); }
    void require_processor(Instruction const& ins) const override { real_.require_processor(ins); }
    void set_start_gate(StartGate& gate) override
    {
        gate_ = std::make_unique<PlantedGate>(gate, bug_, random_);
        real_.set_start_gate(*gate_);
    }
    void require_may_start(Ip const& agent, Instruction const& ins) const override
    {
        real_.require_may_start(agent, ins);
    }
    void keep_tasks_of(std::function<bool(Db&, TaskId)> is_open) override
    {
        real_.keep_tasks_of(std::move(is_open));
    }

private:
    void finished(Task const& task, std::function<void(Task const&)> const& then)
    {
        if (bug_ == RunBug::loses_ends && random_.chance(100)) return;
        if (bug_ != RunBug::hides_failures || task.status != TaskStatus::failed) return then(task);
        auto hidden = task;
        hidden.status = TaskStatus::done;
        then(hidden);
    }

    TaskEngine& real_;
    RunBug bug_;
    Random& random_;
    Clock& clock_;
    std::unique_ptr<PlantedGate> gate_;
    std::vector<std::function<void(Task const&)>> listeners_;
};

/// The agent directory as the module `run` sees it: agents are offline at once.
class PlantedDirectory final : public AgentDirectory {
public:
    explicit PlantedDirectory(AgentDirectory const& real) : real_(real) {}

    [[nodiscard]] std::optional<AgentView> agent(Ip const& ip) const override { return real_.agent(ip); }
    [[nodiscard]] std::vector<AgentView> agents_behind(
        std::optional<Ip> const& place, std::size_t most) const override
    {
        return real_.agents_behind(place, most);
    }
    [[nodiscard]] json::object listed(Ip const& ip) const override { return real_.listed(ip); }
    [[nodiscard]] std::chrono::seconds offline_after() const override { return std::chrono::seconds(0); }

private:
    AgentDirectory const& real_;
};

} // namespace elves::sim
