#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "elves/ip.hpp"
#include "elves/json.hpp"

namespace elves::ctl {

/// How it went with one agent.
enum class HostEnd {
    done,        ///< The worker said true.
    sent,        ///< --async: the agent has taken it.
    waiting,     ///< --ttl: it waits for the agent.
    failed,      ///< The worker said false or died, or the agent refused it.
    timeout,     ///< It had not said anything when its timeout passed.
    canceled,    ///< Somebody canceled it.
    undelivered, ///< It never started, and is safe to repeat.
    lost,        ///< The agent does not know it any more, or did not come back.
    refused,     ///< The server did not take it.
    unknown,     ///< No answer yet: the task log says what became of it.
    unsent,      ///< exec was interrupted before it sent the task.
};

[[nodiscard]] std::string_view end_text(HostEnd end);
[[nodiscard]] bool is_well(HostEnd end);

struct HostResult {
    Ip agent;
    HostEnd end = HostEnd::unknown;
    std::string id;      ///< The task; empty where there is none.
    std::string text;    ///< What the worker said, or what went wrong.
    std::string cost_ms; ///< Of the worker; empty where unknown.
    json::object info;   ///< As the server told it.
};

/// What a reply of `sendsync` or `sendasync` comes to.
[[nodiscard]] HostResult result_of_send(
    Ip const& agent, bool flag, std::string const& error_info, json::object const& reply, bool is_async);
/// What a task's record, in its final state, comes to.
[[nodiscard]] HostResult result_of_record(Ip const& agent, json::object const& record);
[[nodiscard]] bool is_final(json::object const& record);

/// `IP  done  12 ms  exit code 1  ID  text` in printable lines, and the end of stderr where it failed and is
/// in `info`; the id where `shows_id`.
[[nodiscard]] std::string result_text(
    HostResult const& result, bool shows_id, bool shows_errors, bool has_color);

/// `3 agents: 1 done, 2 failed`, and a line for each kind that is not well, with the names of its agents.
[[nodiscard]] std::vector<std::string> summary(std::vector<HostResult> const& results);
/// All of it as JSON: `results[]` and the counts.
[[nodiscard]] json::object as_json(std::vector<HostResult> const& results);

} // namespace elves::ctl
