#include "agent_dispatcher.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <utility>

#include "elves/error.hpp"
#include "elves/log.hpp"

namespace elves {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds retry_pause = 5s;
constexpr std::chrono::milliseconds shortest_watch = 1s;

std::chrono::milliseconds until(Instant when, Instant now)
{
    return std::max<std::chrono::milliseconds>(when - now, 0ms);
}

constexpr std::string_view end_some =
    "; cancel some, wait until some have ended, or have an admin raise it (elvesctl key set)";
constexpr std::string_view wait_for_midnight =
    "; it begins anew at midnight UTC, or have an admin raise it (elvesctl key set)";

Error too_many_tasks(std::string const& whose, std::size_t tasks, std::size_t most)
{
    return {codes::too_much, whose + " has " + std::to_string(tasks) + " unfinished tasks, and " +
                                 std::to_string(most) + " are allowed; try again later"};
}

Error too_many_bytes(std::string const& whose, std::size_t most)
{
    return {codes::too_much, "the unfinished tasks of " + whose + " would take more than " +
                                 std::to_string(most) +
                                 " bytes; cancel some, shorten `param`, or try again later"};
}

} // namespace

AgentDispatcher::AgentDispatcher(LoopExecutor loop, Clock& clock, Zone zone, Presence& presence, TaskLog& log,
    AppDirectory const& apps, Quotas const* quotas)
    : loop_(loop)
    , clock_(clock)
    , presence_(presence)
    , log_(log)
    , apps_(apps)
    , quotas_(quotas)
    , agents_(loop, clock, zone, presence, quotas)
{
    log_.on_finished([this](Task const& task) {
        told_.erase(task.id);
        answer(task);
        tell_asking(task);
        if (task.cancel_due) {
            watch(task);
        } else {
            watches_.erase(task.id);
        }
    });
    presence_.on_link([this](Ip const& agent) { background(take_up(agent), TaskId()); });
}

void AgentDispatcher::start()
{
    for (auto const id : log_.open_all()) watch(*log_.open(id));
}

void AgentDispatcher::stop()
{
    watches_.clear();
    for (auto& [id, waiters] : std::exchange(waiting_, {})) {
        for (auto& waiter : waiters) waiter.set(std::nullopt);
    }
}

void AgentDispatcher::require_processor(Instruction const& ins) const
{
    if (ins.mode == Mode::p && !apps_.callback(ins.app)) {
        throw Error(codes::no_app,
            "app " + ins.app +
                " has no callback address, and `ins.mode` is P; supervisor.setapp gives it one");
    }
}

void AgentDispatcher::require_room(Order const& order) const
{
    auto const held = log_.holdings(order.by, order.agent);
    auto const limits = quotas_ ? quotas_->limits_of(order.by) : Quotas::Limits{.is_admin = true};
    if (quotas_ && !order.by.empty()) require_quota(order, held, limits);
    // What is free for admins alone is not offered to other keys.
    auto const part = [&](std::size_t pool) { return limits.is_admin ? pool : shared_part(pool); };
    auto const more = bytes_of(order.ins);
    auto const agent = [&] { return "agent " + order.agent.text(); };
    auto const tasks = log_.open_count(order.agent);
    if (tasks >= part(bounds_.tasks)) throw too_many_tasks(agent(), tasks, part(bounds_.tasks));
    if (log_.open_bytes(order.agent) + more > part(bounds_.bytes))
        throw too_many_bytes(agent(), part(bounds_.bytes));
    auto const all_tasks = log_.all_open_count();
    if (all_tasks >= part(bounds_.all_tasks))
        throw too_many_tasks("the server", all_tasks, part(bounds_.all_tasks));
    if (log_.all_open_bytes() + more > part(bounds_.all_bytes))
        throw too_many_bytes("all agents", part(bounds_.all_bytes));
}

