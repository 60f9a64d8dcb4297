#include "ctl/times.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <cstdlib>

#include "ctl/outcome.hpp"
#include "ctl/printable.hpp"
#include "ctl/units.hpp"

namespace elves::ctl {

namespace {

constexpr std::size_t seconds_size = 19; // YYYY-MM-DD HH:MM:SS
constexpr std::string_view pattern = "dddd-dd-dd dd:dd:dd";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// What callers wrote themselves, and maps whose names are not fields.
bool is_foreign(std::string_view name)
{
    constexpr std::array<std::string_view, 8> names{
        "ins", "param", "apps", "labels", "facts", "output", "stderr", "worker_message"};
    return std::find(names.begin(), names.end(), name) != names.end();
}

std::string offset_text(std::chrono::seconds offset)
{
    auto const minutes = std::abs(std::chrono::duration_cast<std::chrono::minutes>(offset).count());
    std::array<char, 16> text{};
    std::snprintf(text.data(), text.size(), "%c%02d:%02d", offset.count() < 0 ? '-' : '+',
        static_cast<int>(minutes / 60), static_cast<int>(minutes % 60));
    return text.data();
}

/// Of `1h30m`; nothing where `text` is no duration. At most a century.
std::optional<std::chrono::seconds> duration_of(std::string_view text)
{
    constexpr std::int64_t century = std::int64_t{100} * 366 * 86'400;
    if (text.empty()) return std::nullopt;
    std::int64_t seconds = 0;
    while (!text.empty()) {
        std::int64_t number = 0;
        std::size_t digits = 0;
        for (; digits < text.size() && is_digit(text[digits]); ++digits) {
            number = number * 10 + (text[digits] - '0');
            if (number > century) return std::nullopt;
        }
        if (digits == 0 || digits == text.size()) return std::nullopt;
        auto const unit = text[digits];
        auto const factor = unit == 's'   ? 1
                            : unit == 'm' ? 60
                            : unit == 'h' ? 3600
                            : unit == 'd' ? 86'400
                            : unit == 'w' ? 604'800
                                          : 0;
        if (factor == 0 || number > century / factor) return std::nullopt;
        seconds += number * factor;
        text.remove_prefix(digits + 1);
    }
    if (seconds > century) return std::nullopt;
    return std::chrono::seconds(seconds);
}

/// A typed time, taken apart.
struct Typed {
    std::string wall; ///< `YYYY-MM-DD HH:MM:SS`
    std::optional<std::chrono::seconds> offset;
};

/// Takes `Z`, `+01:00` or `+0100` off the end of `text`. The date has a `-` itself, and no offset alone.
std::optional<std::chrono::seconds> take_offset(std::string& text)
{
    if (text.ends_with('Z') || text.ends_with('z')) {
        text.pop_back();
        return std::chrono::seconds(0);
    }
    auto const sign = text.find_last_of("+-");
    constexpr std::size_t date_size = 10;
    if (sign == std::string::npos || sign <= date_size) return std::nullopt;
    auto digits = text.substr(sign + 1);
    std::erase(digits, ':');
    if (digits.size() != 4 || !std::all_of(digits.begin(), digits.end(), is_digit)) return std::nullopt;
    auto const hours = std::atoi(digits.substr(0, 2).c_str());
    auto const minutes = std::atoi(digits.substr(2).c_str());
    if (hours > 14 || minutes > 59) return std::nullopt;
    std::chrono::seconds const size = std::chrono::hours(hours) + std::chrono::minutes(minutes);
    auto const offset = text[sign] == '-' ? -size : size;
    text.erase(sign);
    return offset;
}

std::optional<Typed> typed_time(std::string text, Bound bound)
{
    Typed typed;
    constexpr std::size_t date_size = 10;
    constexpr std::size_t minutes_size = 16;
    if (text.size() > date_size) {
        typed.offset = take_offset(text);
        if (text.size() > date_size && (text[date_size] == 'T' || text[date_size] == 't'))
            text[date_size] = ' ';
    }
    if (text.size() == date_size) text += bound == Bound::from ? " 00:00:00" : " 23:59:59";
    if (text.size() == minutes_size) text += ":00";
    // A fraction of a second is more than the server compares.
    auto const dot = text.find('.');
    if (dot == seconds_size && text.size() > dot + 1 &&
        std::all_of(text.begin() + static_cast<std::ptrdiff_t>(dot) + 1, text.end(), is_digit))
        text.erase(dot);
    if (text.size() != seconds_size || !is_time_of_day(text) || !Zone().parse(text)) return std::nullopt;
    typed.wall = text;
    return typed;
}

Zone const& known(std::optional<Zone> const& zone, std::string_view option, std::string const& typed)
{
    if (!zone)
        throw Usage(std::string(option) + " is \"" + typed +
                    "\", but the server does not tell its zone; expected YYYY-MM-DD HH:MM:SS in that zone");
    return *zone;
}

/// `local`: the zone that the job around it names, in which its field of that name is.
json::value with_offsets(json::value value, Zone const& zone, Zone const& local)
{
    if (auto* const list = value.if_array()) {
        for (auto& item : *list) item = with_offsets(std::move(item), zone, local);
        return value;
    }
    auto* const fields = value.if_object();
    if (!fields) return value;
    auto const name = plain_field(*fields, "timezone");
    auto const named = name.empty() ? std::nullopt : Zone::named(name);
    for (auto& field : *fields) {
        auto& inner = field.value();
        if (is_foreign(field.key())) continue;
        if (!is_time_field(field.key())) {
            inner = with_offsets(std::move(inner), zone, named.value_or(local));
        } else if (inner.is_string()) {
            inner = with_offset(plain(inner), field.key() == "local" ? local : zone);
        }
    }
    return value;
}

} // namespace

std::optional<Zone> const& ServerZone::get()
{
    if (is_asked_) return zone_;
    is_asked_ = true;
    try {
        auto const reply = session_.call("elves", "stats");
        auto const name = plain_field(reply, "stats.timezone");
        if (!name.empty()) zone_ = Zone::named(name);
    } catch (std::exception const&) {
        // A time without its zone is better than none.
    }
    return zone_;
}

bool is_time_field(std::string_view name)
{
    constexpr std::array<std::string_view, 10> names{"time", "starttime", "endtime", "expires",
        "old_token_until", "start_date", "end_date", "agent_starttime", "due", "local"};
    return name.ends_with("_time") || std::find(names.begin(), names.end(), name) != names.end();
}

bool is_time_of_day(std::string_view text)
{
    if (text.size() < seconds_size) return false;
    for (std::size_t i = 0; i < seconds_size; ++i) {
        if (pattern[i] == 'd' ? !is_digit(text[i]) : text[i] != pattern[i]) return false;
    }
    if (text.size() == seconds_size) return true;
    auto const fraction = text.substr(seconds_size + 1);
    return text[seconds_size] == '.' && fraction.size() <= 9 && !fraction.empty() &&
           std::all_of(fraction.begin(), fraction.end(), is_digit);
}

bool has_times(json::value const& value)
{
    if (auto const* const list = value.if_array())
        return std::any_of(
            list->begin(), list->end(), [](json::value const& item) { return has_times(item); });
    auto const* const fields = value.if_object();
    if (!fields) return false;
    return std::any_of(fields->begin(), fields->end(), [](auto const& field) {
        if (is_foreign(field.key())) return false;
        if (!is_time_field(field.key())) return has_times(field.value());
        return field.value().is_string() && is_time_of_day(plain(field.value()));
    });
}

std::string with_offset(std::string const& text, Zone const& zone)
{
    if (!is_time_of_day(text)) return text;
    auto const at = zone.parse(text.substr(0, seconds_size));
    if (!at) return text;
    auto const moment = std::chrono::floor<std::chrono::seconds>(*at);
    return text + offset_text(zone.wall(moment).time_since_epoch() - moment.time_since_epoch());
}

json::value with_offsets(json::value value, Zone const& zone)
{
    return with_offsets(std::move(value), zone, zone);
}

std::string age_of(std::string const& text, Zone const& zone, Instant now)
{
    if (!is_time_of_day(text)) return {};
    auto const at = zone.parse(text.substr(0, seconds_size));
    if (!at || *at > now) return {};
    return duration_text(std::chrono::duration_cast<std::chrono::seconds>(now - *at).count()) + " ago";
}

std::string server_time(
    std::string_view option, std::string const& typed, Bound bound, ServerZone& zone, Instant now)
{
    if (auto const duration = duration_of(typed)) {
        auto const at = bound == Bound::future ? now + *duration : now - *duration;
        return known(zone.get(), option, typed).text(at);
    }
    auto const time = typed_time(typed, bound);
    if (!time)
        throw Usage(std::string(option) + " is \"" + typed +
                    "\"; expected a duration such as 30m, 1h or 2d, a date YYYY-MM-DD, or a time "
                    "YYYY-MM-DD HH:MM:SS in the server's zone, with Z or +01:00 in another");
    if (!time->offset) return time->wall;
    auto const moment = Zone().parse(time->wall);
    return known(zone.get(), option, typed).text(*moment - *time->offset);
}

std::optional<std::chrono::seconds> typed_duration(std::string_view text) { return duration_of(text); }

} // namespace elves::ctl
