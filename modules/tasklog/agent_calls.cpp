#include "agent_calls.hpp"

#include <boost/asio/post.hpp>

#include "elves/error.hpp"
#include "elves/field_type.hpp"
#include "elves/json_fields.hpp"
#include "elves/json_members.hpp"
#include "elves/log.hpp"
#include "elves/services/account_fields.hpp"
#include "elves/worker_report.hpp"

namespace elves {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds answer_limit = 10s;
constexpr std::size_t ids_a_question = 500;

std::string error_of(Back const& back)
{
    return back.error_info.empty() ? "the agent did not take it, and does not say why" : back.error_info;
}

bool has_code(Back const& back, Code code)
{
    return back.error_info.starts_with("[" + std::string(code.text) + "]");
}

/// It stops, its disk is full, or it has too much to do or to say at once: later it can.
bool cannot_now(Back const& back)
{
    return has_code(back, codes::shutting_down) || has_code(back, codes::store_cannot_write) ||
           has_code(back, codes::too_much);
}

bool is_true(JsonValue const& fields, std::string_view name)
{
    auto const* const value = fields.find(name);
    return value && FieldType<bool>::read(name, *value);
}

/// What one answer to `agent.status` says. `is_provable`: a task that the agent does not know never started
/// there.
life::Event read_status(
    JsonValue const& entry, AgentCalls::Question::Item const& asked, bool is_provable, Zone const& zone)
{
    auto const* const status = entry.find("status");
    auto const* const named = entry.find("id");
    if (!status || !status->is_string() || !named || !named->is_string() ||
        TaskId::parse(named->string()) != asked.id) {
        return life::TaskUnknownToAgent{asked.handover};
    }
    auto const word = status->string();
    if (word == "running") return life::ReportedRunning{is_true(entry, "queued"), asked.handover};
    if (word == "done" || word == "failed") {
        auto report = read_report(entry, zone);
        if (report.not_started) return life::NeverStarted{std::move(report.result), asked.handover};
        return life::Reported{std::move(report)};
    }
    if (word == "unknown" && is_provable)
        return life::NeverStarted{"[410.1] the agent was asked, and never got the task", asked.handover};
    return life::TaskUnknownToAgent{asked.handover};
}

/// The answer of an agent to one question.
struct Answer {
    bool is_unheard = false; ///< Nothing is known: the link was lost, or the agent cannot say now.
    std::string fault;       ///< Why it did not answer, or "".
    std::vector<JsonDocument> info;
    std::optional<Instant> journal_since;
};

Answer read_answer(Back const& back)
{
    Answer answer;
    auto const* const entries = back.fields.find("info");
    if (back.flag && entries && entries->is_list()) {
        for (auto const& entry : *entries) answer.info.emplace_back(entry);
    }
    if (auto const* const since = back.fields.find("journal_since")) {
        auto const number = whole_number(*since);
        if (number) answer.journal_since = Instant(std::chrono::milliseconds(*number));
    }
    answer.is_unheard = cannot_now(back);
    if (!back.flag) {
        auto const said = back.error_info.empty() ? "no reason" : back.error_info;
        answer.fault = Error(codes::agent_silent, "asked about the task, the agent answered: " + said).info();
    }
    return answer;
}

asio::awaitable<Answer> put_question(
    std::shared_ptr<Peer> link, json::object fields, std::chrono::milliseconds limit)
{
    Answer answer;
    try {
        auto const back = co_await link->call("agent", "status", fields, limit);
        answer = read_answer(back);
    } catch (Error const& error) {
        // A link that is lost says nothing; an agent that is silent on a link that stands does not have it.
        answer.is_unheard = error.code() == codes::agent_unreachable;
        answer.fault = Error(codes::agent_silent, "asked about the task, the agent did not answer").info();
    }
    co_return answer;
}

} // namespace

std::string not_online(Ip const& agent)
{
    return Error(codes::agent_unreachable, "agent " + agent.text() + " is not online").info();
}

void AgentCalls::add_start_by(json::object& fields, std::optional<Instant> start_by) const
{
    if (!start_by) return;
    fields["start_by"] = start_by->time_since_epoch().count();
    if (auto const shift = clock_shift_.get(); shift.count() != 0) fields["clock"] = shift.count();
}

void AgentCalls::instruct(Peer& link, Task& task, std::chrono::milliseconds limit, Peer::OnBack then)
{
    JsonMembers members;
    members.add("id", task.id.text()).add("type", type_text(task.type)).add("ins", task.ins.to_members());
    if (task.start_by) {
        members.add("start_by", task.start_by->time_since_epoch().count());
        if (auto const shift = clock_shift_.get(); shift.count() != 0) members.add("clock", shift.count());
    }
    if (task.cron_id && task.fire_time) {
        // So that the agent does not start a time that it has started itself.
        members.add("cron_id", task.cron_id->text())
            .add_quoted("fire_time", task.fire_time->time_since_epoch().count());
    }
    if (quotas_) {
        add_account(task.by, *quotas_,
            [&](std::string_view name, std::string_view value) { members.add(name, value); });
    }
    task.ins.param = {};
    link.call("agent", "instruct", members.text(), limit, std::move(then));
}

