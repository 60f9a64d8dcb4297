#include "sim/gate_clients.hpp"

#include <algorithm>

namespace elves::sim {

using namespace std::chrono_literals;

namespace {

/// Rules, and for how long a window stays closed after each of their times. None of them is closed for good.
std::vector<std::pair<std::string, std::chrono::seconds>> const rules{{"0/30 * * * * ?", 15s},
    {"5/20 * * * * ?", 9s}, {"0 * * * * ?", 40s}, {"20 0/2 * * * ?", 75s}, {"0 0/5 * * * ?", 200s}};
std::vector<std::vector<std::string>> const apps{
    {}, {}, {"app"}, {"app.hold"}, {"app.func", "app.tick"}, {"app.ro*"}, {"other"}};
std::vector<std::string> const pers{"all", "all", "host", "env"};
std::vector<std::string> const zones{"UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"};

} // namespace

asio::awaitable<void> GateClients::ask_something()
{
    constexpr std::size_t most = 4;
    auto& random = place_.home.nature.random;
    auto const dice = random.between(0, 99);
    bool const is_new = all_.empty() || (all_.size() < most && dice < 40);
    if (is_new) return set({"g" + std::to_string(++named_), random.chance(500)});
    if (dice < 65) return set(take_one());
    return erase(take_one());
}

GateClients::Named GateClients::take_one()
{
    auto const place = place_.home.nature.random.below(all_.size());
    auto named = all_[place];
    all_.erase(all_.begin() + static_cast<std::ptrdiff_t>(place));
    return named;
}

GateScope GateClients::some_scope(json::object& fields)
{
    auto& random = place_.home.nature.random;
    GateScope scope{SimTarget::some(random, place_.agents), random.pick(apps)};
    fields["target"] = scope.target.text;
    if (scope.apps.empty()) return scope;
    json::array list;
    for (auto const& entry : scope.apps) list.emplace_back(entry);
    fields["apps"] = std::move(list);
    return scope;
}

void GateClients::add_time(SimWindow& window, json::object& fields)
{
    auto& nature = place_.home.nature;
    auto& random = nature.random;
    window.zone = place_.zone;
    if (random.chance(300)) {
        auto const name = random.pick(zones);
        window.zone = Zone::named(name).value();
        fields["timezone"] = name;
    }
    if (random.chance(600)) {
        auto const& [rule, lasts] = random.pick(rules);
        window.rule = QuartzRule::parse(rule);
        window.lasts = lasts;
        fields["rule"] = rule;
        fields["lasts"] = lasts.count();
        return;
    }
    auto const now = std::chrono::floor<std::chrono::seconds>(nature.time.day() + place_.server.off);
    window.from = now + std::chrono::seconds(random.between(-30, 40));
    window.to = window.from + std::chrono::seconds(random.between(10, 150));
    // A time of day that comes twice, or never, says nothing.
    auto const is_clear = [&](Instant at) { return window.zone.parse(window.zone.text(at)) == at; };
    if (!is_clear(window.from) || !is_clear(window.to)) {
        window.zone = Zone::named("UTC").value();
        fields["timezone"] = "UTC";
    }
    fields["from"] = window.zone.text(window.from);
    fields["to"] = window.zone.text(window.to);
}

json::object GateClients::some_window(Named& named)
{
    json::object fields{{"name", named.name}};
    SimWindow window{some_scope(fields)};
    add_time(window, fields);
    named.is_once = !window.rule;
    place_.watch.setting(named.name, std::move(window));
    return fields;
}

json::object GateClients::some_cap(Named const& named)
{
    auto& random = place_.home.nature.random;
    json::object fields{{"name", named.name}};
    SimCap cap{some_scope(fields)};
    cap.most = static_cast<std::size_t>(random.between(1, 3));
    cap.per = random.pick(pers);
    fields["most"] = cap.most;
    fields["per"] = cap.per;
    place_.watch.setting(named.name, std::move(cap));
    return fields;
}

asio::awaitable<void> GateClients::set(Named named)
{
    auto fields = named.is_window ? some_window(named) : some_cap(named);
    std::string method = named.is_window ? "setwindow" : "setcap";
    auto const answer = co_await call_("run", std::move(method), std::move(fields), 20s);
    // Whether it is set shows later, or never: the name is not used again.
    if (!answer || answer->is_error("503.1")) co_return;
    // No host yet, none with that label, one that never came; or it is over already.
    if (!answer->flag) refused(*answer, {"403.10", "403.11", "414.1"});
    answer->flag ? place_.watch.acknowledged(named.name) : place_.watch.refused(named.name);
    all_.push_back(std::move(named));
}

asio::awaitable<void> GateClients::erase(Named named)
{
    place_.watch.deleting(named.name);
    json::object fields{{"name", named.name}};
    std::string method = named.is_window ? "delwindow" : "delcap";
    auto const answer = co_await call_("run", std::move(method), std::move(fields), 20s);
    if (!answer || answer->is_error("503.1")) co_return;
    bool const is_gone = answer->flag || answer->is_error("417.2");
    if (!is_gone) refused(*answer, {});
    is_gone ? place_.watch.acknowledged(named.name) : place_.watch.refused(named.name);
    if (!is_gone) all_.push_back(std::move(named));
}

void GateClients::refused(Heard const& heard, std::vector<std::string> const& allowed)
{
    for (auto const* const code : {"507.1", "429.1"})
        if (heard.is_error(code)) return;
    for (auto const& code : allowed)
        if (heard.is_error(code)) return;
    place_.invariants.broken("refused-rightly", heard.error_info);
}

asio::awaitable<void> GateClients::open_all()
{
    for (bool is_done = false; !is_done;) {
        json::object nothing;
        auto const answer = co_await call_("run", "listwindows", std::move(nothing), 20s);
        if (!answer || !answer->flag) continue;
        is_done = true;
        for (auto const& entry : answer->fields.at("windows").as_array()) {
            auto const& window = entry.as_object();
            if (text(window, "from").empty()) continue;
            json::object fields{{"name", text(window, "name")}};
            place_.watch.deleting(text(window, "name"));
            auto const gone = co_await call_("run", "delwindow", std::move(fields), 20s);
            is_done = is_done && gone && gone->flag;
        }
    }
}

} // namespace elves::sim
