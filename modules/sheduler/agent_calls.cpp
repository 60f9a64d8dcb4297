#include "agent_calls.hpp"

#include <boost/asio/post.hpp>

#include "elves/error.hpp"
#include "elves/log.hpp"
#include "elves/services/account_fields.hpp"
#include "elves/worker_report.hpp"

namespace elves {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds answer_limit = 10s;
constexpr std::size_t ids_a_question = 500;

std::string not_there(Ip const& agent)
{
    return Error(codes::agent_unreachable, "agent " + agent.text() + " is not online").info();
}

std::string refusal_of(Back const& back)
{
    return back.error_info.empty() ? "the agent did not take it, and does not say why" : back.error_info;
}

bool has_code(Back const& back, Code code)
{
    return back.error_info.starts_with("[" + std::string(code.text) + "]");
}

/// It stops, its disk is full, or it has too much to do or to say at once: what it has to say it says later.
bool cannot_now(Back const& back)
{
    return has_code(back, codes::shutting_down) || has_code(back, codes::store_cannot_write) ||
           has_code(back, codes::too_much);
}

std::optional<life::Event> told(JsonValue const& entry, TaskId id, Zone const& zone)
{
    auto const* const status = entry.find("status");
    auto const* const named = entry.find("id");
    if (!status || !status->is_string() || !named || !named->is_string() ||
        TaskId::parse(named->string()) != id) {
        return life::AgentForgot{};
    }
    auto const word = status->string();
    if (word == "running") return life::AgentRuns{};
    if (word == "done" || word == "failed") return life::Reported{read_report(entry, zone)};
    return life::AgentForgot{};
}

} // namespace

/// Not a coroutine: when it returns, the instruction has been written and `task` has no param any more.
asio::awaitable<Back> AgentCalls::instruct(Peer& link, Task& task, std::chrono::milliseconds limit)
{
    // Gone once it is sent: in one piece, and on the stack, but for a long param.
    unsigned char space[2048];
    json::monotonic_resource memory(space, sizeof space);
    json::object fields(
        {{"id", task.id.text()}, {"type", type_text(task.type)}, {"ins", task.ins.to_json(&memory)}},
        &memory);
    if (task.cron_id && task.fire_time) {
        // So that the agent does not start a time that it has started itself.
        fields["cron_id"] = task.cron_id->text();
        fields["fire_time"] = std::to_string(task.fire_time->time_since_epoch().count());
    }
    if (quotas_) add_account(fields, task.by, *quotas_);
    auto answer = link.call("agent", "instruct", fields, limit);
    task.ins.param = {};
    return answer;
}

asio::awaitable<life::Event> AgentCalls::hand_over(SharedTask task, std::chrono::milliseconds limit)
{
    auto const link = presence_.link(task->agent);
    if (!link) co_return life::NotThere{not_there(task->agent)};
    auto const begun = clock_.steady();
    auto const after = [&] {
        return std::chrono::duration_cast<std::chrono::milliseconds>(clock_.steady() - begun);
    };
    try {
        auto const back = co_await instruct(*link, *task, limit);
        if (back.flag) co_return life::Taken{after()};
        co_return life::Refused{refusal_of(back), after()};
    } catch (Error const& error) {
        Error const silent(codes::agent_silent,
            "agent " + task->agent.text() + " did not say that it took it: " + error.what());
        co_return life::Silence{silent.info(), after()};
    }
}

asio::awaitable<std::optional<life::Event>> AgentCalls::run(SharedTask task, std::chrono::milliseconds limit)
{
    auto const link = presence_.link(task->agent);
    if (!link) co_return life::NotThere{not_there(task->agent)};
    auto const begun = clock_.steady();
    try {
        auto const back = co_await instruct(*link, *task, limit);
        if (back.flag) co_return life::Reported{read_report(back.fields.root(), zone_)};
        co_return life::Refused{
            refusal_of(back), std::chrono::duration_cast<std::chrono::milliseconds>(clock_.steady() - begun)};
    } catch (Error const& error) {
        ELVES_LOG(debug, "task " << task->id.text() << " on " << task->agent.text() << ": " << error.info());
        co_return std::nullopt;
    }
}

asio::awaitable<std::vector<std::optional<life::Event>>> AgentCalls::ask(
    Ip agent, std::vector<TaskId> ids, std::chrono::milliseconds limit)
{
    std::vector<std::optional<life::Event>> events;
    for (std::size_t first = 0; first < ids.size(); first += ids_a_question) {
        auto const size = std::min(ids_a_question, ids.size() - first);
        auto const link = presence_.link(agent);
        if (!link) {
            events.resize(ids.size());
            co_return events;
        }
        json::array asked;
        for (std::size_t i = 0; i < size; ++i) asked.emplace_back(ids[first + i].text());
        json::object fields{{"id", std::move(asked)}};
        std::vector<JsonDocument> info;
        bool unheard = false;
        std::string silent;
        try {
            auto const back = co_await link->call("agent", "status", fields, limit);
            auto const* const entries = back.fields.find("info");
            if (back.flag && entries && entries->is_list()) {
                for (auto const& entry : *entries) info.emplace_back(entry);
            }
            unheard = cannot_now(back);
            if (!back.flag) {
                auto const word = back.error_info.empty() ? "that it will not say" : back.error_info;
                silent = Error(codes::agent_silent, "asked about the task, the agent said " + word).info();
            }
        } catch (Error const& error) {
            // A link that is lost says nothing; an agent that is silent on a link that stands has its answer
            // given.
            unheard = error.code() == codes::agent_unreachable;
            silent = Error(codes::agent_silent, "asked about the task, the agent did not answer").info();
        }
        for (std::size_t i = 0; i < size; ++i) {
            std::optional<life::Event> event;
            try {
                if (unheard) {
                    // Nothing is known.
                } else if (!silent.empty()) {
                    event = life::AgentGone{silent};
                } else {
                    event =
                        i < info.size() ? told(info[i].root(), ids[first + i], zone_) : life::AgentForgot{};
                }
            } catch (Error const& error) {
                ELVES_LOG(
                    warning, "agent " << agent.text() << " answers agent.status wrongly: " << error.info());
            }
            events.push_back(std::move(event));
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
