// Counting a rule's times without visiting each of them.
#include <algorithm>
#include <array>
#include <bit>
#include <bitset>

#include "core/quartz_fields.hpp"
#include "elves/quartz_count.hpp"
#include "elves/trimmed.hpp"

namespace elves {
namespace {

using namespace std::chrono;

/// No zone repeats or leaves out more than this at one clock change.
constexpr hours longest_change{25};

seconds offset_at(Zone const& zone, sys_seconds at)
{
    return zone.wall(at).time_since_epoch() - at.time_since_epoch();
}

/// The first moment after `from` with another offset than `from` has; `to` has one.
sys_seconds change_between(Zone const& zone, sys_seconds from, sys_seconds to)
{
    auto const before = offset_at(zone, from);
    while (to - from > seconds(1)) {
        auto const middle = from + (to - from) / 2;
        (offset_at(zone, middle) == before ? from : to) = middle;
    }
    return to;
}

std::size_t bits_below(std::uint64_t bits, long end)
{
    if (end <= 0) return 0;
    if (end < 64) bits &= (std::uint64_t{1} << static_cast<unsigned long>(end)) - 1;
    return static_cast<std::size_t>(std::popcount(bits));
}

/// A rule taken apart: how many times it has on a day, and before a time of day.
class Counter {
public:
    explicit Counter(std::string_view rule);
    [[nodiscard]] std::size_t count(local_seconds from, local_seconds to) const;

private:
    [[nodiscard]] bool has_day(local_days day) const;
    [[nodiscard]] std::size_t before(seconds of_day) const;

    std::uint64_t seconds_ = 0; // bit n: n fires, in each of these
    std::uint64_t minutes_ = 0;
    std::uint64_t hours_ = 0;
    std::uint64_t months_ = 0;
    QuartzDays days_;
    std::bitset<QuartzRule::last_year - QuartzRule::first_year + 1> years_; // bit 0: first_year
};

/// `rule` is the text of one that was parsed, so its fields are sound.
Counter::Counter(std::string_view rule)
{
    std::string upper(rule);
    std::transform(upper.begin(), upper.end(), upper.begin(),
        [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    std::array<std::string_view, 7> text;
    text[6] = "*";
    std::string_view rest = upper;
    for (auto& field : text) {
        rest = trimmed(rest); // As QuartzRule::parse does.
        if (rest.empty()) break;
        field = rest.substr(
            0, static_cast<std::size_t>(std::find_if(rest.begin(), rest.end(), is_blank) - rest.begin()));
        rest.remove_prefix(field.size());
    }
    seconds_ = read_list(QuartzField::seconds, text[0]).to_ullong();
    minutes_ = read_list(QuartzField::minutes, text[1]).to_ullong();
    hours_ = read_list(QuartzField::hours, text[2]).to_ullong();
    months_ = read_list(QuartzField::month, text[4]).to_ullong() << 1U;
    auto const by_month = read_day_of_month(text[3]);
    days_ = by_month ? *by_month : read_day_of_week(text[5]).value_or(QuartzDays());
    years_ = read_list(QuartzField::year, text[6]);
}

bool Counter::has_day(local_days day) const
{
    year_month_day const date(day);
    auto const number = static_cast<int>(date.year());
    if (number < QuartzRule::first_year || number > QuartzRule::last_year) return false;
    if (!years_[static_cast<std::size_t>(number - QuartzRule::first_year)]) return false;
    if ((months_ >> static_cast<unsigned>(date.month()) & 1U) == 0) return false;
    return (days_.in(date.year() / date.month()) >> static_cast<unsigned>(date.day()) & 1U) != 0;
}

/// Of a day that the rule has: how many of its times come before `of_day`.
std::size_t Counter::before(seconds of_day) const
{
    auto const hour = duration_cast<hours>(of_day).count();
    auto const minute = duration_cast<minutes>(of_day).count() % 60;
    auto const second = of_day.count() % 60;
    auto const seconds_a_minute = static_cast<std::size_t>(std::popcount(seconds_));
    auto const minutes_an_hour = static_cast<std::size_t>(std::popcount(minutes_));
    auto times = bits_below(hours_, hour) * minutes_an_hour * seconds_a_minute;
    if (hour >= 24 || (hours_ >> static_cast<unsigned long>(hour) & 1U) == 0) return times;
    times += bits_below(minutes_, minute) * seconds_a_minute;
    if ((minutes_ >> static_cast<unsigned long>(minute) & 1U) == 0) return times;
    return times + bits_below(seconds_, second);
}

/// Wall times in [from, to).
std::size_t Counter::count(local_seconds from, local_seconds to) const
{
    std::size_t times = 0;
    while (from < to) {
        auto const day = floor<std::chrono::days>(from);
        auto const end = std::min<local_seconds>(to, day + std::chrono::days(1));
        if (has_day(day)) times += before(end - day) - before(from - day);
        from = end;
    }
    return times;
}

} // namespace

std::size_t count_times(QuartzRule const& rule, Zone const& zone, Instant after, Instant until)
{
    Counter const counter(rule.text());
    constexpr Instant earliest(sys_days(year(QuartzRule::first_year - 1) / 12 / 30));
    constexpr Instant latest(sys_days(year(QuartzRule::last_year + 1) / 1 / 2));
    if (until <= after || until < earliest || after > latest) return 0;
    auto from = floor<seconds>(std::max(after, earliest)) + seconds(1);
    auto const end = floor<seconds>(std::min(until, latest)) + seconds(1);
    std::size_t times = 0;
    while (from < end) {
        // A piece of a day. Whether its wall times come again shows the time behind it.
        auto const next = std::min(end, sys_seconds(from + std::chrono::days(1)));
        auto const ahead = next + longest_change;
        auto const before = offset_at(zone, from);
        auto const behind = offset_at(zone, ahead);
        auto const wall = [](sys_seconds at, seconds offset) {
            return local_seconds(at.time_since_epoch() + offset);
        };
        if (before == behind) {
            times += counter.count(wall(from, before), wall(next, before));
            from = next;
            continue;
        }
        auto const change = change_between(zone, from, ahead);
        auto const after_it = offset_at(zone, change);
        auto const part = std::min(next, change);
        // Of wall times that occur twice the second counts, which is behind the change.
        auto const once = std::min(wall(part, before), wall(change, after_it));
        times += counter.count(wall(from, before), once);
        from = part;
    }
    return times;
}

std::optional<Instant> last_time(QuartzRule const& rule, Zone const& zone, Instant after, Instant until)
{
    auto latest = rule.next_after(after, zone);
    if (!latest || *latest > until) return std::nullopt;
    // There is a time in (`latest`, `to`], or there is none: halved until that is known.
    for (auto from = *latest, to = until; to - from >= seconds(1);) {
        auto const middle = from + (to - from) / 2;
        auto const next = rule.next_after(middle, zone);
        if (next && *next <= until) {
            from = *next;
            latest = next;
        } else {
            to = middle;
        }
    }
    auto const next = rule.next_after(*latest, zone);
    return next && *next <= until ? next : latest;
}

} // namespace elves
