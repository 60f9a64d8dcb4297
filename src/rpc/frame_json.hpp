#pragma once

#include <string_view>
#include <variant>

#include "core/json_reader.hpp"
#include "elves/error.hpp"

namespace elves {

/// A frame's text as its JSON object, which lives as JsonReader::read says; or why it is not one, Error
/// 400.1.
[[nodiscard]] std::variant<JsonValue const*, Error> read_frame(JsonReader& reader, std::string_view text);

} // namespace elves
