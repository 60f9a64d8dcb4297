#include <bit>

#include "elves/quartz_rule.hpp"

namespace elves {
namespace {

using std::chrono::year_month;

int length_of(year_month month)
{
    std::chrono::year_month_day_last const last(month.year(), std::chrono::month_day_last(month.month()));
    return static_cast<int>(static_cast<unsigned>(last.day()));
}

// Of the month's first day: 1 is Sunday, as in the rules.
int first_weekday(year_month month)
{
    std::chrono::weekday const weekday(std::chrono::sys_days(month / 1));
    return static_cast<int>(weekday.c_encoding()) + 1;
}

int weekday_of(int first, int day) { return (first - 1 + day - 1) % 7 + 1; }

// Saturday goes back and Sunday on, but never out of the month.
int nearest_workday(int day, int first, int length)
{
    auto const weekday = weekday_of(first, day);
    if (weekday == 7) return day == 1 ? 3 : day - 1;
    if (weekday == 1) return day == length ? day - 2 : day + 1;
    return day;
}

std::uint32_t bit(int day) { return std::uint32_t{1} << static_cast<unsigned>(day); }

std::uint32_t weekdays_in(std::uint32_t mask, int first, int length)
{
    std::uint32_t days = 0;
    for (int day = 1; day <= length; ++day) {
        if ((mask & bit(weekday_of(first, day))) != 0) days |= bit(day);
    }
    return days;
}

} // namespace

std::uint32_t QuartzDays::in(year_month month) const
{
    auto const length = length_of(month);
    auto const first = first_weekday(month);
    auto const only = [length](int day) { return day >= 1 && day <= length ? bit(day) : 0; };
    switch (kind) {
    case Kind::month_days:
        return mask & (bit(length) | (bit(length) - 1));
    case Kind::weekdays:
        return weekdays_in(mask, first, length);
    case Kind::last_day:
        return only(length - number);
    case Kind::last_workday:
        return number < length ? only(nearest_workday(length - number, first, length)) : 0;
    case Kind::nearest_workday:
        return number <= length ? only(nearest_workday(number, first, length)) : 0;
    case Kind::last_weekday:
        return std::bit_floor(weekdays_in(bit(number), first, length));
    case Kind::nth_weekday: {
        auto const earliest = std::countr_zero(weekdays_in(bit(number), first, length));
        return only(earliest + 7 * (nth - 1));
    }
    }
    return 0;
}

} // namespace elves
