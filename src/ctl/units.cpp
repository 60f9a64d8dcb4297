#include "ctl/units.hpp"

#include <array>
#include <cstdio>

namespace elves::ctl {

std::string size_text(std::int64_t bytes)
{
    constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (value >= 1024 && unit + 1 < units.size()) {
        value /= 1024;
        ++unit;
    }
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", value, units.at(unit));
    return text.data();
}

std::string duration_text(std::int64_t seconds)
{
    constexpr std::int64_t minute = 60;
    constexpr std::int64_t hour = 60 * minute;
    constexpr std::int64_t day = 24 * hour;
    auto const two = [](std::int64_t big, char const* big_unit, std::int64_t small, char const* small_unit) {
        auto text = std::to_string(big) + big_unit;
        return small == 0 ? text : text + " " + std::to_string(small) + small_unit;
    };
    if (seconds < minute) return std::to_string(seconds) + " s";
    if (seconds < hour) return two(seconds / minute, " min", seconds % minute, " s");
    if (seconds < day) return two(seconds / hour, " h", seconds % hour / minute, " min");
    return two(seconds / day, " d", seconds % day / hour, " h");
}

} // namespace elves::ctl
