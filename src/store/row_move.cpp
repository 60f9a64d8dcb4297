#include "store/row_move.hpp"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <memory>
#include <stdexcept>
#include <vector>

#include <sqlite3.h>

#include "store/sqlite_error.hpp"
#include "store/transaction.hpp"

namespace elves {

namespace {

constexpr std::string_view move_mark = "-- move ";
constexpr std::string_view moved_mark = "-- moved";

/// Rows that a step moves: so many that it takes some tenths of a second.
constexpr std::int64_t first_step = 1'000;
constexpr std::int64_t smallest_step = 10;
constexpr std::int64_t largest_step = 20'000;
constexpr std::chrono::milliseconds short_step{100};
constexpr std::chrono::milliseconds long_step{400};

/// Beside the rows themselves: their indexes, and the -wal file.
constexpr std::int64_t spare_bytes = std::int64_t{128} * 1024 * 1024;
constexpr std::int64_t bytes_beside_row = 100;
constexpr std::int64_t sampled_rows = 1'000;

std::int64_t number(Db& db, std::string const& sql)
{
    auto run = db.run(sql);
    return run.next() ? run.number(0) : 0;
}

std::string in_quotes(std::string_view name) { return '"' + std::string(name) + '"'; }

/// Statements divided by `;`, prepared once for all steps.
class Statements {
public:
    Statements(Db& db, std::string const& sql)
    {
        char const* rest = sql.c_str();
        while (*rest != '\0') {
            sqlite3_stmt* statement = nullptr;
            char const* const text = rest;
            int const code =
                sqlite3_prepare_v3(db.handle(), text, -1, SQLITE_PREPARE_PERSISTENT, &statement, &rest);
            if (code != SQLITE_OK) throw_sqlite_error(db.handle(), code, text);
            if (statement != nullptr) statements_.emplace_back(statement, &sqlite3_finalize);
        }
    }
    void run(std::int64_t after, std::int64_t up_to)
    {
        for (auto const& statement : statements_) {
            Run one(statement.get());
            one.bind(1, after).bind(2, up_to).execute();
        }
    }

private:
    std::vector<std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)>> statements_;
};

/// What the rows of a table take on average, by a sample from all over it.
std::int64_t bytes_a_row(Db& db, std::string const& table, std::int64_t rows)
{
    std::string length;
    {
        auto run = db.run("SELECT name FROM pragma_table_info(?1)");
        run.bind(1, table);
        while (run.next())
            length += " + coalesce(length(CAST(sampled." + in_quotes(run.text(0)) + " AS BLOB)), 0)";
    }
    auto const every = (rows / sampled_rows) | 1; // Odd: what every other row has does not stand for all.
    return bytes_beside_row +
           number(db, "WITH RECURSIVE at (id) AS (SELECT min(rowid) FROM " + in_quotes(table) +
                          " UNION ALL SELECT (SELECT min(rowid) FROM " + in_quotes(table) +
                          " WHERE rowid >= at.id + " + std::to_string(every) +
                          ") FROM at WHERE at.id IS NOT NULL) SELECT CAST(avg(0" + length +
                          ") AS INTEGER) FROM at JOIN " + in_quotes(table) +
                          " AS sampled ON sampled.rowid = at.id");
}

/// Both forms of the rows are on disk for a while.
void require_room(Db& db, std::string const& table, std::int64_t rows, std::int64_t available)
{
    auto const free_in_file = number(
        db, "SELECT f.freelist_count * s.page_size FROM pragma_freelist_count AS f, pragma_page_size AS s");
    auto const needed = rows * bytes_a_row(db, table, rows) + spare_bytes - free_in_file;
    if (available >= needed) return;
    constexpr std::int64_t mib = 1024 * 1024;
    throw std::runtime_error("the data file has to be brought into a new form, and its disk has " +
                             std::to_string(available / mib) + " MiB of room for that; expected at least " +
                             std::to_string(needed / mib) + " MiB: make room there, and start again");
}

/// One step in one transaction.
void move_some(
    Db& db, Statements& statements, std::string_view module, std::int64_t after, std::int64_t up_to)
{
    Transaction transaction(db);
    statements.run(after, up_to);
    db.run("UPDATE module_move SET after = ?2 WHERE module = ?1").bind(1, module).bind(2, up_to).execute();
    transaction.commit();
}

/// Nobody else folds the -wal file in while a server starts.
void checkpoint(Db& db)
{
    sqlite3_wal_checkpoint_v2(db.handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
}

std::int64_t next_size(std::int64_t size, std::chrono::steady_clock::duration took)
{
    if (took < short_step) return std::min(2 * size, largest_step);
    if (took > long_step) return std::max(size / 2, smallest_step);
    return size;
}

/// The next rows of a table. Its rowids may have gaps of any size.
struct Range {
    std::int64_t up_to = 0;
    std::int64_t rows = 0; ///< 0: there are none.
};

Range next_range(Db& db, std::string const& table, std::int64_t after, std::int64_t rows)
{
    auto run = db.run("SELECT coalesce(max(rowid), 0), count(*) FROM (SELECT rowid FROM " + in_quotes(table) +
                      " WHERE rowid > ?1 ORDER BY rowid LIMIT ?2)");
    run.bind(1, after).bind(2, rows);
    return run.next() ? Range{run.number(0), run.number(1)} : Range{};
}

void move_all(Db& db, std::string_view module, RowMove const& move, std::int64_t after, MoveProgress progress,
    std::function<void(MoveProgress const&)> const& report)
{
    Statements statements(db, move.step);
    auto size = first_step;
    for (auto range = next_range(db, move.table, after, size); range.rows > 0;
         range = next_range(db, move.table, after, size)) {
        auto const begun = std::chrono::steady_clock::now();
        move_some(db, statements, module, after, range.up_to);
        checkpoint(db);
        size = next_size(size, std::chrono::steady_clock::now() - begun);
        after = range.up_to;
        progress.rows += range.rows;
        report(progress);
    }
}

void finish_move(Db& db, std::string_view module, RowMove const& move)
{
    Transaction transaction(db);
    db.script(move.finish);
    db.run("DELETE FROM module_move WHERE module = ?1").bind(1, module).execute();
    if (number(db, "SELECT count(*) FROM module_move") == 0) db.script("DROP TABLE module_move");
    transaction.commit();
    checkpoint(db);
}

} // namespace

MigrationPart split_part(std::string_view text)
{
    MigrationPart part;
    auto* into = &part.sql;
    while (!text.empty()) {
        auto const line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        if (line == moved_mark) {
            if (!part.move)
                throw std::runtime_error("schema.sql: `-- moved` without `-- move TABLE` before it");
            into = &part.move->finish;
        } else if (line.starts_with(move_mark)) {
            if (part.move) throw std::runtime_error("schema.sql: a migration has two lines `-- move TABLE`");
            part.move.emplace().table = line.substr(move_mark.size());
            into = &part.move->step;
        } else {
            into->append(line).append("\n");
        }
    }
    if (part.move && part.move->finish.empty())
        throw std::runtime_error(
            "schema.sql: `-- move " + part.move->table + "` without `-- moved` after it");
    return part;
}

std::optional<PendingMove> pending_move(Db& db, std::string_view module)
{
    auto table = db.run("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'module_move'");
    if (!table.next()) return std::nullopt;
    auto row = db.run("SELECT version, after FROM module_move WHERE module = ?");
    if (!row.bind(1, module).next()) return std::nullopt;
    return PendingMove{row.number(0), row.number(1)};
}

std::optional<std::int64_t> free_bytes(Db& db)
{
    char const* const path = sqlite3_db_filename(db.handle(), "main");
    if (path == nullptr || *path == '\0') return std::nullopt;
    std::error_code failure;
    auto const disk = std::filesystem::space(std::filesystem::absolute(path).parent_path(), failure);
    if (failure) return std::nullopt;
    constexpr std::uintmax_t most = std::numeric_limits<std::int64_t>::max();
    return static_cast<std::int64_t>(std::min(disk.available, most));
}

void begin_move(Db& db, std::string_view module, std::int64_t version, RowMove const& move,
    std::optional<std::int64_t> available)
{
    auto const rows = number(db, "SELECT count(*) FROM " + in_quotes(move.table));
    if (rows == 0) {
        db.script(move.finish);
        return;
    }
    if (available) require_room(db, move.table, rows, *available);
    db.script(
        "CREATE TABLE IF NOT EXISTS module_move"
        " (module TEXT PRIMARY KEY, version INTEGER NOT NULL, after INTEGER NOT NULL) STRICT, WITHOUT ROWID");
    db.run("INSERT INTO module_move (module, version, after) VALUES (?1, ?2, -1)")
        .bind(1, module)
        .bind(2, version)
        .execute();
}

void run_move(Db& db, std::string_view module, RowMove const& move,
    std::function<void(MoveProgress const&)> const& report)
{
    auto const pending = pending_move(db, module);
    if (!pending) return;
    auto const count_from = "SELECT count(*) FROM " + in_quotes(move.table);
    MoveProgress progress;
    progress.all = number(db, count_from);
    progress.rows = number(db, count_from + " WHERE rowid <= " + std::to_string(pending->after));
    move_all(db, module, move, pending->after, progress, report);
    finish_move(db, module, move);
}

} // namespace elves
