#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "elves/quartz_rule.hpp"
#include "elves/sql.hpp"
#include "sim/facts.hpp"
#include "sim/invariants.hpp"
#include "sim/process.hpp"
#include "sim/sim_disk.hpp"
#include "sim/sim_target.hpp"

namespace elves::sim {

/// What a window or a cap is about.
struct GateScope {
    SimTarget target;
    std::vector<std::string> apps; ///< Of no entry: every app.
};

/// A window as a client set it: it closes at each time of `rule` for `lasts`, or once, `from` to `to`.
struct SimWindow {
    GateScope scope;
    std::optional<QuartzRule> rule{};
    std::chrono::seconds lasts{0};
    Instant from{}, to{};
    Zone zone{};

    /// When the stretch ends in which it is closed at `at`; nothing where it is open then.
    [[nodiscard]] std::optional<Instant> closed_until(Instant at) const;
};

/// A cap as a client set it. `per`: `all`, `host` or `env`.
struct SimCap {
    GateScope scope;
    std::size_t most = 1;
    std::string per = "all";
};

/// Watches the start gate from outside: what clients were told of windows and caps, which tasks the log says
/// were handed over, and which workers run. Two invariants:
/// window-kept: no task is handed over while a window is closed that was acknowledged before.
/// cap-kept: when a task is handed over, no more than `most` tasks of a cap that was acknowledged before have
/// been handed over and are unfinished.
/// What is not certain is not counted: changes of a window, a cap or a label that are under way, hosts that
/// are undecided, forced sends, and what agents fire by themselves.
class GateWatch {
public:
    struct Place {
        Machine const& server;
        SimDisk const& disk; ///< The server's.
        std::vector<Machine const*> agents{};
        Zone zone{}; ///< The server's.
    };
    GateWatch(Nature& nature, Invariants& invariants, Place place)
        : nature_(nature), invariants_(invariants), place_(std::move(place))
    {
    }
    void add(Machine const& agent) { place_.agents.push_back(&agent); }

    /// On each connection of the server, and after each commit, before the log's rows are looked at: labels.
    void begin(Db& db);
    void take(Db& db);

    // What Invariants is told.
    void log_wrote(LogRow const& row);
    void worker_started(TaskId id);
    void worker_ended(TaskId id);

    // What clients ask and are told.
    /// A client asks for what has that `param`, for the first time.
    void asks(std::string const& param, bool is_forced) { asks_.try_emplace(param, Ask{now(), is_forced}); }
    /// Before a client sets a window or a cap. A name that a client got no answer about is not used again.
    void setting(std::string const& name, SimWindow window) { begin_set(name, {std::move(window), {}}); }
    void setting(std::string const& name, SimCap cap) { begin_set(name, {{}, std::move(cap)}); }
    void deleting(std::string const& name);
    /// The reply to either.
    void acknowledged(std::string const& name);
    void refused(std::string const& name);
    /// A reply refused a start because of a window or a cap.
    void refused_start(std::string const& agent, std::string const& app, std::string const& func,
        Steady asked, std::string const& why);

    // What goes wrong.
    void server_clock_jumps() { jumps_.push_back({now(), server_time()}); }
    /// The server stood still or its disk was slow until now.
    void server_was_slow() { unsure_until_ = now() + longest_write; }

    /// A window or a cap may keep that from starting now.
    [[nodiscard]] bool may_hold(
        std::string const& agent, std::string const& app, std::string const& func) const;

private:
    /// Between a decision of the server and its commit, on a disk that is not slow.
    static constexpr std::chrono::seconds longest_write{13};

    struct Rule {
        std::optional<SimWindow> window{};
        std::optional<SimCap> cap{};
        [[nodiscard]] GateScope const& scope() const { return window ? window->scope : cap->scope; }
    };
    /// What one name stood for, from the call that set it to the reply that replaced or deleted it.
    struct Version {
        std::string name;
        Rule rule;
        Steady asked{};
        std::optional<Steady> known{};  ///< Acknowledged, and nobody asks for another.
        std::optional<Steady> doomed{}; ///< Somebody does, since then.
        std::optional<Steady> gone{};
    };
    struct Ask {
        Steady at{};
        bool is_forced = false;
    };
    struct Label {
        std::optional<std::string> value{};
        Steady since{};
    };
    /// A task that was handed over and is unfinished, by the log.
    struct Handed {
        std::string agent, app, func;
        std::optional<Instant> sent{};
        Steady at{};
        bool is_forced = false;
        bool is_own = false;                  ///< Its agent fired it.
        std::optional<std::uint64_t> lives{}; ///< Its worker was started in this life of its agent.
        bool is_over = false;                 ///< Its worker has ended.
    };
    /// A task was handed over under a cap. Of `maybe` it turns out later that they were unfinished then:
    /// their workers start.
    struct Check {
        std::string text;
        std::size_t most = 0;
        std::size_t sure = 0;
        std::set<TaskId> maybe{};
    };

    [[nodiscard]] Steady now() const { return nature_.time.now(); }
    [[nodiscard]] Instant server_time() const { return nature_.time.day() + place_.server.off; }
    [[nodiscard]] Instant server_time_at(Steady when) const;
    void begin_set(std::string const& name, Rule rule);
    [[nodiscard]] Version* current(std::string const& name);
    void see_label(std::string const& ip, std::optional<std::string> value);
    [[nodiscard]] Label const& label_of(std::string const& ip) const;
    [[nodiscard]] static bool covers(GateScope const& scope, std::string const& app, std::string const& func);
    /// `yes` only where that was so all the time since `since`.
    [[nodiscard]] Match match_since(GateScope const& scope, std::string const& ip, Steady since) const;
    [[nodiscard]] bool is_closed_throughout(SimWindow const& window, Steady from) const;
    [[nodiscard]] bool was_closed_since(SimWindow const& window, Steady from) const;
    void check_start(TaskId id, Handed const& handed, std::string const& param);
    void check_cap(TaskId id, Handed const& handed, Version const& version, Steady since);
    [[nodiscard]] bool counts(Handed const& other, SimCap const& cap, std::string const& value) const;
    [[nodiscard]] std::string value_of(SimCap const& cap, std::string const& ip) const;
    [[nodiscard]] bool is_running(Handed const& handed) const;
    void drop(TaskId id);
    /// What is written now may have been decided long ago.
    [[nodiscard]] bool is_slow() const;

    Nature& nature_;
    Invariants& invariants_;
    Place place_;
    std::vector<Version> versions_;
    std::map<std::string, Ask> asks_; ///< By param.
    std::map<std::string, Label> labels_;
    std::map<TaskId, Handed> handed_;
    std::vector<Check> checks_;
    std::vector<std::pair<Steady, Instant>> jumps_; ///< When the server's clock was set, and what it said.
    Steady unsure_until_{};
    bool watching_ = false;
};

} // namespace elves::sim
