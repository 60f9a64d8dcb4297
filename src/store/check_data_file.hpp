#pragma once

#include <optional>
#include <string>
#include <vector>

#include "store/migrations.hpp"

namespace elves {

/// Says of a data file what opening it for writing would say, and changes nothing: lock file, mode and owner,
/// file system, whose tables it has and of which version, and whether its pages fit together (for up to ten
/// seconds). `schemas`: of the modules that a start would bring up to date. A file that does not exist yet is
/// fine where it could be made. Returns who has it in use, `process 4711`, where a start would be refused
/// only for that; std::nullopt elsewhere. Throws std::runtime_error, one line that names the file and what to
/// do. Blocks. Not in a process that has the file open: closing any descriptor of it drops SQLite's locks.
[[nodiscard]] std::optional<std::string> check_data_file(
    std::string const& path, std::vector<Schema> const& schemas);

} // namespace elves
