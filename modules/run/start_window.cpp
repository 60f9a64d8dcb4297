#include "start_window.hpp"

#include <algorithm>

#include "elves/error.hpp"

namespace elves {

namespace {

using namespace std::chrono_literals;

constexpr auto longest_look = std::chrono::hours(24 * 3650);
constexpr auto longest_lasts = std::chrono::seconds(366 * 86'400);

Instant required_time(std::string_view field, std::string const& text, Zone const& zone)
{
    auto const at = zone.parse(text);
    if (!at)
        throw Error(
            codes::bad_field, "`" + std::string(field) + "` is \"" + text + "\"; give YYYY-MM-DD HH:MM:SS");
    return *at;
}

} // namespace

void StartWindow::require_sound(Zone const& server, Instant now) const
{
    bool const is_once = !from.empty() || !to.empty();
    if (is_once == rule.has_value())
        throw Error(codes::bad_field, "say in one way when the window is closed: give `rule` and `lasts`, or "
                                      "`from` and `to`");
    if (rule) {
        if (lasts <= 0s || lasts > longest_lasts)
            throw Error(codes::bad_field, "`lasts` is " + std::to_string(lasts.count()) +
                                              "; give for how many seconds it stays closed, 1 to 31622400");
        return;
    }
    if (lasts != 0s) throw Error(codes::bad_field, "`lasts` stands with `rule`; with `from` leave it out");
    if (from.empty() || to.empty())
        throw Error(codes::bad_field, from.empty() ? "`from` is missing; give both `from` and `to`"
                                                   : "`to` is missing; give both `from` and `to`");
    auto const own = zone.value_or(server);
    auto const begin = required_time("from", from, own);
    auto const end = required_time("to", to, own);
    if (end <= begin) throw Error(codes::bad_field, "`to` is " + to + ", which is not after `from`, " + from);
    if (end <= now)
        throw Error(codes::bad_field, "`to` is " + to + ", which is in the past: it would never be closed");
}

StartWindow::Stretch StartWindow::stretch(Zone const& server, Instant now) const
{
    auto const own = zone.value_or(server);
    auto const horizon = now + longest_look;
    if (!rule) {
        auto const begin = own.parse(from).value_or(horizon);
        auto const end = own.parse(to).value_or(horizon);
        if (now < begin) return {false, now, std::min(begin, horizon)};
        if (now < end) return {true, begin, end};
        return {false, end, horizon};
    }
    // The last time that could still keep it closed.
    auto time = rule->next_after(now - lasts, own);
    if (!time || *time > now) return {false, now, time ? std::min(*time, horizon) : horizon};
    Stretch closed{true, *time, *time + lasts};
    // Times that come before it opens keep it closed for longer. One that comes each minute does so for good.
    for (int looked_at = 0; looked_at < 1'000 && closed.to < horizon; ++looked_at) {
        time = rule->next_after(*time, own);
        if (!time || *time > closed.to) break;
        closed.to = *time + lasts;
    }
    return closed;
}

} // namespace elves
