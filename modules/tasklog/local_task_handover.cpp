// How the task engine hands tasks over to their agents: at once, when there is room on the link, or when the
// agent comes.
#include <boost/asio/post.hpp>
#include <utility>

#include "elves/error.hpp"
#include "elves/log.hpp"
#include "local_task_engine.hpp"
#include "sending.hpp"
#include "task_records.hpp"

namespace elves {

/// A new task that is `sent` or `waiting`: answers once it is known whether its agent takes it, or must not
/// be waited for.
void LocalTaskEngine::hand_over(
    OpenTaskPtr const& open, SharedTask task, std::shared_ptr<Sending> const& sending)
{
    bool const is_waiting = task->status == TaskStatus::waiting;
    // Offline, and it waits under its ttl: that is the answer.
    if (is_waiting && !presence_.link(task->agent)) return sending->later.set({open->task, true});
    auto const waiter =
        add_waiter(open->handover_waiters, std::move(sending->caller), [open = open.get(), sending](End) {
            sending->later.set({open->task, true});
        });
    if (is_waiting) {
        hand_over_next(open->task.agent);
        if (!open->gate_place.empty()) return end_handover_wait(open, waiter);
    } else if (auto& flow = flow_of(*open); flow.has_room() && !flow.has_ready()) {
        take_slot(*open);
        return hand_over_now(open, std::move(task));
    } else {
        open->is_ready = true;
        flow.push_ready({open, std::move(task)});
    }
    limit_handover_wait(open, waiter);
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
            hand_over_now(open, std::move(task));
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

void LocalTaskEngine::hand_over_now(OpenTaskPtr const& open, SharedTask task)
{
    auto const begun = clock_.steady();
    auto const handover = task->handover;
    auto const link = presence_.link(task->agent);
    Peer const* const peer = link.get();
    // Before anything else: who registers now would be asked about it.
    open->in_flight = peer;
    // Closed already, though nobody has been told yet: nothing can be written to it.
    if (!link || !link->is_open()) {
        asio::post(loop_, [this, open, peer, task = std::move(task)] {
            end_handover(open, peer, life::AgentOffline{not_online(task->agent), task->handover});
        });
        return;
    }
    open->handover_limit = clock_.after(timeouts_.handover, [this, open = open.get(), handover, begun] {
        time_out_handover(open->shared_from_this(), handover, begun);
    });
    auto const limit = timeouts_.handover + task->ins.timeout + transitions_.lost_after();
    task->start_by = start_by(*open);
    auto& sent = *task;
    agents_.instruct(*link, sent, limit,
        [this, open, peer, task = std::move(task), begun](
            std::exception_ptr const& failure, Back const& back) {
            end_handover(open, peer, agents_.handover_event(failure, back, *task, begun));
        });
}

/// Frees its room: one that is not answered delays no other. The answer may still come.
void LocalTaskEngine::time_out_handover(OpenTaskPtr const& open, std::uint32_t handover, Clock::Steady begun)
{
    free_slot(*open);
    Error const silent(codes::agent_silent, "agent " + open->task.agent.text() + " did not say within " +
                                                std::to_string(timeouts_.handover.count()) +
                                                " s that it took it");
    life::Event event = life::HandoverTimedOut{silent.info(),
        std::chrono::duration_cast<std::chrono::milliseconds>(clock_.steady() - begun), handover};
    if (transitions_.stage(open, event)) return answer_all(open->handover_waiters, End::late);
    transitions_.apply(open, std::move(event))
        .then([open](std::exception_ptr const& failure, life::Decision const&) {
            if (failure) log_not_written(open->task.id, failure);
            answer_all(open->handover_waiters, End::late);
        });
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
        hand_over_now(open, std::move(task));
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

/// What came of one hand-over on `link`; null where there was none.
void LocalTaskEngine::end_handover(OpenTaskPtr const& open, Peer const* link, life::Event event)
{
    if (open->in_flight == link) {
        open->in_flight = nullptr;
        open->handover_limit.stop();
    }
    bool const is_taken = std::holds_alternative<life::Taken>(event);
    if (is_taken) {
        open->flow->on_taken();
    } else if (std::holds_alternative<life::AgentBusy>(event) ||
               std::holds_alternative<life::NeverStarted>(event)) {
        on_busy(open->task.agent);
    }
    // Before its result, which may be the next that comes: they are written together then.
    bool const may_be_staged = is_taken || std::holds_alternative<life::HandoverTimedOut>(event);
    bool const is_staged = may_be_staged && transitions_.stage(open, event);
    free_slot(*open);
    if (!is_staged) spawn(write_event(open->task.id, std::move(event)), open->task.id);
}

asio::awaitable<void> LocalTaskEngine::write_event(TaskId id, life::Event event)
{
    co_await apply_until_written(id, std::move(event));
}

void LocalTaskEngine::on_busy(Ip const& agent)
{
    flows_[agent].on_busy(clock_, [this, agent] { hand_over_next(agent); });
}

/// Hands a task of type rt over, whose answer is its result: it takes no room of other hand-overs.
void LocalTaskEngine::run_soon(OpenTaskPtr const& open, SharedTask task)
{
    auto const link = presence_.link(task->agent);
    Peer const* const peer = link.get();
    open->in_flight = peer;
    if (!link || !link->is_open()) {
        asio::post(loop_, [this, open, peer, task = std::move(task)] {
            end_run(open, peer, life::AgentOffline{not_online(task->agent), task->handover});
        });
        return;
    }
    auto const begun = clock_.steady();
    // Beyond its timeout too: a result that comes late on this link is still a result.
    auto const limit = task->ins.timeout + transitions_.lost_after();
    task->start_by = start_by(*open);
    auto& sent = *task;
    agents_.instruct(*link, sent, limit,
        [this, open, peer, task = std::move(task), begun](std::exception_ptr const& failure,
            Back const& back) { end_run(open, peer, agents_.run_event(failure, back, *task, begun)); });
}

/// `event`: nothing where no answer came.
void LocalTaskEngine::end_run(OpenTaskPtr const& open, Peer const* link, std::optional<life::Event> event)
{
    if (open->in_flight == link) open->in_flight = nullptr;
    if (!event) return;
    bool const is_result = std::holds_alternative<life::Reported>(*event);
    // Whoever waits hears of a result now, and the disk a moment later: the agent keeps it until then.
    if (is_result && transitions_.stage(open, *event)) {
        open->confirm_due = true;
        // A second result changes nothing, and is confirmed all the same.
        if (!open->is_ahead && !open->is_flushing) on_persisted(*open);
        return;
    }
    spawn(write_run_end(open, std::move(*event)), open->task.id);
}

asio::awaitable<void> LocalTaskEngine::write_run_end(OpenTaskPtr open, life::Event event)
{
    bool const is_result = std::holds_alternative<life::Reported>(event);
    auto const id = open->task.id;
    bool const is_written = co_await apply_until_written(id, std::move(event));
    if (is_result && is_written) agents_.confirm(open->task.agent, id);
}

} // namespace elves
