#include "sim/client.hpp"

#include <boost/asio/co_spawn.hpp>

namespace elves::sim {

using namespace std::chrono_literals;

namespace {

std::vector<std::string> const rules{"0/5 * * * * ?", "3/10 * * * * ?", "0/20 * * * * ?", "0 * * * * ?",
    "30 0/2 * * * ?", "0 0/5 * * * ?", "0 0,30 * * * ?", "0 0 * * * ?"};
std::vector<std::string> const overlaps{"skip", "allow", "replace"};
std::vector<std::string> const misfires{"skip", "once"};
std::vector<std::string> const zones{"UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"};

} // namespace

SimClients::SimClients(Nature& nature_, Place place, Habits habits, std::size_t count)
    : Process(nature_, place.machine)
    , place_(std::move(place))
    , habits_(habits)
    , runs_({*this, place_.agents, place_.invariants, place_.run_watch, place_.gate_watch, place_.zone},
          caller())
    , schedules_({*this, place_.agents, place_.invariants, place_.run_watch}, runs_, caller())
    , gates_(
          {*this, place_.server, place_.agents, place_.invariants, place_.gate_watch, place_.zone}, caller())
{
    for (std::size_t i = 0; i < count; ++i) {
        asio::co_spawn(io, live(), [](std::exception_ptr const& escaped) {
            if (escaped) std::rethrow_exception(escaped);
        });
    }
}

SimClients::~SimClients()
{
    place_.network.forget(*this);
    unwind();
}

asio::awaitable<void> SimClients::live()
{
    while (!quiet_) {
        auto const wait =
            nature.random.chance(500) ? nature.random.time(0ms, 100ms) : nature.random.time(100ms, 6s);
        co_await pause(clock, std::chrono::duration_cast<std::chrono::milliseconds>(wait));
        if (quiet_) break;
        ++busy_;
        co_await ask_something();
        --busy_;
    }
}

asio::awaitable<void> SimClients::ask_something()
{
    auto dice = nature.random.between(0, 999);
    if ((dice -= habits_.async) < 0) return send(false);
    if ((dice -= habits_.sync) < 0) return send(true);
    if ((dice -= habits_.cancel) < 0) return cancel();
    if ((dice -= habits_.look) < 0) return look();
    if ((dice -= habits_.cron) < 0) return change_crons();
    if ((dice -= habits_.schedule) < 0) return schedules_.ask_something();
    if ((dice -= habits_.gate) < 0) return gates_.ask_something();
    return runs_.ask_something();
}

RunClients::Call SimClients::caller()
{
    return [this](std::string service, std::string method, json::object fields,
               std::chrono::milliseconds limit) {
        return call(std::move(service), std::move(method), std::move(fields), limit);
    };
}

asio::awaitable<Answer> SimClients::call(
    std::string service, std::string method, json::object fields, std::chrono::milliseconds limit)
{
    if (!link_ || !link_->is_open()) {
        auto link = co_await dial(place_.network, *this, place_.server, dialing);
        if (!link) co_return std::nullopt;
        link_ = std::move(link);
    }
    auto const link = link_;
    try {
        auto const back =
            co_await link->call(std::move(service), std::move(method), std::move(fields), limit);
        co_return Heard{back.flag, back.error_info, to_boost_json(back.fields.root()).as_object()};
    } catch (Error const& error) {
        // Silent for longer than it may be: nothing comes on this one any more.
        if (error.code() == codes::agent_silent) link->close("no answer");
        co_return std::nullopt;
    }
}

json::object SimClients::instruction(bool sync)
{
    auto& random = nature.random;
    auto const number = std::to_string(++asked_);
    json::object ins{{"app", "app"}, {"func", random.chance(200) ? "hold" : "func"},
        {"param", "request \xC3\xA9 " + number}, {"timeout", random.between(1, 30)}};
    if (random.chance(200)) ins["mode"] = "P";
    if (!sync && random.chance(400)) ins["ttl"] = random.between(1, 120);
    if (random.chance(300)) {
        if (dedups_.empty() || random.chance(800)) dedups_.push_back("d" + number);
        ins["dedup"] = random.pick(dedups_);
    }
    return ins;
}

asio::awaitable<void> SimClients::send(bool sync)
{
    Sent const sent{instruction(sync), *nature.random.pick(place_.agents), sync, nature.time.now()};
    auto const limit = sync ? 60s : 20s;
    bool const is_forced = habits_.gate > 0 && nature.random.chance(50);
    place_.gate_watch.asks(text(sent.ins, "param"), is_forced);
    // Who has given his send a `dedup` may repeat it, whatever became of the first.
    auto const tries = sent.ins.contains("dedup") ? 4 : 1;
    for (int i = 0; i < tries; ++i) {
        json::object fields{{"agentip", sent.agent.ip.text()}, {"ins", sent.ins}};
        if (is_forced) fields["force"] = "true";
        if (is_forced) fields["note"] = "it has to be now";
        auto const answer =
            co_await call("sheduler", sync ? "sendsync" : "sendasync", std::move(fields), limit);
        if (!answer) continue;
        hear_send(sent, *answer);
        if (answer->flag) co_return;
    }
}

void SimClients::hear_send(Sent const& sent, Heard const& back)
{
    auto const& [ins, agent, sync, asked] = sent;
    auto const& info = back.fields.at("info").as_object();
    auto const id = TaskId::parse(text(info, "id"));
    if (!back.flag) {
        for (auto const code : {"[507.1]", "[503.1]", "[429.1]"})
            if (back.error_info.starts_with(code)) return;
        if (back.is_error("423.1"))
            return place_.gate_watch.refused_start(
                agent.ip.text(), text(ins, "app"), text(ins, "func"), asked, back.error_info);
        return place_.invariants.broken("refused-rightly", back.error_info);
    }
    if (!id) return place_.invariants.broken("acknowledged-known", "a send was taken and has no id");
    auto& invariants = place_.invariants;
    invariants.acknowledged(*id, !sync && text(info, "agent_sync_flag") == "true");
    if (auto const dedup = text(ins, "dedup"); !dedup.empty())
        invariants.acknowledged_once(agent.name, dedup, *id);
    auto const flag = sync ? info.at("worker_flag").as_int64() : 0;
    if (sync) invariants.told(*id, flag, text(info, "worker_result"));
    if (sync && flag == -1)
        invariants.told_none(*id, text(info, "agent_sync_error"), text(info, "worker_result"));
    tasks_.push_back(*id);
}

asio::awaitable<void> SimClients::cancel()
{
    if (tasks_.empty()) co_return;
    // Lately asked for, more likely than not.
    auto const back_by = nature.random.below(std::min<std::size_t>(tasks_.size(), 8));
    auto const id = tasks_[tasks_.size() - 1 - back_by];
    json::object fields{{"id", id.text()}};
    auto const answer = co_await call("sheduler", "canceltask", std::move(fields), 20s);
    if (!answer || !answer->flag) co_return;
    nature.tally.see(Sight::cancel_told);
    place_.invariants.shown(id, parse_status(text(answer->fields, "status")).value());
}

asio::awaitable<void> SimClients::look()
{
    if (tasks_.empty()) co_return;
    json::array ids;
    for (int i = 0; i < 5; ++i) ids.emplace_back(nature.random.pick(tasks_).text());
    json::object fields{{"id", ids}};
    auto const answer = co_await call("tasklog", "gettaskbyids", std::move(fields), 20s);
    if (!answer || !answer->flag) co_return;
    for (auto const& id : answer->fields.at("missing").as_array())
        place_.invariants.broken("acknowledged-known", "task " + std::string(id.as_string()) + " is missing");
    for (auto const& entry : answer->fields.at("info").as_array()) {
        auto const& info = entry.as_object();
        place_.invariants.shown(
            TaskId::parse(text(info, "id")).value(), parse_status(text(info, "status")).value());
    }
}

asio::awaitable<void> SimClients::change_crons()
{
    constexpr std::size_t most = 6;
    auto& random = nature.random;
    if (crons_.empty() || (crons_.size() < most && random.chance(400))) {
        co_await set_cron(nullptr);
        co_return;
    }
    auto const place = random.below(crons_.size());
    auto const cron = crons_[place];
    if (random.chance(200)) {
        co_await set_cron(&cron);
        co_return;
    }
    auto const kind = random.between(0, 9);
    std::string method = kind < 4 ? "startcron" : kind < 8 ? "stopcron" : "delcronbyipid";
    json::object fields{{"agentip", cron.agent->ip.text()}, {"id", cron.id}};
    auto const deletes = kind >= 8;
    if (deletes) crons_.erase(crons_.begin() + static_cast<std::ptrdiff_t>(place));
    static_cast<void>(co_await call("cron", std::move(method), std::move(fields), 20s));
}

asio::awaitable<void> SimClients::set_cron(Cron const* old)
{
    auto& random = nature.random;
    auto const cron =
        old ? *old : Cron{random.pick(place_.agents), "", random.chance(500) ? "center" : "self"};
    json::object ins{{"app", "app"}, {"func", "tick"}, {"param", "cron"}, {"timeout", random.between(1, 20)}};
    if (random.chance(200)) ins["mode"] = "P";
    if (random.chance(300)) ins["ttl"] = random.between(1, 60);
    json::object fields{{"agentip", cron.agent->ip.text()}, {"cron_type", cron.type},
        {"rule", random.pick(rules)}, {"ins", std::move(ins)}, {"overlap", random.pick(overlaps)},
        {"misfire", random.pick(misfires)}};
    if (random.chance(200)) fields["jitter"] = random.between(1, 20);
    if (random.chance(300)) fields["timezone"] = random.pick(zones);
    if (!cron.id.empty()) fields["id"] = cron.id;
    bool const is_new = cron.id.empty();
    auto const answer = co_await call("cron", "setcronbyip", std::move(fields), 20s);
    if (answer && answer->flag && is_new)
        crons_.push_back({cron.agent, text(answer->fields, "id"), cron.type});
}

void SimClients::begin(asio::awaitable<void> work)
{
    ++busy_;
    asio::co_spawn(io, std::move(work), [this](std::exception_ptr const& escaped) {
        if (escaped) std::rethrow_exception(escaped);
        --busy_;
    });
}

asio::awaitable<void> SimClients::end_runs()
{
    co_await schedules_.delete_all();
    co_await gates_.open_all();
    co_await runs_.end_all();
}

asio::awaitable<void> SimClients::stop_crons()
{
    for (auto const* const agent : place_.agents) {
        for (bool all = false; !all;) {
            json::object fields{{"agentip", agent->ip.text()}};
            auto const answer = co_await call("cron", "getcronlistbyip", std::move(fields), 20s);
            if (!answer || !answer->flag) continue;
            all = true;
            for (auto const& entry : answer->fields.at("cron_list").as_array()) {
                auto const id = text(entry.as_object(), "cron_id");
                json::object one{{"agentip", agent->ip.text()}, {"id", id}};
                auto const stopped = co_await call("cron", "stopcron", std::move(one), 20s);
                all = all && stopped && stopped->flag;
            }
        }
    }
}

} // namespace elves::sim
