#pragma once

#include <string_view>
#include <variant>

#include "elves/error.hpp"
#include "elves/json.hpp"

namespace elves {

/// A frame's text as its JSON object, which lives in `memory`; or why it is none, Error 400.1. Depth is at
/// most 32, text UTF-8; of a doubled key the last counts.
[[nodiscard]] std::variant<json::object, Error> read_frame(std::string_view text, json::storage_ptr memory);

} // namespace elves
