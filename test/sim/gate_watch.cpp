#include "sim/gate_watch.hpp"

#include <algorithm>

namespace elves::sim {

using namespace std::chrono_literals;

namespace {

constexpr auto label_table = "CREATE TEMP TABLE label_change (n INTEGER PRIMARY KEY, ip TEXT, value TEXT);\n";

std::string label_trigger(std::string const& event, std::string const& row, std::string const& value)
{
    return "CREATE TEMP TRIGGER \"labels: " + event + "\" AFTER " + event + " ON main.fleet_label WHEN " +
           row + ".key = 'env' BEGIN INSERT INTO label_change (ip, value) VALUES (" + row + ".ip, " + value +
           "); END;\n";
}

std::string triggers()
{
    return label_table + label_trigger("INSERT", "NEW", "NEW.value") +
           label_trigger("UPDATE", "NEW", "NEW.value") + label_trigger("DELETE", "OLD", "NULL");
}

std::optional<std::string> maybe_text(Run const& row, int column)
{
    return row.is_null(column) ? std::nullopt : std::optional(std::string(row.text(column)));
}

/// `app`, `app.func`, or one of these that ends in "*".
bool covers_one(std::string_view entry, std::string const& app, std::string const& func)
{
    auto const name = app + "." + func;
    if (entry.ends_with('*')) return name.starts_with(entry.substr(0, entry.size() - 1));
    return entry == app || entry == name;
}

} // namespace

std::optional<Instant> SimWindow::closed_until(Instant at) const
{
    if (!rule) return from <= at && at < to ? std::optional(to) : std::nullopt;
    auto const time = rule->next_after(at - lasts, zone);
    return time && *time <= at ? std::optional(*time + lasts) : std::nullopt;
}

// ---- labels ----

void GateWatch::begin(Db& db)
{
    watching_ = true;
    // What is on disk by now may have been decided long ago, by a server that is gone.
    server_was_slow();
    db.script(triggers());
    std::map<std::string, std::string> there;
    auto row = db.run("SELECT ip, value FROM main.fleet_label WHERE key = 'env'");
    while (row.next()) there.emplace(row.text(0), row.text(1));
    for (auto const* const agent : place_.agents) {
        auto const found = there.find(agent->ip.text());
        see_label(agent->ip.text(), found == there.end() ? std::nullopt : std::optional(found->second));
    }
}

void GateWatch::take(Db& db)
{
    if (!watching_) return;
    bool is_any = false;
    {
        auto row = db.run("SELECT ip, value FROM label_change ORDER BY n");
        for (; row.next(); is_any = true) see_label(std::string(row.text(0)), maybe_text(row, 1));
    }
    if (is_any) db.run("DELETE FROM label_change").execute();
}

void GateWatch::see_label(std::string const& ip, std::optional<std::string> value)
{
    auto& label = labels_[ip];
    if (label.value == value) return;
    label = {std::move(value), now()};
}

GateWatch::Label const& GateWatch::label_of(std::string const& ip) const
{
    static Label const none;
    auto const found = labels_.find(ip);
    return found == labels_.end() ? none : found->second;
}

// ---- what clients are told ----

void GateWatch::begin_set(std::string const& name, Rule rule)
{
    deleting(name);
    versions_.push_back({name, std::move(rule), now()});
}

void GateWatch::deleting(std::string const& name)
{
    if (auto* const version = current(name)) version->doomed = now();
}

GateWatch::Version* GateWatch::current(std::string const& name)
{
    auto const found = std::find_if(versions_.rbegin(), versions_.rend(),
        [&](Version const& version) { return version.name == name && !version.gone; });
    return found == versions_.rend() ? nullptr : &*found;
}

void GateWatch::acknowledged(std::string const& name)
{
    for (auto& version : versions_) {
        if (version.name != name || version.gone) continue;
        if (version.doomed) {
            version.gone = now();
        } else {
            version.known = now();
        }
    }
}

/// As it was before.
void GateWatch::refused(std::string const& name)
{
    for (auto& version : versions_) {
        if (version.name != name || version.gone) continue;
        if (version.doomed) {
            version.doomed.reset();
            version.known = now();
        } else {
            version.gone = now();
        }
    }
}

void GateWatch::refused_start(std::string const& agent, std::string const& app, std::string const& func,
    Steady asked, std::string const& why)
{
    bool const is_window = why.starts_with("[423.1] window ");
    nature_.tally.see(is_window ? Sight::window_refused : Sight::cap_refused);
    // A cap counts what the agents fire by themselves, too, and that is known to the server alone.
    bool const is_right = std::any_of(versions_.begin(), versions_.end(), [&](Version const& version) {
        auto const& scope = version.rule.scope();
        if ((version.gone && *version.gone < asked) || !covers(scope, app, func)) return false;
        if (!scope.target.rests_on_label && scope.target.match(agent, std::nullopt) != Match::yes)
            return false;
        if (!is_window) return version.rule.cap.has_value();
        return version.rule.window && was_closed_since(*version.rule.window, asked);
    });
    if (!is_right)
        invariants_.broken("refused-rightly", "no window or cap holds back " + app + "." + func + " on " +
                                                  agent + ", and its start was refused: " + why);
}

// ---- whether a window is closed, and for whom ----

bool GateWatch::covers(GateScope const& scope, std::string const& app, std::string const& func)
{
    return scope.apps.empty() || std::any_of(scope.apps.begin(), scope.apps.end(),
                                     [&](auto const& entry) { return covers_one(entry, app, func); });
}

Match GateWatch::match_since(GateScope const& scope, std::string const& ip, Steady since) const
{
    auto const& label = label_of(ip);
    // The server takes a label over a moment after it is on disk.
    bool const is_old = label.since + 1s <= since;
    if (scope.target.rests_on_label && !is_old) return Match::undecided;
    return scope.target.match(ip, label.value);
}

Instant GateWatch::server_time_at(Steady when) const
{
    auto const passed = [](Steady from, Steady to) {
        return std::chrono::floor<std::chrono::milliseconds>(to - from);
    };
    for (auto const& [jump, said] : jumps_) {
        if (when < jump) return said - passed(when, jump);
    }
    return server_time() - passed(when, now());
}

/// By the server's clock as it was, from then until now.
bool GateWatch::is_closed_throughout(SimWindow const& window, Steady from) const
{
    for (auto at = from;;) {
        auto const time = server_time_at(at);
        auto const until = window.closed_until(time);
        if (!until) return false;
        auto next = at + (*until - time);
        for (auto const& [jump, said] : jumps_) {
            if (at < jump && jump < next) next = jump;
        }
        if (next > now()) return true;
        at = next;
    }
}

bool GateWatch::was_closed_since(SimWindow const& window, Steady from) const
{
    bool const jumped = std::any_of(
        jumps_.begin(), jumps_.end(), [from](auto const& jump) { return jump.first + 1s >= from; });
    if (jumped || window.closed_until(server_time_at(from)) || window.closed_until(server_time()))
        return true;
    auto const next =
        window.rule ? window.rule->next_after(server_time_at(from), window.zone) : std::optional(window.from);
    return next && *next >= server_time_at(from) && *next <= server_time();
}

bool GateWatch::may_hold(std::string const& agent, std::string const& app, std::string const& func) const
{
    return std::any_of(versions_.begin(), versions_.end(), [&](Version const& version) {
        auto const& scope = version.rule.scope();
        if (version.gone || !covers(scope, app, func)) return false;
        if (!scope.target.rests_on_label && scope.target.match(agent, std::nullopt) != Match::yes)
            return false;
        if (!version.known || version.doomed) return true;
        if (version.rule.window) return version.rule.window->closed_until(server_time()).has_value();
        auto const open = std::count_if(handed_.begin(), handed_.end(),
            [&](auto const& each) { return covers(scope, each.second.app, each.second.func); });
        return static_cast<std::size_t>(open) >= version.rule.cap->most;
    });
}

// ---- what starts ----

void GateWatch::log_wrote(LogRow const& row)
{
    if (row.error.starts_with("[423.1] ") && row.status == TaskStatus::waiting)
        nature_.tally.see_again(Sight::held_back, row.id.text());
    bool const is_at_agent = row.status == TaskStatus::sent || row.status == TaskStatus::running;
    if (!is_at_agent) {
        drop(row.id);
        handed_.erase(row.id);
        return;
    }
    auto const found = handed_.find(row.id);
    bool const is_again =
        found != handed_.end() && (row.status == TaskStatus::running || found->second.sent == row.sent);
    if (is_again) return;
    drop(row.id);
    auto const asked = asks_.find(row.param);
    Handed handed{row.agent, row.app, row.func, row.sent, now()};
    handed.is_forced = asked != asks_.end() && asked->second.is_forced;
    handed.is_own = row.from == row.agent;
    // What is seen running first was handed over in a commit that nobody saw.
    if (row.status == TaskStatus::sent) check_start(row.id, handed, row.param);
    handed_.insert_or_assign(row.id, std::move(handed));
}

/// It was handed over by this commit. When that was decided is known up to `longest_write`, and to be after
/// it was asked for.
void GateWatch::check_start(TaskId id, Handed const& handed, std::string const& param)
{
    if (handed.is_forced) return nature_.tally.see(Sight::forced_start);
    auto const asked = asks_.find(param);
    auto since = now() - longest_write;
    if (asked != asks_.end() && asked->second.at > since) {
        since = asked->second.at;
    } else if (is_slow()) {
        return;
    }
    for (auto const& version : versions_) {
        bool const is_in_force = version.known && *version.known <= since && !version.doomed && !version.gone;
        auto const& scope = version.rule.scope();
        if (!is_in_force || !covers(scope, handed.app, handed.func)) continue;
        if (match_since(scope, handed.agent, since) != Match::yes) continue;
        if (version.rule.cap) {
            check_cap(id, handed, version, since);
        } else if (is_closed_throughout(*version.rule.window, since)) {
            invariants_.broken("window-kept",
                "task " + id.text() + " (" + handed.app + "." + handed.func + ") is handed over to " +
                    handed.agent + ", and window " + version.name + " is closed there until " +
                    place_.zone.text(*version.rule.window->closed_until(server_time_at(since))));
        }
    }
}

bool GateWatch::is_slow() const
{
    return now() < unsure_until_ || place_.server.paused || place_.disk.faults.slow > 0us;
}

std::string GateWatch::value_of(SimCap const& cap, std::string const& ip) const
{
    if (cap.per == "host") return ip;
    return cap.per == "env" ? label_of(ip).value.value_or("") : std::string();
}

bool GateWatch::is_running(Handed const& handed) const
{
    if (!handed.lives || handed.is_over) return false;
    auto const agent = std::find_if(place_.agents.begin(), place_.agents.end(),
        [&](auto const* machine) { return machine->ip.text() == handed.agent; });
    return agent != place_.agents.end() && (*agent)->process && (*agent)->lives == *handed.lives;
}

/// It takes a place under the cap for certain, as long as it is unfinished.
bool GateWatch::counts(Handed const& other, SimCap const& cap, std::string const& value) const
{
    // In one commit it does not show which of two was decided first.
    bool const is_late = other.is_forced && other.at + longest_write > now();
    if (other.is_own || is_late || !covers(cap.scope, other.app, other.func)) return false;
    auto const before = other.at - longest_write;
    if (cap.per == "env" && label_of(other.agent).since + 1s > before) return false;
    return match_since(cap.scope, other.agent, before) == Match::yes && value_of(cap, other.agent) == value;
}

void GateWatch::check_cap(TaskId id, Handed const& handed, Version const& version, Steady since)
{
    auto const& cap = *version.rule.cap;
    if (cap.per == "env" && label_of(handed.agent).since + 1s > since) return;
    auto const value = value_of(cap, handed.agent);
    Check check{"cap " + version.name + " allows " + std::to_string(cap.most) + " at once per " + cap.per +
                    ", and when task " + id.text() + " was handed over to " + handed.agent +
                    ", these were unfinished:",
        cap.most, 1};
    for (auto const& [other, each] : handed_) {
        if (other == id || each.is_over || !counts(each, cap, value)) continue;
        if (is_running(each)) {
            ++check.sure;
            check.text += " " + other.text();
        } else if (!each.lives) {
            check.maybe.insert(other);
        }
    }
    if (check.sure > check.most) return invariants_.broken("cap-kept", check.text);
    if (check.sure + check.maybe.size() > check.most) checks_.push_back(std::move(check));
}

void GateWatch::worker_started(TaskId id)
{
    auto const found = handed_.find(id);
    if (found == handed_.end()) return;
    auto& handed = found->second;
    for (auto const* const agent : place_.agents)
        if (agent->ip.text() == handed.agent) handed.lives = agent->lives;
    for (auto& check : checks_) {
        if (check.maybe.erase(id) == 0) continue;
        check.text += " " + id.text();
        if (++check.sure > check.most) invariants_.broken("cap-kept", check.text);
    }
}

void GateWatch::worker_ended(TaskId id)
{
    if (auto const found = handed_.find(id); found != handed_.end()) found->second.is_over = true;
}

/// It was not, or is not any more, with its agent.
void GateWatch::drop(TaskId id)
{
    for (auto& check : checks_) check.maybe.erase(id);
    std::erase_if(checks_, [](Check const& check) { return check.maybe.empty(); });
}

} // namespace elves::sim
