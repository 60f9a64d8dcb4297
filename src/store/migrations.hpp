#pragma once

#include <chrono>
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

/// What a module's tables should be like.
struct Schema {
    std::string module;
    std::string sql; ///< Its schema.sql.
};

/// What is in a SQLite file, by its tables.
enum class Content {
    none,    ///< No tables.
    data,    ///< The data of an elvesd.
    journal, ///< The journal of an elves-agent.
    foreign  ///< Another program's tables.
};
[[nodiscard]] Content content_of(Db& db);

/// Throws what `migrate` would throw before it changes anything.
void require_migratable(Db& db, std::vector<Schema> const& schemas);

/// Applies what `db` lacks of all these, with their new versions in one transaction; nothing of it on an
/// exception. Then moves the rows of old tables into new ones (see RowMove), in transactions of their own: a
/// process that ends meanwhile leaves a file with which the next call goes on, and which no older program
/// opens. Throws std::runtime_error, the file untouched, where `db` has a newer version of one of them,
/// tables of another program, or an agent's journal where a server's data is meant and the other way round.
/// While one runs it is logged every ten seconds that it does: of a large file it may take minutes.
void migrate(Db& db, std::vector<Schema> const& schemas);
/// The same with another time between these lines.
void migrate(Db& db, std::vector<Schema> const& schemas, std::chrono::milliseconds between_lines);

} // namespace elves
