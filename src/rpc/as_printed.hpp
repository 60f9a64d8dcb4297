#pragma once

#include <string_view>

#include "elves/json_value.hpp"

namespace elves {

/// The method that a frame means which is written as the sheet prints it, copy-paste slips and all
/// (docs/protocol.md, As printed). `service` and `method` in lower case; `method` itself where the table has
/// nothing to say.
[[nodiscard]] std::string_view as_printed(
    std::string_view service, std::string_view method, JsonValue const& call);

} // namespace elves
