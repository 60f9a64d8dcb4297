#pragma once

#include <bitset>
#include <optional>
#include <string_view>

#include "elves/quartz_rule.hpp"

namespace elves {

/// One place of a Quartz expression: what may stand there.
struct QuartzField {
    std::string_view name;
    int least;
    int most;
    int biggest_step;
    std::string_view words; ///< Three letters each, the first one meaning 1.
    bool wraps;             ///< `22-2` goes round.
    std::string_view right; ///< What would be right, for the text of an error.

    static QuartzField const seconds, minutes, hours, day_of_month, month, day_of_week, year;
};

/// Bit n: `least + n` is meant.
using QuartzBits = std::bitset<QuartzRule::last_year - QuartzRule::first_year + 1>;

// Each takes a field's text in upper case, and throws Error 403.5 that names the field.

/// Lists of `*`, `n`, `n-m`, each with a step or without.
[[nodiscard]] QuartzBits read_list(QuartzField const& field, std::string_view text);
/// Nothing for `?`.
[[nodiscard]] std::optional<QuartzDays> read_day_of_month(std::string_view text);
/// Nothing for `?`.
[[nodiscard]] std::optional<QuartzDays> read_day_of_week(std::string_view text);

} // namespace elves
