#include "ctl/exec_run.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "ctl/task_follower.hpp"
#include "ctl/unanswered_tasks.hpp"

namespace elves::ctl {

namespace {

/// For finding the ids of unanswered tasks after SIGINT, all calls together.
constexpr std::chrono::seconds find_within{5};

bool goes_on(HostEnd end)
{
    return end == HostEnd::sent || end == HostEnd::waiting || end == HostEnd::unknown;
}

} // namespace

Exec::Exec(Context const& with, ExecPlan plan)
    : with_(with), plan_(std::move(plan)), progress_(plan_.agents.size())
{
    for (auto const& agent : plan_.agents) {
        results_.push_back({agent, HostEnd::unsent, {}, "not sent", {}, {}});
    }
    stages_.resize(results_.size(), Stage::unsent);
}

Exit Exec::run()
{
    with_.session.connect();
    Session::Each const work = [this](std::size_t index) { return on_agent(index); };
    progress_.show(0, 0);
    Session::OnInterrupt const on_interrupt = [this] { return find_unanswered(); };
    with_.session.each(results_.size(), plan_.parallel, work, on_interrupt);
    return report();
}

asio::awaitable<void> Exec::on_agent(std::size_t index)
{
    auto& result = results_[index];
    try {
        stages_[index] = Stage::in_flight;
        result.text.clear();
        result = co_await send(result.agent);
        stages_[index] = Stage::answered;
        if (plan_.follows && is_well(result.end)) {
            auto const prefix = results_.size() > 1 ? result.agent.text() + "| " : std::string();
            TaskFollower follower(with_, result.agent, result.id, prefix, &progress_);
            result = co_await follower.run();
        }
        result = co_await with_output(std::move(result));
    } catch (Error const& error) {
        // It may run all the same: the id, where one is known, stays for who asks the log.
        result.end = HostEnd::unknown;
        bool const was_interrupted = with_.session.interrupted();
        if (!was_interrupted) {
            result.text = error.what();
        } else if (!result.id.empty()) {
            result.text = "interrupted; the task goes on";
        } else if (result.text.empty()) {
            result.text = "interrupted before the server named its task";
        }
    }
    stages_[index] = Stage::answered;
    ++answered_;
    if (!is_well(result.end)) ++bad_;
    show(result);
    progress_.show(answered_, bad_);
}

asio::awaitable<HostResult> Exec::send(Ip agent)
{
    json::object call{{"agentip", agent.text()}, {"ins", plan_.ins}};
    if (plan_.is_forced) call["force"] = true;
    if (!plan_.note.empty()) call["note"] = plan_.note;
    auto const limit = with_.session.limit();
    // An agent has 10 s to take it, before its worker's time begins.
    auto const handover = std::chrono::seconds(10);
    auto const wait = limit + handover + (plan_.is_async ? std::chrono::seconds(0) : plan_.timeout);
    std::string const method = plan_.is_async ? "sendasync" : "sendsync";
    auto const back = co_await with_.session.ask("sheduler", method, std::move(call), wait);
    co_return result_of_send(agent, back.flag, back.error_info, back.fields, plan_.is_async);
}

asio::awaitable<void> Exec::find_unanswered()
{
    constexpr int most_looks = 3;
    constexpr std::chrono::milliseconds pause{300};
    UnansweredTasks tasks(plan_.ins, plan_.is_async, with_.session.asked_by());
    for (std::size_t i = 0; i < results_.size(); ++i) {
        if (stages_[i] != Stage::in_flight) continue;
        tasks.expect(results_[i].agent);
    }
    for (int look = 0; look < most_looks && tasks.is_missing_any(); ++look) {
        // What was sent a moment ago may not be on disk yet.
        if (look > 0) co_await with_.session.pause(pause);
        for (auto has_more = true; has_more;) {
            auto call = tasks.next_call();
            auto const page =
                co_await with_.session.ask("tasklog", "listtasks", std::move(call), find_within / most_looks);
            has_more = page.flag && tasks.take(page.fields);
        }
        for (std::size_t i = 0; i < results_.size(); ++i) {
            if (stages_[i] != Stage::in_flight) continue;
            auto const& ids = tasks.of(results_[i].agent);
            if (ids.size() == 1) results_[i].id = ids.front();
            if (ids.size() < 2) continue;
            results_[i].text = "interrupted; one of these tasks is it:";
            for (auto const& id : ids) results_[i].text += " " + id;
        }
    }
}

asio::awaitable<HostResult> Exec::with_output(HostResult result)
{
    bool const has_failed = result.end == HostEnd::failed || result.end == HostEnd::timeout;
    bool const is_wanted = has_failed || (with_.out.is_json() && result.end == HostEnd::done);
    if (result.id.empty() || !is_wanted || plan_.follows) co_return result;
    co_return co_await with_printed(with_.session, std::move(result));
}

void Exec::show(HostResult const& result)
{
    if (with_.out.is_json()) return;
    progress_.clear();
    with_.out.raw(result_text(result, plan_.is_async, !plan_.follows, with_.out.has_color()));
    std::fflush(stdout);
}

Exit Exec::report() const
{
    progress_.clear();
    with_.out.document(as_json(results_));
    bool const needs_words = results_.size() > 1 || bad_ > 0;
    for (auto const& line : needs_words ? summary(results_) : std::vector<std::string>())
        with_.out.line(line);
    if (with_.session.interrupted()) return report_interrupted();
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

Exit Exec::report_interrupted() const
{
    std::string ids;
    std::size_t count = 0;
    std::size_t unnamed = 0;
    for (auto const& result : results_) {
        if (!goes_on(result.end)) continue;
        if (result.id.empty()) {
            ++unnamed;
        } else {
            ids += " " + result.id;
            ++count;
        }
    }
    if (count == 0) {
        with_.out.note(unnamed == 0 ? "interrupted; no task goes on"
                                    : "interrupted; no task id is known: elvesctl tasks lists what goes on");
        return Exit::interrupted;
    }
    with_.out.note("interrupted; " + std::to_string(count) + (count == 1 ? " task goes on" : " tasks go on") +
                   "; to cancel: elvesctl cancel" + ids + with_.connection);
    if (unnamed > 0)
        with_.out.note(
            "of " + std::to_string(unnamed) + " more no id is known: elvesctl tasks lists what goes on");
    return Exit::interrupted;
}

} // namespace elves::ctl
