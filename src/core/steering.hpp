#pragma once

#include <cstddef>
#include <string_view>

namespace elves {

/// Bytes that a character takes at the beginning of `text` which steers a terminal: below a blank, DEL, C1
/// (U+0080 to U+009F), or one that turns the direction of writing. 0: it is another one.
[[nodiscard]] std::size_t steering(std::string_view text);

} // namespace elves
