#pragma once

#include <string>
#include <string_view>

namespace elves {

/// The value that stands behind the `=` of a settings line. One rule holds for every setting:
/// - blanks around the value do not count;
/// - `#` and `;` begin a comment at the value's start or after a blank;
/// - `"…"` and `'…'` around the whole value are taken off; everything between them counts as it is;
/// - a value that is empty, quoted or not, is a fault, as is a quote anywhere else.
/// Throws std::invalid_argument, which says what is wrong and what to write.
[[nodiscard]] std::string setting_value(std::string_view text);

/// The line without its comment, which begins with `#` or `;` at the line's start or after a blank. Quotes
/// are not looked at: for a section's line.
[[nodiscard]] std::string_view without_comment(std::string_view line);

} // namespace elves
