#pragma once

#include <memory>
#include <string>

#include "elves/sql.hpp"

namespace elves {

enum class Access { read_write, read_only };

/// Opens the data file, made with mode 0600 where there is none: WAL, synchronous=FULL, foreign keys.
/// Throws std::runtime_error, one line that names the file and what to do.
[[nodiscard]] std::unique_ptr<Db> open_db(std::string const& path, Access access);

/// A database without a file, set up as `open_db` does.
[[nodiscard]] std::unique_ptr<Db> open_in_memory();

} // namespace elves