/// Throws QuotaExceeded where this key holds as much as it may, of all agents or of this one.
void AgentDispatcher::require_quota(
    Order const& order, TaskLog::Holdings const& held, Quotas::Limits const& limits) const
{
    auto const more = bytes_of(order.ins);
    auto const key = [&] { return "key " + quotas_->name_of(order.by); };
    auto const refuse = [&](std::string const& has, std::string_view quota, std::int64_t limit,
                            std::string_view what_to_do = end_some) {
        throw QuotaExceeded(key() + " has " + has + "; its quota " + std::string(quota) + " is " +
                            std::to_string(limit) + std::string(what_to_do));
    };
    auto const number = [](std::size_t value) { return static_cast<std::int64_t>(value); };
    if (number(held.tasks) >= limits.waiting_tasks)
        refuse(std::to_string(held.tasks) + " tasks waiting", "waiting_tasks", limits.waiting_tasks);
    if (number(held.bytes + more) > limits.waiting_bytes)
        refuse(
            std::to_string(held.bytes) + " bytes of tasks waiting, and this one adds " + std::to_string(more),
            "waiting_bytes", limits.waiting_bytes);
    if (held.bytes_today + number(more) > limits.bytes_per_day)
        refuse(std::to_string(held.bytes_today) + " bytes written since midnight UTC, and this task adds " +
                   std::to_string(more),
            "bytes_per_day", limits.bytes_per_day, wait_for_midnight);
    if (limits.is_admin) return;
    auto const tasks_part = one_key_part(bounds_.tasks);
    if (held.tasks_on_agent >= tasks_part) {
        throw QuotaExceeded(key() + " has " + std::to_string(held.tasks_on_agent) +
                            " tasks waiting for agent " + order.agent.text() + "; one key may have " +
                            std::to_string(tasks_part) +
                            " there; cancel some, or wait until some have ended");
    }
    auto const bytes_part = one_key_part(bounds_.bytes);
    if (held.bytes_on_agent + more > bytes_part) {
        throw QuotaExceeded(key() + " has " + std::to_string(held.bytes_on_agent) +
                            " bytes of tasks waiting for agent " + order.agent.text() +
                            ", and this one adds " + std::to_string(more) + "; one key may have " +
                            std::to_string(bytes_part) +
                            " there; cancel some, shorten `param`, or wait until some have ended");
    }
}

Task AgentDispatcher::task_of(Order order) const
{
    require_processor(order.ins);
    require_room(order);
    Task task;
    task.id = order.id;
    task.agent = order.agent;
    task.type = order.type;
    task.ins = std::move(order.ins);
    if (task.ins.timeout == 0s) task.ins.timeout = default_timeout_;
    if (task.type == TaskType::rt) task.ins.ttl = 0s;
    task.by = std::move(order.by);
    task.from = std::move(order.from);
    task.cron_id = order.cron_id;
    task.fire_time = order.fire_time;
    task.start = clock_.now();
    task.status = TaskStatus::waiting;
    bool const there = presence_.link(task.agent) != nullptr;
    if (there) {
        task = life::decide(task, life::HandedOver{}, task.start).task;
    } else if (task.ins.ttl == 0s) {
        auto const why =
            Error(codes::agent_unreachable, "agent " + task.agent.text() + " is not online").info();
        task = life::decide(task, life::NotThere{why}, task.start).task;
        task.sync_costtime = 0ms;
    }
    return task;
}

void AgentDispatcher::watch_new(TaskLog::Recorded const& recorded)
{
    if (recorded.fresh && !is_final(recorded.task.status)) watch(recorded.task);
}

asio::awaitable<TaskLog::Recorded> AgentDispatcher::send(Order order)
{
    auto also = std::move(order.also);
    auto fresh = task_of(std::move(order));
    auto recorded = co_await log_.record(std::move(fresh), std::move(also));
    watch_new(recorded);
    if (!recorded.fresh) {
        recorded.task = co_await taken_by_now(recorded.task);
        co_return recorded;
    }
    if (recorded.task.status == TaskStatus::sent) {
        auto handed = std::make_shared<Task>(std::move(recorded.task));
        recorded.task = co_await hand_over(std::move(handed));
    } else if (recorded.task.status == TaskStatus::waiting && presence_.link(recorded.task.agent)) {
        // It came while the task was on its way to disk, and was not told of it then.
        background(take_up(recorded.task.agent), recorded.task.id);
    }
    co_return recorded;
}

