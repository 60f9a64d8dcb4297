#pragma once

#include <string>
#include <vector>

#include "ctl/command.hpp"
#include "ctl/exec_hosts.hpp"
#include "ctl/printed_output.hpp"
#include "ctl/progress.hpp"

namespace elves::ctl {

/// How often a task is looked at while it runs.
inline constexpr std::chrono::milliseconds look_again{500};

/// The records of tasks by their ids, within `Session::each`. Throws Error 416.1 for an unknown id, and Error
/// with the server's text where it refuses.
[[nodiscard]] asio::awaitable<std::vector<json::object>> records_of(
    Session& session, std::vector<std::string> ids);

/// Shows what one task prints as it prints it, until the task has ended.
class TaskFollower {
public:
    /// `prefix` stands before each line. `progress` may be null; it is cleared before anything is shown.
    TaskFollower(Context const& with, Ip agent, std::string id, std::string const& prefix, Progress* progress)
        : with_(with)
        , agent_(agent)
        , id_(std::move(id))
        , progress_(progress)
        , output_(prefix)
        , errors_(prefix)
    {
    }
    /// Within `Session::each`. With --json the result's `info` has what was printed.
    [[nodiscard]] asio::awaitable<HostResult> run();

private:
    [[nodiscard]] asio::awaitable<bool> read_page();
    void show_printed();
    void finish(HostResult const& result);

    Context const& with_;
    Ip agent_;
    std::string id_;
    Progress* progress_;
    TaskOutput printed_;
    LinePrinter output_;
    LinePrinter errors_;
    std::string last_{};        ///< The end of the output that was shown.
    bool has_cut_line_ = false; ///< The output said that a part was left out.
};

/// Adds what a task printed, and its exit code, to `result.info`. Within `Session::each`; the result stays as
/// it is where the server can't tell.
[[nodiscard]] asio::awaitable<HostResult> with_printed(Session& session, HostResult result);

} // namespace elves::ctl
