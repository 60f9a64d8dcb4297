#include "elves/quartz_rule.hpp"

#include <algorithm>
#include <array>
#include <bit>

#include "core/quartz_fields.hpp"
#include "elves/error.hpp"
#include "elves/trimmed.hpp"

namespace elves {
namespace {

using namespace std::chrono;

constexpr std::size_t most_fields = 7;
constexpr std::string_view form =
    "give 6 or 7: seconds minutes hours day-of-month month day-of-week, and a year or none";

struct Fields {
    std::array<std::string_view, most_fields> text;
    std::size_t count = 0; // also counts those that did not fit
};

Fields split(std::string_view text)
{
    Fields fields;
    for (text = trimmed(text); !text.empty(); text = trimmed(text)) {
        auto const end = std::find_if(text.begin(), text.end(), is_blank);
        auto const field = text.substr(0, static_cast<std::size_t>(end - text.begin()));
        if (fields.count < most_fields) fields.text[fields.count] = field;
        ++fields.count;
        text.remove_prefix(field.size());
    }
    return fields;
}

QuartzDays read_days(std::string_view day_of_month, std::string_view day_of_week)
{
    auto const by_month = read_day_of_month(day_of_month);
    auto const by_week = read_day_of_week(day_of_week);
    if (by_month && by_week)
        throw Error(
            codes::bad_rule, "`rule` sets both day-of-month and day-of-week; give `?` for one of them");
    if (!by_month && !by_week)
        throw Error(
            codes::bad_rule, "`rule` has `?` for day-of-month and day-of-week; give it for one of them");
    return by_month ? *by_month : *by_week;
}

// The lowest bit from `from` on.
template <class Bits>
std::optional<int> next_bit(Bits bits, long from)
{
    constexpr long size = static_cast<long>(sizeof(Bits) * 8);
    if (from >= size || (bits >> from) == 0) return std::nullopt;
    return static_cast<int>(from) + std::countr_zero(static_cast<Bits>(bits >> from));
}

} // namespace

QuartzRule QuartzRule::parse(std::string_view expression)
{
    if (expression.size() > max_text)
        throw Error(codes::bad_rule, "`rule` has " + std::to_string(expression.size()) +
                                         " characters; give at most " + std::to_string(max_text));
    expression = trimmed(without_byte_order_mark(expression));
    std::string upper(expression);
    std::transform(upper.begin(), upper.end(), upper.begin(),
        [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    auto const [text, count] = split(upper);
    if (count < most_fields - 1 || count > most_fields)
        throw Error(codes::bad_rule, "`rule` has " + std::to_string(count) + " fields; " + std::string(form));

    QuartzRule rule;
    rule.text_ = expression;
    rule.seconds_ = read_list(QuartzField::seconds, text[0]).to_ullong();
    rule.minutes_ = read_list(QuartzField::minutes, text[1]).to_ullong();
    rule.hours_ = static_cast<std::uint32_t>(read_list(QuartzField::hours, text[2]).to_ulong());
    rule.months_ = static_cast<std::uint32_t>(read_list(QuartzField::month, text[4]).to_ulong() << 1U);
    rule.days_ = read_days(text[3], text[5]);
    rule.years_ = read_list(QuartzField::year, count == most_fields ? text[6] : "*");
    return rule;
}

std::optional<Instant> QuartzRule::next_after(Instant t, Zone const& zone) const
{
    constexpr Instant earliest(sys_days(year(first_year - 1) / 12 / 30));
    constexpr Instant latest(sys_days(year(last_year + 1) / 1 / 2));
    if (t > latest) return std::nullopt;
    auto wall = zone.wall(floor<seconds>(std::max(t, earliest)) + seconds(1));
    wall = std::max(wall, Wall());
    auto const start_year = static_cast<int>(year_month_day(floor<std::chrono::days>(wall)).year());
    auto const until_year = std::min(start_year + 100, last_year);
    // Each round but the last steps over one clock change, so there are few.
    while (true) {
        auto const found = next_wall(wall, until_year);
        if (!found) return std::nullopt;
        if (auto const moment = zone.last_moment(*found)) return *moment;
        wall = std::max(zone.past_gap(*found), *found + seconds(1));
    }
}

std::optional<QuartzRule::Wall> QuartzRule::next_wall(Wall from, int until_year) const
{
    auto const today = floor<std::chrono::days>(from);
    auto day = next_day(year_month_day(today), until_year);
    if (day == today) {
        if (auto const time = next_time(from - today)) return today + *time;
        day = next_day(year_month_day(today + std::chrono::days(1)), until_year);
    }
    if (!day) return std::nullopt;
    return *day + *next_time(seconds(0));
}

std::optional<local_days> QuartzRule::next_day(year_month_day from, int until_year) const
{
    auto month_number = static_cast<unsigned>(from.month());
    auto first_day = static_cast<unsigned>(from.day());
    for (auto number = static_cast<int>(from.year()); number <= until_year;
         ++number, month_number = 1, first_day = 1) {
        if (!years_[static_cast<std::size_t>(number - first_year)]) continue;
        for (; month_number <= 12; ++month_number, first_day = 1) {
            if ((months_ >> month_number & 1U) == 0) continue;
            auto const month = year(number) / std::chrono::month(month_number);
            if (auto const found = next_bit(days_.in(month), first_day))
                return local_days(month / std::chrono::day(static_cast<unsigned>(*found)));
        }
    }
    return std::nullopt;
}

std::optional<seconds> QuartzRule::next_time(seconds of_day) const
{
    hh_mm_ss const at(of_day);
    auto const first_second = seconds(*next_bit(seconds_, 0));
    auto const first_minute = minutes(*next_bit(minutes_, 0));
    auto const hour = next_bit(hours_, at.hours().count());
    if (!hour) return std::nullopt;
    if (*hour > at.hours().count()) return hours(*hour) + first_minute + first_second;

    auto const minute = next_bit(minutes_, at.minutes().count());
    if (minute == at.minutes().count()) {
        auto const second = next_bit(seconds_, at.seconds().count());
        if (second) return hours(*hour) + minutes(*minute) + seconds(*second);
    }
    auto const next_minute = next_bit(minutes_, at.minutes().count() + 1);
    if (next_minute) return hours(*hour) + minutes(*next_minute) + first_second;
    auto const next_hour = next_bit(hours_, at.hours().count() + 1);
    if (next_hour) return hours(*next_hour) + first_minute + first_second;
    return std::nullopt;
}

} // namespace elves
