#pragma once

#include <boost/asio/detached.hpp>
#include <string>
#include <vector>

#include "support/fake_peer.hpp"
#include "support/fake_presence.hpp"
#include "support/fake_quotas.hpp"
#include "support/json_of.hpp"
#include "support/task_house.hpp"
#include "tasklog/local_task_engine.hpp"

namespace elves {

/// A task engine whose one agent is a FakePeer; handover_timeout 10 s, lost_after 60 s.
class EngineFixture : public TaskHouse, private AppDirectory {
public:
    EngineFixture() { start(); }
    ~EngineFixture() { drop_unfinished(); }
    /// As a server does that comes back after a crash.
    void start()
    {
        engine.reset();
        presence.forget_listeners();
        engine = std::make_unique<LocalTaskEngine>(loop.get_executor(), store, clock, Zone(), presence,
            static_cast<AppDirectory const&>(*this), &quotas);
        engine->set_lost_after(std::chrono::seconds(60));
        engine->start();
    }
    /// The agent registers, on a new link.
    FakePeer& come()
    {
        link = std::make_shared<FakePeer>(loop.get_executor(), clock);
        presence.come(agent, link);
        settle();
        return *link;
    }
    /// Its link is lost.
    void go()
    {
        presence.go(agent);
        link->close("lost");
        settle();
    }

    TaskEngine::Order order(TaskType type = TaskType::async)
    {
        TaskEngine::Order order;
        order.type = type;
        order.agent = agent;
        order.ins.app = "app";
        order.ins.func = "func";
        order.ins.timeout = std::chrono::seconds(30);
        return order;
    }
    Awaited<TaskEngine::Recorded> send(TaskEngine::Order order)
    {
        return begin(engine->send(std::move(order)));
    }
    Awaited<TaskEngine::Recorded> send() { return send(order()); }
    Awaited<Task> run_sync() { return begin(engine->run(order(TaskType::rt), {})); }
    Awaited<Task> cancel(TaskId id) { return begin(engine->cancel(id, {})); }
    /// The agent's report of a result, as tasklog passes it on.
    void report(TaskId id, int flag = 1)
    {
        asio::co_spawn(loop, engine->report(id, said(flag, "fine")), asio::detached);
        settle();
    }
    /// Answers the agent's oldest call that waits.
    void answer(bool flag, std::string error = {}, json::object fields = {})
    {
        Back back;
        back.flag = flag;
        back.error_info = std::move(error);
        back.fields = json_of(std::move(fields));
        if (!link->reply(std::move(back))) throw std::logic_error("nothing waits for an answer");
        settle();
    }
    /// Answers that one task is `status` there.
    void answer_status(TaskId id, std::string const& status)
    {
        json::object one{{"id", id.text()}, {"status", status}};
        if (status == "done") {
            one["worker_flag"] = 1;
            one["worker_result"] = "fine";
            one["worker_costtime"] = 5;
        }
        answer(true, "", {{"info", json::array{one}}});
    }
    /// What was called on the link so far.
    [[nodiscard]] std::vector<std::string> calls() const
    {
        std::vector<std::string> names;
        for (auto const& call : link->calls) names.push_back(call.method);
        return names;
    }
    Task task(TaskId id) { return run(engine->find(id)).value(); }
    TaskStatus status(TaskId id) { return task(id).status; }
    TaskId newest()
    {
        auto row = store.db().run("SELECT id FROM tasks ORDER BY key DESC LIMIT 1");
        return row.next() ? TaskId::parse(row.text(0)).value() : TaskId();
    }

    Ip const agent = Ip::parse("10.0.0.1").value();
    FakePresence presence;
    FakeQuotas quotas;
    std::shared_ptr<FakePeer> link;
    std::optional<AppAddress> processor;
    std::unique_ptr<LocalTaskEngine> engine;

private:
    [[nodiscard]] std::optional<AppAddress> callback(std::string_view) const override { return processor; }
};

} // namespace elves
