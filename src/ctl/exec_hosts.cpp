#include "ctl/exec_hosts.hpp"

#include <algorithm>
#include <array>

#include "ctl/output.hpp"
#include "ctl/printable.hpp"
#include "ctl/terminal.hpp"
#include "elves/error.hpp"

namespace elves::ctl {

namespace {

constexpr std::array ends{HostEnd::done, HostEnd::sent, HostEnd::waiting, HostEnd::failed, HostEnd::timeout,
    HostEnd::canceled, HostEnd::undelivered, HostEnd::lost, HostEnd::refused, HostEnd::unknown,
    HostEnd::unsent};
// In the order of HostEnd.
constexpr std::array<std::string_view, ends.size()> names{"done", "sent", "waiting", "failed", "timeout",
    "canceled", "undelivered", "lost", "refused", "unknown", "unsent"};
/// Bytes of stderr that are repeated where a task has failed.
constexpr std::size_t max_shown_errors = 2048;

/// The end of what went to stderr, whole lines where there are several.
std::string_view end_of_text(std::string_view text)
{
    while (text.ends_with('\n')) text.remove_suffix(1);
    if (text.size() <= max_shown_errors) return text;
    text.remove_prefix(text.size() - max_shown_errors);
    auto const line = text.find('\n');
    return line == std::string_view::npos ? text : text.substr(line + 1);
}

/// The status of a task, where a server that is older than this program does not say it.
std::string_view status_of_older(json::object const& info, bool is_async)
{
    bool const is_taken = plain_field(info, "agent_sync_flag") == "true";
    if (is_async) return is_taken ? "running" : "sent";
    if (plain_field(info, "worker_flag") == "1") return "done";
    return is_taken ? "failed" : "undelivered";
}

/// The one place that says what a task's status means for one host. `is_taken`: its agent has said so.
HostEnd end_of(std::string_view status, bool is_async, bool is_taken)
{
    if (status == "done") return HostEnd::done;
    if (status == "failed") return HostEnd::failed;
    if (status == "timeout") return HostEnd::timeout;
    if (status == "canceled") return HostEnd::canceled;
    if (status == "undelivered" || status == "expired" || status == "skipped") return HostEnd::undelivered;
    if (status == "lost") return HostEnd::lost;
    if (!is_async) return HostEnd::unknown; // Whoever sent it first waits for its result.
    if (status == "waiting") return HostEnd::waiting;
    return status == "running" || is_taken ? HostEnd::sent : HostEnd::unknown;
}

std::size_t count_of(std::vector<HostResult> const& results, HostEnd end)
{
    return static_cast<std::size_t>(std::count_if(
        results.begin(), results.end(), [end](HostResult const& result) { return result.end == end; }));
}

} // namespace

std::string_view end_text(HostEnd end) { return names.at(static_cast<std::size_t>(end)); }

bool is_well(HostEnd end) { return end == HostEnd::done || end == HostEnd::sent || end == HostEnd::waiting; }

HostResult result_of_send(
    Ip const& agent, bool flag, std::string const& error_info, json::object const& reply, bool is_async)
{
    HostResult result{agent, HostEnd::refused, {}, error_info, {}, {}};
    // `worker_*` may stand beside `info` or in it.
    auto const* const info = reply.if_contains("info");
    for (auto const* const name : {"worker_flag", "worker_result", "worker_costtime"}) {
        if (auto const* const value = reply.if_contains(name)) result.info[name] = *value;
    }
    if (info && info->is_object()) {
        for (auto const& [name, value] : info->get_object()) result.info[name] = value;
    }
    result.id = plain_field(result.info, "id");
    if (!flag) {
        // The server stops, and the task goes on.
        if (!result.id.empty()) result.end = HostEnd::unknown;
        return result;
    }
    auto status = plain_field(result.info, "status");
    if (status.empty()) status = status_of_older(result.info, is_async);
    bool const is_taken = plain_field(result.info, "agent_sync_flag") == "true";
    result.end = end_of(status, is_async, is_taken);
    result.text = plain_field(result.info, "agent_sync_error");
    if (is_async) return result;
    result.cost_ms = plain_field(result.info, "worker_costtime");
    auto const said = plain_field(result.info, "worker_result");
    if (!said.empty()) result.text = said;
    return result;
}

bool is_final(json::object const& record)
{
    constexpr std::array<std::string_view, 3> open{"waiting", "sent", "running"};
    return std::find(open.begin(), open.end(), plain_field(record, "status")) == open.end();
}

HostResult result_of_record(Ip const& agent, json::object const& record)
{
    HostResult result{agent, HostEnd::failed, plain_field(record, "id"), {}, {}, record};
    auto const status = plain_field(record, "status");
    result.text = plain_field(record, "worker_message");
    result.end = end_of(status, true, true);
    if (result.text.empty()) result.text = plain_field(record, "agent_sync_error");
    if (result.text.empty() && status != "done") result.text = status;
    return result;
}

std::string result_text(HostResult const& result, bool shows_id, bool shows_errors, bool has_color)
{
    std::string line;
    bool const has_run = result.end == HostEnd::done || result.end == HostEnd::failed;
    if (has_run && !result.cost_ms.empty()) line += "  " + result.cost_ms + " ms";
    auto const exit_code = plain_field(result.info, "exit_code");
    bool const has_failed = result.end == HostEnd::failed || result.end == HostEnd::timeout;
    if (has_failed && !exit_code.empty()) line += "  exit code " + exit_code;
    if ((shows_id || !is_well(result.end)) && !result.id.empty()) line += "  " + result.id;
    auto text = printable_lines(result.text);
    text.erase(text.find_last_not_of('\n') + 1);
    // More than a line begins on one of its own.
    if (!text.empty()) text.insert(0, text.find('\n') == std::string::npos ? "  " : "\n");
    auto whole =
        result.agent.text() + "  " + painted(end_text(result.end), has_color) + printable(line) + text + '\n';
    auto const errors = plain_field(result.info, "stderr");
    auto const end = end_of_text(errors);
    if (!has_failed || !shows_errors || end.empty()) return whole;
    auto const head = end.size() < errors.size() - 1 ? "the end of its stderr" : "its stderr";
    return whole + head + ":\n" + printable_lines(end) + '\n';
}

std::vector<std::string> summary(std::vector<HostResult> const& results)
{
    auto const count = results.size();
    auto head = std::to_string(count) + (count == 1 ? " agent: " : " agents: ");
    std::vector<std::string> lines{""};
    bool is_first = true;
    for (auto const end : ends) {
        auto const those = count_of(results, end);
        if (those == 0) continue;
        head += (is_first ? "" : ", ") + std::to_string(those) + " " + std::string(end_text(end));
        is_first = false;
        if (is_well(end)) continue;
        auto line = std::string(end_text(end)) + ":";
        for (auto const& result : results) {
            if (result.end == end) line += " " + result.agent.text();
        }
        lines.push_back(line);
    }
    lines.front() = head;
    return lines;
}

json::object as_json(std::vector<HostResult> const& results)
{
    json::array rows;
    bool is_all_well = true;
    for (auto const& result : results) {
        json::object row{{"agentip", result.agent.text()}, {"end", end_text(result.end)}};
        is_all_well = is_all_well && is_well(result.end);
        row["error_info"] = is_well(result.end) ? "" : result.text;
        for (auto const& [name, value] : result.info) row.insert_or_assign(name, value);
        if (!result.id.empty()) row["id"] = result.id;
        rows.push_back(std::move(row));
    }
    json::object counts;
    for (auto const end : ends) {
        auto const name = std::string(end_text(end));
        counts[name] = std::to_string(count_of(results, end));
    }
    std::string error_info;
    for (auto const& line : is_all_well ? std::vector<std::string>() : summary(results)) {
        error_info += (error_info.empty() ? "" : "; ") + line;
    }
    return document_of(is_all_well, error_info, {{"results", rows}, {"counts", counts}});
}

} // namespace elves::ctl
