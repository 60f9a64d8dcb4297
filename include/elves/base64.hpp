#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace elves {

/// RFC 4648, with `=` at the end and without line breaks. Of any length.
[[nodiscard]] std::string base64(std::string_view bytes);
/// The bytes of such a text; nothing where it is none. Of up to a MiB.
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);

} // namespace elves
