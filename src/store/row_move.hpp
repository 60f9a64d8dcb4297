#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "elves/sql.hpp"

namespace elves {

/// What a migration has to do with every row of an old table, which may be large: in steps of their own, each
/// in one transaction. In a schema.sql it follows the rest of its migration:
///
///     -- move OLD_TABLE
///     statements that move the rows with a rowid above ?1 up to ?2, each of them
///     -- moved
///     statements for the end, which drop OLD_TABLE
struct RowMove {
    std::string table;  ///< The old one. Its rowids are not negative.
    std::string step;   ///< Run for each range of rows.
    std::string finish; ///< Run once, after the last row.
};

/// A migration of a schema.sql, as `migration_parts` gives it.
struct MigrationPart {
    std::string sql; ///< In one transaction with those of the other modules.
    std::optional<RowMove> move;
};
/// Throws std::runtime_error where a move is not whole.
[[nodiscard]] MigrationPart split_part(std::string_view text);

/// A move that was begun and has not come to its end.
struct PendingMove {
    std::int64_t version = 0; ///< The migration that it belongs to.
    std::int64_t after = 0;   ///< All rows up to here are moved.
};
[[nodiscard]] std::optional<PendingMove> pending_move(Db& db, std::string_view module);

/// What is free on the disk of a data file; nothing of one in memory, and where the system does not say.
[[nodiscard]] std::optional<std::int64_t> free_bytes(Db& db);

/// Inside the transaction of its migration: finishes the move where the old table is empty, otherwise writes
/// down that it is due. Throws std::runtime_error where `available` bytes are too few for it.
void begin_move(Db& db, std::string_view module, std::int64_t version, RowMove const& move,
    std::optional<std::int64_t> available);

/// How far a move is.
struct MoveProgress {
    std::int64_t rows = 0; ///< Moved, by this call and before it; about.
    std::int64_t all = 0;
};
/// Moves what is left, step by step; a process that is killed meanwhile goes on where it was. `report` is
/// called after each step.
void run_move(Db& db, std::string_view module, RowMove const& move,
    std::function<void(MoveProgress const&)> const& report);

} // namespace elves
