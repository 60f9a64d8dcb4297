#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sim/client.hpp"
#include "sim/gate_watch.hpp"
#include "sim/invariants.hpp"
#include "sim/journal_watch.hpp"
#include "sim/liveness.hpp"
#include "sim/log_watch.hpp"
#include "sim/run_watch.hpp"
#include "sim/schedule_watch.hpp"
#include "sim/sim_agent.hpp"
#include "sim/sim_processor.hpp"
#include "sim/sim_server.hpp"

namespace elves::sim {

/// A known bug, planted to see that it is found.
enum class Plant {
    none,
    forgetful_server, ///< Its disk confirms some writes and does not keep them.
    forgetful_agent,
    hasty_server, ///< Its disk confirms some writes before it has them.
    garbler,      ///< The network turns some results into others.
    // These are for what must happen.
    lost_handovers, ///< No handover reaches an agent.
    lost_reports,   ///< No result reaches the server by itself.
    late_handovers, ///< Some handovers come late, and without a word of when they are too late.
    lost_timers,    ///< Some of the server's timers never ring.
    expires_early,  ///< Some tasks that wait for their agent are called expired at once.
    gives_up,       ///< The same, called undelivered.
    no_make_up,     ///< Runs that make up for missed ones are called undelivered.
    lost_output,    ///< Of what workers print the server keeps the beginning only.
    // These are of runs.
    run_twice,           ///< RunBug::sends_twice
    run_other_list,      ///< Some hosts of a run become others.
    run_wrong_sum,       ///< Of some ended runs the state of a host is lost.
    run_hidden_failures, ///< RunBug::hides_failures
    run_early_waves,     ///< RunBug::ends_early
    run_lost_ends,       ///< RunBug::loses_ends
    run_no_grace,        ///< RunBug::gives_no_grace
    run_late_starts,     ///< RunBug::starts_late
    // These are of schedules, windows and caps.
    schedule_twice, ///< The log of firings loses which time each was for.
    windows_open,   ///< RunBug::opens_windows
    caps_overrun,   ///< RunBug::loses_places
};

struct Options {
    std::uint64_t seed = 1;
    std::int64_t steps = 10'000; ///< As long as things go wrong; then as many as it takes to come to rest.
    Plant plant = Plant::none;
    bool keep_trace = false;
    bool print_trace = false;
};

/// What a run came to.
struct Outcome {
    std::optional<Violation> violation;
    std::int64_t steps = 0;
    std::size_t tasks = 0;
    Tally tally;
    std::uint64_t digest = 0; ///< The same for two runs that went the same way.
    std::vector<std::string> trace;
};

/// One run: a server, some agents, clients and a processor, each in a process of its own that may end between
/// any two of its handlers; and what befalls them. Everything hangs on the seed.
class World {
public:
    explicit World(Options const& options);
    ~World();
    World(World const&) = delete;
    World& operator=(World const&) = delete;

    [[nodiscard]] Outcome run();

private:
    friend class Faults;
    struct Agent {
        Agent(World& world, std::size_t number);
        Machine machine;
        SimDisk disk;
        JournalWatch watch;
    };
    void watch_liveness();
    void plant(Plant bug);
    void watch_server();
    bool step();
    void run_for(std::chrono::seconds time);
    void calm_down();
    void check_times();
    void come_to_rest();
    [[nodiscard]] bool is_at_rest();
    void start(Machine& machine);
    void kill(Machine& machine);
    void look_for_ends();
    [[nodiscard]] bool broken() const { return invariants_.violation().has_value(); }

    Options options_;
    Nature nature_;
    Invariants invariants_;
    SimNetwork network_;
    Machine server_{"server", "10.0.0.1"};
    Machine processor_{"processor", "10.0.0.2"};
    Machine clients_{"clients", "10.0.0.3"};
    Zone zone_;
    std::chrono::seconds give_up_;
    RunBug run_bug_;
    /// What its clients mostly do, and with how many agents.
    enum class Kind { ordinary, fleet, gates };
    Kind kind_;
    SimDisk server_disk_;
    RunWatch run_watch_;
    GateWatch gate_watch_;
    LogWatch log_watch_;
    ScheduleWatch schedule_watch_;
    std::vector<std::unique_ptr<Agent>> agents_;
    std::vector<Machine*> machines_;
    std::vector<std::unique_ptr<Process>> processes_; ///< One for each machine, null while it is down.
    std::unique_ptr<class Faults> faults_;
    std::unique_ptr<Liveness> liveness_;
    std::int64_t steps_ = 0;
};

} // namespace elves::sim
