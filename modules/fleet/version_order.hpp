#pragma once

#include <compare>
#include <string_view>

namespace elves {

/// Orders versions as Debian orders upstream versions (deb-version(7)): parts of digits as numbers; elsewhere
/// letters before other characters; a `~` before everything, also before the end: `1.0~rc1` < `1.0` < `1.0.1`
/// < `1.10`.
[[nodiscard]] std::strong_ordering compare_versions(std::string_view a, std::string_view b);

} // namespace elves
