#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "assignment_records.hpp"
#include "assignment_tries.hpp"
#include "elves/asio.hpp"
#include "elves/caller.hpp"
#include "elves/clock.hpp"
#include "elves/instruction.hpp"
#include "elves/json.hpp"
#include "elves/one_at_a_time.hpp"
#include "elves/services/agent_directory.hpp"
#include "elves/services/authority.hpp"
#include "elves/services/presence.hpp"
#include "elves/services/targets.hpp"
#include "elves/services/task_engine.hpp"
#include "elves/store.hpp"
#include "packages.hpp"

namespace elves {

/// The desired state: which hosts are to have which version of an app. Starts a deployment for a host that
/// has another one, when it registers, or as soon as it is found; some at a time, and after a failure not
/// again for a while. On the loop's thread; what it is made of outlives it.
class Assignments {
public:
    struct House {
        Packages& packages;
        TaskEngine& engine;
        Presence& presence;
        AgentDirectory const& agents;
        Targets& targets;
        Authority const* authority; ///< Null where there are no keys.
        Store& store;
        Clock& clock;
        LoopExecutor loop;
    };
    static constexpr std::size_t most = 1'000;

    explicit Assignments(House house) : house_(std::move(house)) {}

    void start();
    void stop();

    /// The assignment of that app to that target, as it is on disk then; there is one at most. Throws Error
    /// 413.2, 403.11, 401.6, 429.1.
    [[nodiscard]] asio::awaitable<Assignment> put(Assignment assignment, Caller caller);
    /// Throws Error 413.2.
    [[nodiscard]] asio::awaitable<void> erase(TaskId id, Caller caller);
    /// Throws Error 409.3 where an assignment is of that version.
    void require_unassigned(std::string const& app, std::string const& version) const;

    /// How far hosts are that an assignment selects.
    struct Progress {
        std::size_t current = 0; ///< They have the version.
        std::size_t waiting = 0; ///< A deployment is under way, or its turn comes.
        std::size_t failing = 0;
        std::size_t offline = 0;
        struct Failure {
            Ip host;
            int failures = 0;
            std::chrono::seconds next{0}; ///< Until it is tried again.
            std::string error;
        };
        std::vector<Failure> failures{}; ///< The first ten.
        std::string error{};             ///< Why the target selects nothing any more.
    };
    /// By time, those of the caller's apps.
    [[nodiscard]] std::vector<Assignment> list(Caller const& caller) const;
    /// Of the hosts that the caller may touch. Goes through all agents: others have their turn meanwhile.
    [[nodiscard]] asio::awaitable<Progress> progress(TaskId id, Caller caller) const;

private:
    struct Entry {
        Assignment assignment;
        std::unique_ptr<HostTest> test; ///< Null where the target means nothing any more.
        std::string error;
    };
    struct Open {
        Ip host;
        std::string app;
    };

    [[nodiscard]] std::vector<std::string> users_of(std::string_view group) const;
    void add(Assignment assignment);
    void look_at_next();
    void look_at(Ip const& host);
    void look_at(AgentView const& agent);
    [[nodiscard]] Entry const* wanted(Ip const& host, std::string const& app) const;
    [[nodiscard]] Instruction instruction_of(Assignment const& assignment) const;
    [[nodiscard]] bool may_touch(Assignment const& assignment, Ip const& host) const;
    void require_key(Assignment const& assignment) const;
    [[nodiscard]] asio::awaitable<void> deploy(Assignment assignment, Ip host);
    void ended(Task const& task);

    House house_;
    std::map<TaskId, Entry> entries_;
    std::map<std::string, std::vector<TaskId>> by_app_; ///< The newest first.
    AssignmentTries tries_;
    std::map<TaskId, Open> open_; ///< By task.
    std::optional<Ip> place_;     ///< The last agent that was looked at.
    OneAtATime changes_;
    Timer timer_;
    bool is_running_ = false;
};

} // namespace elves
