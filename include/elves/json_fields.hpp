#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "elves/json.hpp"

namespace elves {

/// The whole number that a field carries: a JSON number without a fraction, or a string of digits (a `-`
/// before them allowed), which the protocol allows alike. Nothing for the rest, "" included, and what no
/// int64 holds.
[[nodiscard]] std::optional<std::int64_t> whole_number(json::value const& value);

/// A value as the text of an error shows it: its JSON, cut short. Costs the same for a huge one.
[[nodiscard]] std::string shown(json::value const& value);

/// A value's JSON text, without blanks and with numbers as people write them (`0.5`, where the library writes
/// `5E-1`).
[[nodiscard]] std::string json_text(json::value const& value);

} // namespace elves
