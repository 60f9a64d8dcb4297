#pragma once

#include <bitset>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "elves/zone.hpp"

namespace elves {

/// A Quartz cron expression of 6 or 7 fields: parse once, ask often. A value, without I/O.
/// What it must answer is in test/data/quartz-cron.tsv (Quartz 2.3.2's own answers).
class QuartzRule {
public:
    /// Throws Error 403.5 that names the field and what is wrong with it.
    [[nodiscard]] static QuartzRule parse(std::string_view expression);

    /// The first time strictly after `t` (fractions of a second don't count), by the wall clock of `zone`: a
    /// wall time that a clock change leaves out is skipped, one that occurs twice fires once, at the second
    /// pass. Nothing where there is none within 100 years of `t`.
    [[nodiscard]] std::optional<Instant> next_after(Instant t, Zone const& zone) const;

    /// As it was written.
    [[nodiscard]] std::string const& text() const noexcept { return text_; }

private:
    std::string text_;
    // PRIVATE PARTS: the implementer's choice.
};

} // namespace elves
