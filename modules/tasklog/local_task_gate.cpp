// How the task engine asks the start gate, and what waits there.
#include <utility>

#include "gate_place.hpp"
#include "local_task_engine.hpp"

namespace elves {

void LocalTaskEngine::set_start_gate(StartGate& gate)
{
    gate_ = &gate;
    gate.on_free([this](std::string const& place) { hand_over_freed(place); });
}

void LocalTaskEngine::require_may_start(Ip const& agent, Instruction const& ins) const
{
    if (!gate_) return;
    if (auto const obstacle = gate_->obstacle(agent, ins)) throw obstacle->error();
}

/// "" where it may start. Throws Error 423.1 where it may not, and does not wait for it.
std::string LocalTaskEngine::why_held_back(Order const& order) const
{
    if (!gate_ || order.is_forced) return {};
    auto const obstacle = gate_->obstacle(order.agent, order.ins);
    if (!obstacle) return {};
    bool const waits =
        obstacle->is_full && order.type == TaskType::async && order.ins.ttl > std::chrono::seconds(0);
    if (!waits) throw obstacle->error();
    return obstacle->error().info();
}

/// Its turn has come. Where the gate is closed for it, it waits there, and its agent's other tasks go first;
/// otherwise it has a place from now on.
bool LocalTaskEngine::is_held_back(OpenTaskPtr const& open)
{
    if (!gate_) return false;
    auto const& task = open->task;
    auto const obstacle = open->is_forced ? std::nullopt : gate_->obstacle(task.agent, task.ins);
    if (!obstacle) {
        gate_->begun(task.id, task.agent, task.ins);
        return false;
    }
    open->gate_place = obstacle->place;
    held_back_[open->gate_place].insert(task.id);
    registry_.update_lists(*open);
    static_cast<void>(transitions_.stage(open, life::HeldBack{obstacle->error().info()}));
    return true;
}

/// Keeps what the gate knows of a task as the task is now.
void LocalTaskEngine::tell_gate(OpenTask& open)
{
    auto const& task = open.task;
    if (task.status == TaskStatus::waiting) {
        // Its agent did not take it, or was gone: it takes no place until it is handed over again.
        if (!open.is_being_sent) gate_->ended(task.id);
        return;
    }
    if (!is_final(task.status)) gate_->begun(task.id, task.agent, task.ins);
    if (open.gate_place.empty()) return;
    auto const found = held_back_.find(std::exchange(open.gate_place, {}));
    if (found == held_back_.end()) return;
    found->second.erase(task.id);
    if (found->second.empty()) held_back_.erase(found);
}

/// Windows or caps are others than before: all that wait at the gate ask it again, the oldest first.
void LocalTaskEngine::hand_over_all_held_back()
{
    std::set<TaskId> all;
    for (auto& [place, tasks] : std::exchange(held_back_, {})) all.merge(tasks);
    for (auto const id : all) {
        auto const open = registry_.find(id);
        if (!open || open->gate_place.empty()) continue;
        open->gate_place.clear();
        registry_.update_lists(*open);
        hand_over_next(open->task.agent);
    }
}

/// Hands over what waits for that place, the oldest first, until it is taken again. `place`: "" for any.
void LocalTaskEngine::hand_over_freed(std::string const& place)
{
    if (is_stopping_) return;
    if (place.empty()) return hand_over_all_held_back();
    for (auto found = held_back_.find(place); found != held_back_.end(); found = held_back_.find(place)) {
        auto const id = *found->second.begin();
        found->second.erase(found->second.begin());
        if (found->second.empty()) held_back_.erase(found);
        auto const open = registry_.find(id);
        if (!open || open->gate_place != place) continue;
        open->gate_place.clear();
        registry_.update_lists(*open);
        hand_over_next(open->task.agent);
        if (open->gate_place == place) return;
    }
}

void LocalTaskEngine::write_metrics(MetricWriter& to) const
{
    std::map<std::string_view, std::size_t> waiting{{"window", 0}, {"cap", 0}};
    for (auto const& [place, tasks] : held_back_) waiting[gate_kind(place)] += tasks.size();
    for (auto const& [kind, count] : waiting) {
        to.gauge(
            "gate_waiting", gate_waiting_help, static_cast<double>(count), {{"of", "task"}, {"why", kind}});
    }
}

} // namespace elves
