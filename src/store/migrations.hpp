#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "elves/sql.hpp"

namespace elves {

/// The parts of a module's schema.sql, divided by lines `-- migration N: title`; the first is number 1.
/// Throws std::runtime_error that names `module`, where the numbers have a gap or SQL stands before the
/// first.
[[nodiscard]] std::vector<std::string> migration_parts(std::string_view module, std::string_view schema);

/// The version of `module`'s tables in this file; 0 where it has none.
[[nodiscard]] std::int64_t module_version(Db& db, std::string_view module);

/// Applies what `db` lacks of `schema`, with the new version in one transaction; nothing of it on an
/// exception. Throws std::runtime_error, the file untouched, where `db` has a newer version than `schema`.
void migrate(Db& db, std::string_view module, std::string_view schema);

} // namespace elves
