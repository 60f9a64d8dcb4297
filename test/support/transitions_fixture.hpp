#pragma once

#include <memory>
#include <vector>

#include "support/task_house.hpp"
#include "tasklog/task_records.hpp"

namespace elves {

/// Tasks on a disk in memory, without an engine: what events make of them.
struct TransitionsFixture : TaskHouse {
    TransitionsFixture() { start(); }
    ~TransitionsFixture() { drop_unfinished(); }
    /// As a server does that comes back after a crash.
    void start(Quotas const* quotas = nullptr)
    {
        transitions.reset();
        registry = std::make_unique<TaskRegistry>(quotas);
        daily_bytes = std::make_unique<DailyBytes>(store, clock);
        transitions =
            std::make_unique<TaskTransitions>(loop.get_executor(), store, clock, *registry, *daily_bytes);
        transitions->listen({[](OpenTask&) {}, [](OpenTask&) {},
            [this](Task const& task) {
                finished.push_back(task.status);
                if (on_finished) on_finished(task);
            }});
        transitions->load();
        daily_bytes->load();
    }
    Task task(std::uint64_t id) { return sent_task(id, clock.now()); }
    TaskEngine::Recorded record(Task task) { return run(transitions->insert(std::move(task), {})); }
    Awaited<life::Decision> apply(std::uint64_t id, life::Event event)
    {
        return begin(transitions->apply(TaskId(id), std::move(event)));
    }
    bool stage(std::uint64_t id, life::Event const& event)
    {
        auto const open = registry->find(TaskId(id));
        return open && transitions->stage(open, event);
    }
    /// Null where it is not open.
    Task const* open(std::uint64_t id)
    {
        auto const open = registry->find(TaskId(id));
        return open && is_open(open->task) ? &open->task : nullptr;
    }
    std::unique_ptr<TaskRegistry> registry;
    std::unique_ptr<DailyBytes> daily_bytes;
    std::unique_ptr<TaskTransitions> transitions;
    std::vector<TaskStatus> finished;
    std::function<void(Task const&)> on_finished;
};

} // namespace elves
