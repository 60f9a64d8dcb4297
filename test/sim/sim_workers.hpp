#pragma once

#include <map>
#include <string>

#include "agent/workers.hpp"
#include "sim/invariants.hpp"
#include "sim/process.hpp"

namespace elves::sim {

/// Workers without processes: each runs for a while and says something of its own, or nothing in time, or
/// dies. A process that ends takes its workers with it.
class SimWorkers final : public agent::Workers {
public:
    SimWorkers(Process& home, Invariants& invariants) : home_(home), invariants_(invariants) {}

    void run(TaskId id, Instruction const& ins, OnOutput on_output, OnDone on_done) override;
    void cancel(TaskId id) override;
    void shutdown() override;

private:
    struct Running {
        OnOutput on_output;
        OnDone on_done;
        Steady begun;
        int lines = 0; ///< That it has printed.
    };
    [[nodiscard]] WorkerReport last_words(TaskId id, Instruction const& ins);
    void print_later(TaskId id, std::chrono::microseconds delay);
    void print(TaskId id, OutputStream stream);
    void end(TaskId id, WorkerReport report);
    void end_later(TaskId id, std::chrono::microseconds delay, WorkerReport report);

    Process& home_;
    Invariants& invariants_;
    std::map<TaskId, Running> running_;
};

} // namespace elves::sim
