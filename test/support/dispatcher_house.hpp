#pragma once

#include <string>
#include <vector>

#include "sheduler/agent_dispatcher.hpp"
#include "support/fake_peer.hpp"
#include "support/fake_presence.hpp"
#include "support/fake_quotas.hpp"
#include "support/json_of.hpp"
#include "support/task_house.hpp"

namespace elves {

/// A dispatcher with a real task book, whose one agent is a FakePeer; handover_timeout 10 s, lost_after 60 s.
class DispatcherHouse : public TaskHouse, private AppDirectory {
public:
    DispatcherHouse() { start(); }
    /// As a server does that comes back after a crash.
    void start()
    {
        dispatcher.reset();
        presence.forget_listeners();
        book = std::make_unique<TaskBook>(store, clock, &quotas);
        book->set_lost_after(std::chrono::seconds(60));
        book->load();
        dispatcher = std::make_unique<AgentDispatcher>(loop.get_executor(), clock, Zone(), presence, *book,
            static_cast<AppDirectory const&>(*this), &quotas);
        dispatcher->start();
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

    Dispatcher::Order order(TaskType type = TaskType::async)
    {
        Dispatcher::Order order;
        order.type = type;
        order.agent = agent;
        order.ins.app = "app";
        order.ins.func = "func";
        order.ins.timeout = std::chrono::seconds(30);
        return order;
    }
    Awaited<TaskLog::Recorded> send(Dispatcher::Order order)
    {
        return begin(dispatcher->send(std::move(order)));
    }
    Awaited<TaskLog::Recorded> send() { return send(order()); }
    Awaited<Task> run_sync() { return begin(dispatcher->run(order(TaskType::rt))); }
    Awaited<Task> cancel(TaskId id) { return begin(dispatcher->cancel(id, {})); }
    /// The agent's report of a result, as tasklog passes it on.
    void report(TaskId id, int flag = 1)
    {
        begin(book->apply(id, life::Event(life::Reported{said(flag, "fine")})));
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
    Task task(TaskId id) { return run(book->find(id)).value(); }
    TaskStatus status(TaskId id) { return task(id).status; }
    TaskId newest()
    {
        auto row = store.db().run("SELECT id FROM tasks ORDER BY seq DESC LIMIT 1");
        return row.next() ? TaskId::parse(row.text(0)).value() : TaskId();
    }

    Ip const agent = Ip::parse("10.0.0.1").value();
    FakePresence presence;
    FakeQuotas quotas;
    std::shared_ptr<FakePeer> link;
    std::optional<AppAddress> processor;
    std::unique_ptr<TaskBook> book;
    std::unique_ptr<AgentDispatcher> dispatcher;

private:
    [[nodiscard]] std::optional<AppAddress> callback(std::string_view) const override { return processor; }
};

} // namespace elves
