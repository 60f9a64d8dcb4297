#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "elves/json.hpp"

namespace elves::ctl {

/// `text` for a terminal, in one line: what would steer it (control characters, C1 and those that turn the
/// direction of writing included) is shown as `\n`, `\x1b`, `\u202e`.
[[nodiscard]] std::string printable(std::string_view text);
/// The same, but line ends and tabs stay.
[[nodiscard]] std::string printable_lines(std::string_view text);

/// Columns that `text`, already printable, takes.
[[nodiscard]] std::size_t width_of(std::string_view text);
/// `text`, cut to `columns` with `…` at its end where it is wider.
[[nodiscard]] std::string cut_to(std::string_view text, std::size_t columns);

/// JSON in one line that steers no terminal either.
[[nodiscard]] std::string json_line(json::value const& value);
/// A field as a person reads it: a string without quotes, a list with commas, anything else as JSON.
[[nodiscard]] std::string plain(json::value const& value);
/// `fields[name]` as `plain`; "" without. `ins.app`: the field of a field.
[[nodiscard]] std::string plain_field(json::object const& fields, std::string_view name);

} // namespace elves::ctl
