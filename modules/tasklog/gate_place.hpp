#pragma once

#include <utility>

#include "elves/services/start_gate.hpp"
#include "elves/task.hpp"
#include "local_task_engine.hpp"

namespace elves {

/// The place that a new task takes at the gate while it is being recorded: given back unless it was.
class LocalTaskEngine::GatePlace {
public:
    /// `gate`: null where there is none.
    explicit GatePlace(StartGate* gate) : gate_(gate) {}
    GatePlace(GatePlace const&) = delete;
    GatePlace& operator=(GatePlace const&) = delete;
    ~GatePlace() { give_back(); }
    void take(Task const& task)
    {
        if (!gate_) return;
        task_ = task.id;
        is_taken_ = true;
        gate_->begun(task.id, task.agent, task.ins);
    }
    void keep() noexcept { is_taken_ = false; }
    void give_back()
    {
        if (std::exchange(is_taken_, false)) gate_->ended(task_);
    }

private:
    StartGate* gate_;
    TaskId task_{};
    bool is_taken_ = false;
};

} // namespace elves
