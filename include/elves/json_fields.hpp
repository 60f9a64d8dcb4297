#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "elves/json_value.hpp"

namespace elves {

/// The whole number that a field carries: a JSON number without a fraction, or a string of digits (a `-`
/// before them allowed), which the protocol allows alike. Nothing for the rest, "" included, and what no
/// int64 holds.
[[nodiscard]] std::optional<std::int64_t> whole_number(JsonValue const& value);
/// The same of a string of digits.
[[nodiscard]] std::optional<std::int64_t> whole_number(std::string_view digits);

/// A value as the text of an error shows it: its JSON, cut short. Costs the same for a huge one.
[[nodiscard]] std::string shown(JsonValue const& value);
/// The same of a text that is not part of a frame.
[[nodiscard]] std::string shown(std::string_view text);

} // namespace elves