/// `task` is `sent` on disk. Returns it as the agent's answer makes it; that reaches the disk a moment later.
asio::awaitable<Task> AgentDispatcher::hand_over(SharedTask task)
{
    auto const begun = clock_.steady();
    HandOver answer;
    // Now, not when the coroutine begins: who registers in between would be asked about a task not yet sent.
    on_the_way_[task->id] = presence_.link(task->agent).get();
    background(instruct(task, answer), task->id);
    auto event = co_await answer.event.wait(clock_, handover_timeout_);
    if (!event) {
        *answer.late = true;
        Error const silent(codes::agent_silent, "agent " + task->agent.text() + " did not say within " +
                                                    std::to_string(handover_timeout_.count()) +
                                                    " s that it took it");
        event = life::Silence{
            silent.info(), std::chrono::duration_cast<std::chrono::milliseconds>(clock_.steady() - begun)};
        background(note(task->id, *event), task->id);
    }
    // It may have come to an end meanwhile: a quick worker's result, a cancel.
    auto const* const open = log_.open(task->id);
    auto told = life::decide(open ? *open : *task, *event, clock_.now()).task;
    tell_asking(told);
    co_return told;
}

/// Waits for the agent's answer for as long as one may still come: also a late one tells that it took it.
asio::awaitable<void> AgentDispatcher::instruct(SharedTask task, HandOver answer)
{
    auto event = co_await agents_.hand_over(task, handover_timeout_ + task->ins.timeout + log_.lost_after());
    on_the_way_.erase(task->id);
    bool const is_taken = std::holds_alternative<life::Taken>(event);
    if (*answer.late) {
        if (is_taken) event = life::AgentRuns{};
        if (!std::holds_alternative<life::Silence>(event)) co_await note(task->id, std::move(event));
        co_return;
    }
    // Before its result, which may be the next that comes: they are written together then.
    bool const is_noted = is_taken && log_.note(task->id, event);
    answer.event.set(event);
    if (!is_noted) co_await note(task->id, std::move(event));
}

/// The first task of a `dedup`, once it is known whether its agent has taken it.
asio::awaitable<Task> AgentDispatcher::taken_by_now(Task task)
{
    bool const is_asked = task.status == TaskStatus::sent && !task.sync_flag && task.type != TaskType::rt;
    if (!is_asked) co_return task;
    if (!on_the_way_.contains(task.id)) {
        // It may have been read from disk just before the agent's word came.
        auto const now = co_await log_.find(task.id);
        // It may have come while that was read, and be only noted yet.
        auto const* const open = log_.open(task.id);
        co_return open ? *open : now.value_or(task);
    }
    OneShot<Task> told;
    taking_[task.id].push_back(told);
    auto const known = co_await told.wait(clock_, handover_timeout_);
    co_return known ? *known : task;
}

void AgentDispatcher::tell_asking(Task const& task)
{
    auto asking = taking_.extract(task.id);
    if (!asking) return;
    for (auto& one : asking.mapped()) one.set(task);
}

asio::awaitable<Task> AgentDispatcher::run(Order order, Judge judge)
{
    auto const limit = order.ins.timeout == 0s ? default_timeout_ : order.ins.timeout;
    auto also = std::move(order.also);
    auto fresh = task_of(std::move(order));
    auto recorded = co_await log_.record(std::move(fresh), std::move(also));
    watch_new(recorded);
    auto& task = recorded.task;
    if (!recorded.fresh && judge) judge(task);
    if (is_final(task.status)) co_return task;
    OneShot<Outcome> over;
    waiting_[task.id].push_back(over);
    if (recorded.fresh) {
        on_the_way_[task.id] = presence_.link(task.agent).get();
        auto param = std::exchange(task.ins.param, {});
        auto handed = std::make_shared<Task>(task);
        handed->ins.param = std::move(param);
        background(run_on_agent(std::move(handed)), task.id);
    }
    auto const finished = co_await over.wait(clock_, limit);
    if (finished && !*finished) throw StoppedWaiting(task);
    if (finished) co_return **finished;
    std::erase_if(waiting_[task.id], [&](auto const& other) { return other == over; });
    if (waiting_[task.id].empty()) waiting_.erase(task.id);
    if (!recorded.fresh) { // Its own sender decides how long it may take.
        auto const* const open = log_.open(task.id);
        co_return open ? *open : task;
    }
    auto decision = co_await log_.apply(task.id, life::Event(life::SyncOver{}));
    co_return decision.task;
}

