#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace elves::ctl {

/// A line of cells as RFC 4180 has it, with its CRLF.
[[nodiscard]] std::string csv_line(std::vector<std::string> const& cells);

struct CsvRow {
    std::size_t line = 0; ///< Where in the text it begins; the first is 1.
    std::vector<std::string> cells;
};

/// The rows of a text; LF or CRLF ends a line, a byte order mark and empty lines are passed over. Throws
/// Usage, with the line, where a quote is out of place.
[[nodiscard]] std::vector<CsvRow> read_csv(std::string_view text);

} // namespace elves::ctl
