#include "ctl/exec_run.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "ctl/printable.hpp"
#include "elves/json_fields.hpp"

namespace elves::ctl {

namespace {

constexpr std::chrono::milliseconds look_again{500};
/// What is repeated of stderr where a task has failed.
constexpr std::size_t shown_errors = 2048;
/// In the line that stands where an agent left out a part of a stream.
constexpr std::string_view cut_line_mark = " bytes left out]";
/// The longest result that is compared with the end of the output.
constexpr std::size_t longest_result = std::size_t{64} * 1024 + 1;

void add_printed(HostResult& result, TaskOutput const& printed)
{
    result.info["output"] = printed.output;
    result.info["stderr"] = printed.errors;
    result.info["exit_code"] = printed.exit_code;
    result.info["truncated"] = printed.is_truncated ? "true" : "false";
    if (!printed.left_out.empty()) result.info["left_out"] = printed.left_out;
}

/// The end of what went to stderr, whole lines where there are several.
std::string_view end_of(std::string_view text)
{
    while (text.ends_with('\n')) text.remove_suffix(1);
    if (text.size() <= shown_errors) return text;
    text.remove_prefix(text.size() - shown_errors);
    auto const line = text.find('\n');
    return line == std::string_view::npos ? text : text.substr(line + 1);
}

} // namespace

Exec::Exec(Context const& with, ExecPlan plan)
    : with_(with), plan_(std::move(plan)), progress_(plan_.agents.size())
{
    for (auto const& agent : plan_.agents) {
        results_.push_back({agent, HostEnd::unknown, {}, "no answer", {}, {}});
    }
}

Exit Exec::run()
{
    with_.session.connect();
    Session::Each const work = [this](std::size_t index) { return on_agent(index); };
    progress_.show(0, 0);
    with_.session.each(results_.size(), plan_.parallel, work);
    return report();
}

asio::awaitable<void> Exec::on_agent(std::size_t index)
{
    auto& result = results_[index];
    try {
        result = co_await send(result.agent);
        if (plan_.follows && is_well(result.end)) result = co_await follow(result);
        result = co_await with_output(std::move(result));
    } catch (Error const& error) {
        // It may run all the same: the id, where one came, stays for who asks the log.
        result.end = HostEnd::unknown;
        result.text = error.what();
    }
    ++answered_;
    if (!is_well(result.end)) ++bad_;
    show(result);
    progress_.show(answered_, bad_);
}

asio::awaitable<HostResult> Exec::send(Ip agent)
{
    json::object call{{"agentip", agent.text()}, {"ins", plan_.ins}};
    auto const limit = with_.session.limit();
    // An agent has 10 s to take it, before its worker's time begins.
    auto const handover = std::chrono::seconds(10);
    auto const wait = limit + handover + (plan_.is_async ? std::chrono::seconds(0) : plan_.timeout);
    std::string const method = plan_.is_async ? "sendasync" : "sendsync";
    auto const back = co_await with_.session.ask("sheduler", method, std::move(call), wait);
    co_return result_of_send(agent, back.flag, back.error_info, back.fields, plan_.is_async);
}

asio::awaitable<HostResult> Exec::follow(HostResult sent)
{
    auto const prefix = results_.size() > 1 ? sent.agent.text() + "| " : std::string();
    Followed followed{{}, LinePrinter(prefix), LinePrinter(prefix), {}, false};
    for (;;) {
        // The record first: what is printed before its end is then in the output that follows.
        auto const record = co_await record_of(sent.id);
        while (co_await show_output(sent.id, followed)) {
        }
        if (is_final(record)) {
            auto result = result_of_record(sent.agent, record);
            finish_printed(result, followed);
            // The result of a worker that says none is the end of its output, which was shown.
            if (result.end == HostEnd::done && !with_.out.is_json() && followed.last.ends_with(result.text))
                result.text.clear();
            add_printed(result, followed.printed);
            co_return result;
        }
        co_await with_.session.pause(look_again);
    }
}

asio::awaitable<json::object> Exec::record_of(std::string id)
{
    json::object call{{"id", json::array{json::string(id)}}};
    auto const back =
        co_await with_.session.ask("tasklog", "gettaskbyids", std::move(call), with_.session.limit());
    auto const* const info = back.fields.if_contains("info");
    if (!back.flag || !info || !info->is_array() || info->get_array().empty() ||
        !info->get_array().front().is_object()) {
        throw Error(
            codes::no_task, back.flag ? "the server no longer knows the task " + id : back.error_info);
    }
    co_return info->get_array().front().get_object();
}

asio::awaitable<bool> Exec::show_output(std::string id, Followed& followed)
{
    auto call = followed.printed.next_call(id);
    auto const back =
        co_await with_.session.ask("tasklog", "gettaskoutput", std::move(call), with_.session.limit());
    if (!back.flag) co_return false;
    bool const has_more = followed.printed.take(back.fields);
    if (has_more) show_printed(followed);
    co_return has_more;
}

void Exec::show_printed(Followed& followed)
{
    if (with_.out.is_json()) return;
    progress_.clear();
    auto const errors = followed.errors.put(std::exchange(followed.printed.errors, {}));
    auto const output = std::exchange(followed.printed.output, {});
    with_.out.raw(followed.output.put(output));
    std::fflush(stdout);
    std::fwrite(errors.data(), 1, errors.size(), stderr);
    auto const scanned = followed.last.size() - std::min(followed.last.size(), cut_line_mark.size());
    followed.last += output;
    followed.has_cut_line = followed.has_cut_line || errors.find(cut_line_mark) != std::string::npos ||
                            followed.last.find(cut_line_mark, scanned) != std::string::npos;
    if (followed.last.size() > 2 * longest_result)
        followed.last.erase(0, followed.last.size() - longest_result);
}

void Exec::finish_printed(HostResult const& result, Followed& followed)
{
    while (followed.last.ends_with('\n')) followed.last.pop_back();
    if (with_.out.is_json()) return;
    with_.out.raw(followed.output.finish());
    std::fflush(stdout);
    auto const errors = followed.errors.finish();
    std::fwrite(errors.data(), 1, errors.size(), stderr);
    auto const& printed = followed.printed;
    auto const agent = result.agent.text();
    if (!printed.left_out.empty()) {
        with_.out.note(agent + ": the server did not keep " + printed.left_out +
                       " bytes of the output: [tasklog] max_output, or the key's bytes_per_day");
    } else if (printed.is_truncated && followed.has_cut_line) {
        with_.out.note(agent + ": the output is not complete; \"[N bytes left out]\" says where it was cut "
                               "([agent] and [tasklog] max_output)");
    } else if (printed.is_truncated && result.end != HostEnd::done) {
        with_.out.note(agent + ": the end of the output may be missing");
    }
}

asio::awaitable<HostResult> Exec::with_output(HostResult result)
{
    bool const has_failed = result.end == HostEnd::failed || result.end == HostEnd::timeout;
    bool const is_wanted = has_failed || (with_.out.is_json() && result.end == HostEnd::done);
    if (result.id.empty() || !is_wanted || plan_.follows) co_return result;
    TaskOutput printed;
    try {
        for (bool has_more = true; has_more;) {
            auto call = printed.next_call(result.id);
            auto const back = co_await with_.session.ask(
                "tasklog", "gettaskoutput", std::move(call), with_.session.limit());
            has_more = back.flag && printed.take(back.fields);
        }
        add_printed(result, printed);
    } catch (Error const&) {
        // The result is what was asked for, and it is here.
    }
    co_return result;
}

void Exec::show(HostResult const& result)
{
    if (with_.out.is_json()) return;
    progress_.clear();
    auto line = result.agent.text() + "  " + std::string(end_text(result.end));
    bool const has_run = result.end == HostEnd::done || result.end == HostEnd::failed;
    if (has_run && !result.cost_ms.empty()) line += "  " + result.cost_ms + " ms";
    auto const exit_code = plain_field(result.info, "exit_code");
    bool const has_failed = result.end == HostEnd::failed || result.end == HostEnd::timeout;
    if (has_failed && !exit_code.empty()) line += "  exit code " + exit_code;
    if ((plan_.is_async || !is_well(result.end)) && !result.id.empty()) line += "  " + result.id;
    auto text = printable_lines(result.text);
    text.erase(text.find_last_not_of('\n') + 1);
    // More than a line begins on one of its own.
    if (!text.empty()) text.insert(0, text.find('\n') == std::string::npos ? "  " : "\n");
    with_.out.raw(printable(line) + text + '\n');
    if (has_failed) show_errors(result);
    std::fflush(stdout);
}

/// Followed, they were shown as they came.
void Exec::show_errors(HostResult const& result)
{
    auto const all = plain_field(result.info, "stderr");
    auto const end = end_of(all);
    if (end.empty() || plan_.follows) return;
    auto const head = end.size() < all.size() - 1 ? "the end of its stderr" : "its stderr";
    with_.out.raw(head + std::string(":\n") + printable_lines(end) + '\n');
}

Exit Exec::report() const
{
    progress_.clear();
    with_.out.document(as_json(results_));
    bool const needs_words = results_.size() > 1 || bad_ > 0;
    for (auto const& line : needs_words ? summary(results_) : std::vector<std::string>())
        with_.out.line(line);
    if (with_.session.interrupted()) {
        with_.out.note(
            "interrupted; what was handed over goes on: `elvesctl tasks` shows it, `cancel` stops it");
        return Exit::interrupted;
    }
    if (bad_ == 0) return Exit::well;
    // What was refused did not fail: it was not run.
    bool const has_failed = std::any_of(results_.begin(), results_.end(),
        [](HostResult const& result) { return !is_well(result.end) && result.end != HostEnd::refused; });
    if (has_failed) return Exit::task_failed;
    for (auto const& result : results_) {
        if (is_well(result.end)) continue;
        with_.out.note(result.text);
        break;
    }
    return Exit::refused;
}

} // namespace elves::ctl