asio::awaitable<void> AgentDispatcher::run_on_agent(SharedTask task)
{
    // Beyond its timeout too: a result that comes late on this link is still a result.
    auto const event = co_await agents_.run(task, task->ins.timeout + log_.lost_after());
    on_the_way_.erase(task->id);
    if (!event) co_return;
    // Whoever waits hears it now; the disk a moment later, and the agent keeps it until then. But something
    // else that is on its way to disk, a cancel say, comes first.
    auto const* const open = log_.open(task->id);
    if (!open || log_.is_deciding(task->id)) {
        co_await note(task->id, *event);
        co_return;
    }
    told_.insert_or_assign(task->id, *event);
    answer(life::decide(*open, *event, clock_.now()).task);
    co_await note_told(task->id);
}

/// The log has to take what was told before it is asked about anything else.
asio::awaitable<void> AgentDispatcher::note_told(TaskId id)
{
    auto const found = told_.find(id);
    if (found == told_.end()) co_return;
    auto event = found->second;
    co_await note(id, std::move(event));
    told_.erase(id);
}

/// Has the log take the event, and confirms a result once it is on disk.
asio::awaitable<void> AgentDispatcher::note(TaskId id, life::Event event)
{
    bool const is_result = std::holds_alternative<life::Reported>(event);
    auto const decision = co_await log_.apply(id, std::move(event));
    if (is_result) agents_.confirm(decision.task.agent, id);
}

void AgentDispatcher::answer(Task const& task)
{
    if (!is_final(task.status)) return;
    auto const found = waiting_.extract(task.id);
    if (!found) return;
    for (auto& waiter : found.mapped()) waiter.set(task);
}

asio::awaitable<Task> AgentDispatcher::cancel(TaskId id, std::function<void(Db&)> also)
{
    co_await note_told(id);
    auto const decision = co_await log_.apply(id, life::Event(life::Cancel{}), std::move(also));
    if (decision.changed && decision.task.cancel_due) background(tell_cancel(decision.task.agent, id), id);
    co_return decision.task;
}

asio::awaitable<std::size_t> AgentDispatcher::end_all(std::string key)
{
    constexpr std::size_t at_once = 64; // They share a commit.
    auto const ids = co_await log_.open_by(key);
    for (std::size_t first = 0; first < ids.size(); first += at_once) {
        std::vector<OneShot<bool>> begun;
        for (auto i = first; i < std::min(first + at_once, ids.size()); ++i) {
            asio::co_spawn(loop_, cancel_for_key(ids[i], begun.emplace_back()), asio::detached);
        }
        for (auto& one : begun) {
            bool const is_ended = co_await one.wait(clock_);
            if (!is_ended)
                throw Error(codes::store_cannot_write,
                    "not all tasks of key " + key + " could be canceled; call it again");
        }
    }
    co_return ids.size();
}

asio::awaitable<void> AgentDispatcher::cancel_for_key(TaskId id, OneShot<bool> over)
{
    bool is_ended = false;
    try {
        co_await cancel(id, {});
        is_ended = true;
    } catch (Error const& error) {
        is_ended = error.code() == codes::no_task;
        ELVES_LOG(warning, "task.cancel_failed task=" << id.text() << " error=" << error.info());
    }
    over.set(is_ended);
}

asio::awaitable<void> AgentDispatcher::tell_cancel(Ip agent, TaskId id)
{
    bool const known = co_await agents_.cancel(agent, id);
    if (known) co_await log_.apply(id, life::Event(life::CancelKnown{}));
}

