#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "active_run.hpp"
#include "elves/asio.hpp"
#include "elves/caller.hpp"
#include "elves/clock.hpp"
#include "elves/one_at_a_time.hpp"
#include "elves/one_shot.hpp"
#include "elves/services/agent_directory.hpp"
#include "elves/services/authority.hpp"
#include "elves/services/metrics.hpp"
#include "elves/services/presence.hpp"
#include "elves/services/start_gate.hpp"
#include "elves/services/targets.hpp"
#include "elves/services/task_engine.hpp"
#include "elves/store.hpp"
#include "run_planner.hpp"

namespace elves {

/// Carries out runs: starts their hosts as `decide` says, and keeps what came of each. The one owner of every
/// run that has not ended. On the loop's thread. All that it is made of outlives it.
class Runs {
public:
    struct House {
        TaskEngine& engine;
        Presence& presence;
        AgentDirectory const& agents;
        Targets& targets;
        Authority const* authority; ///< Null where there are no keys.
        StartGate& gate;
        Store& store;
        Clock& clock;
        Zone zone;
        LoopExecutor loop;
    };
    explicit Runs(House house);

    void set_give_up(std::chrono::milliseconds give_up) { give_up_ = give_up; }
    /// Takes up the runs that had not ended.
    void start();
    void stop();

    [[nodiscard]] RunPlanner& planner() noexcept { return planner_; }
    using RunPtr = std::shared_ptr<FleetRun const>;
    /// A run that is on disk, as it is now: it may go on at the next co_await.
    struct Begun {
        RunPtr run;
        std::string digest; ///< Of its list of hosts.
    };
    /// The same one for the same `dedup` of the same key.
    [[nodiscard]] asio::awaitable<Begun> begin(RunSpec spec, Caller caller);
    /// A new run of those hosts of an old one that are in one of `states`.
    [[nodiscard]] asio::awaitable<Begun> retry(
        TaskId of, std::set<std::string> states, RunSpec spec, Caller caller);

    /// A firing of a schedule, on disk with what `first` writes before it; what that throws undoes all. `run`
    /// says which schedule, which time, and whose.
    [[nodiscard]] asio::awaitable<Begun> begin_firing(FleetRun run, RunPlan plan, Store::Work first);
    /// A run of that schedule has not ended.
    [[nodiscard]] bool has_open_run_of(TaskId schedule) const;

    enum class Steer { pause, resume, stop, cancel };
    /// Returns when it is on disk. Throws Error 417.1, 401.6, 409.3.
    [[nodiscard]] asio::awaitable<RunHead> steer(
        TaskId id, Steer what, std::optional<RunAmount> max_fail, Caller caller);

    /// As it is now, with its hosts; it may go on at the next co_await. Throws Error 417.1.
    [[nodiscard]] asio::awaitable<RunPtr> find(TaskId id);
    /// The same of one that has not ended, at once; null where it has.
    [[nodiscard]] RunPtr find_open(TaskId id) const;
    /// The state of a host: `held`, what its task's is, or `not_started`.
    [[nodiscard]] std::string state_of(RunHost const& host) const;
    /// How many of its hosts are in each state. Of a run that goes on it costs as much as it has open tasks.
    using Counts = std::map<std::string, std::size_t>;
    [[nodiscard]] Counts counts_of(FleetRun const& run) const;

    /// What is new of a run, by a number that grows with each change.
    struct News {
        std::uint64_t seq = 0;
        RunState state = RunState::pending;
        RunWhy why = RunWhy::none;
        std::vector<std::pair<Ip, std::string>>
            ended{}; ///< Hosts that came to an end since then, oldest first.
    };
    /// At once where something is newer than `since`, else when something is, 25 s at most. Of a run
    /// that goes on one answer has 1,000 hosts at most, and `seq` is of the last of them.
    [[nodiscard]] asio::awaitable<News> watch(TaskId id, std::uint64_t since);

