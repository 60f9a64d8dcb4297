#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace elves::doctor {

/// One thing to ask of a data file, as a checks.sql says it:
///
///     -- check NAME: what must hold
///     -- advice: what to do where it doesn't
///     SELECT a line for each row that breaks it ...;
///
/// `?1` in the SQL is now (UTC, ms). In place of `check`: `live` counts for a running server only, `file` for
/// a file that is looked at by itself; of a `report` each line is told and nothing is wrong.
struct Check {
    enum class Kind { check, live, file, report };
    Kind kind = Kind::check;
    std::string module; ///< Whose tables it asks. "store": SQLite itself.
    std::string name;
    std::string promise;
    std::string advice; ///< "" of a report.
    std::string sql;
};

/// Throws std::runtime_error that names the module and the line.
[[nodiscard]] std::vector<Check> parse_checks(std::string_view module, std::string_view text);

/// The store's own and those of every module of this tree.
[[nodiscard]] std::vector<Check> const& builtin_checks();

/// The versions that this tree knows of the tables of the audit trail and of each module.
[[nodiscard]] std::vector<std::pair<std::string_view, std::int64_t>> const& builtin_versions();

} // namespace elves::doctor
