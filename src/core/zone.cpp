#include "elves/zone.hpp"

#include "elves/machine_zone.hpp"

#include <charconv>
#include <date/tz.h>
#include <exception>

namespace elves {
namespace {

using std::chrono::seconds;
using std::chrono::sys_seconds;

date::sys_seconds to_date(sys_seconds at) { return date::sys_seconds(at.time_since_epoch()); }

void put_number(std::string& text, int value, std::size_t width)
{
    auto const digits = std::to_string(value);
    if (digits.size() < width) text.append(width - digits.size(), '0');
    text += digits;
}

// `between` divides day and time. A local time and a UTC time differ in type only, so both come as their
// duration.
std::string day_and_time(seconds since_epoch, char between)
{
    sys_seconds const at(since_epoch);
    auto const day = std::chrono::floor<std::chrono::days>(at);
    std::chrono::year_month_day const date(day);
    std::chrono::hh_mm_ss const time(at - day);
    std::string text;
    put_number(text, static_cast<int>(date.year()), 4);
    text += '-';
    put_number(text, static_cast<int>(static_cast<unsigned>(date.month())), 2);
    text += '-';
    put_number(text, static_cast<int>(static_cast<unsigned>(date.day())), 2);
    text += between;
    put_number(text, static_cast<int>(time.hours().count()), 2);
    text += ':';
    put_number(text, static_cast<int>(time.minutes().count()), 2);
    text += ':';
    put_number(text, static_cast<int>(time.seconds().count()), 2);
    return text;
}

// `0` for a digit, anything else for itself.
bool fits(std::string_view text, std::string_view pattern)
{
    if (text.size() != pattern.size()) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        bool const digit = text[i] >= '0' && text[i] <= '9';
        if (pattern[i] == '0' ? !digit : text[i] != pattern[i]) return false;
    }
    return true;
}

int number(std::string_view digits)
{
    int value = 0;
    std::from_chars(digits.begin(), digits.end(), value);
    return value;
}

std::optional<seconds> read_day_and_time(std::string_view text, std::string_view pattern)
{
    if (!fits(text, pattern)) return std::nullopt;
    std::chrono::year_month_day const date(std::chrono::year(number(text.substr(0, 4))),
        std::chrono::month(static_cast<unsigned>(number(text.substr(5, 2)))),
        std::chrono::day(static_cast<unsigned>(number(text.substr(8, 2)))));
    auto const hour = number(text.substr(11, 2));
    auto const minute = number(text.substr(14, 2));
    auto const second = number(text.substr(17, 2));
    if (!date.ok() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
    return std::chrono::sys_days(date).time_since_epoch() + std::chrono::hours(hour) +
           std::chrono::minutes(minute) + seconds(second);
}

// The tz database as `date` reads it lists the changes up to 2037 and stops, which would end summer time for
// good. Rules go by month and weekday, so a later moment is looked up in a listed year where these fall
// alike: the latest such year, since that has the newest rules. Returns how far away that is.
seconds way_to_listed_year(seconds since_epoch)
{
    constexpr int last_listed = 2037;
    auto const day = std::chrono::floor<std::chrono::days>(sys_seconds(since_epoch));
    std::chrono::year_month_day const date(day);
    if (static_cast<int>(date.year()) <= last_listed) return seconds(0);
    // Before and after a 29th of February each: seven years without one have every weekday.
    auto const month = date.month() < std::chrono::March ? std::chrono::January : std::chrono::March;
    std::chrono::sys_days const start(date.year() / month / 1);
    for (std::chrono::year year(last_listed);; --year) {
        std::chrono::sys_days const alike(year / month / 1);
        if (!year.is_leap() && std::chrono::weekday(alike) == std::chrono::weekday(start))
            return alike - start;
    }
}

// The last stretch that the database lists has an end in the far future.
bool is_open(date::sys_info const& info) { return info.end > date::sys_days(date::year(9999) / 1 / 1); }

seconds offset_at(date::time_zone const& zone, sys_seconds at)
{
    auto const info = zone.get_info(to_date(at));
    if (!is_open(info)) return info.offset;
    return zone.get_info(to_date(at + way_to_listed_year(at.time_since_epoch()))).offset;
}

struct LocalInfo {
    date::local_info info;
    seconds way{0}; // Add it to a wall time to find it in `info`.
};

LocalInfo info_at(date::time_zone const& zone, seconds wall)
{
    auto const info = zone.get_info(date::local_seconds(wall));
    if (info.result != date::local_info::unique || !is_open(info.first)) return {info};
    auto const way = way_to_listed_year(wall);
    return {zone.get_info(date::local_seconds(wall + way)), way};
}

} // namespace

Zone::Zone() : zone_(nullptr) {}

std::optional<Zone> Zone::named(std::string_view iana)
{
    if (iana == "UTC") return Zone();
    try {
        auto const* const zone = date::locate_zone(std::string(iana));
        // A zone's file is read at its first use: a broken one must show here, not in the middle of the work.
        (void)zone->get_info(date::sys_seconds());
        return Zone(zone);
    } catch (std::exception const&) {
        return std::nullopt;
    }
}

Zone Zone::of_machine() { return machine_zone().zone; }

std::string Zone::name() const { return zone_ == nullptr ? "UTC" : zone_->name(); }

std::string Zone::text(Instant at) const
{
    return day_and_time(wall(std::chrono::floor<seconds>(at)).time_since_epoch(), ' ');
}

std::optional<Instant> Zone::parse(std::string_view text) const
{
    auto const read = read_day_and_time(text, "0000-00-00 00:00:00");
    if (!read) return std::nullopt;
    if (zone_ == nullptr) return Instant(*read);
    auto const [info, way] = info_at(*zone_, *read);
    if (info.result == date::local_info::nonexistent) return Instant(info.first.end.time_since_epoch() - way);
    return Instant(*read - info.first.offset);
}

std::chrono::local_seconds Zone::wall(sys_seconds at) const
{
    auto const offset = zone_ == nullptr ? seconds(0) : offset_at(*zone_, at);
    return std::chrono::local_seconds(at.time_since_epoch() + offset);
}

std::optional<sys_seconds> Zone::last_moment(std::chrono::local_seconds wall) const
{
    auto const since_epoch = wall.time_since_epoch();
    if (zone_ == nullptr) return sys_seconds(since_epoch);
    auto const info = info_at(*zone_, since_epoch).info;
    if (info.result == date::local_info::nonexistent) return std::nullopt;
    bool const twice = info.result == date::local_info::ambiguous;
    return sys_seconds(since_epoch - (twice ? info.second.offset : info.first.offset));
}

std::chrono::local_seconds Zone::past_gap(std::chrono::local_seconds wall) const
{
    if (zone_ == nullptr) return wall;
    auto const [info, way] = info_at(*zone_, wall.time_since_epoch());
    if (info.result != date::local_info::nonexistent) return wall;
    return std::chrono::local_seconds(info.first.end.time_since_epoch() + info.second.offset - way);
}

std::string iso_text(Instant at)
{
    return day_and_time(std::chrono::floor<seconds>(at).time_since_epoch(), 'T') + "Z";
}

std::optional<Instant> parse_iso(std::string_view text)
{
    constexpr std::size_t whole = 19; // up to the seconds
    if (text.size() <= whole || text.back() != 'Z') return std::nullopt;
    auto const read = read_day_and_time(text.substr(0, whole), "0000-00-00T00:00:00");
    auto fraction = text.substr(whole, text.size() - whole - 1);
    if (!read || fraction == "." || fraction.size() > 10) return std::nullopt;
    if (fraction.empty()) return Instant(*read);
    if (!fits(fraction, std::string_view(".000000000").substr(0, fraction.size()))) return std::nullopt;
    auto const ms = (std::string(fraction.substr(1)) + "00").substr(0, 3);
    return Instant(*read) + std::chrono::milliseconds(number(ms));
}

} // namespace elves