life::Event AgentCalls::refusal(Back const& back, Task const& task, Clock::Steady begun) const
{
    auto const after = passed_since(begun);
    if (has_code(back, codes::too_late)) return life::NeverStarted{error_of(back), task.handover};
    if (cannot_now(back)) return life::AgentBusy{error_of(back), after, task.handover};
    return life::Refused{error_of(back), after, task.handover};
}

life::Event AgentCalls::handover_event(
    std::exception_ptr const& failure, Back const& back, Task const& task, Clock::Steady begun) const
{
    try {
        if (failure) std::rethrow_exception(failure);
        if (!back.flag) return refusal(back, task, begun);
        return life::Taken{passed_since(begun), is_true(back.fields.root(), "queued"), task.handover};
    } catch (Error const& error) {
        Error const silent(codes::agent_silent,
            "agent " + task.agent.text() + " did not say that it took it: " + error.what());
        return life::HandoverTimedOut{silent.info(), passed_since(begun), task.handover};
    }
}

std::chrono::milliseconds AgentCalls::passed_since(Clock::Steady begun) const
{
    return std::chrono::duration_cast<std::chrono::milliseconds>(clock_.steady() - begun);
}

std::optional<life::Event> AgentCalls::run_event(
    std::exception_ptr const& failure, Back const& back, Task const& task, Clock::Steady begun) const
{
    try {
        if (failure) std::rethrow_exception(failure);
        if (!back.flag) return refusal(back, task, begun);
        auto report = read_report(back.fields.root(), zone_);
        if (report.not_started) return life::NeverStarted{std::move(report.result), task.handover};
        return life::Reported{std::move(report)};
    } catch (Error const& error) {
        ELVES_LOG(debug, "task " << task.id.text() << " on " << task.agent.text() << ": " << error.info());
        return std::nullopt;
    }
}

asio::awaitable<std::vector<std::optional<life::Event>>> AgentCalls::ask(
    Ip agent, Question question, std::chrono::milliseconds limit)
{
    std::vector<std::optional<life::Event>> events;
    auto const now = clock_.now();
    for (std::size_t first = 0; first < question.items.size(); first += ids_a_question) {
        auto const size = std::min(ids_a_question, question.items.size() - first);
        auto const link = presence_.link(agent);
        if (!link) {
            events.resize(question.items.size());
            co_return events;
        }
        json::array asked;
        for (std::size_t i = 0; i < size; ++i) asked.emplace_back(question.items[first + i].id.text());
        json::object fields{{"id", std::move(asked)}};
        add_start_by(fields, question.start_by);
        auto const answer = co_await put_question(link, std::move(fields), limit);
        for (std::size_t i = 0; i < size; ++i) {
            auto& event = events.emplace_back();
            if (answer.is_unheard) continue;
            auto const& item = question.items[first + i];
            if (!answer.fault.empty()) {
                event = life::AgentUnreachable{answer.fault, item.handover};
                continue;
            }
            // A hand-over in the future: the server's clock was set back since, and proves nothing.
            bool const is_provable =
                answer.journal_since && item.sent && *answer.journal_since <= *item.sent && *item.sent <= now;
            try {
                event = i < answer.info.size() ? read_status(answer.info[i].root(), item, is_provable, zone_)
                                               : life::TaskUnknownToAgent{item.handover};
            } catch (Error const& error) {
                ELVES_LOG(warning, "agent.bad_status agent=" << agent.text() << " error=" << error.info());
            }
        }
    }
    co_return events;
}

asio::awaitable<bool> AgentCalls::cancel(Ip agent, TaskId id)
{
    auto const link = presence_.link(agent);
    if (!link) co_return false;
    try {
        json::object fields{{"id", id.text()}};
        // Whatever else it says: it has heard it, and repeating it would change nothing. One that stops, say,
        // has not: what waits for its turn there begins after its next start.
        auto const back = co_await link->call("agent", "cancel", fields, answer_limit);
        co_return !cannot_now(back);
    } catch (Error const& error) {
        ELVES_LOG(debug,
            "cancel of task " << id.text() << " did not reach " << agent.text() << ": " << error.info());
        co_return false;
    }
}

void AgentCalls::confirm(Ip const& agent, TaskId id)
{
    auto& ids = to_confirm_[agent];
    ids.emplace_back(id.text());
    if (ids.size() > 1) return;
    asio::post(loop_, [this, agent] {
        auto const found = to_confirm_.extract(agent);
        auto const link = presence_.link(agent);
        if (found && link) link->cast("agent", "confirm", {{"id", found.mapped()}});
    });
}

} // namespace elves
