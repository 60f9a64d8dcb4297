// How the task engine hands tasks over to their agents: at once, when there is room on the link, or when the
// agent comes.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <utility>

#include "elves/error.hpp"
#include "elves/log.hpp"
#include "local_task_engine.hpp"
#include "task_records.hpp"

namespace elves {

/// A new task that is `sent` or `waiting`: returns once it is known whether its agent takes it, or must not
/// be waited for.
asio::awaitable<void> LocalTaskEngine::hand_over(
    OpenTaskPtr open, SharedTask task, std::weak_ptr<Peer> caller)
{
    auto const begun = clock_.steady();
    auto const handover = task->handover;
    bool const is_waiting = task->status == TaskStatus::waiting;
    // Offline, and it waits under its ttl: that is the answer.
    if (is_waiting && !presence_.link(task->agent)) co_return;
    auto outcome = add_waiter(open->handover_waiters, std::move(caller));
    bool is_in_flight = false;
    if (is_waiting) {
        hand_over_next(open->task.agent);
        if (!open->gate_place.empty()) {
            std::erase_if(
                open->handover_waiters, [&](auto const& other) { return other.outcome == outcome; });
            co_return;
        }
    } else if (auto& flow = flow_of(*open); flow.has_room() && !flow.has_ready()) {
        take_slot(*open);
        is_in_flight = true;
        auto link = presence_.link(task->agent);
        // Now, not when the coroutine begins: who registers in between would be asked about it.
        open->in_flight = link.get();
        spawn(instruct(open, std::move(task), std::move(link)), open->task.id);
    } else {
        open->is_ready = true;
        flow.push_ready({open, std::move(task)});
    }
    if (co_await outcome.wait(clock_, timeouts_.handover)) co_return;
    std::erase_if(open->handover_waiters, [&](auto const& other) { return other.outcome == outcome; });
    if (is_in_flight) co_await time_out_handover(open, handover, begun);
}

/// The same of one of many, for which nobody waits: a few are handed over in one turn of the loop.
void LocalTaskEngine::hand_over_soon(OpenTaskPtr const& open, SharedTask task)
{
    if (task->status == TaskStatus::sent) {
        open->is_ready = true;
        flow_of(*open).push_ready({open, std::move(task)});
    }
    due_.push_back(open->task.agent);
    if (due_.size() == 1) asio::post(loop_, [this] { hand_over_some(); });
}

void LocalTaskEngine::hand_over_some()
{
    constexpr std::size_t agents_of_turn = 8;
    for (std::size_t i = 0; i < agents_of_turn && !due_.empty(); ++i) {
        hand_over_next(due_.front());
        due_.pop_front();
    }
    if (!due_.empty()) asio::post(loop_, [this] { hand_over_some(); });
}

/// Frees its room: one that is not answered delays no other.
asio::awaitable<void> LocalTaskEngine::time_out_handover(
    OpenTaskPtr open, std::uint32_t handover, Clock::Steady begun)
{
    free_slot(*open);
    Error const silent(codes::agent_silent, "agent " + open->task.agent.text() + " did not say within " +
                                                std::to_string(timeouts_.handover.count()) +
                                                " s that it took it");
    life::Event event = life::HandoverTimedOut{silent.info(),
        std::chrono::duration_cast<std::chrono::milliseconds>(clock_.steady() - begun), handover};
    if (transitions_.stage(open, event)) co_return;
    try {
        co_await transitions_.apply(open->task.id, std::move(event));
    } catch (Error const& error) {
        ELVES_LOG(warning, "task.not_written task=" << open->task.id.text() << " error=" << error.info());
    }
}

void LocalTaskEngine::take_slot(OpenTask& open)
{
    open.has_slot = true;
    flow_of(open).begin();
}

HandoverFlow& LocalTaskEngine::flow_of(OpenTask& open)
{
    if (!open.flow) open.flow = &flows_[open.task.agent];
    return *open.flow;
}

void LocalTaskEngine::free_slot(OpenTask& open)
{
    if (!std::exchange(open.has_slot, false)) return;
    open.flow->end();
    if (open.flow->has_ready() || registry_.has_waiting()) hand_over_next(open.task.agent);
}

void LocalTaskEngine::hand_over_next(Ip const& agent)
{
    if (is_stopping_) return;
    auto const found = flows_.find(agent);
    bool const is_online = presence_.link(agent) != nullptr;
    if (!is_online && (found == flows_.end() || !found->second.has_ready())) return;
    auto& flow = flows_[agent];
    // Without a link what is ready goes back to where it waits, or ends, at once.
    while (is_online ? flow.has_room() : flow.has_ready()) {
        if (flow.has_ready()) {
            auto [open, task] = flow.pop_ready();
            open->is_ready = false;
            // It may have been canceled meanwhile.
            bool const is_due = open->task.status == TaskStatus::sent && !open->in_flight;
            if (!is_due) continue;
            take_slot(*open);
            spawn(hand_over_ready(open, std::move(task)), open->task.id);
        } else if (auto const open = registry_.next_waiting(agent)) {
            if (is_held_back(open)) continue;
            take_slot(*open);
            open->is_being_sent = true;
            registry_.update_lists(*open);
            spawn(hand_over_waiting(open), open->task.id);
        } else {
            return;
        }
    }
}

/// `open` is `sent` on disk, and has its turn.
asio::awaitable<void> LocalTaskEngine::hand_over_ready(OpenTaskPtr open, SharedTask task)
{
    auto const begun = clock_.steady();
    auto const handover = task->handover;
    auto outcome = add_waiter(open->handover_waiters, {});
    auto link = presence_.link(open->task.agent);
    open->in_flight = link.get();
    spawn(instruct(open, std::move(task), std::move(link)), open->task.id);
    auto const known = co_await outcome.wait(clock_, timeouts_.handover);
    if (known) co_return;
    std::erase_if(open->handover_waiters, [&](auto const& other) { return other.outcome == outcome; });
    co_await time_out_handover(open, handover, begun);
}

/// `open` is `waiting`, and has its turn: it is written that it is handed over, then it is.
asio::awaitable<void> LocalTaskEngine::hand_over_waiting(OpenTaskPtr open)
{
    auto const id = open->task.id;
    auto const agent = open->task.agent;
    auto task = std::make_shared<Task>();
    bool is_handed_over = false;
    try {
        // Only now: what waits keeps its param on disk.
        std::function<std::string(Db&)> work = [id](Db& db) { return task_records::param_of(db, id); };
        auto param = co_await store_.read<std::string>(std::move(work));
        life::Event handed_over = life::HandedOver{};
        auto decision = co_await transitions_.apply(id, std::move(handed_over));
        is_handed_over = decision.changed;
        *task = std::move(decision.task);
        task->ins.param = std::move(param);
    } catch (Error const& error) {
        ELVES_LOG(warning,
            "handover.delayed task=" << id.text() << " agent=" << agent.text() << " error=" << error.info());
        flows_[agent].on_write_failed(clock_, [this, agent] { hand_over_next(agent); });
    }
    open->is_being_sent = false;
    registry_.update_lists(*open);
    if (gate_) tell_gate(*open);
    bool const is_due = is_handed_over && open->task.status == TaskStatus::sent;
    if (is_due && task->type != TaskType::rt) {
        co_await hand_over_ready(open, std::move(task));
        co_return;
    }
    free_slot(*open);
    if (is_due) run_soon(open, std::move(task));
}

/// By the clock as it is now: it may have been set since the task's deadlines began.
Instant LocalTaskEngine::start_by(OpenTask const& open) const
{
    auto const deadline = open.task.type == TaskType::rt ? open.start_deadline : open.silence_deadline;
    return clock_.now() + std::chrono::floor<std::chrono::milliseconds>(deadline - clock_.steady());
}

/// Hands a task over, and takes the agent's answer for as long as one may still come.
asio::awaitable<void> LocalTaskEngine::instruct(OpenTaskPtr open, SharedTask task, std::shared_ptr<Peer> link)
{
    auto const agent = task->agent;
    life::Event event;
    if (!link) {
        event = life::AgentOffline{not_online(agent), task->handover};
    } else {
        auto const begun = clock_.steady();
        auto const limit = timeouts_.handover + task->ins.timeout + transitions_.lost_after();
        task->start_by = start_by(*open);
        try {
            auto const back = co_await agents_.instruct(*link, *task, limit);
            event = agents_.handover_event(back, *task, begun);
        } catch (Error const& error) {
            event = agents_.handover_event(error, *task, begun);
        }
    }
    if (open->in_flight == link.get()) open->in_flight = nullptr;
    bool const is_taken = std::holds_alternative<life::Taken>(event);
    if (is_taken) {
        open->flow->on_taken();
    } else if (std::holds_alternative<life::AgentBusy>(event) ||
               std::holds_alternative<life::NeverStarted>(event)) {
        on_busy(agent);
    }
    // Before its result, which may be the next that comes: they are written together then.
    bool const may_be_staged = is_taken || std::holds_alternative<life::HandoverTimedOut>(event);
    bool const is_staged = may_be_staged && transitions_.stage(open, event);
    free_slot(*open);
    if (!is_staged) co_await apply_until_written(open->task.id, std::move(event));
}

void LocalTaskEngine::on_busy(Ip const& agent)
{
    flows_[agent].on_busy(clock_, [this, agent] { hand_over_next(agent); });
}

/// Hands a task of type rt over, whose answer is its result: it takes no room of other hand-overs.
void LocalTaskEngine::run_soon(OpenTaskPtr const& open, SharedTask task)
{
    auto link = presence_.link(task->agent);
    open->in_flight = link.get();
    spawn(run_on_agent(open, std::move(task), std::move(link)), open->task.id);
}

asio::awaitable<void> LocalTaskEngine::run_on_agent(
    OpenTaskPtr open, SharedTask task, std::shared_ptr<Peer> link)
{
    auto const id = task->id;
    std::optional<life::Event> event;
    if (!link) {
        event = life::AgentOffline{not_online(task->agent), task->handover};
    } else {
        // Beyond its timeout too: a result that comes late on this link is still a result.
        auto const limit = task->ins.timeout + transitions_.lost_after();
        task->start_by = start_by(*open);
        event = co_await agents_.run(link, std::move(task), limit);
    }
    if (open->in_flight == link.get()) open->in_flight = nullptr;
    if (!event) co_return;
    bool const is_result = std::holds_alternative<life::Reported>(*event);
    // Whoever waits hears of a result now, and the disk a moment later: the agent keeps it until then.
    if (is_result && transitions_.stage(open, *event)) {
        open->confirm_due = true;
        // A second result changes nothing, and is confirmed all the same.
        if (!open->is_ahead && !open->is_flushing) on_persisted(*open);
        co_return;
    }
    bool const is_written = co_await apply_until_written(id, std::move(*event));
    if (is_result && is_written) agents_.confirm(open->task.agent, id);
}

} // namespace elves
