#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "sim/invariants.hpp"
#include "sim/process.hpp"

namespace elves::sim {

class GateWatch;
class JournalWatch;
class LogWatch;
class RunWatch;
class ScheduleWatch;
class SimDisk;
class SimNetwork;

/// What must happen, and within which time, once nothing is in the way. Looks at everything from outside:
/// rows as they are committed, what clients are told, which machines, disks and wires are well. Its verdicts
/// are those of `Invariants::broken`, by these names: handed-over-soon, reported-soon, fired-soon,
/// expired-after-ttl, undelivered-rightly, no-start-after-end, make-up-reaches, run-silent; and schedule-once
/// where a due time is accounted for too late.
class Liveness {
public:
    struct Server {
        Machine const& machine;
        SimDisk const& disk;
        LogWatch const& watch;
        RunWatch const& runs;
        ScheduleWatch const& schedules;
        GateWatch const& gates;
    };
    struct Agent {
        Machine const& machine;
        SimDisk const& disk;
        JournalWatch const& watch;
    };
    Liveness(Nature& nature, Invariants& invariants, SimNetwork const& network, Server server);
    void add(Agent agent);
    /// From now on, once a second.
    void begin();

    // What Invariants is told, handed on once a row is in its facts.
    void log_wrote(LogRow const& row, bool was_final);
    void journal_wrote(std::string const& agent, JournalRow const& row);
    void worker_started(TaskId id);
    /// The agent was told that the server has registered it, in this life of the server.
    void registered(std::string const& agent);
    /// The server has registered it. The agent may never hear of that.
    void server_registered(Ip const& agent);
    /// A reply said that a task has ended and was never started, or did not end in time.
    void told_end(TaskId id, std::string const& what);
    /// The task makes up for missed firings.
    void makes_up(TaskId id);
    /// Before the server's time of day is set.
    void server_clock_jumps();

private:
    /// For how long something has been well.
    class Spell {
    public:
        void see(bool is_well, std::uint64_t life, Steady now);
        /// Not while it is not well.
        [[nodiscard]] bool has_lasted(std::chrono::seconds time, Steady now) const;
        [[nodiscard]] std::optional<Steady> since() const noexcept { return since_; }

    private:
        std::optional<Steady> since_;
        std::uint64_t life_ = 0;
    };
    struct AgentState {
        Agent agent;
        Spell is_up{};    ///< The program runs and its disk works.
        Spell can_talk{}; ///< And it is registered, on a network that works, with a server that does.
        Spell has_room{}; ///< And it could take one more task.
        Spell is_near{};  ///< The program runs, its disk and its way to the server work, registered or not.
        std::set<TaskId> unfinished{}; ///< In its journal.
        std::set<TaskId> unconfirmed{};
        std::uint64_t known_in = 0;      ///< The last life of the server that registered it.
        std::uint64_t registered_in = 0; ///< The last one of which it was told so.
        Instant registered_at{};         ///< When, by the server's clock.
        std::uint64_t registered_on = 0; ///< So many wires had broken by then: one of them may be its last.
    };
    struct Open {
        Steady since; ///< It could be handed over since then.
    };

    void look();
    void look_at(AgentState& state);
    void look_at_gates();
    void check_handovers(AgentState const& state);
    void check_reports(AgentState const& state);
    void check_firings();
    void check_run_task(LogRow const& row);
    void check_make_up(LogRow const& row);
    [[nodiscard]] bool is_well(Machine const& machine, SimDisk const& disk) const;
    /// The ttl is over by the server's clock, or by a right one.
    [[nodiscard]] bool ttl_is_over(LogRow const& row) const;
    /// A wire between the agent and the server has broken since it was told that it is registered.
    [[nodiscard]] bool has_broken_wire(AgentState const& state) const;
    [[nodiscard]] AgentState* state_of(std::string const& agent);
    void broken(std::string invariant, std::string what) const;

    Nature& nature_;
    Invariants& invariants_;
    SimNetwork const& network_;
    Server server_;
    Spell server_is_up_;
    /// The server's life, since when, and how often its clock had been set by then.
    struct Life {
        std::uint64_t number = 0;
        Steady since{};
        std::uint64_t jumps = 0;
    };
    Life server_life_;
    std::vector<std::unique_ptr<AgentState>> agents_;
    std::map<TaskId, Open> open_;
    /// Make-up runs, and `registered_on` of their agent then; nothing where the server had no link of it.
    std::map<TaskId, std::optional<std::uint64_t>> made_up_;
    std::map<TaskId, Steady> accepted_;
    std::map<TaskId, Steady> ended_; ///< In a journal.
    std::map<TaskId, std::string> told_;
    std::vector<std::pair<Steady, Instant>> before_jumps_; ///< What the server's clock said then.
    int seconds_ = 0;
};

} // namespace elves::sim
