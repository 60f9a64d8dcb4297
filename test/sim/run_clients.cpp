#include "sim/run_clients.hpp"

#include <algorithm>

namespace elves::sim {

using namespace std::chrono_literals;

namespace {

std::vector<std::string> const wave_sizes{"100%", "100%", "1", "1,100%", "1,2", "2,1", "50%", "1,50%"};
std::vector<std::string> const retried{
    "failed", "timeout", "lost", "undelivered", "expired", "canceled", "not_started"};

std::size_t number(json::object const& fields, std::string_view field)
{
    return static_cast<std::size_t>(std::stoul(text(fields, field)));
}

} // namespace

void RunClients::add_limits(json::object& fields, RunAsk const& ask)
{
    fields["waves"] = ask.waves;
    fields["parallel"] = ask.parallel;
    fields["max_fail"] = std::to_string(ask.max_fail) + (ask.is_percent ? "%" : "");
    fields["strict"] = ask.is_strict ? "true" : "false";
    fields["silent"] = ask.silent_fails ? "fail" : "name";
    fields["ttl"] = ask.ttl.count();
}

asio::awaitable<void> RunClients::ask_something()
{
    auto dice = place_.home.nature.random.between(0, 99);
    if (dice < 10) return set_labels();
    if (runs_.empty() || dice < 45) return begin();
    if (dice < 75) return steer();
    if (dice < 85) return retry();
    return look();
}

RunClients::Started const& RunClients::some_run()
{
    // Lately begun, more likely than not.
    auto const back_by = place_.home.nature.random.below(std::min<std::size_t>(runs_.size(), 4));
    return runs_[runs_.size() - 1 - back_by];
}

RunAsk RunClients::some_limits()
{
    auto& random = place_.home.nature.random;
    RunAsk ask;
    ask.waves = random.pick(wave_sizes);
    ask.parallel = random.chance(700) ? static_cast<std::size_t>(random.between(1, 3)) : 50;
    if (random.chance(500)) ask.max_fail = static_cast<std::size_t>(random.between(1, 2));
    if (random.chance(150)) {
        ask.is_percent = true;
        ask.max_fail = random.chance(500) ? 50 : 100;
    }
    ask.is_strict = random.chance(400);
    ask.silent_fails = random.chance(400);
    if (random.chance(300)) ask.ttl = std::chrono::seconds(random.between(1, 90));
    return ask;
}

std::string RunClients::some_target()
{
    auto& random = place_.home.nature.random;
    auto const one = random.pick(place_.agents)->ip.text();
    auto const other = random.pick(place_.agents)->ip.text();
    std::vector<std::string> const targets{"all", "all", "10.0.1.0/24", one + " or " + other, "not " + one,
        "env=a or env=b", "has env", "not env=a"};
    if (!runs_.empty() && random.chance(50)) return "run:" + some_run().id.text();
    return random.pick(targets);
}

json::object RunClients::instruction(std::string const& param)
{
    auto& random = place_.home.nature.random;
    json::object ins{{"app", "app"}, {"func", random.chance(200) ? "hold" : "roll"}, {"param", param},
        {"timeout", random.between(1, 20)}};
    if (random.chance(100)) ins["mode"] = "P";
    return ins;
}

/// When it starts, waits between waves, and ends.
void RunClients::add_times(json::object& fields)
{
    auto& nature = place_.home.nature;
    auto& random = nature.random;
    if (random.chance(150)) {
        fields["at"] = place_.zone.text(nature.time.day() + std::chrono::seconds(random.between(-20, 60)));
        fields["late"] = random.chance(500) ? 5 : 3'600;
    }
    if (random.chance(250)) fields["pause"] = random.between(1, 20);
    if (random.chance(100)) fields["pause"] = "ask";
    if (random.chance(100)) fields["deadline"] = random.between(5, 120);
}

asio::awaitable<std::string> RunClients::planned_digest(json::object fields)
{
    auto const answer = co_await call_("run", "planrun", std::move(fields), 20s);
    co_return answer && answer->flag ? text(answer->fields, "digest") : std::string();
}

asio::awaitable<void> RunClients::begin()
{
    auto& random = place_.home.nature.random;
    auto const param = next_param();
    auto const ask = some_limits();
    json::object fields{{"target", some_target()}, {"ins", instruction(param)}};
    add_limits(fields, ask);
    add_times(fields);
    if (random.chance(200)) fields["order"] = random.chance(500) ? "random" : "spread:env";
    if (random.chance(200)) {
        auto digest = co_await planned_digest(fields);
        if (!digest.empty()) fields["digest"] = std::move(digest);
    }
    // Who has given it a `dedup` may repeat it, whatever became of the first.
    bool const repeats = random.chance(400);
    if (repeats) fields["dedup"] = param;
    place_.watch.asked(param, ask);
    place_.gates.asks(param, false);
    for (int tries = repeats ? 4 : 1; tries > 0; --tries) {
        auto again = fields;
        auto const answer = co_await call_("run", "startrun", std::move(again), 20s);
        if (!answer) continue;
        hear_begin(param, ask, *answer);
        if (!answer->flag || random.chance(700)) co_return;
    }
}

void RunClients::hear_begin(std::string const& param, RunAsk const& ask, Heard const& heard)
{
    // No host yet, none with that label, one that never came, another list than the planned one, another
    // time.
    if (!heard.flag) return refused(heard, {"403.10", "403.11", "409.2", "414.1"});
    auto const id = TaskId::parse(text(heard.fields, "id"));
    if (!id) return place_.invariants.broken("acknowledged-known", "a run was begun and has no id");
    place_.watch.acknowledged(param, *id, number(heard.fields, "count"));
    adopt(*id, ask);
}

void RunClients::adopt(TaskId run, RunAsk const& ask)
{
    bool const is_known =
        std::any_of(runs_.begin(), runs_.end(), [&](Started const& one) { return one.id == run; });
    if (!is_known) runs_.push_back({run, ask});
}

void RunClients::refused(Heard const& heard, std::vector<std::string> const& allowed)
{
    for (auto const* const code : {"507.1", "503.1", "429.1"})
        if (heard.is_error(code)) return;
    for (auto const& code : allowed)
        if (heard.is_error(code)) return;
    place_.invariants.broken("refused-rightly", heard.error_info);
}

asio::awaitable<void> RunClients::retry()
{
    auto& random = place_.home.nature.random;
    auto const old = some_run();
    auto const param = next_param();
    auto ask = old.ask;
    ask.retry_of = old.id;
    json::array states;
    for (auto const& state : retried)
        if (random.chance(700)) states.emplace_back(state);
    if (states.empty()) states.emplace_back("failed");
    json::object fields{{"id", old.id.text()}, {"states", std::move(states)}, {"ins", instruction(param)}};
    if (random.chance(300)) {
        ask.is_percent = false;
        ask.max_fail = 1;
        fields["max_fail"] = "1";
    }
    place_.watch.asked(param, ask);
    place_.gates.asks(param, false);
    auto const answer = co_await call_("run", "retryrun", std::move(fields), 20s);
    if (answer) hear_begin(param, ask, *answer);
}

asio::awaitable<void> RunClients::steer()
{
    auto& random = place_.home.nature.random;
    auto const& run = some_run();
    auto const dice = random.between(0, 99);
    std::string action = dice < 30 ? "pause" : dice < 75 ? "resume" : dice < 88 ? "stop" : "cancel";
    auto const max_fail = random.chance(300) ? static_cast<std::size_t>(random.between(1, 4)) : 0;
    return steer_with(run.id, std::move(action), max_fail);
}

asio::awaitable<void> RunClients::steer_with(TaskId run, std::string action, std::size_t max_fail)
{
    json::object fields{{"id", run.text()}, {"do", action}};
    auto& watch = place_.watch;
    bool const resumes = action == "resume";
    if (resumes && max_fail > 0) fields["max_fail"] = max_fail;
    if (resumes) watch.resuming(run, max_fail);
    auto const pausing = watch.pausing(run);
    auto const answer = co_await call_("run", "steerrun", std::move(fields), 20s);
    if (!answer) co_return;
    if (resumes) watch.resume_answered(run);
    if (!answer->flag) co_return refused(*answer, {"409.3"});
    if (action == "pause") watch.acknowledged_pause(run, pausing);
    if (action == "stop" || action == "cancel") watch.acknowledged_end(run);
}

asio::awaitable<void> RunClients::look()
{
    auto const run = some_run().id;
    auto const dice = place_.home.nature.random.between(0, 99);
    if (dice < 30) co_return co_await look_at_hosts(run);
    if (dice < 50) co_return co_await watch_one(run);
    json::object fields{{"id", run.text()}};
    auto const answer = co_await call_("run", "getrun", std::move(fields), 20s);
    if (!answer) co_return;
    if (!answer->flag) co_return refused(*answer, {});
    auto const& shown = answer->fields.at("run").as_object();
    hear_counts(run, shown.at("counts").as_object(), number(shown, "count"));
}

void RunClients::hear_counts(TaskId run, json::object const& counts, std::size_t count)
{
    std::map<std::string, std::size_t> by_state;
    for (auto const& entry : counts) {
        std::string const state(entry.key());
        by_state[state] = number(counts, state);
    }
    place_.watch.shown_counts(run, count, by_state);
}

asio::awaitable<void> RunClients::look_at_hosts(TaskId run)
{
    json::object fields{{"id", run.text()}};
    auto const answer = co_await call_("run", "listrunhosts", std::move(fields), 20s);
    if (!answer) co_return;
    if (!answer->flag) co_return refused(*answer, {});
    std::vector<std::pair<std::string, std::size_t>> hosts;
    for (auto const& entry : answer->fields.at("hosts").as_array()) {
        auto const& host = entry.as_object();
        hosts.emplace_back(text(host, "agentip"), number(host, "wave"));
    }
    place_.watch.shown_hosts(run, hosts);
}

asio::awaitable<void> RunClients::watch_one(TaskId run)
{
    json::object fields{{"id", run.text()}, {"since", place_.home.nature.random.between(0, 6)}};
    auto const answer = co_await call_("run", "watchrun", std::move(fields), 40s);
    if (!answer) co_return;
    if (!answer->flag) co_return refused(*answer, {});
    auto const* const known = place_.watch.find(run);
    if (known) hear_counts(run, answer->fields.at("counts").as_object(), known->hosts.size());
}

asio::awaitable<void> RunClients::set_labels()
{
    auto& random = place_.home.nature.random;
    json::object fields{{"target", random.pick(place_.agents)->ip.text()}};
    if (random.chance(800)) {
        fields["labels"] = json::object{{"env", random.chance(500) ? "a" : "b"}};
    } else {
        fields["unset"] = json::array{"env"};
    }
    auto const answer = co_await call_("fleet", "setlabels", std::move(fields), 20s);
    if (answer && !answer->flag) refused(*answer, {"403.11", "414.1"});
}

asio::awaitable<void> RunClients::end_all()
{
    auto& random = place_.home.nature.random;
    while (!place_.watch.unfinished().empty()) {
        // A copy: it changes while they are asked.
        auto const runs = place_.watch.unfinished();
        for (auto const run : runs) {
            auto const* const known = place_.watch.find(run);
            // A run that runs has to end by itself.
            if (!known || known->state == RunState::running || is_final(known->state)) continue;
            bool const goes_on = known->state == RunState::paused && random.chance(500);
            std::string action = goes_on ? "resume" : "stop";
            auto const max_fail = goes_on ? known->hosts.size() : 0;
            co_await steer_with(run, std::move(action), max_fail);
        }
        co_await pause(place_.home.clock, 5s);
    }
}

} // namespace elves::sim
