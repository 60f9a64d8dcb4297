#pragma once

#include <bitset>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "elves/zone.hpp"

namespace elves {

/// Which days of a month a rule means: what its day-of-month or its day-of-week field says, whichever is not
/// `?`.
struct QuartzDays {
    enum class Kind : std::uint8_t {
        month_days,      ///< Those in `mask`: bit 1 is the first.
        weekdays,        ///< Those in `mask`: bit 1 is Sunday, bit 7 Saturday.
        last_day,        ///< `L`, `L-3`: `number` days before the month's last.
        last_workday,    ///< `LW`, `L-3W`: the weekday (Monday to Friday) nearest to that.
        nearest_workday, ///< `15W`: the one nearest to the day `number`.
        last_weekday,    ///< `6L`: the month's last weekday `number`.
        nth_weekday,     ///< `6#3`: its `nth` weekday `number`.
    };
    Kind kind = Kind::month_days;
    std::uint8_t number = 0;
    std::uint8_t nth = 0;
    std::uint32_t mask = 0;

    /// The days of that month, bit 1 for the first.
    [[nodiscard]] std::uint32_t in(std::chrono::year_month month) const;
};

/// A Quartz cron expression of 6 or 7 fields: parse once, ask often. A value, without I/O.
/// What it must answer is in test/data/quartz-cron.tsv (Quartz 2.3.2's own answers). It takes what Quartz's
/// manual promises; what Quartz takes by accident (text behind a complete item, `99` as `*`, a step of 0) is
/// refused.
class QuartzRule {
public:
    static constexpr std::size_t max_text = 1024; ///< Characters of an expression.
    static constexpr int first_year = 1970;
    static constexpr int last_year = 2199;

    /// Throws Error 403.5 that names the field, what is wrong with it and what would be right.
    [[nodiscard]] static QuartzRule parse(std::string_view expression);

    /// The first time strictly after `t` (fractions of a second don't count), by the wall clock of `zone`: a
    /// wall time that a clock change leaves out is skipped, one that occurs twice fires once, at the second
    /// pass. Nothing where there is none within 100 years of `t`, or up to `last_year`. Costs about
    /// a microsecond, and a few for a rule that never fires (`0 0 0 30 2 ?`).
    [[nodiscard]] std::optional<Instant> next_after(Instant t, Zone const& zone) const;

    /// As it was written.
    [[nodiscard]] std::string const& text() const noexcept { return text_; }

private:
    using Wall = std::chrono::local_seconds;

    QuartzRule() = default;
    [[nodiscard]] std::optional<Wall> next_wall(Wall from, int until_year) const;
    [[nodiscard]] std::optional<std::chrono::local_days> next_day(
        std::chrono::year_month_day from, int until_year) const;
    [[nodiscard]] std::optional<std::chrono::seconds> next_time(std::chrono::seconds of_day) const;

    std::string text_;
    std::uint64_t seconds_ = 0; // bit n: n fires, in each of these
    std::uint64_t minutes_ = 0;
    std::uint32_t hours_ = 0;
    std::uint32_t months_ = 0;
    QuartzDays days_;
    std::bitset<last_year - first_year + 1> years_; // bit 0: first_year
};

} // namespace elves
