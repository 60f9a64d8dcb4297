#include "sim/faults.hpp"

namespace elves::sim {

using namespace std::chrono_literals;

/// No clock is so wrong that a day passes by it: some promises are kept for a day.
static constexpr auto most_off = 6h;

Faults::Faults(World& world) : world_(world), nature_(world.nature_)
{
    // Each run has some kinds only: one that happens all the time would hide what the others do.
    for (auto const kind : {&Faults::crash, &Faults::stop, &Faults::part, &Faults::cut, &Faults::pause,
             &Faults::fill_disk, &Faults::slow_disk, &Faults::refuse_writes, &Faults::slow_network,
             &Faults::jump, &Faults::upset_processor}) {
        if (nature_.random.chance(500)) kinds_.push_back(kind);
    }
}

void Faults::begin() { next(); }

void Faults::next()
{
    if (kinds_.empty()) return;
    later(100ms, 20s, [this] {
        (this->*nature_.random.pick(kinds_))();
        next();
    });
}

void Faults::later(
    std::chrono::microseconds least, std::chrono::microseconds most, std::function<void()> then)
{
    nature_.time.after(
        nature_.random.time(least, most), [then = std::move(then), going_on = std::weak_ptr(going_on_)] {
            if (!going_on.expired()) then();
        });
}

Machine& Faults::any_program()
{
    // The server as often as all agents together.
    if (nature_.random.chance(500)) return world_.server_;
    return nature_.random.pick(world_.agents_)->machine;
}

SimDisk& Faults::disk_of(Machine const& machine)
{
    for (auto const& agent : world_.agents_)
        if (&agent->machine == &machine) return agent->disk;
    return world_.server_disk_;
}

SimDisk& Faults::any_disk()
{
    if (nature_.random.chance(500)) return world_.server_disk_;
    return nature_.random.pick(world_.agents_)->disk;
}

void Faults::crash()
{
    auto& machine = any_program();
    if (!machine.process) return;
    auto then = [this, &machine] {
        if (machine.process) crash_now(machine);
    };
    if (nature_.random.chance(300)) {
        auto& disk = disk_of(machine);
        disk.crash_before_commit = nature_.random.chance(500);
        disk.crash_at_write = std::move(then);
        return;
    }
    // Not now but a little later: between whichever two handlers that is.
    later(0us, 20ms, std::move(then));
}

void Faults::crash_now(Machine& machine)
{
    ELVES_SIM_TRACE(nature_.trace, "fault: " << machine.name << " crashes");
    nature_.tally.see(Sight::crash);
    world_.kill(machine);
    later(0ms, nature_.random.chance(700) ? 2s : 100s, [this, &machine] { world_.start(machine); });
}

void Faults::stop()
{
    auto& machine = any_program();
    if (!machine.process || machine.paused) return;
    ELVES_SIM_TRACE(nature_.trace, "fault: " << machine.name << " is stopped");
    nature_.tally.see(Sight::stop);
    if (&machine == &world_.server_) {
        static_cast<SimServer*>(machine.process)->stop();
    } else {
        static_cast<SimAgent*>(machine.process)->stop();
    }
}

void Faults::part()
{
    std::vector<Machine*> others{&world_.processor_, &world_.clients_};
    for (auto const& agent : world_.agents_) others.insert(others.end(), 2, &agent->machine);
    auto& other = *nature_.random.pick(others);
    ELVES_SIM_TRACE(nature_.trace, "fault: server and " << other.name << " are parted");
    nature_.tally.see(Sight::parted);
    world_.network_.part(world_.server_, other);
    later(10ms, nature_.random.chance(600) ? 3s : 120s, [this, &other] {
        ELVES_SIM_TRACE(nature_.trace, "server and " << other.name << " are joined");
        world_.network_.join(world_.server_, other);
    });
}

void Faults::cut()
{
    if (world_.network_.cut_one()) nature_.tally.see(Sight::wire_cut);
}

void Faults::pause()
{
    auto& machine = any_program();
    if (!machine.process || machine.paused) return;
    ELVES_SIM_TRACE(nature_.trace, "fault: " << machine.name << " stands still");
    nature_.tally.see(Sight::pause);
    machine.paused = true;
    later(1ms, nature_.random.chance(600) ? 3s : 100s, [this, &machine] {
        ELVES_SIM_TRACE(nature_.trace, machine.name << " goes on");
        machine.paused = false;
        if (&machine == &world_.server_) world_.gate_watch_.server_was_slow();
    });
}

void Faults::fill_disk()
{
    auto& disk = any_disk();
    ELVES_SIM_TRACE(nature_.trace, "fault: the disk of " << disk.name() << " is full");
    nature_.tally.see(Sight::disk_full);
    disk.faults.full = true;
    later(1ms, nature_.random.chance(700) ? 3s : 60s, [&disk] { disk.faults.full = false; });
}

void Faults::slow_disk()
{
    auto& disk = any_disk();
    ELVES_SIM_TRACE(nature_.trace, "fault: the disk of " << disk.name() << " is slow");
    nature_.tally.see(Sight::slow_disk);
    disk.faults.slow = nature_.random.time(100ms, 4s);
    later(1s, 30s, [this, &disk] {
        disk.faults.slow = 0us;
        world_.gate_watch_.server_was_slow();
    });
}

void Faults::refuse_writes()
{
    auto& disk = any_disk();
    disk.faults.refuses = 100;
    later(1s, 30s, [&disk] { disk.faults.refuses = 0; });
}

void Faults::slow_network()
{
    nature_.tally.see(Sight::slow_network);
    world_.network_.slow = nature_.random.time(10ms, 3s);
    later(1s, 20s, [this] { world_.network_.slow = 0us; });
}

void Faults::jump()
{
    auto& machine = any_program();
    auto const by =
        nature_.random.chance(500) ? nature_.random.time(-20s, 20s) : nature_.random.time(-2h, 2h);
    auto const off = machine.off + std::chrono::duration_cast<std::chrono::milliseconds>(by);
    if (std::chrono::abs(off) > most_off) return;
    if (world_.liveness_ && &machine == &world_.server_) world_.liveness_->server_clock_jumps();
    if (&machine == &world_.server_) world_.gate_watch_.server_clock_jumps();
    machine.off = off;
    ++machine.jumps;
    nature_.tally.see(by > 0us ? Sight::clock_forward : Sight::clock_back);
    ELVES_SIM_TRACE(
        nature_.trace, "fault: the clock of " << machine.name << " jumps by " << by.count() << " us");
}

void Faults::upset_processor()
{
    if (!world_.processor_.process) return;
    auto& processor = *static_cast<SimProcessor*>(world_.processor_.process);
    processor.moods = static_cast<int>(nature_.random.between(100, 1000));
    later(1s, 60s, [&processor] { processor.moods = 0; });
}

void Faults::end()
{
    going_on_ = std::make_shared<int>(0);
    world_.network_.join_all();
    world_.network_.slow = 0us;
    world_.gate_watch_.server_was_slow();
    static_cast<SimProcessor*>(world_.processor_.process)->moods = 0;
    for (auto* const machine : world_.machines_) {
        machine->paused = false;
        if (!machine->process) world_.start(*machine);
    }
    std::vector<SimDisk*> disks{&world_.server_disk_};
    for (auto const& agent : world_.agents_) disks.push_back(&agent->disk);
    for (auto* const disk : disks) {
        disk->crash_at_write = nullptr;
        disk->faults.full = false;
        disk->faults.slow = 0us;
        disk->faults.refuses = 0;
    }
}

} // namespace elves::sim
