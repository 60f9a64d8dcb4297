#include "sim/schedule_clients.hpp"

#include <algorithm>

#include "sim/sim_target.hpp"

namespace elves::sim {

using namespace std::chrono_literals;

namespace {

std::vector<std::string> const rules{"0/10 * * * * ?", "7/30 * * * * ?", "0 * * * * ?", "30 0/2 * * * ?",
    "0 0/5 * * * ?", "0 0,30 * * * ?", "0 0 * * * ?"};
std::vector<std::string> const zones{"UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"};

} // namespace

asio::awaitable<void> ScheduleClients::ask_something()
{
    constexpr std::size_t most = 3;
    auto& random = place_.home.nature.random;
    auto const dice = random.between(0, 99);
    if (ids_.empty() || (ids_.size() < most && dice < 30)) return set({});
    auto id = random.pick(ids_);
    if (dice < 45) return set(std::move(id));
    if (dice < 80) return look(std::move(id));
    if (dice < 88) return change("stopschedule", std::move(id));
    if (dice < 96) return change("startschedule", std::move(id));
    std::erase(ids_, id);
    return change("delschedule", std::move(id));
}

asio::awaitable<void> ScheduleClients::set(std::string id)
{
    auto& random = place_.home.nature.random;
    auto const param = "schedule " + std::to_string(++asked_);
    auto ask = runs_.some_limits();
    json::object fields{{"target", SimTarget::some(random, place_.agents).text},
        {"ins", runs_.instruction(param)}, {"rule", random.pick(rules)},
        {"overlap", random.chance(600) ? "skip" : "allow"},
        {"misfire", random.chance(500) ? "skip" : "once"}};
    RunClients::add_limits(fields, ask);
    if (random.chance(200)) fields["jitter"] = random.between(1, 20);
    if (random.chance(300)) fields["timezone"] = random.pick(zones);
    if (random.chance(200)) fields["deadline"] = random.between(5, 60);
    bool const is_new = id.empty();
    if (!is_new) fields["id"] = std::move(id);
    place_.watch.asked(param, ask);
    auto const answer = co_await call_("run", "setschedule", std::move(fields), 20s);
    if (!answer) co_return;
    // No host with that label; or it was deleted meanwhile.
    if (!answer->flag) co_return refused(*answer, {"403.11", "414.1", "417.1"});
    if (is_new) ids_.push_back(text(answer->fields, "id"));
}

asio::awaitable<void> ScheduleClients::change(std::string method, std::string id)
{
    json::object fields{{"id", std::move(id)}};
    auto const answer = co_await call_("run", std::move(method), std::move(fields), 20s);
    if (answer && !answer->flag) refused(*answer, {"409.3", "417.1"});
}

asio::awaitable<void> ScheduleClients::look(std::string id)
{
    json::object fields{{"schedule", id}, {"limit", 20}};
    auto const answer = co_await call_("run", "listruns", std::move(fields), 20s);
    if (!answer) co_return;
    if (!answer->flag) co_return refused(*answer, {});
    for (auto const& entry : answer->fields.at("runs").as_array()) {
        auto const& run = entry.as_object();
        auto const run_id = TaskId::parse(text(run, "id")).value();
        auto const* const known = place_.watch.find(run_id);
        if (!known) {
            place_.invariants.broken(
                "acknowledged-known", "run " + run_id.text() + " was shown and is not on disk");
            continue;
        }
        if (text(run, "schedule") != id || text(run, "fire_time").empty())
            place_.invariants.broken("shown-true",
                "run " + run_id.text() + " was shown as a firing, and of which time is not said");
        if (known->state != RunState::skipped) runs_.adopt(run_id, known->ask);
    }
}

void ScheduleClients::refused(Heard const& heard, std::vector<std::string> const& allowed)
{
    for (auto const* const code : {"507.1", "503.1", "429.1"})
        if (heard.is_error(code)) return;
    for (auto const& code : allowed)
        if (heard.is_error(code)) return;
    place_.invariants.broken("refused-rightly", heard.error_info);
}

asio::awaitable<void> ScheduleClients::delete_all()
{
    for (bool is_done = false; !is_done;) {
        json::object nothing;
        auto const answer = co_await call_("run", "listschedules", std::move(nothing), 20s);
        if (!answer || !answer->flag) continue;
        is_done = true;
        for (auto const& entry : answer->fields.at("schedules").as_array()) {
            json::object fields{{"id", text(entry.as_object(), "id")}};
            auto const gone = co_await call_("run", "delschedule", std::move(fields), 20s);
            is_done = is_done && gone && gone->flag;
        }
    }
}

} // namespace elves::sim
