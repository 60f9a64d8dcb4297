// How the task engine records tasks for those who call it, and who waits for what becomes of one.
#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <deque>
#include <utility>

#include "elves/assert.hpp"
#include "elves/error.hpp"
#include "gate_place.hpp"
#include "local_task_engine.hpp"
#include "sending.hpp"

namespace elves {

namespace {

using namespace std::chrono_literals;

/// Calls that may wait for one task at once.
constexpr std::size_t max_waiters = 64;

auto find_waiter(std::vector<TaskWaiter>& waiters, std::uint64_t number)
{
    return std::find_if(
        waiters.begin(), waiters.end(), [&](auto const& waiter) { return waiter.number == number; });
}

/// He has waited for as long as he may.
void end_wait(std::vector<TaskWaiter>& waiters, std::uint64_t number)
{
    auto const found = find_waiter(waiters, number);
    if (found == waiters.end()) return;
    auto const waiter = std::move(*found);
    waiters.erase(found);
    waiter.then(TaskWaiter::End::late);
}

/// It is known whether the agent takes it.
bool is_handover_known(Task const& task) { return task.status != TaskStatus::sent || task.sync_flag; }

} // namespace

/// Throws Error 423.1 where it may not start now, 429.1 where there is no room for it. It is counted once
/// TaskTransitions::insert has begun: nothing may wait in between, or those that come together would all find
/// the same room.
Task LocalTaskEngine::task_of(Order order, GatePlace& place)
{
    require_processor(order.ins);
    auto const held_back = why_held_back(order);
    limits_.require_room(order);
    Task task;
    task.id = order.id == TaskId() ? next_id() : order.id;
    task.agent = order.agent;
    task.type = order.type;
    task.ins = std::move(order.ins);
    if (task.ins.timeout == 0s) task.ins.timeout = timeouts_.default_timeout;
    if (task.type == TaskType::rt) task.ins.ttl = 0s;
    task.by = std::move(order.by);
    task.from = std::move(order.from);
    task.cron_id = order.cron_id;
    task.fire_time = order.fire_time;
    task.run = order.run;
    task.start = clock_.now();
    task.status = TaskStatus::waiting;
    auto const lost_after = transitions_.lost_after();
    life::Context const context{task.start, lost_after, life::start_span(task, lost_after)};
    if (!held_back.empty()) return life::decide(task, life::HeldBack{held_back}, context).task;
    if (!presence_.link(task.agent)) {
        if (task.ins.ttl > 0s) return task;
        task = life::decide(task, life::AgentOffline{not_online(task.agent)}, context).task;
        task.sync_costtime = 0ms;
        return task;
    }
    auto const flow = flows_.find(task.agent);
    // What finds no room in memory waits on disk, behind what is there already.
    bool const has_turn = task.type == TaskType::rt || flow == flows_.end() ||
                          (flow->second.takes_ready(task.ins.param.size()) && !flow->second.is_paused() &&
                              !registry_.next_waiting(task.agent));
    if (!has_turn) return task;
    place.take(task);
    return life::decide(task, life::HandedOver{}, context).task;
}

Later<TaskEngine::Recorded> LocalTaskEngine::send(Order order)
{
    auto const sending = std::make_shared<Sending>(gate_);
    try {
        auto audit_write = std::move(order.audit_write);
        sending->caller = std::move(order.caller);
        bool const is_forced = order.is_forced;
        auto fresh = task_of(std::move(order), sending->place);
        transitions_.insert(std::move(fresh), std::move(audit_write), is_forced)
            .then([this, sending](std::exception_ptr const& failure, Recorded& written) {
                failure ? sending->later.fail(failure) : recorded(sending, std::move(written));
            });
    } catch (...) {
        sending->later.fail(std::current_exception());
    }
    return sending->later;
}

void LocalTaskEngine::recorded(std::shared_ptr<Sending> const& sending, Recorded&& recorded)
{
    if (!recorded.is_new) {
        sending->place.give_back();
        return tell_of_first(std::move(recorded.task), std::move(sending->caller),
            [sending](std::exception_ptr const& failure, Task& first) {
                failure ? sending->later.fail(failure) : sending->later.set({std::move(first), false});
            });
    }
    sending->place.keep();
    if (is_final(recorded.task.status)) return sending->later.set(std::move(recorded));
    auto const open = registry_.find(recorded.task.id);
    hand_over(open, std::make_shared<Task>(std::move(recorded.task)), sending);
}

asio::awaitable<std::vector<TaskEngine::Sent>> LocalTaskEngine::send_all(std::vector<Order> orders)
{
    std::vector<Sent> sent(orders.size());
    std::deque<GatePlace> places;
    TaskTransitions::NewTasks fresh(transitions_);
    for (std::size_t i = 0; i < orders.size(); ++i) {
        auto& order = orders[i];
        ELVES_ASSERT(order.ins.dedup.empty() && !order.cron_id, "what may be there already is sent alone");
        auto audit_write = std::move(order.audit_write);
        bool const is_forced = order.is_forced;
        auto& place = places.emplace_back(gate_);
        try {
            fresh.add(task_of(std::move(order), place), std::move(audit_write), is_forced);
        } catch (Error const& error) {
            sent[i].refused = error;
        }
    }
    if (fresh.empty()) co_return sent;
    auto stored = co_await transitions_.insert_all(fresh);
    auto next = stored.begin();
    for (std::size_t i = 0; i < sent.size(); ++i) {
        if (sent[i].refused) continue;
        places[i].keep();
        auto& task = *next++;
        if (is_final(task.status)) {
            sent[i].ended = std::move(task);
        } else if (auto const open = registry_.find(task.id)) {
            hand_over_soon(open, std::make_shared<Task>(std::move(task)));
        }
    }
    co_return sent;
}

asio::awaitable<TaskEngine::Recorded> LocalTaskEngine::record(Task task, AuditWrite audit_write)
{
    if (task.id == TaskId()) {
        task.id = next_id();
    } else {
        // Its agent made it: at random, since the agents of a fleet make theirs in the same moment.
        task.key = static_cast<std::int64_t>(next_id().value());
    }
    return wait_for(transitions_.insert(std::move(task), std::move(audit_write)));
}

std::uint64_t LocalTaskEngine::add_waiter(
    std::vector<TaskWaiter>& waiters, std::weak_ptr<Peer> caller, std::function<void(End)> then)
{
    if (waiters.size() >= max_waiters)
        std::erase_if(waiters, [](auto const& waiter) { return waiter.is_abandoned(); });
    if (waiters.size() >= max_waiters)
        throw Error(
            codes::too_much, std::to_string(max_waiters) +
                                 " calls with this `dedup` wait for its task already; wait for their answer");
    auto& waiter = waiters.emplace_back();
    waiter.then = std::move(then);
    waiter.number = ++last_waiter_;
    waiter.has_caller = !caller.expired();
    waiter.caller = std::move(caller);
    return waiter.number;
}

void LocalTaskEngine::end_handover_wait(OpenTaskPtr const& open, std::uint64_t waiter)
{
    end_wait(open->handover_waiters, waiter);
}

void LocalTaskEngine::limit_handover_wait(OpenTaskPtr const& open, std::uint64_t waiter)
{
    auto& waiters = open->handover_waiters;
    auto const found = find_waiter(waiters, waiter);
    if (found == waiters.end()) return;
    found->limit = clock_.after(timeouts_.handover, [open = std::weak_ptr<OpenTask>(open), waiter] {
        if (auto const still = open.lock()) end_wait(still->handover_waiters, waiter);
    });
}

void LocalTaskEngine::limit_result_wait(
    OpenTaskPtr const& open, std::uint64_t waiter, std::chrono::milliseconds limit)
{
    auto& waiters = open->result_waiters;
    auto const found = find_waiter(waiters, waiter);
    if (found == waiters.end()) return;
    found->limit = clock_.after(limit, [open = std::weak_ptr<OpenTask>(open), waiter] {
        if (auto const still = open.lock()) end_wait(still->result_waiters, waiter);
    });
}

/// The first task of a `dedup`, once it is known whether its agent takes it.
void LocalTaskEngine::tell_of_first(Task&& first, std::weak_ptr<Peer> caller, Later<Task>::Then then)
{
    auto const open = registry_.find(first.id);
    if (!open && is_final(first.status)) return then(nullptr, first);
    if (!open) {
        // It was read from disk just before it ended.
        asio::co_spawn(loop_, transitions_.find(first.id),
            [first = std::move(first), then = std::move(then)](std::exception_ptr const& failure,
                std::optional<Task> now) mutable { then(failure, now ? *now : first); });
        return;
    }
    bool const is_known = is_handover_known(open->task) || open->task.type == TaskType::rt;
    auto const tell = [then](Task task) { then(nullptr, task); };
    if (is_known) return tell(open->task);
    try {
        auto const waiter = add_waiter(
            open->handover_waiters, std::move(caller), [open = open.get(), tell](End) { tell(open->task); });
        limit_handover_wait(open, waiter);
    } catch (...) {
        Task none;
        then(std::current_exception(), none);
    }
}

struct LocalTaskEngine::Running {
    explicit Running(StartGate* gate) : place(gate) {}
    GatePlace place;
    std::weak_ptr<Peer> caller{};
    Authorize authorize{};
    std::chrono::milliseconds limit{0};
    bool is_new = true;
    Later<Task> later{};
};

Later<Task> LocalTaskEngine::run(Order order, Authorize authorize)
{
    auto const running = std::make_shared<Running>(gate_);
    try {
        running->limit = order.ins.timeout == 0s ? timeouts_.default_timeout : order.ins.timeout;
        running->authorize = std::move(authorize);
        running->caller = std::move(order.caller);
        auto audit_write = std::move(order.audit_write);
        auto fresh = task_of(std::move(order), running->place);
        transitions_.insert(std::move(fresh), std::move(audit_write))
            .then([this, running](std::exception_ptr const& failure, Recorded& written) {
                if (failure) return running->later.fail(failure);
                try {
                    recorded(running, std::move(written));
                } catch (...) {
                    running->later.fail(std::current_exception());
                }
            });
    } catch (...) {
        running->later.fail(std::current_exception());
    }
    return running->later;
}

/// Throws what `authorize` throws, and Error 429.1 where too many wait for that task.
void LocalTaskEngine::recorded(std::shared_ptr<Running> const& running, Recorded&& recorded)
{
    auto& task = recorded.task;
    running->is_new = recorded.is_new;
    recorded.is_new ? running->place.keep() : running->place.give_back();
    if (!recorded.is_new && running->authorize) running->authorize(task);
    if (is_final(task.status)) return running->later.set(std::move(task));
    auto const open = registry_.find(task.id);
    if (!open) {
        return tell_of_first(std::move(task), {}, [running](std::exception_ptr const& failure, Task& first) {
            failure ? running->later.fail(failure) : running->later.set(std::move(first));
        });
    }
    if (is_final(open->task.status)) return running->later.set(Task(open->task));
    auto const waiter = add_waiter(
        open->result_waiters, std::move(running->caller), [this, running, open = open.get()](End end) {
            result_wait_ended(running, open->shared_from_this(), end);
        });
    limit_result_wait(open, waiter, running->limit);
    if (recorded.is_new) run_soon(open, std::make_shared<Task>(std::move(task)));
}

void LocalTaskEngine::result_wait_ended(
    std::shared_ptr<Running> const& running, OpenTaskPtr const& open, End end)
{
    if (end == End::stopping) return running->later.fail(std::make_exception_ptr(StoppedWaiting(open->task)));
    // Of another call's task its own caller decides how long it may take.
    if (end == End::known || !running->is_new) return running->later.set(Task(open->task));
    transitions_.apply(open, life::SyncTimedOut{})
        .then([running](std::exception_ptr const& failure, life::Decision& decision) {
            failure ? running->later.fail(failure) : running->later.set(std::move(decision.task));
        });
}

void LocalTaskEngine::answer_waiters(OpenTask& open)
{
    if (is_handover_known(open.task)) {
        open.handover_limit.stop();
        answer_all(open.handover_waiters, End::known);
    }
    if (is_final(open.task.status)) answer_all(open.result_waiters, End::known);
}

void LocalTaskEngine::answer_all(std::vector<TaskWaiter>& waiters, End end)
{
    if (waiters.empty()) return;
    for (auto& waiter : std::exchange(waiters, {})) waiter.then(end);
}

} // namespace elves
