#include "scheduler.hpp"

#include "elves/error.hpp"
#include "elves/json_members.hpp"
#include "elves/sha256.hpp"

namespace elves {

namespace {

using namespace std::chrono_literals;

std::string why_not(Task const& task)
{
    if (task.status == TaskStatus::waiting && !task.sync_error.empty()) return task.sync_error;
    auto const agent = [&] { return "agent " + task.agent.text(); };
    if (task.status == TaskStatus::waiting) {
        auto const span = std::to_string(task.ins.ttl.count()) + " s";
        auto const why = task.ins.ttl > 0s
                             ? " is not online or has no room; the task waits for it for " + span
                             : std::string(" has no room now; the task waits for it");
        return Error(codes::agent_awaited, agent() + why).info();
    }
    if (task.sync_error.empty() && !task.sync_flag && !is_final(task.status))
        return Error(codes::agent_silent, agent() + " has not said yet that it took it").info();
    return task.sync_error;
}

/// Was it handed to the agent, why not, and in how many ms; and what the task is now.
JsonMembers handed(Task const& task, std::string_view why)
{
    JsonMembers info;
    info.add("id", task.id.text())
        .add("status", status_text(task.status))
        .add("agent_sync_flag", task.sync_flag.value_or(false) ? "true" : "false")
        .add("agent_sync_error", why)
        .add_quoted("agent_sync_costtime", task.sync_costtime.value_or(0ms).count());
    return info;
}

/// There is no task.
JsonMembers not_handed(Error const& error)
{
    JsonMembers info;
    info.add("id", "")
        .add("agent_sync_flag", "false")
        .add("agent_sync_error", error.info())
        .add("agent_sync_costtime", "0");
    return info;
}

void add_worker(JsonMembers& info, int flag, std::string_view result, std::chrono::milliseconds costtime)
{
    info.add("worker_flag", flag).add("worker_result", result).add("worker_costtime", costtime.count());
}

Reply reply_with(JsonMembers const& info)
{
    JsonMembers members;
    members.add("info", info);
    return Reply::of_members(members.take());
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

Reply ran(Task const& task)
{
    auto info = handed(task, why_not(task));
    if (task.report) {
        add_worker(info, task.report->flag, task.report->result, task.report->costtime);
    } else {
        add_worker(info, -1, no_result(task), 0ms);
    }
    return reply_with(info);
}

Reply not_sent(Error const& error) { return reply_with(not_handed(error)); }

Reply not_run(Error const& error)
{
    auto const* const stopped = dynamic_cast<StoppedWaiting const*>(&error);
    auto info = stopped ? handed(stopped->task, error.info()) : not_handed(error);
    add_worker(info, -1, "", 0ms);
    return reply_with(info);
}

/// It has the app that was asked for, but maybe a function that the key may not use.
void require_first(Caller const& caller, Task const& first)
{
    caller.require_record("the task that has this `dedup`", first.agent, first.ins);
}

/// Windows and caps are kept by whoever has no right to change them.
void require_force(Caller const& caller, bool force, Note const& note, Instruction const& ins)
{
    if (!force && note.text.empty()) return;
    if (!caller.may(Right::manage))
        throw Error(codes::forbidden, "key " + caller.by() + " may not give `" + (force ? "force" : "note") +
                                          "`: to start something against a window or a cap needs the right "
                                          "manage");
    if (!caller.audit) return;
    auto const param = "sha256:" + Sha256().hex(ins.param);
    caller.audit->show(json::serialize(
        json::object{{"force", force ? "true" : "false"}, {"note", note.text}, {"param", param}}));
}

} // namespace

void Scheduler::configure(Section const& section)
{
    auto const timeout = section.seconds("default_timeout", 90s, 1s, 86'400s);
    auto const handover = section.seconds("handover_timeout", 10s, 1s, 3'600s);
    engine_.set_timeouts({handover, timeout});
}

void Scheduler::declare(MethodTable& table)
{
    table
        .call<Send>("sendsync", Right::operate,
            {required("agentip", &Send::agentip), required("ins", &Send::ins),
                optional("force", &Send::force), optional("note", &Send::note)},
            "Runs app.func on an agent and waits for what the worker says.",
            [this](Send in, Caller const& caller) { return send_sync(std::move(in), caller); })
        .refused_with(not_run);
    table
        .call<Send>("sendasync", Right::operate,
            {required("agentip", &Send::agentip), required("ins", &Send::ins),
                optional("force", &Send::force), optional("note", &Send::note)},
            "Runs app.func on an agent; answers when the agent has taken it.",
            [this](Send in, Caller const& caller) { return send_async(std::move(in), caller); })
        .refused_with(not_sent);
    table.reserve("sendbatch", "run.startrun runs app.func on many hosts");
    table.call<ById>("canceltask", Right::operate, {required("id", &ById::id)},
        "Stops a task, wherever it is.",
        [this](ById in, Caller const& caller) { return cancel_task(in, caller); });
}

TaskEngine::Order Scheduler::order_of(Send in, Caller const& caller) const
{
    require_force(caller, in.force, in.note, in.ins);
    TaskEngine::Order order;
    order.agent = in.agentip;
    order.is_forced = in.force;
    order.ins = std::move(in.ins);
    order.by = caller.by();
    order.from = caller.peer->ip().text();
    order.id = engine_.next_id();
    order.audit_write = caller.also(order.id.text());
    order.caller = caller.peer;
    return order;
}

Later<Reply> Scheduler::send_sync(Send in, Caller const& caller)
{
    auto order = order_of(std::move(in), caller);
    order.type = TaskType::rt;
    TaskEngine::Authorize authorize = [caller](Task const& first) { require_first(caller, first); };
    Later<Reply> later;
    engine_.run(std::move(order), std::move(authorize))
        .then([later](std::exception_ptr const& failure, Task const& task) {
            failure ? later.fail(failure) : later.set(ran(task));
        });
    return later;
}

Later<Reply> Scheduler::send_async(Send in, Caller const& caller)
{
    Later<Reply> later;
    engine_.send(order_of(std::move(in), caller))
        .then([later, caller](std::exception_ptr const& failure, TaskEngine::Recorded const& recorded) {
            if (failure) return later.fail(failure);
            try {
                if (!recorded.is_new) require_first(caller, recorded.task);
            } catch (...) {
                return later.fail(std::current_exception());
            }
            later.set(reply_with(handed(recorded.task, why_not(recorded.task))));
        });
    return later;
}

asio::awaitable<Reply> Scheduler::cancel_task(ById in, Caller caller)
{
    auto const found = co_await engine_.find(in.id);
    if (!found) throw Error(codes::no_task, "no task " + in.id.text());
    caller.require_record("task " + in.id.text(), found->agent, found->ins);
    auto also = caller.also();
    auto const task = co_await engine_.cancel(in.id, std::move(also));
    json::object fields{{"id", in.id.text()}, {"status", status_text(task.status)}};
    co_return Reply(std::move(fields));
}

} // namespace elves
