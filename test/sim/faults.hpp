#pragma once

#include <vector>

#include "sim/world.hpp"

namespace elves::sim {

/// What goes wrong: one thing after the other, of some kinds that this run has, until it is over.
class Faults {
public:
    explicit Faults(World& world);
    void begin();
    /// Nothing goes wrong from now on, and what is wrong is put right.
    void end();

private:
    using Fault = void (Faults::*)();

    void next();
    void crash();
    void stop();
    void part();
    void cut();
    void pause();
    void fill_disk();
    void slow_disk();
    void refuse_writes();
    void slow_network();
    void jump();
    void upset_processor();
    /// After a while, unless the faults are over by then.
    void later(std::chrono::microseconds least, std::chrono::microseconds most, std::function<void()> then);
    void crash_now(Machine& machine);
    [[nodiscard]] Machine& any_program();
    [[nodiscard]] SimDisk& disk_of(Machine const& machine);
    [[nodiscard]] SimDisk& any_disk();

    World& world_;
    Nature& nature_;
    std::vector<Fault> kinds_;
    std::shared_ptr<int> going_on_ = std::make_shared<int>(0);
};

} // namespace elves::sim
