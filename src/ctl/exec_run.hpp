#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "ctl/command.hpp"
#include "ctl/exec_hosts.hpp"
#include "ctl/printed_output.hpp"
#include "ctl/progress.hpp"

namespace elves::ctl {

struct ExecPlan {
    std::vector<Ip> agents;
    json::object ins;
    std::chrono::seconds timeout{90}; ///< That the worker may take.
    std::size_t parallel = 50;
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
    asio::awaitable<HostResult> follow(HostResult sent);
    /// What one task has printed so far, and how it is shown.
    struct Followed {
        TaskOutput printed;
        LinePrinter output;
        LinePrinter errors;
        std::string last{};        ///< The end of the output that was shown.
        bool has_cut_line = false; ///< It said that something was left out.
    };
    asio::awaitable<bool> show_output(std::string id, Followed& followed);
    void show_printed(Followed& followed);
    void finish_printed(HostResult const& result, Followed& followed);
    /// Adds what the task printed, and its exit code, where a person or a document needs them.
    asio::awaitable<HostResult> with_output(HostResult result);
    asio::awaitable<json::object> record_of(std::string id);
    void show(HostResult const& result);
    void show_errors(HostResult const& result);
    [[nodiscard]] Exit report() const;

    Context const& with_;
    ExecPlan plan_;
    Progress progress_;
    std::vector<HostResult> results_;
    std::size_t answered_ = 0;
    std::size_t bad_ = 0;
};

} // namespace elves::ctl
