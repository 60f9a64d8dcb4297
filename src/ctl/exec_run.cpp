#include "ctl/exec_run.hpp"

#include <algorithm>
#include <cstdio>

#include "ctl/printable.hpp"
#include "elves/json_fields.hpp"

namespace elves::ctl {

namespace {

constexpr std::chrono::milliseconds look_again{500};
constexpr std::size_t output_bytes = 64 * 1024; // asked for at a time
/// Shown of one task: four times the most that a server keeps ([tasklog] max_output).
constexpr std::size_t most_shown = std::size_t(64) * 1024 * 1024;

std::size_t size_of(json::object const& reply)
{
    auto const bytes = whole_number(plain_field(reply, "size"));
    return bytes && *bytes > 0 ? static_cast<std::size_t>(*bytes) : 0;
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
    std::size_t offset = 0;
    for (;;) {
        // The record first: what is printed before its end is then in the output that follows.
        auto const record = co_await record_of(sent.id);
        for (;;) {
            auto const before = offset;
            offset = co_await show_output(sent.agent, sent.id, offset);
            if (offset == before) break;
        }
        if (is_final(record)) co_return result_of_record(sent.agent, record);
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

asio::awaitable<std::size_t> Exec::show_output(Ip agent, std::string id, std::size_t offset)
{
    json::object call{{"id", id}, {"offset", offset}, {"limit", output_bytes}};
    auto const back =
        co_await with_.session.ask("tasklog", "gettaskoutput", std::move(call), with_.session.limit());
    auto const text = plain_field(back.fields, "output");
    // A server that has always more than it says it has would be asked for ever.
    if (!back.flag || text.empty() || offset >= std::min(size_of(back.fields), most_shown)) co_return offset;
    show_text(agent, text);
    co_return offset + text.size();
}

void Exec::show_text(Ip const& agent, std::string_view text)
{
    if (with_.out.is_json()) return;
    progress_.clear();
    auto const before = results_.size() > 1 ? agent.text() + "| " : std::string();
    while (!text.empty()) {
        auto const line = text.substr(0, text.find('\n'));
        with_.out.raw(before + printable_lines(line) + '\n');
        text.remove_prefix(std::min(line.size() + 1, text.size()));
    }
    std::fflush(stdout);
}

void Exec::show(HostResult const& result)
{
    if (with_.out.is_json()) return;
    progress_.clear();
    auto line = result.agent.text() + "  " + std::string(end_text(result.end));
    bool const has_run = result.end == HostEnd::done || result.end == HostEnd::failed;
    if (has_run && !result.cost_ms.empty()) line += "  " + result.cost_ms + " ms";
    if (plan_.is_async && !result.id.empty()) line += "  " + result.id;
    auto text = printable_lines(result.text);
    text.erase(text.find_last_not_of('\n') + 1);
    // More than a line begins on one of its own.
    if (!text.empty()) text.insert(0, text.find('\n') == std::string::npos ? "  " : "\n");
    with_.out.raw(printable(line) + text + '\n');
    std::fflush(stdout);
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