/// A new link: what the agent is thought to have is asked about, what waits for it is handed over, in order.
asio::awaitable<void> AgentDispatcher::take_up(Ip agent)
{
    std::vector<TaskId> asked, waiting;
    auto const* const link = presence_.link(agent).get();
    for (auto const id : log_.open_of(agent)) {
        auto const& task = *log_.open(id);
        auto const way = on_the_way_.find(id);
        if (way != on_the_way_.end() && way->second == link) continue;
        if (task.status == TaskStatus::waiting) {
            waiting.push_back(id);
        } else if (task.cancel_due) {
            background(tell_cancel(agent, id), id);
        } else {
            asked.push_back(id);
        }
    }
    if (!asked.empty()) co_await ask_about(agent, std::move(asked));
    for (auto const id : waiting) {
        if (!presence_.link(agent)) co_return;
        // Only now, one at a time: what waits keeps its param on disk.
        auto param = co_await log_.param_of(id);
        auto const decision = co_await log_.apply(id, life::Event(life::HandedOver{}));
        if (decision.changed) {
            watch(decision.task);
            auto handed = std::make_shared<Task>(decision.task);
            handed->ins.param = std::move(param);
            co_await hand_over(std::move(handed));
        }
    }
}

asio::awaitable<void> AgentDispatcher::ask_about(Ip agent, std::vector<TaskId> ids)
{
    auto events = co_await agents_.ask(agent, ids, handover_timeout_);
    for (std::size_t i = 0; i < ids.size(); ++i) {
        if (!events[i]) continue;
        bool const runs = std::holds_alternative<life::AgentRuns>(*events[i]);
        co_await note(ids[i], std::move(*events[i]));
        if (auto const* const open = log_.open(ids[i]); runs && open) watch(*open);
    }
}

/// Something has to be done about it when: its ttl is over, or its timeout plus `lost_after`.
void AgentDispatcher::watch(Task const& task)
{
    bool const waits = task.status == TaskStatus::waiting;
    auto const since = waits ? task.start : task.sent.value_or(task.start);
    std::chrono::milliseconds const all = waits ? task.ins.ttl : task.ins.timeout + log_.lost_after();
    // One that the agent is still at was due before: ask again after a while. A clock that was set back
    // since gives nobody more than all of it.
    auto const least = waits ? 0ms : shortest_watch;
    watch_again(task.id, std::max(std::min(until(since + all, clock_.now()), all), least));
}

void AgentDispatcher::watch_again(TaskId id, std::chrono::milliseconds delay)
{
    watches_[id] = clock_.after(delay, [this, id] { background(over(id), id); });
}

asio::awaitable<void> AgentDispatcher::over(TaskId id)
{
    co_await note_told(id);
    auto const* const task = log_.open(id);
    if (!task) co_return;
    auto const agent = task->agent;
    if (task->status == TaskStatus::waiting) {
        co_await log_.apply(id, life::Event(life::TtlOver{}));
    } else if (presence_.link(agent) && task->cancel_due) {
        co_await tell_cancel(agent, id);
    } else if (presence_.link(agent)) {
        std::vector<TaskId> one{id};
        co_await ask_about(agent, std::move(one));
    } else {
        life::Event gone =
            life::AgentGone{"the agent did not come back within the task's timeout plus tasklog.lost_after"};
        co_await log_.apply(id, std::move(gone));
    }
    // Still open: the agent is at it, or the link was lost while it was asked.
    if (log_.open(id))
        watch_again(id, std::max<std::chrono::milliseconds>(log_.lost_after(), shortest_watch));
}

void AgentDispatcher::background(asio::awaitable<void> work, TaskId id)
{
    asio::co_spawn(loop_, std::move(work), [this, id](std::exception_ptr const& failure) {
        if (!failure) return;
        try {
            std::rethrow_exception(failure);
        } catch (std::exception const& problem) {
            ELVES_LOG(
                warning, "task " << id.text() << ": what came of it is not on disk yet: " << problem.what());
        }
        // The disk may have room again; the agent keeps its result until it is confirmed.
        if (log_.open(id)) watch_again(id, retry_pause);
    });
}

} // namespace elves
