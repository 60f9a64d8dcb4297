#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "ctl/command.hpp"
#include "ctl/exec_hosts.hpp"
#include "ctl/progress.hpp"

namespace elves::ctl {

struct ExecPlan {
    std::vector<Ip> agents;
    json::object ins;
    std::chrono::seconds timeout{90}; ///< That the worker may take.
    std::size_t parallel = 50;
    bool is_forced = false; ///< Against windows and caps,
    std::string note;       ///< and why.
    bool is_async = false;
    bool follows = false; ///< Shows what an async task prints until it has ended.
};

/// One task on many agents.
class Exec {
public:
    Exec(Context const& with, ExecPlan plan);
    [[nodiscard]] Exit run();

private:
    asio::awaitable<void> on_agent(std::size_t index);
    asio::awaitable<HostResult> send(Ip agent);
    /// Adds what the task printed, and its exit code, where a person or a document needs them.
    asio::awaitable<HostResult> with_output(HostResult result);
    /// After SIGINT: finds the ids of the tasks that were not answered.
    asio::awaitable<void> find_unanswered();
    void show(HostResult const& result);
    [[nodiscard]] Exit report() const;
    [[nodiscard]] Exit report_interrupted() const;

    Context const& with_;
    ExecPlan plan_;
    Progress progress_;
    std::vector<HostResult> results_;
    enum class Stage { unsent, in_flight, answered };
    std::vector<Stage> stages_; ///< As `results_`.
    std::size_t answered_ = 0;
    std::size_t bad_ = 0;
};

} // namespace elves::ctl