    /// The numbers of runs: those that are open, and how many have ended since the start.
    void write_metrics(MetricWriter& to) const;

private:
    /// One that has not ended, with what belongs to it in memory.
    struct Entry {
        Entry(FleetRun begun, Instant now) : run(std::move(begun), now) {}
        ActiveRun run;
        Timer timer;
        std::uint64_t seq = 1;
        std::vector<std::pair<std::uint64_t, std::size_t>> ended; ///< By number: places.
        std::vector<OneShot<bool>> watchers;
        /// Places whose agent was away when they were due.
        std::map<std::size_t, Clock::Steady> wait_until;
        bool is_older = false;      ///< It was there before this server started.
        std::set<std::string> free; ///< What may have become free at the gate, and some hosts wait for.
        OneAtATime steering;        ///< Two that steer one run do so one after the other.
        bool is_steered = false;    ///< What somebody asked for is being written.
        bool pump_due = false;
        bool is_writing = false;
        bool has_unwritten = false;
    };
    using EntryPtr = std::shared_ptr<Entry>;
    /// Before the next try of what the disk, or the engine, refused for a moment.
    static constexpr std::chrono::milliseconds retry_pause{2'000};

    // run_start.cpp
    [[nodiscard]] asio::awaitable<Begun> record(
        FleetRun run, RunPlan plan, Store::Work also, Store::Work first = {});
    [[nodiscard]] FleetRun made_of(RunSpec spec, Caller const& caller) const;
    [[nodiscard]] EntryPtr activate(FleetRun run);
    [[nodiscard]] asio::awaitable<void> take_up(FleetRun run);
    [[nodiscard]] asio::awaitable<std::optional<RunOutcome>> outcome_of(TaskId task);
    [[nodiscard]] asio::awaitable<std::optional<RunOutcome>> outcome_until_read(TaskId task);

    // runs.cpp
    void pump_soon(EntryPtr const& entry);
    void pump(EntryPtr const& entry);
    [[nodiscard]] bool apply(EntryPtr const& entry, RunStep const& step);
    void let_through(Entry& entry);
    void gate_is_free(std::string const& place);
    void pause_for(EntryPtr const& entry, RunWhy why);
    void finished(Task const& task);
    void host_ended(EntryPtr const& entry, std::size_t place, Task const& task);
    void agent_is_back(Ip const& agent);
    void changed(EntryPtr const& entry);
    void write_soon(EntryPtr const& entry);
    [[nodiscard]] asio::awaitable<void> write(EntryPtr entry);
    [[nodiscard]] EntryPtr entry_of(TaskId id) const;
    [[nodiscard]] std::string open_state(TaskId task) const;

    // run_hosts.cpp
    void begin_ready(EntryPtr const& entry, std::size_t most, std::size_t& left);
    [[nodiscard]] bool is_held_back(Entry& entry, std::size_t place);
    [[nodiscard]] bool waits_for_agent(Entry& entry, std::size_t place);
    [[nodiscard]] bool key_allows(FleetRun const& run, Ip const& host) const;
    void open(EntryPtr const& entry, std::size_t place);
    [[nodiscard]] asio::awaitable<void> start_hosts(EntryPtr entry, std::vector<std::size_t> places);
    [[nodiscard]] TaskEngine::Order order_for(FleetRun const& run, std::size_t place) const;
    [[nodiscard]] asio::awaitable<void> expire_host(EntryPtr entry, std::size_t place);
    void not_recorded(EntryPtr const& entry, std::size_t place, Error const& error);

    // run_steering.cpp
    [[nodiscard]] asio::awaitable<void> write_steering(EntryPtr entry, RunHead head, Store::Work also);
    [[nodiscard]] asio::awaitable<void> cancel_open(EntryPtr entry);

    House house_;
    RunPlanner planner_;
    std::chrono::milliseconds give_up_{std::chrono::hours(7 * 24)};
    std::map<RunState, std::uint64_t> ended_; ///< Since the start.
    Clock::Steady grace_until_{};             ///< Until then an agent that is away may be on its way back.
    std::map<TaskId, EntryPtr> active_;
    std::multiset<TaskId> taken_up_;               ///< Schedules whose runs are being taken up after a start.
    std::unordered_map<TaskId, EntryPtr> by_task_; ///< Of open tasks.
    OneAtATime beginnings_;                        ///< Two with one `dedup` are one.
    bool is_stopping_ = false;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

} // namespace elves
