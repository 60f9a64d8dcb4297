#pragma once

#include <cstddef>
#include <string_view>
#include <variant>

#include "elves/error.hpp"
#include "elves/json.hpp"

namespace elves {

/// Limits that hold for every frame, whoever sends it (docs/protocol.md, Frames).
inline constexpr std::size_t max_object_members = 1024;
inline constexpr std::size_t max_frame_values = 100'000;

/// A frame's text as its JSON object, which lives in `memory`; or why it is none, Error 400.1. Depth is at
/// most 32, an object has at most `max_object_members`, the frame at most `max_frame_values`; text is UTF-8;
/// of a doubled key the last counts.
[[nodiscard]] std::variant<json::object, Error> read_frame(std::string_view text, json::storage_ptr memory);

} // namespace elves
