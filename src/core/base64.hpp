#pragma once

#include <string>
#include <string_view>

namespace elves {

/// RFC 4648, with `=` at the end and without line breaks. Of any length.
[[nodiscard]] std::string base64(std::string_view bytes);

} // namespace elves
