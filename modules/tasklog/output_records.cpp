// What workers print: pieces of both streams, by the task's id, and how much was not kept.
#include <algorithm>
#include <limits>

#include "task_columns.hpp"

namespace elves::task_records {

namespace {

/// The same statements for both streams. No statement reads what it is not asked for: a task may have printed
/// megabytes.
struct OutputSql {
    char const* insert;
    char const* append;
    char const* select;
    char const* last_until; ///< Where the last piece that begins at or before ?2 begins and ends.
    char const* next_after;
    char const* times;
    char const* remove;
};
#define OUTPUT_SQL(table)                                                                                    \
    {                                                                                                        \
        "INSERT OR IGNORE INTO " table " (id, at, data, time) VALUES (?,?,?,?)",                             \
            "UPDATE " table " SET data = data || ?3, time = ?4 WHERE id = ?1 AND at = ?2 "                   \
            "AND length(CAST(data AS BLOB)) = ?5",                                                           \
            "SELECT at, data FROM " table " WHERE id=?1 AND at>=coalesce((SELECT max(at) FROM " table        \
            " WHERE id=?1 AND at<=?2), 0) AND at<?3 ORDER BY at",                                            \
            "SELECT at, at + length(CAST(data AS BLOB)) FROM " table                                         \
            " WHERE id=?1 AND at<=?2 ORDER BY at DESC LIMIT 1",                                              \
            "SELECT at FROM " table " WHERE id=?1 AND at>?2 ORDER BY at LIMIT 1",                            \
            "SELECT (SELECT time FROM " table " WHERE id=?1 ORDER BY at LIMIT 1), "                          \
            "(SELECT time FROM " table " WHERE id=?1 ORDER BY at DESC LIMIT 1)",                             \
            "DELETE FROM " table " WHERE id=?"                                                               \
    }
constexpr OutputSql stdout_sql = OUTPUT_SQL("outputs");
constexpr OutputSql stderr_sql = OUTPUT_SQL("error_outputs");
constexpr auto insert_cut = "INSERT INTO output_cuts (id, bytes) VALUES (?1, ?2) "
                            "ON CONFLICT (id) DO UPDATE SET bytes = bytes + ?2";
constexpr auto select_cut = "SELECT bytes FROM output_cuts WHERE id=?";
constexpr auto delete_cut = "DELETE FROM output_cuts WHERE id=?";

} // namespace

static OutputSql const& sql_of(OutputStream stream)
{
    return stream == OutputStream::output ? stdout_sql : stderr_sql;
}

std::int64_t append_output(Db& db, TaskId id, OutputStream stream, std::int64_t row, OutputPiece const& piece)
{
    auto const text = id.text();
    auto run = db.run(sql_of(stream).append);
    run.bind(1, std::string_view(text)).bind(2, row).bind(3, piece.data).bind(4, ms(piece.time));
    run.bind(5, piece.at - row).execute();
    if (db.changes() > 0) return static_cast<std::int64_t>(piece.data.size());
    return insert_output(db, id, stream, piece);
}

/// Where the last piece ends that begins at or before `at`; 0 without one.
static std::int64_t end_before(Db& db, std::string_view id, OutputStream stream, std::int64_t at)
{
    auto run = db.run(sql_of(stream).last_until);
    run.bind(1, id).bind(2, at);
    return run.next() ? run.number(1) : 0;
}

static std::int64_t next_after(
    Db& db, std::string_view id, OutputStream stream, std::int64_t at, std::int64_t otherwise)
{
    auto run = db.run(sql_of(stream).next_after);
    run.bind(1, id).bind(2, at);
    return run.next() ? std::min(run.number(0), otherwise) : otherwise;
}

static void insert_row(
    Db& db, std::string_view id, OutputStream stream, std::int64_t at, std::string_view data, Instant time)
{
    auto run = db.run(sql_of(stream).insert);
    run.bind(1, id).bind(2, at).bind(3, data).bind(4, ms(time)).execute();
}

std::int64_t insert_output(Db& db, TaskId id, OutputStream stream, OutputPiece const& piece)
{
    // Mostly there is nothing behind it; otherwise it is sent again, or fills a gap.
    auto const text = id.text();
    auto const end = piece.at + static_cast<std::int64_t>(piece.data.size());
    if (output_size(db, id, stream) <= piece.at) {
        insert_row(db, text, stream, piece.at, piece.data, piece.time);
        return end - piece.at;
    }
    std::int64_t written = 0;
    for (auto at = piece.at; at < end;) {
        if (auto const covered = end_before(db, text, stream, at); covered > at) {
            at = covered;
            continue;
        }
        auto const stop = next_after(db, text, stream, at, end);
        std::string_view const data(piece.data);
        auto const from = static_cast<std::size_t>(at - piece.at);
        insert_row(db, text, stream, at, data.substr(from, static_cast<std::size_t>(stop - at)), piece.time);
        written += stop - at;
        at = stop;
    }
    return written;
}

std::vector<OutputPiece> output(
    Db& db, TaskId id, OutputStream stream, std::int64_t offset, std::int64_t limit)
{
    auto const text = id.text();
    constexpr auto last = std::numeric_limits<std::int64_t>::max();
    std::vector<OutputPiece> pieces;
    auto run = db.run(sql_of(stream).select);
    run.bind(1, std::string_view(text)).bind(2, offset);
    run.bind(3, offset > last - limit ? last : offset + limit);
    while (run.next()) pieces.push_back({run.number(0), std::string(run.text(1)), {}});
    return pieces;
}

std::int64_t output_size(Db& db, TaskId id, OutputStream stream)
{
    return end_before(db, id.text(), stream, std::numeric_limits<std::int64_t>::max());
}

void add_left_out(Db& db, TaskId id, std::int64_t bytes)
{
    auto const text = id.text();
    auto run = db.run(insert_cut);
    run.bind(1, std::string_view(text)).bind(2, bytes).execute();
}

std::int64_t left_out(Db& db, TaskId id)
{
    auto const text = id.text();
    auto run = db.run(select_cut);
    run.bind(1, std::string_view(text));
    return run.next() ? run.number(0) : 0;
}

OutputTimes output_times(Db& db, TaskId id)
{
    auto const text = id.text();
    OutputTimes times;
    for (auto const stream : output_streams) {
        auto run = db.run(sql_of(stream).times);
        run.bind(1, std::string_view(text));
        if (!run.next()) continue;
        Reader read(run);
        auto const first = read.maybe_time();
        auto const last = read.maybe_time();
        if (first) times.first = times.first ? std::min(*times.first, *first) : *first;
        if (last) times.last = times.last ? std::max(*times.last, *last) : *last;
        times.bytes += output_size(db, id, stream);
    }
    return times;
}

void delete_output(Db& db, TaskId id)
{
    auto const text = id.text();
    for (auto const* const sql : {stdout_sql.remove, stderr_sql.remove, delete_cut}) {
        auto run = db.run(sql);
        run.bind(1, std::string_view(text)).execute();
    }
}

} // namespace elves::task_records
