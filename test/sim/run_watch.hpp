#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "elves/sql.hpp"
#include "run/run_life.hpp"
#include "sim/invariants.hpp"

namespace elves::sim {

/// The limits that a client gave to a run: what the run may do is taken from here, and not from the server.
struct RunAsk {
    std::string waves = "100%";
    std::size_t parallel = 50;
    std::size_t max_fail = 0;
    bool is_percent = false; ///< `max_fail` is a percentage.
    bool is_strict = false;
    bool silent_fails = false;
    std::chrono::seconds ttl{0};
    std::optional<TaskId> retry_of{};

    [[nodiscard]] std::size_t max_fail_of(std::size_t hosts) const
    {
        return is_percent ? hosts * max_fail / 100 : max_fail;
    }
};

/// Sees what is committed to the server's disk of runs, by triggers of its own, and knows what must never be
/// of a run: run-once, run-sum, run-frozen, run-max-fail, run-wave-order, run-steered, and at the end
/// run-ends.
class RunWatch {
public:
    RunWatch(Nature& nature, Invariants& invariants) : nature_(nature), invariants_(invariants) {}

    /// On each connection of the server, once the tables are there and the log was looked at.
    void begin(Db& db);
    /// After each commit, before the log's rows are looked at: which tasks are of which runs.
    void take(Db& db);
    /// And after that.
    void check(Db& db);
    /// Nothing is under way any more.
    void at_rest();

    struct Host {
        std::string ip;
        std::size_t wave = 0;
        std::optional<TaskId> task{};
        std::string outcome{}; ///< "" until the run has ended.
        friend bool operator==(Host const&, Host const&) = default;
    };
    struct Known {
        std::string param;
        RunAsk ask;
        RunState state = RunState::pending;
        RunWhy why = RunWhy::none;
        std::size_t max_fail = 0; ///< The largest that the run was ever given.
        Steady created{};
        bool must_be_ended = false; ///< A client was told that it is stopped or canceled.
        bool is_held = false; ///< A client was told that it is paused or ended, and nobody asks to resume it.
        int resumes = 0;      ///< Asked for.
        int open_resumes = 0; ///< Without an answer so far.
        std::vector<Host> hosts{};
        bool is_firing = false; ///< Of a schedule.
    };

    // What clients ask and are told. A run's `ins.param` begins with "run " and is no other run's; that of a
    // schedule begins with "schedule ", and all of its runs have it.
    void asked(std::string const& param, RunAsk ask) { asks_.insert_or_assign(param, std::move(ask)); }
    /// Before a run is resumed, with that `max_fail` or the one that it has.
    void resuming(TaskId run, std::optional<std::size_t> max_fail);
    void resume_answered(TaskId run);
    /// Before it is paused; give `acknowledged_pause` what this returns.
    [[nodiscard]] int pausing(TaskId run) const;
    /// A reply said that it is paused.
    void acknowledged_pause(TaskId run, int resumes);
    /// A reply named the run that was asked for with that `param`.
    void acknowledged(std::string const& param, TaskId run, std::size_t count);
    /// A reply said that it is stopped or canceled.
    void acknowledged_end(TaskId run);
    /// A reply showed how many hosts are in which state.
    void shown_counts(TaskId run, std::size_t count, std::map<std::string, std::size_t> const& counts);
    /// A reply showed all hosts: address and wave, from 1.
    void shown_hosts(TaskId run, std::vector<std::pair<std::string, std::size_t>> const& hosts);

    [[nodiscard]] Known const* find(TaskId run) const;
    /// Those that have not ended, by the disk.
    [[nodiscard]] std::set<TaskId> const& unfinished() const noexcept { return open_; }
    /// The run whose task it is; null for none.
    [[nodiscard]] Known const* run_of(TaskId task) const;
    /// Runs that the last commit made because a client asked for them.
    [[nodiscard]] std::set<TaskId> const& made() const noexcept { return made_; }

private:
    struct Claim {
        TaskId run;
        std::size_t place = 0;
    };
    void see_task(TaskId task, std::string const& agent, std::string const& param);
    void read(Db& db, TaskId id);
    void see_new(TaskId id, Known known);
    void see_again(TaskId id, Known& known, Known&& now);
    void see_state(TaskId id, Known const& known);
    void claim(TaskId id, Host const& host, std::size_t place);
    void check_order(Db& db, Claim const& claim);
    void check_failures(Db& db, TaskId id, Known const& known);
    void check_states(Db& db, TaskId id, Known const& known);
    [[nodiscard]] std::optional<TaskStatus> status_of(Db& db, TaskId task) const;
    void broken(std::string invariant, TaskId run, std::string const& what);

    Nature& nature_;
    Invariants& invariants_;
    std::map<std::string, RunAsk> asks_;         ///< By param.
    std::map<std::string, TaskId> acknowledged_; ///< By param.
    std::map<TaskId, Known> runs_;
    std::unordered_map<TaskId, Claim> claims_;                    ///< By task.
    std::map<std::pair<std::string, std::string>, TaskId> tasks_; ///< By address, and param or run.
    std::set<TaskId> open_;
    std::set<TaskId> made_;
    std::vector<Claim> new_claims_;
    bool watching_ = false;
};

} // namespace elves::sim
