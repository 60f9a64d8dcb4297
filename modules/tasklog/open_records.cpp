// The unfinished tasks, without a look at all that have ended.
#include "task_columns.hpp"

namespace elves::task_records {

namespace {

// Params may be large and stay on disk.
#define OPEN_COLUMNS TASK_COLUMNS_WITH("''", "NULL") ", length(CAST(r.param AS BLOB))"
// Those of before `open_since`, and those from there on: each of both in the order of their keys.
#define LISTED_OPEN                                                                                          \
    " FROM open_before AS b CROSS JOIN task_requests AS r ON r.key = b.key "                                 \
    "LEFT JOIN task_outcomes AS o ON o.key = r.key LEFT JOIN task_processing AS p ON p.key = r.key "         \
    "WHERE b.key < (SELECT key FROM open_since) AND " TASK_IS_OPEN
#define RECENT_OPEN TASK_TABLES "WHERE r.key >= (SELECT key FROM open_since) AND " TASK_IS_OPEN
#define OF_KEY " AND coalesce(r.asked_by, '') = ?1 AND " TASK_STATUS " < 3"

constexpr std::string_view select_listed = "SELECT " OPEN_COLUMNS LISTED_OPEN " ORDER BY b.key";
constexpr std::string_view select_recent = "SELECT " OPEN_COLUMNS RECENT_OPEN " ORDER BY r.key";
constexpr std::string_view select_listed_by = "SELECT r.own_id, r.key" LISTED_OPEN OF_KEY " ORDER BY b.key";
constexpr std::string_view select_recent_by = "SELECT r.own_id, r.key" RECENT_OPEN OF_KEY " ORDER BY r.key";

} // namespace

std::vector<OpenTask> open(Db& db)
{
    std::vector<OpenTask> all;
    for (auto const sql : {select_listed, select_recent}) {
        for (auto run = db.run(sql); run.next();) {
            Reader read(run);
            auto row = read_row(read);
            all.push_back({std::move(row.task), static_cast<std::size_t>(read.number())});
        }
    }
    return all;
}

std::vector<TaskId> open_by(Db& db, std::string_view key)
{
    std::vector<TaskId> ids;
    for (auto const sql : {select_listed_by, select_recent_by}) {
        auto run = db.run(sql);
        run.bind(1, key);
        while (run.next()) ids.emplace_back(static_cast<std::uint64_t>(run.number(run.is_null(0) ? 1 : 0)));
    }
    return ids;
}

} // namespace elves::task_records
