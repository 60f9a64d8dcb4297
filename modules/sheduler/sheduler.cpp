#include "sheduler.hpp"

namespace elves {

namespace {

using namespace std::chrono_literals;

/// Was it handed to the agent, why not, and in how many ms.
json::object handed(Task const& task)
{
    return {{"id", task.id.text()}, {"status", status_text(task.status)},
        {"agent_sync_flag", task.sync_flag.value_or(false) ? "true" : "false"},
        {"agent_sync_error", task.sync_error},
        {"agent_sync_costtime", std::to_string(task.sync_costtime.value_or(0ms).count())}};
}

void add_worker(json::object& info, int flag, std::string_view result, std::chrono::milliseconds costtime)
{
    info["worker_flag"] = flag;
    info["worker_result"] = result;
    info["worker_costtime"] = costtime.count();
}

/// Why there is no result of a worker's, for who waited for one.
std::string no_result(Task const& task)
{
    switch (task.status) {
    case TaskStatus::timeout:
        return "no result within " + std::to_string(task.ins.timeout.count()) + " s";
    case TaskStatus::canceled:
        return "canceled";
    case TaskStatus::lost:
        return "lost: " + task.sync_error;
    default:
        return "";
    }
}

json::object ran(Task const& task)
{
    auto info = handed(task);
    if (task.report) {
        add_worker(info, task.report->flag, task.report->result, task.report->costtime);
    } else {
        add_worker(info, -1, no_result(task), 0ms);
    }
    return {{"info", std::move(info)}};
}

json::object not_sent(Error const& error)
{
    return {{"info", json::object{{"id", ""}, {"agent_sync_flag", "false"},
                         {"agent_sync_error", error.info()}, {"agent_sync_costtime", "0"}}}};
}

json::object not_run(Error const& error)
{
    auto fields = not_sent(error);
    add_worker(fields["info"].as_object(), -1, "", 0ms);
    return fields;
}

} // namespace

Sheduler::Sheduler(asio::any_io_executor loop, Clock& clock, Zone zone, Presence& presence, TaskLog& log,
    AppDirectory const& apps)
    : log_(log), dispatcher_(std::move(loop), clock, zone, presence, log, apps)
{
}

void Sheduler::configure(Section const& section)
{
    auto const timeout = section.seconds("default_timeout", 90s, 1s, 86'400s);
    auto const handover = section.seconds("handover_timeout", 10s, 1s, 3'600s);
    dispatcher_.set_default_timeout(timeout);
    dispatcher_.set_handover_timeout(handover);
}

void Sheduler::declare(MethodTable& table)
{
    table
        .call<Send>("sendsync", Right::operate,
            {required("agentip", &Send::agentip), required("ins", &Send::ins)},
            "Runs app.func on an agent and waits for what the worker says.",
            [this](Send in, Caller const& caller) { return send_sync(std::move(in), caller); })
        .refused_with(not_run);
    table
        .call<Send>("sendasync", Right::operate,
            {required("agentip", &Send::agentip), required("ins", &Send::ins)},
            "Runs app.func on an agent; answers when the agent has taken it.",
            [this](Send in, Caller const& caller) { return send_async(std::move(in), caller); })
        .refused_with(not_sent);
    table.call<ById>("canceltask", Right::operate, {required("id", &ById::id)},
        "Stops a task, wherever it is.",
        [this](ById in, Caller const& caller) { return cancel_task(in, caller); });
}

asio::awaitable<Reply> Sheduler::send_sync(Send in, Caller caller)
{
    Dispatcher::Order order;
    order.type = TaskType::rt;
    order.agent = in.agentip;
    order.ins = std::move(in.ins);
    order.by = caller.by();
    order.from = caller.peer->ip().text();
    auto const task = co_await dispatcher_.run(std::move(order));
    co_return Reply(ran(task));
}

asio::awaitable<Reply> Sheduler::send_async(Send in, Caller caller)
{
    Dispatcher::Order order;
    order.agent = in.agentip;
    order.ins = std::move(in.ins);
    order.by = caller.by();
    order.from = caller.peer->ip().text();
    auto const recorded = co_await dispatcher_.send(std::move(order));
    auto info = handed(recorded.task);
    if (recorded.task.status == TaskStatus::waiting) {
        Error const awaited(codes::agent_awaited, "agent " + in.agentip.text() +
                                                      " is not online; the task waits for it for " +
                                                      std::to_string(recorded.task.ins.ttl.count()) + " s");
        info["agent_sync_error"] = awaited.info();
    }
    json::object fields{{"info", std::move(info)}};
    co_return Reply(std::move(fields));
}

asio::awaitable<Reply> Sheduler::cancel_task(ById in, Caller caller)
{
    auto const found = co_await log_.find(in.id);
    if (!found) throw Error(codes::no_task, "no task " + in.id.text());
    caller.require(found->agent);
    caller.require_app(found->ins.app);
    auto const task = co_await dispatcher_.cancel(in.id);
    json::object fields{{"id", in.id.text()}, {"status", status_text(task.status)}};
    co_return Reply(std::move(fields));
}

} // namespace elves
